/** Tries again what the broker says may work later, for a while. */

import type { Clock } from '../core/clock.js'
import { HoldfastError } from '../core/errors.js'
import { pause } from '../core/pause.js'

const pauseMs = 100
/** What a broker answers while it is still setting something up. */
const passing: ReadonlySet<string> = new Set([
  'COORDINATOR_LOAD_IN_PROGRESS',
  'COORDINATOR_NOT_AVAILABLE',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'CONCURRENT_TRANSACTIONS',
])

/** The first success of `attempt`; after `timeoutMs` its last failure. A failure that does not pass is thrown at once. */
export async function retrying<T>(clock: Clock, timeoutMs: number, attempt: () => Promise<T>): Promise<T> {
  const deadline = clock.monotonic() + timeoutMs
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      const passes = error instanceof HoldfastError && passing.has(error.code)
      if (!passes || clock.monotonic() >= deadline) throw error
    }
    await pause(clock, pauseMs)
  }
}
