/**
 * Follows the transactions along a log while it is cleaned: which data batches belong to an aborted one, and which
 * markers have nothing left to say. The rules are those of CleanedTransactionMetadata in Kafka's LogCleaner.scala.
 */

import type { RecordBatch } from '../../../records/batch.js'
import { endMarkerOf } from '../../../records/end-marker.js'
import type { IndexedTransaction } from '../transaction-index.js'

interface OngoingAbort {
  readonly transaction: IndexedTransaction
  hasBatches: boolean
}

export class CleanedTransactions {
  /** In the order of their first offsets. */
  readonly #aborted: readonly IndexedTransaction[]
  #next = 0
  /** By producer id. */
  readonly #ongoingAborts = new Map<number, OngoingAbort>()
  readonly #ongoingCommits = new Set<number>()
  readonly #onRetained: (transaction: IndexedTransaction) => void

  /**
   * @param aborted those that reach into the stretch that will be walked
   * @param onRetained called for each aborted transaction whose marker has to stay: it belongs into the new index
   */
  constructor(
    aborted: readonly IndexedTransaction[],
    onRetained: (transaction: IndexedTransaction) => void = () => {},
  ) {
    this.#aborted = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset)
    this.#onRetained = onRetained
  }

  /** Takes the next batch of the log; whether its records are not needed any more. */
  isDiscardable(batch: RecordBatch): boolean {
    this.#begin(batch.lastOffset)
    if (batch.isControl) return this.#isMarkerDiscardable(batch)
    if (!batch.isTransactional) return false
    const abort = this.#ongoingAborts.get(batch.producerId)
    if (abort === undefined) {
      this.#ongoingCommits.add(batch.producerId)
      return false
    }
    abort.hasBatches = true
    return true
  }

  #begin(offset: number): void {
    for (; this.#next < this.#aborted.length; this.#next++) {
      const transaction = this.#aborted[this.#next]
      if (transaction.firstOffset > offset) return
      const { producerId } = transaction
      if (!this.#ongoingAborts.has(producerId)) this.#ongoingAborts.set(producerId, { transaction, hasBatches: false })
    }
  }

  /** A marker may go once none of its transaction's batches is left before it. */
  #isMarkerDiscardable(batch: RecordBatch): boolean {
    // Emptied by an earlier cleaning, which kept it for its producer.
    if (batch.recordsCount === 0) return true
    const marker = endMarkerOf(batch)
    if (marker === undefined) return false
    if (marker.outcome === 'COMMIT') return !this.#ongoingCommits.delete(batch.producerId)
    const abort = this.#ongoingAborts.get(batch.producerId)
    this.#ongoingAborts.delete(batch.producerId)
    if (!abort?.hasBatches) return true
    this.#onRetained(abort.transaction)
    return false
  }
}
