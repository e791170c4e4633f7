/** What the transaction coordinator does from time to time: end what took too long, and forget ids that nobody uses. */

import type { Clock, Timer } from '../../core/clock.js'
import type { Settings } from '../../core/settings.js'

export interface Sweeps {
  /** Neither throws. */
  abortTimedOut(): void
  forgetUnused(): void
}

/** Runs both at their intervals until the returned call. */
export function startSweeping(clock: Clock, settings: Settings, sweeps: Sweeps): () => void {
  const stops = [
    every(clock, settings['transaction.abort.timed.out.transaction.cleanup.interval.ms'], () => sweeps.abortTimedOut()),
    every(clock, settings['transaction.remove.expired.transaction.cleanup.interval.ms'], () => sweeps.forgetUnused()),
  ]
  return () => {
    for (const stop of stops) stop()
  }
}

function every(clock: Clock, intervalMs: number, task: () => void): () => void {
  let timer: Timer
  const run = (): void => {
    timer = clock.schedule(intervalMs, run, { background: true })
    task()
  }
  timer = clock.schedule(intervalMs, run, { background: true })
  return () => timer.cancel()
}
