/**
 * How far one replica's copy of one log is: what the replica has, and what it was given, which may be more.
 *
 * How far it is behind is told in time: a mark holds where the log ended at a moment; when the copy reaches it, it was caught
 * up as of that moment, and the next mark is made. So a copy that is always a little behind, under load, is not taken for
 * one that falls behind. The idea is Kafka's (`replica.lag.time.max.ms`).
 */

import type { Clock } from '../../core/clock.js'
import type { HeldBackLog } from '../../storage/log/held-back-log.js'

export class Followed {
  readonly topic: string
  readonly partition: number
  readonly log: HeldBackLog
  readonly #clock: Clock
  readonly #stops: readonly (() => void)[]
  /** The request of its session that named it first: what was acknowledged before means another log. */
  readonly since: number
  /** The replica has everything below. */
  #offset: number
  /** Where it goes on to read. */
  next: number
  #mark: { readonly offset: number; readonly atMs: number }
  #caughtUpMs: number
  /** What the replica was told last. */
  told: { readonly highWatermark: number; readonly logStartOffset: number } | undefined

  /**
   * `caughtUpMs`: when it was not behind, as far as is known. `more`: there is something that the replica was not given.
   * `shown`: the high watermark moved.
   */
  constructor(
    log: HeldBackLog,
    start: { readonly offset: number; readonly caughtUpMs: number; readonly since: number },
    clock: Clock,
    on: { more(one: Followed): void; shown(one: Followed): void },
  ) {
    this.topic = log.topic
    this.partition = log.partition
    this.log = log
    this.#clock = clock
    this.since = start.since
    this.#offset = start.offset
    this.next = start.offset
    this.#caughtUpMs = start.caughtUpMs
    this.#mark = this.#markNow()
    const advanced = (): void => {
      if (this.hasMore) on.more(this)
    }
    this.#stops = [log.own.onAdvance(advanced), log.onAdvance(() => on.shown(this))]
  }

  get offset(): number {
    return this.#offset
  }

  /** There is something that it lacks, or never will have. */
  get isBehind(): boolean {
    return this.#offset !== this.log.own.highWatermark || this.log.isClosed
  }

  /** There is something to give it, or never will be. */
  get hasMore(): boolean {
    return this.next !== this.log.own.highWatermark || this.log.isClosed
  }

  /** It was not behind at this time of the monotonic clock. */
  get caughtUpMs(): number {
    return this.isBehind ? this.#caughtUpMs : this.#clock.monotonic()
  }

  /** The log went on where the replica had everything: from now on it is behind. */
  noteBehind(): void {
    this.#caughtUpMs = this.#clock.monotonic()
    this.#mark = this.#markNow()
  }

  moveTo(offset: number): void {
    this.#offset = offset
    if (offset < this.#mark.offset) return
    this.#caughtUpMs = this.#mark.atMs
    this.#mark = this.#markNow()
  }

  stop(): void {
    for (const stop of this.#stops) stop()
  }

  #markNow() {
    return { offset: this.log.own.highWatermark, atMs: this.#clock.monotonic() }
  }
}
