/** Counts what is under way, so that an ending can wait until nothing is. */

export class InFlight {
  #count = 0
  readonly #whenNone: (() => void)[] = []

  async run<T>(work: () => Promise<T>): Promise<T> {
    this.#count++
    try {
      return await work()
    } finally {
      this.#count--
      if (this.#count === 0) for (const resolve of this.#whenNone.splice(0)) resolve()
    }
  }

  get isAny(): boolean {
    return this.#count > 0
  }

  /** Resolves when nothing is under way. */
  ended(): Promise<void> {
    return this.#count === 0 ? Promise.resolve() : new Promise((resolve) => this.#whenNone.push(resolve))
  }
}
