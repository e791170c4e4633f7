/** Counts what was done, and how fast it went in the last seconds. */

import type { Clock } from '../core/clock.js'

const windowMs = 5000

export class Meter {
  readonly #clock: Clock
  readonly #samples: { atMs: number; bytes: number; messages: number }[]
  #bytes = 0
  #messages = 0

  constructor(clock: Clock) {
    this.#clock = clock
    this.#samples = [{ atMs: clock.monotonic(), bytes: 0, messages: 0 }]
  }

  get bytes(): number {
    return this.#bytes
  }

  get messages(): number {
    return this.#messages
  }

  add(bytes: number, messages: number): void {
    this.#bytes += bytes
    this.#messages += messages
  }

  /** Per second, since a few seconds ago. */
  rates(): { readonly bytesPerSecond: number; readonly messagesPerSecond: number } {
    const nowMs = this.#clock.monotonic()
    this.#samples.push({ atMs: nowMs, bytes: this.#bytes, messages: this.#messages })
    while (this.#samples.length > 2 && this.#samples[1].atMs <= nowMs - windowMs) this.#samples.shift()
    const [{ atMs, bytes, messages }] = this.#samples
    const seconds = Math.max(nowMs - atMs, 1) / 1000
    return { bytesPerSecond: (this.#bytes - bytes) / seconds, messagesPerSecond: (this.#messages - messages) / seconds }
  }
}
