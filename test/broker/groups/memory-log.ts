/**
 * A PartitionLog in memory for tests of what stands on one: it keeps the contract (offsets in call order, the high
 * watermark follows what was acknowledged, a failure is sticky), and the test decides when batches become durable.
 */

import { HoldfastError } from '../../../src/core/errors.js'
import { invariant } from '../../../src/core/invariant.js'
import type { RecordBatch } from '../../../src/records/batch.js'
import { controlBatch } from '../../../src/records/end-marker.js'
import type {
  AbortedTransaction,
  ActiveProducer,
  AppendReceipt,
  LogSlice,
  PartitionLog,
  TimestampedOffset,
  TransactionMarker,
} from '../../../src/storage/partition-log.js'
import { type EndedTransaction, ProducerStates } from '../../../src/storage/producer-states.js'

interface Waiting {
  readonly batch: RecordBatch
  readonly resolve: () => void
  readonly reject: (error: HoldfastError) => void
}

export class MemoryLog implements PartitionLog {
  readonly topic: string
  readonly partition: number
  readonly leaderEpoch = 0
  readonly isClosed = false
  readonly damage = undefined
  logStartOffset = 0
  logEndOffset = 0
  failure: HoldfastError | undefined
  /** Off: batches wait until {@link flush}. */
  acknowledgesAtOnce = true
  /** Reads so far, and the largest `maxBytes` that was asked for. */
  readonly reads = { count: 0, largestBytes: 0 }
  #durable: RecordBatch[] = []
  #waiting: Waiting[] = []
  readonly #listeners = new Set<() => void>()
  /** Of what is durable. */
  readonly #producers = new ProducerStates()
  readonly #ended: EndedTransaction[] = []

  constructor(topic = '__consumer_offsets', partition = 0) {
    this.topic = topic
    this.partition = partition
  }

  get highWatermark(): number {
    return this.#durable.at(-1)?.nextOffset ?? this.logStartOffset
  }

  get lastStableOffset(): number {
    return this.#producers.firstOpen?.transactionFirstOffset ?? this.highWatermark
  }

  get durableOffset(): number {
    return this.highWatermark
  }

  get sizeInBytes(): number {
    return this.#durable.reduce((sum, { sizeInBytes }) => sum + sizeInBytes, 0)
  }

  get publishedBytes(): number {
    return this.sizeInBytes
  }

  get stableBytes(): number {
    const stable = this.#durable.filter(({ baseOffset }) => baseOffset < this.lastStableOffset)
    return stable.reduce((sum, { sizeInBytes }) => sum + sizeInBytes, 0)
  }

  /** Batches that were appended and are not durable. */
  get waiting(): number {
    return this.#waiting.length
  }

  get batches(): readonly RecordBatch[] {
    return this.#durable
  }

  append(batch: RecordBatch): AppendReceipt {
    if (this.failure !== undefined) throw this.failure
    const baseOffset = this.logEndOffset
    batch.stamp(baseOffset, this.leaderEpoch)
    this.logEndOffset = batch.nextOffset
    const acknowledged = new Promise<void>((resolve, reject) => this.#waiting.push({ batch, resolve, reject }))
    if (this.acknowledgesAtOnce) void this.flush()
    return { baseOffset, lastOffset: batch.lastOffset, logAppendTimeMs: -1, duplicate: false, acknowledged }
  }

  get copies(): never {
    throw new Error('nothing is copied into it')
  }

  endTransaction({ commit, ...marker }: TransactionMarker): AppendReceipt {
    return this.append(controlBatch({ ...marker, outcome: commit ? 'COMMIT' : 'ABORT', timestamp: 0 }))
  }

  activeProducers(): ActiveProducer[] {
    return [...this.#producers.values()].map(({ epoch, batches, ...state }) => ({
      ...state,
      producerEpoch: epoch,
      lastSequence: batches.at(-1)?.lastSequence ?? -1,
    }))
  }

  abortedTransactions(from: number, to: number): AbortedTransaction[] {
    return this.#ended.filter((ended) => ended.aborted && ended.lastOffset >= from && ended.firstOffset < to)
  }

  async read(offset: number, maxBytes: number): Promise<LogSlice> {
    this.reads.count++
    this.reads.largestBytes = Math.max(this.reads.largestBytes, maxBytes)
    if (offset < this.logStartOffset || offset > this.logEndOffset) {
      throw new HoldfastError('OFFSET_OUT_OF_RANGE', `Offset ${offset} is not there.`)
    }
    const found: Buffer[] = []
    let sizeInBytes = 0
    for (const batch of this.#durable) {
      if (batch.lastOffset < offset) continue
      if (found.length > 0 && sizeInBytes + batch.sizeInBytes > maxBytes) break
      found.push(batch.bytes)
      sizeInBytes += batch.sizeInBytes
    }
    return { records: found.length > 1 ? [found[0], Buffer.concat(found.slice(1))] : found, sizeInBytes }
  }

  offsetForTimestamp(): Promise<TimestampedOffset | undefined> {
    return Promise.resolve(undefined)
  }

  offsetOfMaxTimestamp(): Promise<TimestampedOffset | undefined> {
    return Promise.resolve(undefined)
  }

  endOffsetOfEpoch(epoch: number): { epoch: number; endOffset: number } | undefined {
    return epoch < this.leaderEpoch ? undefined : { epoch: this.leaderEpoch, endOffset: this.highWatermark }
  }

  deleteRecordsBefore(): Promise<void> {
    return Promise.reject(new HoldfastError('INVALID_REQUEST'))
  }

  async beginEpoch(): Promise<void> {}

  onAdvance(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Makes the first `count` waiting batches durable, all unless given. */
  async flush(count = this.#waiting.length): Promise<void> {
    for (const { batch, resolve } of this.#waiting.splice(0, count)) {
      invariant(batch.baseOffset >= this.highWatermark, 'batches become durable in order')
      this.#durable.push(batch)
      this.#note(batch)
      resolve()
    }
    for (const listener of this.#listeners) listener()
  }

  /** A write or sync fails: what waits is refused and lost, and so is everything until {@link recover}. */
  fail(code: 'LOG_FAILED' | 'DISK_FULL' = 'LOG_FAILED'): void {
    this.failure = new HoldfastError(code)
    for (const { reject } of this.#waiting.splice(0)) reject(this.failure)
    for (const listener of this.#listeners) listener()
  }

  recover(): void {
    if (this.failure === undefined) return
    this.failure = undefined
    this.logEndOffset = this.highWatermark
  }

  /** Forgets what is not durable: what a restart after a crash finds. */
  crashed(): MemoryLog {
    const after = new MemoryLog(this.topic, this.partition)
    after.#durable = [...this.#durable]
    for (const batch of after.#durable) after.#note(batch)
    after.logStartOffset = this.logStartOffset
    after.logEndOffset = this.highWatermark
    return after
  }

  #note(batch: RecordBatch): void {
    const ended = batch.hasProducerId ? this.#producers.note(batch, 0) : undefined
    if (ended !== undefined) this.#ended.push(ended)
  }
}
