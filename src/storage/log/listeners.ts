/** Who wants to know when a log has more for its readers, or failed. */

import type { Logger } from '../../core/logger.js'

export class Listeners {
  readonly #logger: Logger
  readonly #listeners = new Set<() => void>()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** Calls `listener` at each news, until the returned call. */
  add(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  notify(log: { readonly topic: string; readonly partition: number }): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener()
      } catch (err) {
        // What a reader does with the news is not the writer's failure.
        this.#logger.error({ topic: log.topic, partition: log.partition, err }, 'A listener of a log failed.')
      }
    }
  }
}
