/**
 * What is known of a log's producers and transactions from the batches that are in its files: what snapshots hold, what
 * goes into the index of aborted transactions, and, once a round is published, up to where everything is decided.
 */

import type { RecordBatch } from '../../records/batch.js'
import type { EndedTransaction, ProducerStates } from '../producer-states.js'

/** Stands for the bytes behind the begin of a transaction that was open when the log was opened: more than one fetch asks for. */
const unknownBytes = 2 ** 31

export class WrittenState {
  readonly #producers: ProducerStates
  /** By producer with an open transaction: the bytes that were published, or to be published, before it began. */
  readonly #bytesBefore = new Map<number, number>()
  #lastStableOffset = 0
  #stableBytes = 0

  constructor(producers: ProducerStates, logEndOffset: number) {
    this.#producers = producers
    const open = [...producers.open]
    for (const [i, { producerId }] of open.entries()) {
      this.#bytesBefore.set(producerId, (i - open.length) * unknownBytes)
    }
    this.publish(logEndOffset, 0)
  }

  /** Only batches that are written, since one that is lost must not be taken for a duplicate later. */
  get producers(): ProducerStates {
    return this.#producers
  }

  get lastStableOffset(): number {
    return this.#lastStableOffset
  }

  /** Published bytes below it since the log was opened, give or take a number that stays the same. */
  get stableBytes(): number {
    return this.#stableBytes
  }

  /** Notes a batch of a producer that was written behind `bytesBefore` others. */
  note(batch: RecordBatch, nowMs: number, bytesBefore: number): EndedTransaction | undefined {
    const ended = this.#producers.note(batch, nowMs)
    if (ended !== undefined) this.#bytesBefore.delete(ended.producerId)
    else if (batch.isTransactional && !batch.isControl && !this.#bytesBefore.has(batch.producerId)) {
      this.#bytesBefore.set(batch.producerId, bytesBefore)
    }
    return ended
  }

  /** Everything that was noted is shown to readers. */
  publish(highWatermark: number, publishedBytes: number): void {
    const { firstOpen } = this.#producers
    this.#lastStableOffset = firstOpen?.transactionFirstOffset ?? highWatermark
    this.#stableBytes = firstOpen === undefined ? publishedBytes : (this.#bytesBefore.get(firstOpen.producerId) ?? 0)
  }
}
