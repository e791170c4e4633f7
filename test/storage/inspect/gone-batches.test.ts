/** What producers wrote is known when the batches are gone, by snapshots and indexes alone, and nothing is wrong with that. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryDisk } from '../../../sim/memory-disk.js'
import { buildBatch } from '../../../src/records/builder.js'
import { MessageStore } from '../../../src/storage/message-store.js'
import { SegmentLog } from '../../../src/storage/segments/segment-log.js'
import { openOn, put, smallSegments } from '../compacting.js'
import { appendAll, batchOf, logOf } from '../support.js'
import { brief, check, dataPath, storeTools } from './world.js'

test('aborted transactions that reach over the start of a log have nothing to be found', async () => {
  const disk = new MemoryDisk()
  const store = await MessageStore.open(dataPath, storeTools(disk))
  await store.createTopic({ name: 'orders', partitions: 1 })
  await disk.replaceFile(`${store.configPath}/producer-ids.json`, Buffer.from('{"version":1,"nextProducerId":10}\n'))
  const log = logOf(store)
  assert.ok(log instanceof SegmentLog)
  const of = (producerId: number, baseSequence: number) =>
    batchOf(['a', 'b'], { producerId, producerEpoch: 0, baseSequence, isTransactional: true })
  await appendAll(log, [of(1, 0), of(2, 0)])
  assert.ok(await log.rollAt(log.logEndOffset))
  await appendAll(log, [of(1, 2), of(2, 2)])
  for (const producerId of [2, 1]) {
    const end = { producerId, producerEpoch: 0, coordinatorEpoch: 0, commit: false }
    await log.endTransaction(end).acknowledged
  }
  await log.deleteRecordsBefore(4)
  await store.close()
  assert.deepEqual(brief(await check(disk)), [])
})

test('a producer whose batches were compacted away is known by the snapshots alone', async () => {
  const disk = new MemoryDisk()
  const store = await openOn(disk, smallSegments())
  await store.createTopic({ name: 'orders', partitions: 1 })
  await disk.replaceFile(`${store.configPath}/producer-ids.json`, Buffer.from('{"version":1,"nextProducerId":10}\n'))
  const log = logOf(store)
  const producer = { producerId: 1, producerEpoch: 0 }
  for (let life = 0; life < 3; life++) {
    const records = ['a', 'b'].map((key) => ({ key: Buffer.from(key), value: Buffer.from('v'), timestamp: 1 }))
    await appendAll(log, [buildBatch(records, { ...producer, baseSequence: 2 * life, isTransactional: true })])
    await log.endTransaction({ ...producer, coordinatorEpoch: 0, commit: true }).acknowledged
    for (let i = 0; i < 50; i++) await put(log, [[`${'ab'[i % 2]}${i > 40 ? i : ''}`, `value ${i} ${'.'.repeat(60)}`]])
  }
  await store.runChore('compaction')
  await store.close()
  assert.deepEqual(brief(await check(disk, store.path)), [])
})
