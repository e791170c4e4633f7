/**
 * What the answer to one request has borrowed: records that lie in mapped files and go to the socket uncopied.
 *
 * Each loan is given back exactly once, and only when nobody reads the bytes any more, the kernel included: whoever reads
 * them afterwards ends the process. One that is not given back keeps its file mapped for good. So they hang on the
 * request from the moment they are made, whatever becomes of it: answered, refused, or its client gone.
 */

import type { Logger } from '../core/logger.js'

export class Loans {
  readonly #logger: Logger
  #releases: (() => void)[] | undefined

  constructor(logger: Logger) {
    this.#logger = logger
  }

  get isEmpty(): boolean {
    return this.#releases === undefined
  }

  /** `release` is called once, when the answer has left or will never leave. */
  add(release: () => void): void {
    this.#releases ??= []
    this.#releases.push(release)
  }

  /** Gives back what was added since the last time. */
  giveBack(): void {
    const releases = this.#releases
    if (releases === undefined) return
    this.#releases = undefined
    for (const release of releases) {
      try {
        release()
      } catch (err) {
        // The others are given back all the same; this is called where nobody could do anything about it.
        this.#logger.error({ err }, 'Records that were lent could not be given back.')
      }
    }
  }
}
