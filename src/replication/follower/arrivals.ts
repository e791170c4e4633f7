/**
 * What was fetched on its way to the disk: one answer is appended while the next one may wait, and what has come to the disk
 * waits to be told to the leader.
 */

import type { FetchedPartition } from '../../broker/contract.js'
import type { CopiedIntake } from '../../broker/copied-intake.js'
import type { Clock } from '../../core/clock.js'
import { Wakeup } from '../../core/wakeup.js'
import type { Copies, Copy } from './copies.js'

/** Of one log. */
export interface Arrival {
  readonly copy: Copy
  readonly fetched: FetchedPartition
}

export interface ArrivalsOptions {
  readonly copied: Pick<CopiedIntake, 'appendReplicated'>
  readonly copies: Copies
  readonly clock: Clock
}

/** Whoever waits is waked; it looks again by itself only so that no timer is without end. */
const lookAgainMs = 60_000

export class Arrivals {
  readonly #options: ArrivalsOptions
  readonly #news = new Wakeup()
  #waiting: readonly Arrival[] | undefined
  #isAppending = false
  /** The next answer is asked for: what is stored meanwhile is to be told apart from that. */
  #isAsking = false
  #stored = new Set<Copy>()

  constructor(options: ArrivalsOptions) {
    this.#options = options
  }

  /** An answer is asked for. Returns whether that is ahead of the disk; if not, it says of all that was put that it is stored. */
  ask(): boolean {
    this.#isAsking = true
    if (this.#isSettled) this.#stored.clear()
    else this.#news.wake()
    return !this.#isSettled
  }

  /** It has come. */
  answered(): void {
    this.#isAsking = false
  }

  /** Resolves when it is being appended, so that there is room for another one; gives back what is not any more. */
  async put(answer: readonly Arrival[], signal: AbortSignal): Promise<void> {
    this.#waiting = answer
    this.#news.wake()
    await this.#until(() => this.#waiting !== answer, signal)
    if (this.#waiting !== answer) return
    this.#waiting = undefined
    for (const { fetched } of answer) fetched.release?.()
  }

  /** Resolves when nothing is on its way. */
  settled(signal: AbortSignal): Promise<void> {
    return this.#until(() => this.#isSettled, signal)
  }

  /** Appends what is put until `signal` is aborted; what is being appended then is awaited. @throws what a log refuses */
  async append(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#until(() => this.#waiting !== undefined, signal)
      const answer = this.#waiting
      if (answer === undefined || signal.aborted) continue
      this.#waiting = undefined
      this.#isAppending = true
      this.#news.wake()
      const outcomes = await Promise.allSettled(answer.map((arrival) => this.#append(arrival)))
      // Where one failed nothing is settled: no request may say any more that all of it is stored.
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
      this.#isAppending = false
      this.#news.wake()
    }
  }

  /** Resolves with the copies that have come farther on the disk, and no request has said so or is about to. */
  async takeStored(signal: AbortSignal): Promise<ReadonlySet<Copy>> {
    await this.#until(() => this.#stored.size > 0 && this.#isAsking, signal)
    const stored = this.#stored
    this.#stored = new Set()
    return stored
  }

  /** More of it is on the disk. */
  noteStored(copy: Copy): void {
    this.#stored.add(copy)
    this.#news.wake()
  }

  async #append({ copy, fetched }: Arrival): Promise<void> {
    const { topic, partition, records, logStartOffset, highWatermark, release } = fetched
    const { copied, copies } = this.#options
    try {
      // First, since a disk that is full may have no room for more before.
      await this.#giveUpBefore(copy, logStartOffset)
      for (const bytes of records) {
        if (!copies.isFollowed(copy)) return
        await copied.appendReplicated({ topic, partition, records: bytes })
      }
      if (!copies.isFollowed(copy)) return
      await this.#giveUpBefore(copy, logStartOffset)
      copy.log.show(highWatermark)
      if (records.length > 0) this.noteStored(copy)
    } finally {
      release?.()
    }
  }

  /** What the leader has given up goes here too. */
  async #giveUpBefore(copy: Copy, logStartOffset: number): Promise<void> {
    if (!this.#options.copies.isFollowed(copy)) return
    const { own } = copy.log
    const start = Math.min(logStartOffset, own.logEndOffset)
    if (start > own.logStartOffset) await own.deleteRecordsBefore(start)
  }

  get #isSettled(): boolean {
    return this.#waiting === undefined && !this.#isAppending
  }

  async #until(isSo: () => boolean, signal: AbortSignal): Promise<void> {
    while (!isSo() && !signal.aborted) await this.#news.wait(this.#options.clock, lookAgainMs, signal)
  }
}
