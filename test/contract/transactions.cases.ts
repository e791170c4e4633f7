/** What every PartitionLog promises about transactions. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { batchesIn, RecordBatch } from '../../src/records/batch.js'
import { endMarkerOf } from '../../src/records/end-marker.js'
import type { PartitionLog, TransactionMarker } from '../../src/storage/partition-log.js'
import { batchOf, gate, mib, readAll, turns, until } from '../storage/support.js'
import { beforeAndAfter, type LogWorld } from './partition-log.cases.js'

function sent(producerId: number, baseSequence = 0, { count = 1, producerEpoch = 0 } = {}): RecordBatch {
  const values = Array.from({ length: count }, (_, i) => `${producerId}:${baseSequence + i}`)
  // Of today, as the markers are: a log rolls where a batch is a week younger than the first of its segment.
  return batchOf(values, { producerId, producerEpoch, baseSequence, isTransactional: true, timestamp: Date.now() })
}

function marker(producerId: number, commit: boolean, others: Partial<TransactionMarker> = {}): TransactionMarker {
  return { producerId, commit, producerEpoch: 0, coordinatorEpoch: 0, ...others }
}

/** Base offsets of what a reader of committed records gets, and what it is told was aborted. */
async function committedFrom(log: PartitionLog, offset: number, maxBytes = mib) {
  const { records, aborted } = await log.read(offset, maxBytes, { committed: true })
  const bases = records.flatMap((bytes) => [...batchesIn(bytes)].map(({ baseOffset }) => baseOffset))
  return { bases, aborted }
}

export function transactionCases(world: LogWorld): void {
  describe(`transactions, ${world.name}`, () => {
    test('the last stable offset stays at the earliest transaction that is open', async (t) => {
      const opened = await world.open(t)
      const { log } = opened
      assert.equal(log.lastStableOffset, 0)
      await log.append(batchOf(['outside'], { timestamp: Date.now() })).acknowledged
      assert.equal(log.lastStableOffset, 1)
      for (const batch of [sent(1, 0, { count: 2 }), sent(2), sent(1, 2)]) await log.append(batch).acknowledged
      assert.deepEqual([log.lastStableOffset, log.highWatermark], [1, 5])
      const first = log.endTransaction(marker(2, false))
      assert.deepEqual([first.baseOffset, first.lastOffset, log.logEndOffset], [5, 5, 6])
      await first.acknowledged
      for await (const each of beforeAndAfter(opened)) {
        assert.deepEqual([each.lastStableOffset, each.highWatermark], [1, 6])
        assert.deepEqual(each.abortedTransactions(0, 1), [])
        assert.deepEqual(each.abortedTransactions(0, 6), [{ producerId: 2, firstOffset: 3 }])
        assert.deepEqual(await committedFrom(each, 0), { bases: [0], aborted: [] })
        assert.deepEqual(await committedFrom(each, 1), { bases: [], aborted: [] })
        assert.deepEqual(await committedFrom(each, 6), { bases: [], aborted: [] })
        assert.equal((await readAll(each)).length, 5)
      }
      const again = await opened.reopen()
      await again.append(sent(3)).acknowledged
      await again.endTransaction(marker(1, true)).acknowledged
      assert.deepEqual([again.lastStableOffset, again.highWatermark], [6, 8])
      assert.deepEqual(await committedFrom(again, 0), {
        bases: [0, 1, 3, 4, 5],
        aborted: [{ producerId: 2, firstOffset: 3 }],
      })
      assert.deepEqual(await committedFrom(again, 4, 1), {
        bases: [4],
        aborted: [{ producerId: 2, firstOffset: 3 }],
      })
      await again.endTransaction(marker(3, false)).acknowledged
      assert.deepEqual([again.lastStableOffset, again.highWatermark], [9, 9])
    })

    test('a transaction is open until its marker is visible', async (t) => {
      const { log, disk } = await world.open(t)
      await log.append(sent(1)).acknowledged
      const held = gate()
      const writes = disk.count('write')
      disk.judge = ({ operation }) => (operation === 'write' ? held.passed : undefined)
      const end = log.endTransaction(marker(1, false))
      await until(() => disk.count('write') > writes)
      await turns()
      assert.deepEqual([log.lastStableOffset, log.highWatermark, log.logEndOffset], [0, 1, 2])
      assert.deepEqual(await committedFrom(log, 0), { bases: [], aborted: [] })
      held.open()
      await end.acknowledged
      assert.deepEqual([log.lastStableOffset, log.highWatermark], [2, 2])
    })

    test('a marker that is refused by the disk ends nothing', async (t) => {
      const { log, disk } = await world.open(t)
      await log.append(sent(1)).acknowledged
      disk.judge = ({ operation }) => (operation === 'write' ? 'EIO' : undefined)
      await assert.rejects(log.endTransaction(marker(1, false)).acknowledged, { code: 'LOG_FAILED' })
      assert.deepEqual([log.lastStableOffset, log.highWatermark], [0, 1])
      assert.deepEqual(log.abortedTransactions(0, 1), [])
    })

    test('a marker is a control batch of 78 bytes, also where there is nothing to end', async (t) => {
      const { log } = await world.open(t)
      const end = { producerId: 7, producerEpoch: 3, coordinatorEpoch: 9 }
      await log.endTransaction({ ...end, commit: true }).acknowledged
      await log.endTransaction({ ...end, commit: false }).acknowledged
      const found = (await readAll(log)).map(({ bytes }) => new RecordBatch(bytes))
      for (const [batch, outcome] of [
        [found[0], 'COMMIT'],
        [found[1], 'ABORT'],
      ] as const) {
        assert.equal(batch.sizeInBytes, 78)
        assert.ok(batch.isControl && batch.isTransactional && batch.crcMatches())
        assert.deepEqual([batch.producerId, batch.producerEpoch, batch.baseSequence], [7, 3, -1])
        assert.deepEqual(endMarkerOf(batch), { outcome, coordinatorEpoch: 9 })
      }
      assert.deepEqual([log.lastStableOffset, log.abortedTransactions(0, 2)], [2, []])
    })

    test('markers of an older producer epoch, or of an older coordinator, are refused', async (t) => {
      const opened = await world.open(t)
      await opened.log.append(sent(1, 0, { producerEpoch: 4 })).acknowledged
      await opened.log.endTransaction(marker(1, true, { producerEpoch: 4, coordinatorEpoch: 6 })).acknowledged
      for await (const log of beforeAndAfter(opened)) {
        const end = (producerEpoch: number, coordinatorEpoch: number) => () =>
          log.endTransaction(marker(1, false, { producerEpoch, coordinatorEpoch }))
        assert.throws(end(3, 6), { code: 'INVALID_PRODUCER_EPOCH' })
        assert.throws(end(4, 5), { code: 'TRANSACTION_COORDINATOR_FENCED' })
      }
      const log = await opened.reopen()
      // As a coordinator does that fences a producer: the epoch is raised with the marker.
      await log.endTransaction(marker(1, false, { producerEpoch: 5, coordinatorEpoch: 6 })).acknowledged
      assert.throws(() => log.append(sent(1, 1, { producerEpoch: 4 })), { code: 'INVALID_PRODUCER_EPOCH' })
      assert.throws(() => log.append(sent(1, 1, { producerEpoch: 5 })), { code: 'OUT_OF_ORDER_SEQUENCE_NUMBER' })
      assert.equal(log.append(sent(1, 0, { producerEpoch: 5 })).duplicate, false)
    })

    test('a producer with a transaction open writes into it and nowhere else', async (t) => {
      const opened = await world.open(t)
      const outside = () => batchOf(['x'], { producerId: 1, producerEpoch: 0, baseSequence: 1 })
      await opened.log.append(sent(1)).acknowledged
      for await (const log of beforeAndAfter(opened)) {
        assert.throws(() => log.append(outside()), { code: 'INVALID_TXN_STATE' })
        assert.equal(log.append(sent(1)).duplicate, true)
        // Somebody else does not mind.
        await log.append(batchOf(['y'])).acknowledged
      }
      const log = await opened.reopen()
      log.endTransaction(marker(1, true))
      await log.append(outside()).acknowledged
      assert.equal(log.lastStableOffset, log.highWatermark)
    })

    test('what the broker writes in the name of a producer has no sequence', async (t) => {
      const opened = await world.open(t)
      const offsets = () => batchOf(['k'], { producerId: 1, producerEpoch: 0, isTransactional: true })
      for await (const log of beforeAndAfter(opened)) {
        for (let i = 0; i < 2; i++) assert.equal(log.append(offsets()).duplicate, false)
        assert.throws(() => log.append(batchOf(['x'], { producerId: 1, producerEpoch: 0 })), {
          code: 'INVALID_TXN_STATE',
        })
      }
    })

    test('tells who writes, and since where', async (t) => {
      const opened = await world.open(t)
      await opened.log.append(sent(1, 0, { count: 3 })).acknowledged
      await opened.log.append(sent(2)).acknowledged
      await opened.log.endTransaction(marker(2, true, { coordinatorEpoch: 8 })).acknowledged
      await opened.log.endTransaction(marker(3, true, { coordinatorEpoch: 9 })).acknowledged
      for await (const log of beforeAndAfter(opened)) {
        assert.deepEqual(
          log.activeProducers().map(({ lastWrittenMs, ...producer }) => {
            assert.ok(lastWrittenMs > 0)
            return Object.values(producer)
          }),
          [
            [1, 0, 2, -1, 0],
            [2, 0, 0, 8, -1],
            [3, 0, -1, 9, -1],
          ],
        )
      }
    })

    test('counts the bytes that became decided', async (t) => {
      const { log } = await world.open(t)
      const begin = log.stableBytes
      const append = async (batch: RecordBatch) => {
        await log.append(batch).acknowledged
        return batch.sizeInBytes
      }
      const plain = await append(batchOf(['a']))
      assert.equal(log.stableBytes - begin, plain)
      const one = await append(sent(1))
      const two = await append(sent(2))
      const more = await append(batchOf(['b']))
      assert.equal(log.stableBytes - begin, plain)
      await log.endTransaction(marker(1, true)).acknowledged
      assert.equal(log.stableBytes - begin, plain + one)
      await log.endTransaction(marker(2, true)).acknowledged
      assert.equal(log.stableBytes - begin, plain + one + two + more + 2 * 78)
      assert.equal(log.stableBytes, log.publishedBytes)
    })

    test('a log that is told to begin behind an open transaction is decided up to its begin at least', async (t) => {
      const opened = await world.open(t)
      await opened.log.append(sent(1, 0, { count: 2 })).acknowledged
      await opened.log.append(sent(1, 2)).acknowledged
      await opened.log.deleteRecordsBefore(2)
      for await (const log of beforeAndAfter(opened)) {
        assert.deepEqual([log.logStartOffset, log.lastStableOffset, log.highWatermark], [2, 2, 3])
        assert.throws(() => log.abortedTransactions(0, 3), { code: 'OFFSET_OUT_OF_RANGE' })
      }
      const log = await opened.reopen()
      await log.endTransaction(marker(1, false)).acknowledged
      assert.deepEqual(log.abortedTransactions(2, 4), [{ producerId: 1, firstOffset: 0 }])
      assert.equal(log.lastStableOffset, 4)
    })
  })
}
