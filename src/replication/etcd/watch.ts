/** Hears of changes in etcd as they happen. Only that something changed: what it is now, is read then. */

import type { Clock } from '../../core/clock.js'
import { reasonOf } from '../../core/errors.js'
import type { Logger } from '../../core/logger.js'
import { pause } from '../../core/pause.js'
import { type Gateway, revisionOf } from './gateway.js'

export interface WatchOptions {
  readonly gateway: Gateway
  readonly clock: Clock
  readonly logger: Logger
  /** Before a stream that broke is opened again. */
  readonly retryMs: number
  /** The first revision that is not known yet. */
  readonly from: () => number
  /** There is something at `revision` that may not be known yet; resolves when it is. */
  readonly onNews: (revision: number) => Promise<void>
}

export class Watch {
  readonly #options: WatchOptions
  readonly #closing = new AbortController()
  readonly #ended: Promise<void>
  #stream = new AbortController()
  #endpoint = -1

  constructor(options: WatchOptions) {
    this.#options = options
    this.#ended = this.#run()
  }

  /** The endpoint that it listens to, or listened to last. */
  get endpoint(): number {
    return this.#endpoint
  }

  /** Opens the stream anew: this one may be dead. */
  doubt(): void {
    this.#stream.abort()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#stream.abort()
    await this.#ended
  }

  async #run(): Promise<void> {
    const { gateway, clock, logger, retryMs } = this.#options
    while (!this.#closing.signal.aborted) {
      this.#stream = new AbortController()
      this.#endpoint = gateway.endpoint
      const { signal } = this.#stream
      try {
        await this.#listen(signal)
      } catch (error) {
        if (!signal.aborted) logger.debug({ reason: reasonOf(error) }, 'the watch of etcd broke')
      }
      if (!signal.aborted) await pause(clock, retryMs, this.#closing.signal)
    }
  }

  async #listen(signal: AbortSignal): Promise<void> {
    const { gateway, from, onNews } = this.#options
    for await (const answer of gateway.watch(from(), signal)) {
      // etcd has forgotten what happened since; what it has now is read, and the watch goes on from there.
      if (answer['canceled'] === true) {
        await onNews(Number.POSITIVE_INFINITY)
        return
      }
      if (answer['events'] !== undefined) await onNews(revisionOf(answer))
    }
  }
}
