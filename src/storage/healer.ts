/**
 * Brings logs back that failed because the disk was full, or because no descriptor was left to begin a segment with:
 * tries recovery again and again, further and further apart.
 */

import type { Clock, Timer } from '../core/clock.js'
import type { Logger } from '../core/logger.js'

const firstDelayMs = 100
const longestDelayMs = 5000

/** A log of one partition, or the commit log that many share. */
export interface Recoverable {
  readonly isClosed: boolean
  /** It has failed, and not for good. */
  readonly isRecoverable: boolean
  recover(): Promise<void>
}

export class Healer {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #timers = new Map<Recoverable, Timer>()
  readonly #running = new Set<Promise<void>>()
  #stopped = false

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock
    this.#logger = logger
  }

  /** To be called when a log has failed; `name` says in what is logged which one it is. */
  watch(log: Recoverable, name: object): void {
    if (log.isRecoverable) this.#tryAfter(log, name, firstDelayMs)
  }

  forget(log: Recoverable): void {
    this.#timers.get(log)?.cancel()
    this.#timers.delete(log)
  }

  /** Resolves when no recovery runs any more; none begins after this. */
  async stop(): Promise<void> {
    this.#stopped = true
    for (const timer of this.#timers.values()) timer.cancel()
    this.#timers.clear()
    await Promise.all(this.#running)
  }

  #tryAfter(log: Recoverable, name: object, delayMs: number): void {
    if (this.#stopped || log.isClosed) return
    const attempt = () => {
      this.#timers.delete(log)
      const run: Promise<void> = this.#recover(log, name, delayMs).finally(() => this.#running.delete(run))
      this.#running.add(run)
    }
    this.#timers.set(log, this.#clock.schedule(delayMs, attempt, { background: true }))
  }

  async #recover(log: Recoverable, name: object, delayMs: number): Promise<void> {
    try {
      await log.recover()
      this.#logger.info(name, 'A log that had failed takes messages again.')
    } catch (err) {
      if (log.isClosed) return
      if (!log.isRecoverable) {
        this.#logger.error({ ...name, err }, 'A log that had failed stays closed until the next start.')
        return
      }
      this.#logger.warn({ ...name, err }, 'A log that had failed could not be recovered yet.')
      this.#tryAfter(log, name, Math.min(delayMs * 2, longestDelayMs))
    }
  }
}
