/**
 * Tells the batches of aborted transactions from the others in one answer of a fetch. Brokers send what lies in the log
 * and say beside it which transactions with records in it were aborted; leaving them out is the reader's part, as in
 * every Kafka client.
 */

import type { RecordBatch } from '../records/batch.js'
import { endMarkerOf } from '../records/end-marker.js'
import type { AbortedTransaction } from '../storage/partition-log.js'

export class AbortedFilter {
  /** Those that begin behind the batches so far, the earliest first. */
  readonly #ahead: AbortedTransaction[]
  /** Producers whose present transaction was aborted. */
  readonly #aborted = new Set<number>()

  constructor(aborted: readonly AbortedTransaction[]) {
    this.#ahead = [...aborted].sort((one, other) => one.firstOffset - other.firstOffset)
  }

  /** Whether the batch, the next one of the answer, was aborted. */
  isAborted(batch: RecordBatch): boolean {
    if (!batch.isTransactional) return false
    while (this.#ahead.length > 0 && this.#ahead[0].firstOffset <= batch.lastOffset) {
      const [{ producerId }] = this.#ahead.splice(0, 1)
      this.#aborted.add(producerId)
    }
    if (!batch.isControl) return this.#aborted.has(batch.producerId)
    if (endMarkerOf(batch)?.outcome === 'ABORT') this.#aborted.delete(batch.producerId)
    return false
  }
}
