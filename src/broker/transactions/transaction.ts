/** One transactional id in memory: its state as far as it is stored, and who works on it. */

import type { Timer } from '../../core/clock.js'
import { Mutex } from '../../core/mutex.js'
import type { StoredTransaction } from './format.js'
import { type FormerProducer, noFormerProducer } from './transitions.js'

export class Transaction {
  readonly transactionalId: string
  /** What changes the state does so one after the other. */
  readonly #turn = new Mutex()
  #inWork = 0
  state: StoredTransaction
  former: FormerProducer = noFormerProducer
  /**
   * Its end is on the way to the log, or may have got there without an acknowledgement: nothing is written in it any
   * more, whatever the outcome.
   */
  isEnding = false
  /** Expired, or never begun: a request that waited for its turn has to look for the id again. */
  isGone = false
  /** Until markers that could not be written are tried again, and how often they were. */
  retry: { timer: Timer; attempts: number } | undefined

  constructor(transactionalId: string, state: StoredTransaction) {
    this.transactionalId = transactionalId
    this.state = state
  }

  /** Somebody works on it, or waits to. */
  get isBusy(): boolean {
    return this.#inWork > 0
  }

  /** Runs `step` when all earlier ones have ended: only in a step is the state changed. */
  async inTurn<T>(step: () => Promise<T>): Promise<T> {
    this.#inWork++
    try {
      return await this.#turn.run(step)
    } finally {
      this.#inWork--
    }
  }

  /** Resolves when nobody works on it any more. */
  async idle(): Promise<void> {
    while (this.isBusy) await this.inTurn(async () => {})
  }
}
