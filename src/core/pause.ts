/** Waiting for a while, or until somebody says that it is over. */

import type { Clock } from './clock.js'

/** Resolves after `delayMs`, or as soon as `signal` is aborted. */
export function pause(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  if (delayMs <= 0 || signal?.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const end = (): void => {
      timer.cancel()
      signal?.removeEventListener('abort', end)
      resolve()
    }
    const timer = clock.schedule(delayMs, end)
    signal?.addEventListener('abort', end, { once: true })
  })
}
