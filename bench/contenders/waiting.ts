/**
 * Group commit for stores that have none of their own: what waits is written together, and what comes meanwhile waits
 * for the next. The fairest use of such a store by many callers at once.
 */

export class Waiting {
  #payloads: Buffer[] = []
  #resolvers: { resolve: () => void; reject: (error: unknown) => void }[] = []
  #running = false
  readonly #write: (payloads: readonly Buffer[]) => void | Promise<void>
  groups = 0

  /** `write` makes the payloads durable before it returns or resolves. */
  constructor(write: (payloads: readonly Buffer[]) => void | Promise<void>) {
    this.#write = write
  }

  append(payload: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#payloads.push(payload)
      this.#resolvers.push({ resolve, reject })
      if (this.#running) return
      this.#running = true
      setImmediate(() => this.#run())
    })
  }

  async #run(): Promise<void> {
    const payloads = this.#payloads.splice(0)
    const resolvers = this.#resolvers.splice(0)
    this.groups++
    try {
      await this.#write(payloads)
      for (const { resolve } of resolvers) resolve()
    } catch (error) {
      for (const { reject } of resolvers) reject(error)
    }
    // A turn of the event loop later, so that everyone who was answered can be in the next group.
    setImmediate(() => {
      if (this.#payloads.length > 0) this.#run()
      else this.#running = false
    })
  }
}
