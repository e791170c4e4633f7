/** Lets any number wait until something happens, for a while at most. */

import type { Clock } from './clock.js'
import { pause } from './pause.js'

/** Nobody asks why; a reason that is made for each, with its stack, costs more than all the rest. */
const waked = 'waked'

export class Wakeup {
  #next = new AbortController()

  /** Those who wait now go on. */
  wake(): void {
    const before = this.#next
    this.#next = new AbortController()
    before.abort(waked)
  }

  /** Resolves at the next {@link wake}, after `waitMs`, or as soon as `signal` is aborted. */
  async wait(clock: Clock, waitMs: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return
    const next = this.#next
    // Who is waked early by another's signal looks, and waits again: for the next one, since this one is over.
    const end = (): void => {
      if (this.#next === next) this.wake()
    }
    signal?.addEventListener('abort', end, { once: true })
    try {
      await pause(clock, waitMs, next.signal)
    } finally {
      signal?.removeEventListener('abort', end)
    }
  }
}
