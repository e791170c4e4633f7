/** What other copies lack is cut off once another one leads: until they have it, nothing gives way to it. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../sim/manual-clock.js'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { SeededRandomness } from '../../sim/seeded-randomness.js'
import { buildBatch } from '../../src/records/builder.js'
import { MessageStore } from '../../src/storage/message-store.js'
import type { PartitionLog } from '../../src/storage/partition-log.js'
import { entriesOf, latestOf, smallSegments } from './compacting.js'
import { until } from './support.js'

const padding = '.'.repeat(90)

/** A store whose log shows what lies below `shown`, with ten messages of one key. */
async function heldBackStore(policy: 'compact' | 'delete') {
  let shown = 0
  const settings = {
    ...smallSegments(),
    'log.cleanup.policy': [policy],
    'log.retention.ms': policy === 'delete' ? 1000 : -1,
  } as ReturnType<typeof smallSegments>
  const clock = new ManualClock()
  const elsewhere = {
    shownUpTo: (own: PartitionLog) => Math.min(own.highWatermark, shown),
    isCopy: false,
    epochOfNewLogs: 0,
    topicsChanged: async () => {},
  }
  const randomness = new SeededRandomness(1)
  const store = await MessageStore.open('/data', { disk: new MemoryDisk(), settings, clock, randomness, elsewhere })
  await store.createTopic({ name: 'orders', partitions: 1, config: {} })
  const log = () => {
    const found = store.heldBack('orders', 0)
    if (found === undefined) throw new Error('the log is there')
    return found
  }
  const put = async (key: string, value: string): Promise<void> => {
    const record = { key: Buffer.from(key), value: Buffer.from(`${value}${padding}`), timestamp: clock.now() }
    await log().append(buildBatch([record])).stored
  }
  return {
    store,
    clock,
    log,
    put,
    show: (offset: number) => {
      shown = offset
      log().look()
    },
  }
}

test('a message that others have is not compacted away for one that they lack', async () => {
  const { store, log, put, show } = await heldBackStore('compact')
  await put('key', 'that all have ')
  for (let i = 0; i < 10; i++) await put(`other ${i}`, '')
  show(11)
  for (let i = 0; i < 10; i++) await put('key', 'that nobody else has ')
  await store.compactTopic('orders')
  await store.cutBack([{ topic: 'orders', partition: 0, offset: 11 }])
  show(11)
  await until(() => log().highWatermark === 11)
  assert.equal(latestOf(await entriesOf(log())).get('key'), `that all have ${padding}`)
  await store.close()
})

test('once they have it too, it is', async () => {
  const { store, log, put, show } = await heldBackStore('compact')
  for (let i = 0; i < 20; i++) await put('key', `${i}`)
  show(20)
  await store.compactTopic('orders')
  assert.ok((await entriesOf(log())).length < 5)
  await store.close()
})

test('retention deletes nothing that others lack', async () => {
  const { store, clock, log, put, show } = await heldBackStore('delete')
  for (let i = 0; i < 20; i++) await put('key', `${i}`)
  show(9)
  clock.advance(1_000_000)
  await store.runChore('retention')
  const { logStartOffset } = log()
  assert.ok(logStartOffset > 0 && logStartOffset <= 9, `it begins at ${logStartOffset}`)
  show(20)
  await store.runChore('retention')
  assert.equal(log().logStartOffset, 20)
  await store.close()
})
