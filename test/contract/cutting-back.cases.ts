/** What is promised of a log whose end is taken off, since another copy of it does not have that end. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { batchesIn, type RecordBatch } from '../../src/records/batch.js'
import { buildBatch } from '../../src/records/builder.js'
import type { PartitionLog } from '../../src/storage/partition-log.js'
import { appendAll, batchOf, bytesOf, mib, readAll, sizedBatch } from '../storage/support.js'
import type { LogWorld, OpenLog } from './partition-log.cases.js'

const small = { 'segment.bytes': String(mib) }

/** As it is after it was cut, and as it is after a restart. */
async function* cutAndReopened(opened: OpenLog, offset: number): AsyncGenerator<PartitionLog> {
  yield await opened.cutBack(offset)
  yield await opened.reopen()
}

function endsOf(log: PartitionLog): number[] {
  return [log.logStartOffset, log.highWatermark, log.logEndOffset, log.durableOffset, log.lastStableOffset]
}

export function cuttingBackCases(world: LogWorld): void {
  describe(`a log that is cut back, ${world.name}`, () => {
    contentCases(world)
    producerCases(world)
    lookupCases(world)
  })
}

function contentCases(world: LogWorld): void {
  for (const kept of [11, 5, 0]) {
    test(`ends where it was told to, and goes on from there: ${kept} of 12`, async (t) => {
      const opened = await world.open(t, small)
      const batches = Array.from({ length: 12 }, (_, i) => sizedBatch(200_000, `batch ${i}`))
      await appendAll(opened.log, batches)
      for await (const log of cutAndReopened(opened, kept)) {
        assert.equal(log.failure, undefined)
        assert.deepEqual(endsOf(log), [0, kept, kept, kept, kept])
        assert.equal(log.sizeInBytes, kept * world.storedSizeOf(batches[0]))
        assert.deepEqual(await readAll(log), bytesOf(batches.slice(0, kept)))
        await assert.rejects(log.read(kept + 1, mib), { code: 'OFFSET_OUT_OF_RANGE' })
      }
      const others = Array.from({ length: 9 }, (_, i) => sizedBatch(200_000, `other ${i}`))
      const log = await opened.reopen()
      await appendAll(log, others)
      assert.deepEqual(
        others.map(({ baseOffset }) => baseOffset),
        others.map((_, i) => kept + i),
      )
      const all = bytesOf([...batches.slice(0, kept), ...others])
      assert.deepEqual(await readAll(log), all)
      assert.deepEqual(await readAll(await opened.reopen()), all)
    })
  }

  test('a batch that reaches beyond the cut goes as a whole', async (t) => {
    const opened = await world.open(t)
    const batches = [batchOf(['a', 'b']), batchOf(['c', 'd', 'e']), batchOf(['f'])]
    await appendAll(opened.log, batches)
    for await (const log of cutAndReopened(opened, 4)) {
      assert.deepEqual(endsOf(log), [0, 2, 2, 2, 2])
      assert.deepEqual(await readAll(log), bytesOf(batches.slice(0, 1)))
    }
  })

  test('at its end or behind it nothing is taken, and before its begin it is refused', async (t) => {
    const opened = await world.open(t)
    const batches = [batchOf(['a', 'b']), batchOf(['c'])]
    await appendAll(opened.log, batches)
    for (const offset of [3, 4]) assert.equal(await opened.cutBack(offset), opened.log)
    await opened.log.deleteRecordsBefore(1)
    await assert.rejects(opened.cutBack(0), { code: 'OFFSET_OUT_OF_RANGE' })
    assert.equal(opened.log.isClosed, false)
    for await (const log of cutAndReopened(opened, 2)) assert.deepEqual(endsOf(log), [1, 2, 2, 2, 2])
  })

  test('whoever held it finds it closed, and what was borrowed stays readable', async (t) => {
    const opened = await world.open(t, small)
    const batches = Array.from({ length: 8 }, (_, i) => sizedBatch(200_000, `batch ${i}`))
    await appendAll(opened.log, batches)
    const slice = await opened.log.read(0, 900_000, { lend: true })
    const before = Buffer.concat([...slice.records])
    await opened.cutBack(2)
    assert.throws(() => opened.log.append(batchOf(['late'])), { code: 'CLOSED' })
    assert.ok(Buffer.concat([...slice.records]).equals(before))
    assert.ok([...batchesIn(before)].length >= 4)
    slice.release?.()
  })
}

const producerId = 7

function sent(baseSequence: number, isTransactional = false): RecordBatch {
  return batchOf([`${baseSequence}`], {
    producerId,
    producerEpoch: 0,
    baseSequence,
    isTransactional,
    timestamp: Date.now(),
  })
}

function producerCases(world: LogWorld): void {
  test('what is cut is not taken for sent, and what is kept is', async (t) => {
    const opened = await world.open(t)
    for (let sequence = 0; sequence < 4; sequence++) await opened.log.append(sent(sequence)).acknowledged
    for await (const log of cutAndReopened(opened, 2)) {
      assert.throws(() => log.append(sent(3)), { code: 'OUT_OF_ORDER_SEQUENCE_NUMBER' })
      const again = log.append(sent(1))
      assert.deepEqual([again.duplicate, again.baseOffset], [true, 1])
    }
    const log = await opened.reopen()
    const next = log.append(sent(2))
    await next.acknowledged
    assert.deepEqual([next.duplicate, next.baseOffset], [false, 2])
  })

  test('a transaction whose end is cut is open again, and what was aborted there is forgotten', async (t) => {
    const opened = await world.open(t)
    const { log } = opened
    const marker = { producerId, producerEpoch: 0, coordinatorEpoch: 0 }
    await log.append(sent(0, true)).acknowledged
    await log.endTransaction({ ...marker, commit: false }).acknowledged
    await log.append(sent(1, true)).acknowledged
    await log.endTransaction({ ...marker, commit: false }).acknowledged
    assert.deepEqual([log.highWatermark, log.lastStableOffset], [4, 4])
    for await (const cut of cutAndReopened(opened, 3)) {
      assert.deepEqual([cut.highWatermark, cut.lastStableOffset], [3, 2])
      assert.deepEqual(cut.abortedTransactions(0, 2), [{ producerId, firstOffset: 0 }])
    }
    const again = await opened.reopen()
    await again.endTransaction({ ...marker, commit: true }).acknowledged
    assert.deepEqual([again.highWatermark, again.lastStableOffset], [4, 4])
    assert.deepEqual(again.abortedTransactions(0, 4), [{ producerId, firstOffset: 0 }])
  })
}

function keyed(key: string, timestamp: number): RecordBatch {
  return buildBatch([{ key: Buffer.from(key), value: Buffer.from('v'), timestamp }])
}

function lookupCases(world: LogWorld): void {
  test('times and keys lead to what is there', async (t) => {
    const opened = await world.open(t, { 'key.index.enable': 'true' })
    const { log } = opened
    for (const [i, key] of ['a', 'b', 'a', 'c'].entries()) await log.append(keyed(key, 1000 + i)).acknowledged
    assert.deepEqual(await opened.find('a'), [2, 0])
    for await (const cut of cutAndReopened(opened, 2)) {
      assert.deepEqual(await opened.find('a'), [0])
      assert.deepEqual(await opened.find('c'), [])
      assert.deepEqual(await cut.offsetForTimestamp(1001), { offset: 1, timestamp: 1001 })
      assert.equal(await cut.offsetForTimestamp(1002), undefined)
      assert.deepEqual(await cut.offsetOfMaxTimestamp(), { offset: 1, timestamp: 1001 })
    }
    const again = await opened.reopen()
    await again.append(keyed('c', 2000)).acknowledged
    assert.deepEqual(await opened.find('c'), [2])
    assert.deepEqual(await opened.find('a'), [0])
    assert.deepEqual(await again.offsetForTimestamp(1002), { offset: 2, timestamp: 2000 })
  })
}
