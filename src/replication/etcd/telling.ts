/** Tells listeners of each change of a state, also of one that only time brings about. */

import type { Clock, Timer } from '../../core/clock.js'

export class Telling {
  readonly #clock: Clock
  readonly #look: () => void
  readonly #listeners = new Set<() => void>()
  #told = ''
  #alarm: Timer | undefined
  #isClosed = false

  /** `look` is called when the time has come at which the state changes by itself; it tells the state then. */
  constructor(clock: Clock, look: () => void) {
    this.#clock = clock
    this.#look = look
  }

  /** Until the returned call. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Calls the listeners where `state` is another than before. `changesAt`: times of the monotonic clock. */
  tell(state: unknown, changesAt: readonly number[]): void {
    this.#alarm?.cancel()
    const now = this.#clock.monotonic()
    const next = Math.min(...changesAt.filter((time) => time > now))
    if (Number.isFinite(next) && !this.#isClosed) {
      this.#alarm = this.#clock.schedule(next - now, this.#look, { background: true })
    }
    const text = JSON.stringify(state)
    if (text === this.#told) return
    this.#told = text
    for (const listener of [...this.#listeners]) listener()
  }

  close(): void {
    this.#isClosed = true
    this.#alarm?.cancel()
  }
}
