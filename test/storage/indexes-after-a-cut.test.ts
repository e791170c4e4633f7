/**
 * A log whose end was cut off grows past it with some of the same batches, as it does when producers send again to another
 * leader. The indexes of before the cut must not be taken for its own by the start after a crash.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../sim/manual-clock.js'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { SeededRandomness } from '../../sim/seeded-randomness.js'
import type { RecordBatch } from '../../src/records/batch.js'
import { verify } from '../../src/storage/inspect/verify.js'
import { MessageStore } from '../../src/storage/message-store.js'
import { appendAll, logOf, mib, settingsWith, sizedBatch } from './support.js'

const dataPath = '/data'
const tools = (disk: MemoryDisk) => ({
  disk,
  clock: new ManualClock(),
  randomness: new SeededRandomness(7),
  // An entry for each batch.
  settings: settingsWith({ 'log.segment.bytes': mib, 'log.index.interval.bytes': 1, 'file.preallocate': 'none' }),
})

const started = 1_700_000_000_000
const at = (ms: number): RecordBatch => sizedBatch(200, `${ms}`, { timestamp: started + ms })

test('every time is found after a cut, a crash and the start that follows', async () => {
  const disk = new MemoryDisk()
  const store = await MessageStore.open(dataPath, tools(disk))
  await store.createTopic({ name: 'orders', partitions: 1 })
  await appendAll(logOf(store), [0, 1, 4, 5].map(at))
  await store.cutBack([{ topic: 'orders', partition: 0, offset: 2 }])
  // At the end stands the batch that stood there before, and before it one of a later time.
  await appendAll(logOf(store), [8, 5].map(at))
  await store.runChore('recovery point checkpoint')
  for (const after of [disk.afterKill(), disk.afterCrash(new SeededRandomness(1))]) {
    const reopened = await MessageStore.open(dataPath, tools(after))
    assert.equal((await logOf(reopened).offsetForTimestamp(started + 6))?.offset, 2)
    await reopened.close()
    assert.deepEqual((await verify(dataPath, { disk: after, clock: new ManualClock() })).findings, [])
  }
  await store.close()
})
