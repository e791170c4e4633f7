/**
 * What a store does by itself from time to time while it is open: checkpoints, retention and the like, each under a name
 * and with an interval of its own. A chore never runs twice at the same time; one that fails is logged and runs again
 * when its time comes.
 */

import type { Clock, Timer } from '../core/clock.js'
import { HoldfastError } from '../core/errors.js'
import { invariant } from '../core/invariant.js'
import type { Logger } from '../core/logger.js'
import type { Metrics } from '../core/metrics/metrics.js'
import { Mutex } from '../core/mutex.js'

export interface Chore {
  readonly name: string
  /** From the end of one run to the beginning of the next. */
  readonly intervalMs: number
  /** Till the first run; as long as between two where nothing is said. */
  readonly firstAfterMs?: number
  /** `signal` is aborted when the store closes, which waits for the end of the run. */
  run(signal: AbortSignal): Promise<void>
}

export interface ChoreTools {
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

interface Entry {
  readonly chore: Chore
  readonly runs: Mutex
  timer: Timer | undefined
}

export class Chores {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #metrics: Metrics
  readonly #entries = new Map<string, Entry>()
  readonly #stop = new AbortController()
  #started = false

  constructor({ clock, logger, metrics }: ChoreTools) {
    this.#clock = clock
    this.#logger = logger
    this.#metrics = metrics
  }

  /** Until the returned call, which ends no run that is under way. */
  add(chore: Chore): () => void {
    invariant(!this.#entries.has(chore.name), `there is one chore ${chore.name}`)
    const entry: Entry = { chore, runs: new Mutex(), timer: undefined }
    this.#entries.set(chore.name, entry)
    if (this.#started) this.#schedule(entry, chore.firstAfterMs ?? chore.intervalMs)
    return () => {
      entry.timer?.cancel()
      if (this.#entries.get(chore.name) === entry) this.#entries.delete(chore.name)
    }
  }

  start(): void {
    this.#started = true
    for (const entry of this.#entries.values())
      this.#schedule(entry, entry.chore.firstAfterMs ?? entry.chore.intervalMs)
  }

  /** Tells the chores that run to end, and resolves when they have. None begins after this. */
  async stop(): Promise<void> {
    this.#stop.abort()
    for (const { timer } of this.#entries.values()) timer?.cancel()
    await Promise.all([...this.#entries.values()].map(({ runs }) => runs.run(async () => {})))
  }

  /**
   * Runs a chore now, after a run that is under way; its next time stays as it is. Rejects with what went wrong.
   * @throws INVALID_ARGUMENT for a name that none has, CLOSED
   */
  async runNow(name: string): Promise<void> {
    const entry = this.#entries.get(name)
    if (entry === undefined) {
      const known = [...this.#entries.keys()].join(', ')
      throw new HoldfastError('INVALID_ARGUMENT', `There is no chore ${JSON.stringify(name)}; there are ${known}.`)
    }
    await this.#run(entry)
  }

  #run({ chore, runs }: Entry): Promise<void> {
    return runs.run(async () => {
      if (this.#stop.signal.aborted)
        throw new HoldfastError('CLOSED', `The store is closing; ${chore.name} does not run.`)
      await this.#time(chore)
    })
  }

  async #time(chore: Chore): Promise<void> {
    const { name } = chore
    const beganMs = this.#clock.monotonic()
    try {
      await chore.run(this.#stop.signal)
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#metrics.counter('mq_chore_failures_total', { chore: name }).add(1)
      throw error
    } finally {
      const tookMs = this.#clock.monotonic() - beganMs
      this.#metrics.histogram('mq_chore_duration_seconds', { chore: name }).observe(tookMs / 1000)
    }
  }

  #schedule(entry: Entry, delayMs: number): void {
    if (this.#stop.signal.aborted || this.#entries.get(entry.chore.name) !== entry) return
    const due = async (): Promise<void> => {
      try {
        await this.#run(entry)
      } catch (err) {
        if (!this.#stop.signal.aborted)
          this.#logger.warn({ chore: entry.chore.name, err }, 'A chore of the store failed.')
      }
      this.#schedule(entry, entry.chore.intervalMs)
    }
    entry.timer = this.#clock.schedule(delayMs, () => void due(), { background: true })
  }
}
