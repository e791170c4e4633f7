/**
 * What a log's transactions come to, worked out from its batches in the plainest way: to be held against what the engine
 * keeps, stores and recovers.
 */

import type { RecordBatch } from '../../src/records/batch.js'
import { readRecords } from '../../src/records/reader.js'
import type { AbortedTransaction } from '../../src/storage/partition-log.js'

export interface ModelEntry extends AbortedTransaction {
  readonly lastOffset: number
  readonly lastStableOffset: number
}

export interface ModelProducer {
  epoch: number
  lastSequence: number
  coordinatorEpoch: number
  firstOffset: number
}

export class TransactionModel {
  readonly producers = new Map<number, ModelProducer>()
  /** One for each abort of a transaction that had written something. */
  readonly aborts: ModelEntry[] = []
  /** Base offsets of the batches that count, and of those that are aborted. */
  readonly committed: number[] = []
  endOffset = 0
  /** Batches of open transactions, by producer. */
  readonly #undecided = new Map<number, number[]>()

  static of(batches: Iterable<RecordBatch>): TransactionModel {
    const model = new TransactionModel()
    for (const batch of batches) model.apply(batch)
    return model
  }

  get lastStableOffset(): number {
    const open = [...this.producers.values()].filter(({ firstOffset }) => firstOffset >= 0)
    return Math.min(this.endOffset, ...open.map(({ firstOffset }) => firstOffset))
  }

  apply(batch: RecordBatch): void {
    this.endOffset = batch.nextOffset
    if (!batch.hasProducerId) {
      this.committed.push(batch.baseOffset)
      return
    }
    const producer = this.#producer(batch)
    if (batch.isControl) this.#end(producer, batch)
    else {
      producer.lastSequence = batch.lastSequence
      if (!batch.isTransactional) this.committed.push(batch.baseOffset)
      else {
        if (producer.firstOffset < 0) producer.firstOffset = batch.baseOffset
        const undecided = this.#undecided.get(batch.producerId) ?? []
        this.#undecided.set(batch.producerId, [...undecided, batch.baseOffset])
      }
    }
    this.committed.sort((one, other) => one - other)
  }

  /** The aborted transactions that a reader of [from, to) has to know of. */
  abortedIn(from: number, to: number): AbortedTransaction[] {
    return this.aborts
      .filter(({ firstOffset, lastOffset }) => firstOffset < to && lastOffset >= from)
      .map(({ producerId, firstOffset }) => ({ producerId, firstOffset }))
  }

  #producer({ producerId, producerEpoch }: RecordBatch): ModelProducer {
    let producer = this.producers.get(producerId)
    if (producer === undefined) {
      producer = { epoch: producerEpoch, lastSequence: -1, coordinatorEpoch: -1, firstOffset: -1 }
      this.producers.set(producerId, producer)
    }
    if (producer.epoch !== producerEpoch) {
      producer.epoch = producerEpoch
      producer.lastSequence = -1
    }
    return producer
  }

  #end(producer: ModelProducer, batch: RecordBatch): void {
    const [{ key, value }] = readRecords(batch)
    producer.coordinatorEpoch = value?.readInt32BE(2) ?? -1
    const { firstOffset } = producer
    producer.firstOffset = -1
    const undecided = this.#undecided.get(batch.producerId) ?? []
    this.#undecided.delete(batch.producerId)
    if (key?.readInt16BE(2) === 1) this.committed.push(...undecided)
    else if (firstOffset >= 0) {
      const { producerId, lastOffset } = batch
      this.aborts.push({ producerId, firstOffset, lastOffset, lastStableOffset: this.lastStableOffset })
    }
  }
}
