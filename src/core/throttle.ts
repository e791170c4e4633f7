/** Keeps an average: whoever has copied something waits until that many bytes were due. */

import type { Clock } from './clock.js'
import { pause } from './pause.js'

export class Throttle {
  readonly #clock: Clock
  readonly #bytesPerSecond: number
  #freeAtMs: number

  constructor(clock: Clock, bytesPerSecond: number) {
    this.#clock = clock
    this.#bytesPerSecond = bytesPerSecond
    this.#freeAtMs = clock.monotonic()
  }

  /** What may be asked for at once, so that a pause stays short. */
  get bytesAtOnce(): number {
    return Math.max(64 * 1024, this.#bytesPerSecond / 2)
  }

  /** Resolves when `bytes` more are paid for, or `signal` says that nobody waits. */
  async spend(bytes: number, signal?: AbortSignal): Promise<void> {
    const now = this.#clock.monotonic()
    this.#freeAtMs = Math.max(now, this.#freeAtMs) + (bytes / this.#bytesPerSecond) * 1000
    await pause(this.#clock, this.#freeAtMs - now, signal)
  }
}
