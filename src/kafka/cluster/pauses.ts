/** For how long something is tried again, and how long it is waited between two tries. */

import type { Clock } from '../../core/clock.js'
import { pause } from '../../core/pause.js'

const shortestMs = 20
const longestMs = 500

export class Patience {
  readonly #clock: Clock
  readonly #deadlineMs: number
  #pauseMs = shortestMs

  constructor(clock: Clock, totalMs = Number.POSITIVE_INFINITY) {
    this.#clock = clock
    this.#deadlineMs = clock.monotonic() + totalMs
  }

  get isOver(): boolean {
    return this.#clock.monotonic() >= this.#deadlineMs
  }

  /** It went well: pauses are short again. */
  reset(): void {
    this.#pauseMs = shortestMs
  }

  /** Longer each time. */
  pause(): Promise<void> {
    const ms = this.#pauseMs
    this.#pauseMs = Math.min(longestMs, ms * 2)
    return pause(this.#clock, ms)
  }
}
