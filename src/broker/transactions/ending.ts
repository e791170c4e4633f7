/**
 * Ends transactions. The outcome is decided when it is durable in `__transaction_state`; then every partition gets its
 * marker; then the transaction is complete. Whatever happens in between, what was decided is finished: here after a
 * while where a partition does not take its marker, and by the next start after a crash.
 */

import type { Clock } from '../../core/clock.js'
import type { Logger } from '../../core/logger.js'
import type { TopicPartition } from '../contract.js'
import { type WriteMarker, writeMarkers } from './markers.js'
import { partitionSetOf, placesOf } from './partition-set.js'
import type { TransactionTable } from './table.js'
import type { Transaction } from './transaction.js'
import type { TransactionLog } from './transaction-log.js'
import { completing, isPrepared, preparing } from './transitions.js'

const firstRetryMs = 100
const longestRetryMs = 10_000

export interface EndingOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly log: TransactionLog
  readonly table: TransactionTable
  readonly coordinatorEpoch: number
  readonly writeMarker: WriteMarker
  readonly makeDurable: (place: TopicPartition) => Promise<void>
}

export class Ending {
  readonly #options: EndingOptions
  #isClosed = false

  constructor(options: EndingOptions) {
    this.#options = options
  }

  /**
   * Decides the outcome and writes the markers, in the transaction's turn; with `fence` against its producer. Where a
   * partition does not take its marker the transaction stays prepared.
   * @throws COORDINATOR_NOT_AVAILABLE, LOG_DAMAGED where the outcome could not be stored
   */
  async end(transaction: Transaction, commit: boolean, fence: boolean): Promise<void> {
    const { clock, log, table, makeDurable } = this.#options
    // Before the outcome is durable, and where it is unknown whether it is: what is written now may be on either side.
    transaction.isEnding = true
    // A flush policy may acknowledge what a power cut can still take: one part of what is committed, and not another.
    if (commit) await Promise.all(placesOf(transaction.state.partitions).map(makeDurable))
    const prepared = preparing(transaction.state, commit, fence, clock.now())
    await log.append(transaction.transactionalId, prepared).acknowledged
    table.update(transaction, prepared)
    await this.finish(transaction)
  }

  /** Writes the markers that are missing, in the transaction's turn. */
  async finish(transaction: Transaction): Promise<void> {
    if (this.#isClosed) return
    const { clock, logger, log, table, coordinatorEpoch, writeMarker } = this.#options
    const { transactionalId, state } = transaction
    transaction.retry?.timer.cancel()
    const { producerId, producerEpoch, status, partitions } = state
    const marker = { producerId, producerEpoch, coordinatorEpoch, commit: status === 'PrepareCommit' }
    const refused = await writeMarkers(placesOf(partitions), marker, writeMarker)
    if (refused.length > 0) {
      table.update(transaction, { ...state, partitions: partitionSetOf(refused) })
      const [{ topic, partition, reason }] = refused
      logger.warn({ transactionalId, topic, partition, count: refused.length, err: reason }, 'markers are missing yet')
      this.#retryLater(transaction)
      return
    }
    const completed = completing(state, clock.now())
    table.update(transaction, completed)
    transaction.isEnding = false
    transaction.retry = undefined
    // Not waited for: what comes next for this id lies behind it, and where it gets lost the next start writes the
    // same markers again, which ends nothing then.
    try {
      log
        .append(transactionalId, completed)
        .acknowledged.catch((err: unknown) => this.#incomplete(transactionalId, err))
    } catch (err) {
      this.#incomplete(transactionalId, err)
    }
  }

  /** Nothing is retried any more. */
  close(): void {
    this.#isClosed = true
    for (const { retry } of this.#options.table) retry?.timer.cancel()
  }

  #incomplete(transactionalId: string, err: unknown): void {
    this.#options.logger.warn({ transactionalId, err }, 'that a transaction is complete could not be stored')
  }

  #retryLater(transaction: Transaction): void {
    if (this.#isClosed) return
    const attempts = (transaction.retry?.attempts ?? 0) + 1
    const delayMs = Math.min(longestRetryMs, firstRetryMs * 2 ** (attempts - 1))
    const again = (): void => {
      void transaction.inTurn(async () => {
        if (isPrepared(transaction.state)) await this.finish(transaction)
      })
    }
    transaction.retry = { attempts, timer: this.#options.clock.schedule(delayMs, again, { background: true }) }
  }
}
