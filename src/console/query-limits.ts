/**
 * How much is asked of the broker at once through the console, and for how long: so many queries run, some more wait, the
 * others are refused; and one that takes too long is given up, so that nobody keeps a place for ever.
 */

import type { Clock } from '../core/clock.js'
import { Gate } from '../files/gate.js'
import { ConsoleError } from './refusals.js'

export interface LimitsOptions {
  readonly clock: Clock
  /** That run at a time; with those that wait four times as many. */
  readonly atOnce?: number
  readonly timeoutMs?: number
}

export class QueryLimits {
  readonly #clock: Clock
  readonly #gate: Gate
  readonly #most: number
  readonly #timeoutMs: number
  #running = 0

  constructor({ clock, atOnce = 8, timeoutMs = 10_000 }: LimitsOptions) {
    this.#clock = clock
    this.#gate = new Gate(atOnce)
    this.#most = 4 * atOnce
    this.#timeoutMs = timeoutMs
  }

  /**
   * Runs `query`, whose signal is aborted when its time is over.
   * @throws TOO_MANY_REQUESTS, TIMED_OUT, and what the query throws
   */
  async run<T>(query: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (this.#running >= this.#most) {
      throw new ConsoleError('TOO_MANY_REQUESTS', 'Too many queries are under way; try again in a moment.')
    }
    this.#running++
    const ending = new AbortController()
    const late = new ConsoleError('TIMED_OUT', `The query took longer than ${this.#timeoutMs} ms. Ask for less.`)
    let giveUp: (error: ConsoleError) => void = () => {}
    const given = new Promise<never>((_, reject) => {
      giveUp = reject
    })
    const timer = this.#clock.schedule(this.#timeoutMs, () => {
      ending.abort(late)
      giveUp(late)
    })
    const running = this.#gate.run(async () => {
      ending.signal.throwIfAborted()
      return query(ending.signal)
    })
    // What was given up keeps its place until it has really ended.
    const ended = (): void => {
      this.#running--
    }
    running.then(ended, ended)
    return Promise.race([running, given]).finally(() => timer.cancel())
  }
}
