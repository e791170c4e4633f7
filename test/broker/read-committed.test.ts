/** Fetches of committed records: what they give, what they wait for, and that they wait without work. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, settled } from '../../sim/manual-clock.js'
import { MemoryDisk } from '../../sim/memory-disk.js'
import type { FetchRequest } from '../../src/broker/contract.js'
import { fetchRecords } from '../../src/broker/fetching.js'
import { findOffset } from '../../src/broker/finding-offsets.js'
import { batchesIn } from '../../src/records/batch.js'
import { MessageStore } from '../../src/storage/message-store.js'
import type { PartitionLog } from '../../src/storage/partition-log.js'
import { batchOf, turns } from '../storage/support.js'
import { writeTransactions } from '../support/transactional-topic.js'

async function openStore(disk = new MemoryDisk()) {
  const store = await MessageStore.open('/data', { disk, clock: new ManualClock() })
  if (store.topic('orders') === undefined) await store.createTopic({ name: 'orders', partitions: 1 })
  const log = store.log('orders', 0)
  assert.ok(log)
  return { store, disk, log }
}

const within = (producerId: number, baseSequence = 0, bytes = 1) =>
  batchOf(['x'.repeat(bytes)], { producerId, producerEpoch: 0, baseSequence, isTransactional: true })
const ending = (producerId: number, commit = true) => ({ producerId, producerEpoch: 0, coordinatorEpoch: 0, commit })

/** A fetch that waits for a minute of a clock that stands still. */
function waitingFetch(log: PartitionLog, change: Partial<FetchRequest> & { offset: number }) {
  const { offset, ...request } = change
  let reads = 0
  const watched = new Proxy(log, {
    get(target, name) {
      if (name === 'read') reads++
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  const positions = [{ topic: 'orders', partition: 0, offset, maxBytes: 1 << 20, currentLeaderEpoch: -1 }]
  const asked = {
    positions,
    maxBytes: 1 << 20,
    minBytes: 1,
    maxWaitMs: 60_000,
    isolation: 'committed',
    ...request,
  } as const
  let isDone = false
  const answer = fetchRecords(asked, () => watched, new ManualClock(), new AbortController().signal).then(([found]) => {
    isDone = true
    return {
      ...found,
      bases: found.records.flatMap((bytes) => [...batchesIn(bytes)].map(({ baseOffset }) => baseOffset)),
    }
  })
  return { answer, isDone: () => isDone, reads: () => reads }
}

test('gives what is decided, with what was aborted of it, at either level', async () => {
  const { store, log } = await openStore()
  await writeTransactions(log)
  const committed = await waitingFetch(log, { offset: 0 }).answer
  assert.deepEqual(committed.bases, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12])
  assert.deepEqual(committed.aborted, [{ producerId: 2, firstOffset: 2 }])
  assert.deepEqual([committed.lastStableOffset, committed.highWatermark], [13, 15])
  const behind = await waitingFetch(log, { offset: 9 }).answer
  assert.deepEqual([behind.bases, behind.aborted], [[9, 11, 12], []])
  const all = await waitingFetch(log, { offset: 0, isolation: 'uncommitted' }).answer
  assert.deepEqual([all.bases.at(-1), all.bases.length, all.aborted, all.lastStableOffset], [14, 14, undefined, 13])
  // With no room for it there is nothing, and nothing that was aborted.
  const none = await waitingFetch(log, { offset: 0, maxBytes: -1, maxWaitMs: 0 }).answer
  assert.ok(none.bases.length <= 1 && none.aborted?.length === 0)
  await store.close()
})

test('waits at an open transaction without reading again, whatever is appended behind it, until it ends', async () => {
  for (const commit of [true, false]) {
    const { store, log } = await openStore()
    await log.append(within(1)).acknowledged
    const fetch = waitingFetch(log, { offset: 0 })
    await settled()
    for (let i = 0; i < 20; i++) await log.append(batchOf(['behind'])).acknowledged
    await turns()
    assert.deepEqual([fetch.isDone(), fetch.reads()], [false, 1])
    await log.endTransaction(ending(1, commit)).acknowledged
    const { bases, aborted } = await fetch.answer
    assert.equal(bases.length, 22)
    assert.deepEqual(aborted, commit ? [] : [{ producerId: 1, firstOffset: 0 }])
    assert.equal(fetch.reads(), 2)
    await store.close()
  }
})

test('waits for as many bytes as were asked for, counting what is decided only', async () => {
  const { store, log } = await openStore()
  const fetch = waitingFetch(log, { offset: 0, minBytes: 3000 })
  await settled()
  await log.append(within(1, 0, 1000)).acknowledged
  await log.append(within(2, 0, 2000)).acknowledged
  await log.endTransaction(ending(1)).acknowledged
  await turns()
  assert.deepEqual([fetch.isDone(), fetch.reads()], [false, 1])
  await log.endTransaction(ending(2)).acknowledged
  assert.equal((await fetch.answer).bases.length, 4)
  await store.close()
})

test('wakes also where the transaction was open before the log was opened, however much of it there is', async () => {
  const before = await openStore()
  await before.log.append(within(1, 0, 5000)).acknowledged
  await before.log.append(within(2, 0, 5000)).acknowledged
  await before.store.close()
  const { store, log } = await openStore(before.disk)
  const first = waitingFetch(log, { offset: 0, minBytes: 5000 })
  const both = waitingFetch(log, { offset: 0, minBytes: 10_000 })
  await settled()
  await log.endTransaction(ending(1)).acknowledged
  assert.deepEqual((await first.answer).bases, [0])
  await turns()
  assert.equal(both.isDone(), false)
  await log.endTransaction(ending(2)).acknowledged
  assert.deepEqual((await both.answer).bases, [0, 1, 2, 3])
  await store.close()
})

test('a position behind what is decided waits like one at its end', async () => {
  const { store, log } = await openStore()
  await log.append(within(1)).acknowledged
  await log.append(batchOf(['a'])).acknowledged
  const fetch = waitingFetch(log, { offset: 1 })
  await turns()
  assert.equal(fetch.isDone(), false)
  await log.endTransaction(ending(1)).acknowledged
  assert.deepEqual((await fetch.answer).bases, [1, 2])
  await store.close()
})

test('the end of a log, and times in it, are found below the last stable offset', async () => {
  const { store, log } = await openStore()
  await log.append(batchOf(['a'], { timestamp: 10 })).acknowledged
  await log.append(within(1)).acknowledged
  await log.append(batchOf(['b'], { timestamp: 20 })).acknowledged
  assert.equal((await findOffset(log, 'latest', 'uncommitted')).offset, 3)
  assert.equal((await findOffset(log, 'latest', 'committed')).offset, 1)
  assert.equal((await findOffset(log, 'earliest', 'committed')).offset, 0)
  assert.deepEqual(await findOffset(log, 5, 'committed'), { offset: 0, timestamp: 10 })
  assert.equal((await findOffset(log, 15, 'uncommitted')).offset, 1)
  assert.deepEqual(await findOffset(log, 15, 'committed'), { offset: -1, timestamp: -1 })
  assert.deepEqual(await findOffset(log, 'maxTimestamp', 'committed'), { offset: -1, timestamp: -1 })
  await log.endTransaction(ending(1)).acknowledged
  assert.equal((await findOffset(log, 'latest', 'committed')).offset, 4)
  await store.close()
})
