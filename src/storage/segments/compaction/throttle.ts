/** Holds work back to a number of bytes a second, counted from its beginning. */

import type { Clock } from '../../../core/clock.js'

export class Throttle {
  readonly #clock: Clock
  readonly #bytesPerSecond: number
  #startedAt: number
  #spentBytes = 0

  constructor(clock: Clock, bytesPerSecond: number) {
    this.#clock = clock
    this.#bytesPerSecond = bytesPerSecond
    this.#startedAt = clock.monotonic()
  }

  /** Undefined where the work may go on at once. */
  spend(bytes: number): Promise<void> | undefined {
    const nowMs = this.#clock.monotonic()
    this.#spentBytes += bytes
    const dueMs = (this.#spentBytes / this.#bytesPerSecond) * 1000
    const aheadMs = dueMs - (nowMs - this.#startedAt)
    if (aheadMs >= 1) return new Promise((resolve) => this.#clock.schedule(aheadMs, resolve, { background: true }))
    // What was not used while the work waited for something else is not made up for in one go.
    this.#startedAt = nowMs
    this.#spentBytes = 0
    return undefined
  }
}
