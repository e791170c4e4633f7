/** What a queue holds, told by its batches alone, held against what its store knows of them. */

import assert from 'node:assert/strict'
import type { RecordBatch } from '../../../src/records/batch.js'
import { endMarkerOf } from '../../../src/records/end-marker.js'
import { readRecords } from '../../../src/records/reader.js'
import type { CommitLogStore } from '../../../src/storage/commitlog/commit-log-store.js'
import type { QueueLog } from '../../../src/storage/commitlog/queue-log.js'

export interface Promised {
  readonly bytes: Buffer
  readonly position: number
}

/** What is known of one queue. */
export interface QueueTold {
  /** By base offset: what must be found. */
  readonly promised: Map<number, Promised>
  /** Acknowledged from the page cache: to be found after a kill, but not after a loss of power. */
  readonly cached: Map<number, Promised>
  /** By base offset: all that was ever sent there. */
  readonly sent: Map<number, Buffer[]>
  /** What no one may find any more: by a deletion that may or may not have happened. */
  deletedBefore: number
}

/** All that was promised is there, but for a front of it that was deleted; and nothing is there that nobody sent. */
export function assertPromised(
  queue: QueueLog,
  batches: readonly RecordBatch[],
  { promised, cached, sent, deletedBefore }: QueueTold,
  { killed, deletedTo }: { killed: boolean; deletedTo: number },
): void {
  const name = `${queue.topic}-${queue.partition}`
  let next = queue.logStartOffset
  for (const batch of batches) {
    assert.ok(batch.baseOffset <= next && batch.nextOffset > next, `${name}: a hole at ${next}`)
    next = batch.nextOffset
    // Of a batch in which the log begins the front may be missing.
    if (batch.baseOffset < queue.logStartOffset) continue
    const here = sent.get(batch.baseOffset) ?? []
    assert.ok(
      here.some((bytes) => bytes.equals(batch.bytes)),
      `${name}: nobody sent what is at ${batch.baseOffset}`,
    )
  }
  assert.equal(next, queue.logEndOffset, name)
  const found = new Map(batches.map((batch) => [batch.baseOffset, batch.bytes]))
  for (const [offset, { bytes, position }] of [...promised, ...(killed ? cached : [])]) {
    const mayBeGone = offset < deletedBefore || position < deletedTo
    const isThere = found.get(offset)?.equals(bytes)
    assert.ok(
      isThere || (mayBeGone && offset < queue.logStartOffset),
      `${name}: nothing, or another batch, at ${offset}`,
    )
  }
}

/** What the store knows of producers, transactions, keys and positions is what follows from the batches. */
export async function assertContent(
  store: CommitLogStore,
  queue: QueueLog,
  batches: readonly RecordBatch[],
  ids: Set<string>,
): Promise<void> {
  const name = `${queue.topic}-${queue.partition}`
  const records = batches.filter(({ isControl }) => !isControl).flatMap((batch) => [...readRecords(batch)])
  for (const { value } of records) {
    const id = value?.toString('latin1').split(':')[0] ?? ''
    assert.ok(!ids.has(id), `${name}: ${id} is there twice`)
    ids.add(id)
  }
  assertProducers(queue, batches)
  await assertFindable(store, queue, batches)
  let bytes = 0
  for (let offset = queue.logStartOffset; offset < queue.highWatermark; offset++) {
    const message = await store.messageAt((await queue.positionOf(offset)) ?? -1)
    bytes += message?.sizeInBytes ?? 0
  }
  assert.equal(queue.sizeInBytes, bytes, `${name}: the bytes of its messages`)
}

function assertProducers(queue: QueueLog, batches: readonly RecordBatch[]): void {
  const open = new Map<number, number>()
  const aborted: { producerId: number; firstOffset: number }[] = []
  const lastSequences = new Map<number, number>()
  for (const batch of batches) {
    const { producerId, baseOffset, isControl, isTransactional } = batch
    const begun = open.get(producerId)
    if (isControl) {
      if (begun !== undefined && endMarkerOf(batch)?.outcome === 'ABORT')
        aborted.push({ producerId, firstOffset: begun })
      open.delete(producerId)
      continue
    }
    if (producerId >= 0) lastSequences.set(producerId, batch.lastSequence)
    if (isTransactional && begun === undefined) open.set(producerId, baseOffset)
  }
  const known = new Map(queue.activeProducers().map((producer) => [producer.producerId, producer]))
  for (const [producerId, lastSequence] of lastSequences) {
    assert.equal(known.get(producerId)?.lastSequence, lastSequence, `the last sequence of producer ${producerId}`)
    assert.equal(known.get(producerId)?.transactionFirstOffset !== -1, open.has(producerId))
  }
  // A transaction may have begun before what is left of the log.
  const firstOpen = Math.min(queue.logEndOffset, ...open.values())
  const isOpenFromStart = queue.lastStableOffset === queue.logStartOffset
  assert.ok(
    queue.lastStableOffset === firstOpen || isOpenFromStart,
    `last stable: ${queue.lastStableOffset}, ${firstOpen}`,
  )
  const told = queue.abortedTransactions(queue.logStartOffset, queue.highWatermark)
  for (const { producerId, firstOffset } of aborted) {
    const isTold = told.some((one) => one.producerId === producerId && one.firstOffset <= firstOffset)
    assert.ok(isTold, `the aborted transaction of ${producerId} from ${firstOffset} on`)
  }
}

/** Of each batch the last record: by its key, by its offset, by its position. */
async function assertFindable(store: CommitLogStore, queue: QueueLog, batches: readonly RecordBatch[]): Promise<void> {
  const finder = store.finder(queue.topic, queue.partition)
  const times = { minTimestamp: 0, endTimestamp: Number.MAX_SAFE_INTEGER }
  for (const batch of batches) {
    const offset = batch.lastOffset
    const position = await queue.positionOf(offset)
    assert.ok(position !== undefined)
    const message = await store.messageAt(position)
    assert.deepEqual([message?.queueOffset, message?.topic], [offset, queue.topic])
    if (batch.isControl || offset >= queue.lastStableOffset) continue
    const bytes = [...readRecords(batch)].at(-1)?.key
    assert.ok(bytes)
    const found = await finder?.find({ kind: 'key', bytes, minOffset: 0, endOffset: 1e9, ...times, limit: 10 })
    const isAborted = queue
      .abortedTransactions(offset, offset + 1)
      .some(({ producerId }) => producerId === batch.producerId)
    const expected = isAborted ? [] : [offset]
    assert.deepEqual(
      found?.map((record) => record.offset),
      expected,
      `what is found by ${bytes}`,
    )
  }
}
