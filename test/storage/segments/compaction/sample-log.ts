/**
 * A log on a simulated disk, written by hand batch by batch, and a model of it in plain objects that knows Kafka's rules
 * of compaction and nothing of bytes.
 */

import { join } from 'node:path'
import { MemoryDisk } from '../../../../sim/memory-disk.js'
import type { Disk } from '../../../../src/files/disk.js'
import { batchesIn, type RecordBatch } from '../../../../src/records/batch.js'
import { buildBatch } from '../../../../src/records/builder.js'
import { controlBatch } from '../../../../src/records/end-marker.js'
import type { Codec } from '../../../../src/records/format.js'
import { readRecords } from '../../../../src/records/reader.js'
import type { LastOfProducer } from '../../../../src/storage/segments/compaction/batch-filter.js'
import type { CleanedGroup, CleaningJob } from '../../../../src/storage/segments/compaction/clean-log.js'
import { completeSwap, removeReplaced, stageSwap } from '../../../../src/storage/segments/compaction/swap.js'
import { segmentFileName, suffix } from '../../../../src/storage/segments/format.js'
import { type IndexedTransaction, TransactionIndex } from '../../../../src/storage/segments/transaction-index.js'

export const directory = '/log/orders-0'

export interface ModelRecord {
  readonly offset: number
  readonly timestamp: number
  readonly key: string | null
  readonly value: string | null
}

export interface ModelBatch {
  readonly lastOffset: number
  readonly producerId: number
  readonly lastSequence: number
  readonly codec: Codec
  /** Tells transactions apart, also those of one producer. */
  readonly transaction: number | undefined
  readonly isMarker: boolean
  records: ModelRecord[]
  horizonMs: number | undefined
}

export interface Write {
  readonly records: readonly Omit<ModelRecord, 'offset'>[]
  readonly codec?: Codec
  readonly producerId?: number
  readonly isTransactional?: boolean
}

interface OpenTransaction {
  readonly number: number
  readonly firstOffset: number
}

export class SampleLog {
  readonly disk = new MemoryDisk()
  readonly model: ModelBatch[] = []
  /** Numbers of the transactions that were aborted. */
  readonly aborted = new Set<number>()
  readonly #bases: number[] = [0]
  #nextOffset = 0
  readonly #sequences = new Map<number, number>()
  readonly #open = new Map<number, OpenTransaction>()
  readonly #lastData = new Map<number, number>()
  #active: RecordBatch[] = []
  #activeAborted: IndexedTransaction[] = []
  #transactions = 0
  readonly #allAborted: IndexedTransaction[] = []

  get nextOffset(): number {
    return this.#nextOffset
  }

  /** The first offset of the transactions that are open, or the end. */
  get lastStableOffset(): number {
    return Math.min(this.#nextOffset, ...[...this.#open.values()].map(({ firstOffset }) => firstOffset))
  }

  get activeBase(): number {
    return this.#bases[this.#bases.length - 1]
  }

  get activeIsEmpty(): boolean {
    return this.#active.length === 0
  }

  write({ records, codec = 'none', producerId = -1, isTransactional = false }: Write): void {
    const baseSequence = producerId < 0 ? -1 : (this.#sequences.get(producerId) ?? 0)
    const baseOffset = this.#nextOffset
    const batch = buildBatch(
      records.map(({ key, value, timestamp }) => ({ key: bytes(key), value: bytes(value), timestamp })),
      {
        codec,
        baseOffset,
        partitionLeaderEpoch: 0,
        producerId,
        producerEpoch: producerId < 0 ? -1 : 0,
        baseSequence,
        isTransactional,
      },
    )
    if (isTransactional && !this.#open.has(producerId)) {
      this.#open.set(producerId, { number: this.#transactions++, firstOffset: baseOffset })
    }
    const transaction = isTransactional ? this.#open.get(producerId)?.number : undefined
    if (producerId >= 0) {
      this.#sequences.set(producerId, baseSequence + records.length)
      this.#lastData.set(producerId, batch.lastOffset)
    }
    const model = records.map((record, i) => ({ ...record, offset: baseOffset + i }))
    this.#add(batch, { records: model, codec, transaction, isMarker: false })
  }

  end(producerId: number, outcome: 'COMMIT' | 'ABORT', timestamp: number): void {
    const transaction = this.#open.get(producerId)
    if (transaction === undefined) return
    this.#open.delete(producerId)
    const baseOffset = this.#nextOffset
    const batch = controlBatch({ outcome, producerId, producerEpoch: 0, coordinatorEpoch: 0, timestamp, baseOffset })
    const records = [{ offset: baseOffset, timestamp, key: 'marker', value: 'marker' }]
    this.#add(batch, { records, codec: 'none', transaction: transaction.number, isMarker: true })
    if (outcome === 'COMMIT') return
    this.aborted.add(transaction.number)
    const { firstOffset } = transaction
    const transactionEnd = { producerId, firstOffset, lastOffset: baseOffset, lastStableOffset: this.lastStableOffset }
    this.#activeAborted.push(transactionEnd)
    this.#allAborted.push(transactionEnd)
  }

  async roll(): Promise<void> {
    if (this.#active.length === 0) return
    await this.disk.makeDirectory(directory)
    const content = Buffer.concat(this.#active.map((batch) => batch.bytes))
    await this.disk.replaceFile(join(directory, segmentFileName(this.activeBase, suffix.log)), content)
    if (this.#activeAborted.length > 0) {
      const path = join(directory, segmentFileName(this.activeBase, suffix.transactionIndex))
      await this.disk.replaceFile(path, TransactionIndex.from(this.#activeAborted).bytes)
    }
    this.#active = []
    this.#activeAborted = []
    this.#bases.push(this.#nextOffset)
  }

  /** Of the sealed segments. */
  async sizes(): Promise<{ baseOffset: number; sizeInBytes: number }[]> {
    const sizes = []
    for (const baseOffset of this.#bases.slice(0, -1)) {
      sizes.push({ baseOffset, sizeInBytes: (await this.#content(baseOffset)).length })
    }
    return sizes
  }

  producers(): Map<number, LastOfProducer> {
    return new Map([...this.#lastData].map(([id, lastDataOffset]) => [id, { epoch: 0, lastDataOffset }]))
  }

  async job(
    part: Partial<CleaningJob> & { firstDirtyOffset: number; endOffset: number; nowMs: number },
  ): Promise<CleaningJob> {
    const segments = (await this.sizes()).filter(({ baseOffset }) => baseOffset < part.endOffset)
    return {
      directory,
      segments,
      producers: this.producers(),
      aborted: this.#allAborted.filter(({ firstOffset }) => firstOffset < part.endOffset),
      deleteRetentionMs: 1000,
      segmentBytes: 4000,
      segmentIndexBytes: 1 << 20,
      indexIntervalBytes: 100,
      dedupeBufferBytes: 1 << 20,
      loadFactor: 0.9,
      ioBufferBytes: 600,
      seed: Buffer.alloc(16, 7),
      ...part,
    }
  }

  /** As a running log does it, but for its readers. */
  async swap({ baseOffset, sources }: CleanedGroup): Promise<void> {
    const place = { disk: this.disk as Disk, directory }
    await stageSwap(place, baseOffset)
    await completeSwap(place, baseOffset, sources)
    await this.disk.syncDirectory(directory)
    await removeReplaced(place, baseOffset, sources)
    for (const source of sources.slice(1)) this.#bases.splice(this.#bases.indexOf(source), 1)
  }

  /** Every batch of the sealed segments, from the files. */
  async batches(): Promise<RecordBatch[]> {
    const found: RecordBatch[] = []
    for (const base of this.#bases.slice(0, -1)) found.push(...batchesIn(await this.#content(base)))
    return found
  }

  /** What the transaction indexes of the sealed segments say; each must be sound. */
  async abortedTransactions(): Promise<IndexedTransaction[]> {
    const found: IndexedTransaction[] = []
    for (const base of this.#bases.slice(0, -1)) {
      const stored = await this.disk.readFile(join(directory, segmentFileName(base, suffix.transactionIndex)))
      const index = TransactionIndex.of(stored ?? Buffer.alloc(0), base)
      if (index === undefined) throw new Error(`the transaction index of segment ${base} is not sound`)
      for (let i = 0; i < index.count; i++) found.push(index.entry(i))
    }
    return found
  }

  async #content(base: number): Promise<Buffer> {
    return (await this.disk.readFile(join(directory, segmentFileName(base, suffix.log)))) ?? Buffer.alloc(0)
  }

  #add(batch: RecordBatch, model: Pick<ModelBatch, 'records' | 'codec' | 'transaction' | 'isMarker'>): void {
    const { producerId, lastOffset, lastSequence } = batch
    this.#active.push(batch)
    this.#nextOffset = batch.nextOffset
    this.model.push({ ...model, producerId, lastOffset, lastSequence, horizonMs: undefined })
  }
}

/** What is on the disk, in the words of the model; batches without records are left out. */
export function asModel(batches: readonly RecordBatch[]): Omit<ModelBatch, 'transaction'>[] {
  return batches
    .filter((batch) => batch.recordsCount > 0)
    .map((batch) => ({
      lastOffset: batch.lastOffset,
      producerId: batch.producerId,
      lastSequence: batch.lastSequence,
      codec: batch.codec,
      isMarker: batch.isControl,
      horizonMs: batch.hasDeleteHorizon ? batch.baseTimestamp : undefined,
      records: readRecords(batch).map(({ offset, timestamp, key, value }) => ({
        offset,
        timestamp,
        key: batch.isControl ? 'marker' : (key?.toString() ?? null),
        value: batch.isControl ? 'marker' : (value?.toString() ?? null),
      })),
    }))
}

export interface Round {
  readonly firstDirtyOffset: number
  readonly endOffset: number
  readonly nowMs: number
  readonly deleteRetentionMs: number
}

/** Kafka's rules on the model: what is left of the batches before `endOffset`. */
export function cleanModel(log: SampleLog, { firstDirtyOffset, endOffset, nowMs, deleteRetentionMs }: Round): void {
  const isAborted = ({ transaction, isMarker }: ModelBatch) =>
    !isMarker && transaction !== undefined && log.aborted.has(transaction)
  const latest = new Map<string, number>()
  for (const batch of log.model) {
    if (batch.isMarker || isAborted(batch)) continue
    for (const { key, offset } of batch.records) {
      if (key !== null && offset >= firstDirtyOffset && offset < endOffset) latest.set(key, offset)
    }
  }
  const met = new Set<number>()
  for (const batch of log.model) {
    if (batch.lastOffset >= endOffset) continue
    const { horizonMs, transaction } = batch
    const isExpired = horizonMs !== undefined && horizonMs <= nowMs
    if (batch.isMarker) {
      // An emptied batch of the transaction that stayed for its producer counts as one that is left.
      const hasData = met.has(transaction as number)
      if (hasData) continue
      if (isExpired) batch.records = []
      else batch.horizonMs ??= nowMs + deleteRetentionMs
      continue
    }
    if (transaction !== undefined) met.add(transaction)
    if (isAborted(batch)) batch.records = []
    batch.records = batch.records.filter(
      ({ key, value, offset }) => key !== null && offset >= (latest.get(key) ?? -1) && (value !== null || !isExpired),
    )
    if (batch.records.length === 0) batch.horizonMs = undefined
    else if (batch.records.some(({ value }) => value === null)) batch.horizonMs ??= nowMs + deleteRetentionMs
  }
  const producers = log.producers()
  const survivors = log.model.filter(
    ({ records, lastOffset, producerId }) =>
      records.length > 0 || producers.get(producerId)?.lastDataOffset === lastOffset || lastOffset >= endOffset,
  )
  log.model.splice(0, log.model.length, ...survivors)
}

function bytes(text: string | null): Buffer | null {
  return text === null ? null : Buffer.from(text)
}
