/** A commit log store beside arrays of what was appended to its queues: each step is done to both. */

import assert from 'node:assert/strict'
import { ManualClock } from '../../../sim/manual-clock.js'
import type { MemoryDisk } from '../../../sim/memory-disk.js'
import { batchesIn, type RecordBatch } from '../../../src/records/batch.js'
import { buildBatch } from '../../../src/records/builder.js'
import { controlBatch } from '../../../src/records/end-marker.js'
import { readRecords } from '../../../src/records/reader.js'
import type { CommitLogStore } from '../../../src/storage/commitlog/commit-log-store.js'
import type { QueueLog } from '../../../src/storage/commitlog/queue-log.js'
import { parseTagExpression } from '../../../src/storage/tag-expression.js'
import { fileBytes } from './damage-world.js'
import { storeWorld } from './store-world.js'

/** Two of them have the same hash. */
export const tags = ['Aa', 'BB', 'other', ''] as const

export interface NewRecord {
  readonly tag: (typeof tags)[number]
  /** To 1000. */
  readonly timestamp: number
  readonly bytes: number
}

export type Step =
  | {
      readonly kind: 'append'
      readonly queue: number
      readonly records: readonly NewRecord[]
      readonly producer: number
    }
  | { readonly kind: 'end'; readonly queue: number; readonly commit: boolean }
  | {
      readonly kind: 'read'
      readonly queue: number
      readonly part: number
      readonly maxBytes: number
      readonly committed: boolean
    }
  | { readonly kind: 'tags'; readonly queue: number; readonly part: number; readonly wanted: readonly string[] }
  | { readonly kind: 'time'; readonly queue: number; readonly timestamp: number }
  | { readonly kind: 'find'; readonly queue: number; readonly part: number }
  | { readonly kind: 'deleteRecords'; readonly queue: number; readonly part: number }
  | { readonly kind: 'deleteFiles'; readonly part: number }
  | { readonly kind: 'checkpoint' }
  | { readonly kind: 'reopen'; readonly closed: boolean }

interface ModelRecord {
  readonly offset: number
  readonly timestamp: number
  readonly tag: string
  readonly key: string
}

interface ModelBatch {
  readonly base: number
  readonly next: number
  readonly bytes: Buffer
  readonly position: number
  readonly producer: number
  readonly isMarker: boolean
  readonly isAbort: boolean
  readonly isTransactional: boolean
  readonly records: readonly ModelRecord[]
}

class ModelQueue {
  readonly batches: ModelBatch[] = []
  start = 0

  get end(): number {
    return this.batches.at(-1)?.next ?? 0
  }

  /** From the one on that holds `offset`. */
  from(offset: number): ModelBatch[] {
    return this.batches.filter(({ next }) => next > offset)
  }

  records(from = this.start): ModelRecord[] {
    return this.batches.flatMap(({ records }) => records).filter(({ offset }) => offset >= from)
  }

  /** First offsets of the open transactions, by producer. */
  get open(): Map<number, number> {
    const open = new Map<number, number>()
    for (const { producer, isTransactional, isMarker, base } of this.batches) {
      if (isMarker) open.delete(producer)
      else if (isTransactional && !open.has(producer)) open.set(producer, base)
    }
    return open
  }

  get lastStable(): number {
    return Math.max(this.start, Math.min(this.end, ...this.open.values()))
  }
}

export const queueCount = 2

export class StoreModel {
  readonly #queues = Array.from({ length: queueCount }, () => new ModelQueue())
  readonly #disk: MemoryDisk
  readonly #clock = new ManualClock()
  #store: CommitLogStore | undefined
  #keys = 0

  constructor(disk: MemoryDisk) {
    this.#disk = disk
  }

  async open(): Promise<void> {
    const world = storeWorld(this.#disk, '/data', { clock: this.#clock })
    this.#store = await world.open({
      startOf: (_, queueId) => this.#queues[queueId].start,
    })
    assert.equal(this.#store.report.damage, undefined)
    for (let i = 0; i < queueCount; i++) this.#store.ensureQueue('orders', i)
  }

  get store(): CommitLogStore {
    assert.ok(this.#store)
    return this.#store
  }

  async close(): Promise<void> {
    assert.equal(await this.store.close(), true)
  }

  async run(step: Step): Promise<void> {
    this.#clock.advance(7)
    switch (step.kind) {
      case 'append':
        return this.#append(step.queue, step.records, step.producer)
      case 'end':
        return this.#end(step.queue, step.commit)
      case 'read':
        return this.#read(step.queue, step.part, step.maxBytes, step.committed)
      case 'tags':
        return this.#readTags(step.queue, step.part, step.wanted)
      case 'time':
        return this.#time(step.queue, step.timestamp)
      case 'find':
        return this.#find(step.queue, step.part)
      case 'deleteRecords':
        return this.#deleteRecords(step.queue, step.part)
      case 'deleteFiles':
        return this.#deleteFiles(step.part)
      case 'checkpoint':
        return this.store.checkpoint()
      case 'reopen':
        if (step.closed) await this.close()
        return this.open()
    }
  }

  check(): void {
    for (const [i, model] of this.#queues.entries()) {
      const log = this.#log(i)
      assert.deepEqual(
        [log.logStartOffset, log.highWatermark, log.logEndOffset, log.lastStableOffset],
        [model.start, model.end, model.end, model.lastStable],
      )
    }
  }

  #log(queue: number): QueueLog {
    return this.store.ensureQueue('orders', queue)
  }

  /** Producers 0 and 1 have none; 2 and 3 are idempotent, 4 and 5 write in transactions. */
  async #append(queue: number, given: readonly NewRecord[], producer: number): Promise<void> {
    const records = given.map(({ tag, timestamp, bytes }) => ({
      key: Buffer.from(`key-${this.#keys++}`),
      value: Buffer.alloc(bytes, 'x'),
      timestamp,
      headers: tag === '' ? [] : [{ key: 'TAGS', value: Buffer.from(tag) }],
    }))
    const isTransactional = producer >= 4
    const known = this.#log(queue)
      .activeProducers()
      .find(({ producerId }) => producerId === producer)
    const batch = buildBatch(
      records,
      producer < 2
        ? {}
        : { producerId: producer, producerEpoch: 0, baseSequence: (known?.lastSequence ?? -1) + 1, isTransactional },
    )
    await this.#appended(queue, batch, { isMarker: false, isAbort: false }, given)
  }

  async #end(queue: number, commit: boolean): Promise<void> {
    const [producerId] = this.#queues[queue].open.keys()
    if (producerId === undefined) return
    const outcome = commit ? 'COMMIT' : 'ABORT'
    const marker = controlBatch({ producerId, producerEpoch: 0, coordinatorEpoch: 0, outcome, timestamp: 2000 })
    await this.#appended(queue, marker, { isMarker: true, isAbort: !commit }, [])
  }

  async #appended(
    queue: number,
    batch: RecordBatch,
    about: { readonly isMarker: boolean; readonly isAbort: boolean },
    given: readonly NewRecord[],
  ): Promise<void> {
    const model = this.#queues[queue]
    const { baseOffset, acknowledged } = this.#log(queue).append(batch)
    assert.equal(baseOffset, model.end)
    await acknowledged
    const position = await this.#log(queue).positionOf(baseOffset)
    assert.ok(position !== undefined)
    const keys = this.#keys - given.length
    const records = given.map(({ tag, timestamp }, i) => ({
      offset: baseOffset + i,
      timestamp,
      tag,
      key: `key-${keys + i}`,
    }))
    const { nextOffset: next, producerId: producer, isTransactional } = batch
    model.batches.push({
      ...about,
      base: baseOffset,
      next,
      bytes: Buffer.from(batch.bytes),
      position,
      producer,
      isTransactional,
      records,
    })
  }

  async #read(queue: number, part: number, maxBytes: number, committed: boolean): Promise<void> {
    const model = this.#queues[queue]
    const end = committed ? model.lastStable : model.end
    const offset = between(model.start, model.end, part)
    const { records, aborted } = await this.#log(queue).read(offset, maxBytes, { committed })
    const found = records.flatMap((bytes) => [...batchesIn(bytes)])
    const expected: ModelBatch[] = []
    let size = 0
    for (const batch of offset >= end ? [] : model.from(offset)) {
      size += batch.bytes.length
      if (batch.base >= end || (expected.length > 0 && size > maxBytes)) break
      expected.push(batch)
    }
    // It may stop early, but not before the first.
    assert.ok(found.length > 0 || expected.length === 0)
    assert.deepEqual(
      found.map(({ bytes }) => bytes),
      expected.slice(0, found.length).map(({ bytes }) => bytes),
    )
    if (committed) this.#assertAborted(model, found, aborted ?? [])
  }

  /** Each transaction that was aborted and has a batch there is told. */
  #assertAborted(
    { batches }: ModelQueue,
    found: readonly RecordBatch[],
    told: readonly { producerId: number; firstOffset: number }[],
  ): void {
    for (const { baseOffset, producerId, isTransactional, isControl } of found) {
      if (!isTransactional || isControl) continue
      const end = batches.find(
        ({ base, producer, isMarker }) => isMarker && producer === producerId && base > baseOffset,
      )
      const isTold = told.some((one) => one.producerId === producerId && one.firstOffset <= baseOffset)
      if (end?.isAbort) assert.ok(isTold, `of ${producerId} at ${baseOffset}`)
    }
  }

  async #readTags(queue: number, part: number, wanted: readonly string[]): Promise<void> {
    const model = this.#queues[queue]
    const filter = parseTagExpression(wanted.join(' || '))
    assert.ok(filter)
    const from = between(model.start, model.end, part)
    const found: number[] = []
    for (let offset = from; offset < model.end; ) {
      const { records, nextOffset } = await this.#log(queue).read(offset, 500, { tags: filter })
      for (const bytes of records) {
        for (const batch of batchesIn(bytes)) {
          if (batch.isControl) continue
          found.push(...readRecords(batch).map((record) => record.offset))
        }
      }
      assert.ok(nextOffset !== undefined && nextOffset > offset, 'it goes on')
      offset = nextOffset
    }
    const expected = model.records(from).filter(({ tag }) => wanted.includes(tag))
    assert.deepEqual(
      found,
      expected.map(({ offset }) => offset),
    )
  }

  async #time(queue: number, timestamp: number): Promise<void> {
    const records = this.#queues[queue].records()
    const log = this.#log(queue)
    const first = records.find((record) => record.timestamp >= timestamp)
    assert.deepEqual(
      await log.offsetForTimestamp(timestamp),
      first && { offset: first.offset, timestamp: first.timestamp },
    )
    const greatest = Math.max(...records.map((record) => record.timestamp))
    const latest = records.find((record) => record.timestamp === greatest)
    assert.deepEqual(await log.offsetOfMaxTimestamp(), latest && { offset: latest.offset, timestamp: greatest })
  }

  async #find(queue: number, part: number): Promise<void> {
    const model = this.#queues[queue]
    const records = model.batches.flatMap((batch) => batch.records.map((record) => ({ record, batch })))
    if (records.length === 0) return
    const { record, batch } = records[between(0, records.length - 1, part)]
    const end = model.batches.find(
      ({ base, producer, isMarker }) => isMarker && producer === batch.producer && base > batch.base,
    )
    const isVisible =
      record.offset >= model.start && record.offset < model.lastStable && !(batch.isTransactional && end?.isAbort)
    const range = { minOffset: 0, endOffset: 1e6, minTimestamp: 0, endTimestamp: 1e6, limit: 5 }
    const found = await this.store
      .finder('orders', queue)
      ?.find({ kind: 'key', bytes: Buffer.from(record.key), ...range })
    assert.deepEqual(
      found?.map(({ offset }) => offset),
      isVisible ? [record.offset] : [],
    )
  }

  async #deleteRecords(queue: number, part: number): Promise<void> {
    const model = this.#queues[queue]
    const offset = between(model.start, model.end, part)
    model.start = offset
    await this.#log(queue).deleteRecordsBefore(offset)
  }

  async #deleteFiles(part: number): Promise<void> {
    const end = this.store.endPosition
    const position = between(0, end, part)
    const last = Math.max(0, end - 1)
    const limit = Math.min(position - (position % fileBytes), last - (last % fileBytes))
    await this.store.deleteFilesBefore(position)
    const [first] = await this.store.files()
    assert.ok((first?.position ?? 0) >= limit)
    for (const model of this.#queues) {
      const kept = model.batches.find((batch) => batch.position >= (first?.position ?? 0))
      model.start = Math.max(model.start, kept?.base ?? model.end)
    }
  }
}

function between(low: number, high: number, part: number): number {
  return Math.floor(low + part * (high - low))
}
