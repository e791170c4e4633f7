/** Runs asynchronous steps one after the other, in the order they came. */

export class Mutex {
  #last: Promise<unknown> = Promise.resolve()

  /** Runs `step` when all earlier ones have ended, however they ended. */
  run<T>(step: () => Promise<T>): Promise<T> {
    const result = this.#last.then(step, step)
    this.#last = result.catch(() => {})
    return result
  }
}
