/**
 * Fetches that wait at one broker while another one had something to give. They are not called back: whoever asks for
 * the same next gets the answer of the one that waits, so that a quiet broker is asked once in a while, and not as often
 * as a busy one answers.
 */

import type { FetchedPartition } from '../../broker/contract.js'
import type { Clock } from '../../core/clock.js'

export interface Parked {
  readonly answer: Promise<readonly FetchedPartition[]>
  /** It is not given to anybody else. */
  take(): void
}

interface Entry extends Parked {
  answeredAtMs: number
}

/** An answer that nobody has asked for by then is dropped with the next fetch. */
const keptMs = 10_000

export class ParkedFetches {
  readonly #clock: Clock
  readonly #entries = new Map<string, Entry>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The fetch that waits for the same, or the one that `begin` starts. */
  get(key: string, begin: () => Promise<readonly FetchedPartition[]>): Parked {
    this.#dropOld()
    const waiting = this.#entries.get(key)
    if (waiting !== undefined) return waiting
    const entry: Entry = {
      answer: begin(),
      answeredAtMs: Number.POSITIVE_INFINITY,
      take: () => {
        if (this.#entries.get(key) === entry) this.#entries.delete(key)
      },
    }
    this.#entries.set(key, entry)
    const answered = (): void => {
      entry.answeredAtMs = this.#clock.monotonic()
    }
    entry.answer.then(answered, answered)
    return entry
  }

  #dropOld(): void {
    const before = this.#clock.monotonic() - keptMs
    for (const [key, { answeredAtMs }] of this.#entries) if (answeredAtMs < before) this.#entries.delete(key)
  }
}
