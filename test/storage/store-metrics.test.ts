/** What a store counts and tells, over both layouts, on a disk and a clock that do what the test says. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultDisk } from '../../sim/fault-disk.js'
import { ManualClock, settled } from '../../sim/manual-clock.js'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { SeededRandomness } from '../../sim/seeded-randomness.js'
import { MetricsRegistry } from '../../src/core/metrics/registry.js'
import type { MetricsSnapshot } from '../../src/core/metrics/snapshot.js'
import { mostSeries, othersLabel } from '../../src/core/metrics/table.js'
import type { Settings } from '../../src/core/settings.js'
import type { Disk } from '../../src/files/disk.js'
import { nodeDisk } from '../../src/files/node-disk.js'
import { MessageStore } from '../../src/storage/message-store.js'
import type { PartitionLog } from '../../src/storage/partition-log.js'
import { put, smallSegments } from './compacting.js'
import { batchOf, settingsWith, sizedBatch, temporaryDirectory } from './support.js'

const smallCommitLog = { 'mapped.file.size.commitlog': 65_536, 'mapped.file.size.consumequeue': 6000 } as const

interface World {
  readonly store: MessageStore
  readonly metrics: MetricsRegistry
  readonly clock: ManualClock
  look(): Promise<MetricsSnapshot>
  log(topic: string, partition?: number): PartitionLog
}

async function world(settings: Settings, disk: Disk = new MemoryDisk(), clock = new ManualClock()): Promise<World> {
  const metrics = new MetricsRegistry()
  const randomness = new SeededRandomness(1)
  const store = await MessageStore.open('/data', { disk, settings, clock, randomness, metrics })
  return {
    store,
    metrics,
    clock,
    look: () => metrics.snapshot(),
    log(topic, partition = 0) {
      const log = store.log(topic, partition)
      assert.ok(log)
      return log
    },
  }
}

for (const layout of ['segments', 'commitlog'] as const) {
  const settings = (given = {}) => ({ ...settingsWith({ ...given, 'storage.layout': layout }), ...smallCommitLog })

  test(`a flush is counted once, by policy, with its messages: ${layout}`, async () => {
    const { store, look, log } = await world(settings())
    await store.createTopic({ name: 'orders', partitions: 1 })
    const appends = [batchOf(['a', 'b']), batchOf(['c'])].map((batch) => log('orders').append(batch).acknowledged)
    await Promise.all(appends)
    const found = await look()
    const labels = { policy: 'SYNC_FLUSH', layout }
    assert.equal(found.value('mq_flush_total', { layout, result: 'ok' }), 1)
    assert.equal(found.histogram('mq_flush_duration_seconds', labels)?.count, 1)
    assert.deepEqual(found.histogram('mq_messages_per_flush', labels)?.sum, 3)
    assert.equal(found.value('mq_waiting_appends', { layout }), 0)
    await store.close()
  })

  test(`a round that is held open shows who waits, and for how long it took: ${layout}`, async () => {
    const held = settings({ 'flush.disk.type': 'BATCH_FLUSH', 'flush.batch.size': 100, 'flush.interval.ms': 50 })
    const { store, look, log, clock } = await world(held)
    await store.createTopic({ name: 'orders', partitions: 1 })
    const { acknowledged } = log('orders').append(batchOf(['a']))
    await settled()
    assert.equal((await look()).value('mq_waiting_appends', { layout }), 1)
    await clock.run(50)
    await acknowledged
    const found = await look()
    assert.equal(found.value('mq_waiting_appends', { layout }), 0)
    assert.equal(found.histogram('mq_messages_per_flush', { policy: 'BATCH_FLUSH', layout })?.count, 1)
    await store.close()
  })

  test(`under ASYNC_FLUSH the sync is the flush, and the gap to it is shown: ${layout}`, async () => {
    const { store, look, log, clock } = await world(
      settings({ 'flush.disk.type': 'ASYNC_FLUSH', 'flush.interval.ms': 100 }),
    )
    await store.createTopic({ name: 'orders', partitions: 1 })
    await log('orders').append(batchOf(['a', 'b'])).acknowledged
    const place = { topic: 'orders', partition: '0' }
    const before = await look()
    assert.equal(before.value('mq_flush_total', { layout, result: 'ok' }), 0)
    assert.equal(before.value('mq_log_end_offset', place), 2)
    assert.equal(before.value('mq_log_durable_offset', place), 0)
    assert.equal(before.value('mq_log_undurable_messages', place), 2)
    await clock.run(100)
    await log('orders').flush()
    const after = await look()
    assert.equal(after.value('mq_flush_total', { layout, result: 'ok' }), 1)
    assert.equal(after.histogram('mq_messages_per_flush', { policy: 'ASYNC_FLUSH', layout })?.sum, 2)
    assert.equal(after.value('mq_log_undurable_messages', place), 0)
    await store.close()
  })

  test(`a flush that fails is counted, as are its disk call, its partition and those who waited: ${layout}`, async () => {
    const disk = new FaultDisk(new MemoryDisk())
    const { store, look, log } = await world(settings(), disk)
    await store.createTopic({ name: 'orders', partitions: 1 })
    disk.judge = ({ operation }) => (operation === 'write' || operation === 'sync' ? 'EIO' : undefined)
    await assert.rejects(log('orders').append(batchOf(['a'])).acknowledged)
    disk.judge = () => undefined
    const found = await look()
    assert.equal(found.value('mq_flush_total', { layout, result: 'failed' }), 1)
    assert.equal(found.value('mq_waiting_appends', { layout }), 0)
    assert.equal(found.value('mq_failed_partitions'), 1)
    const kind = layout === 'segments' ? 'log' : 'commit-log'
    assert.ok((found.value('mq_io_errors_total', { kind }) ?? 0) > 0)
    await store.close().catch(() => {})
  })

  test(`sizes, the disk, files and indexes are told: ${layout}`, async () => {
    const { store, look, log, clock } = await world(settings())
    await store.createTopic({ name: 'orders', partitions: 2 })
    await look()
    const batch = sizedBatch(2000)
    await log('orders').append(batch).acknowledged
    await clock.run(20_000)
    await store.runChore('index sizes')
    const found = await look()
    const size = found.value('mq_store_size_bytes', { layout }) ?? 0
    assert.ok(size >= batch.sizeInBytes && size < 2 * batch.sizeInBytes, `${size}`)
    assert.ok((found.value('mq_store_hourly_growth_bytes') ?? 0) > size)
    assert.equal(found.value('mq_topics'), 1)
    assert.equal(found.value('mq_partitions'), 2)
    assert.equal(found.value('mq_failed_partitions'), 0)
    assert.equal(found.value('mq_mapped_bytes'), 0)
    const kind = layout === 'segments' ? 'log' : 'commit-log'
    assert.ok((found.value('mq_io_bytes_total', { direction: 'written', kind }) ?? 0) >= batch.sizeInBytes)
    assert.ok((found.histogram('mq_chore_duration_seconds', { chore: 'index sizes' })?.count ?? 0) > 0)
    await store.close()
    assert.equal((await look()).value('mq_topics'), undefined, 'a closed store tells nothing')
  })
}

test('index files are told by kind', async () => {
  const settings = {
    ...settingsWith({}),
    ...smallCommitLog,
    'log.segment.bytes': 3000,
    'log.index.interval.bytes': 500,
  }
  const { store, look, log } = await world(settings)
  await store.createTopic({ name: 'orders', partitions: 1, config: { 'key.index.enable': 'true' } })
  await store.createTopic({ name: 'many', partitions: 1, config: { 'storage.layout': 'commitlog' } })
  for (let i = 0; i < 8; i++) await log('orders').append(sizedBatch(1000)).acknowledged
  await put(log('many'), [['k', 'v']])
  await store.flush()
  await store.runChore('commit log checkpoint')
  await store.runChore('index sizes')
  const found = await look()
  for (const kind of ['offset-index', 'time-index']) {
    assert.ok((found.value('mq_index_size_bytes', { kind }) ?? 0) > 0, kind)
  }
  await store.close()
})

test('what an opening scanned and cut is told', async () => {
  const memory = new MemoryDisk()
  const first = await world(settingsWith(), memory)
  await first.store.createTopic({ name: 'orders', partitions: 1 })
  await first.log('orders').append(sizedBatch(2000)).acknowledged
  const again = await world(settingsWith(), memory.afterKill())
  const found = await again.look()
  assert.equal(found.value('mq_recovery_bytes', { action: 'scanned' }), 2000)
  assert.equal(found.value('mq_recovery_bytes', { action: 'cut' }), 0)
  assert.equal(found.value('mq_recovery_duration_seconds'), 0)
  await again.store.close()
})

test('compaction and retention are counted', async () => {
  const clock = new ManualClock()
  const { store, look, log } = await world(smallSegments({ 'log.retention.ms': 1000 }), new MemoryDisk(), clock)
  await store.createTopic({ name: 'latest', partitions: 1 })
  await store.createTopic({ name: 'old', partitions: 1, config: { 'cleanup.policy': 'delete' } })
  for (let i = 0; i < 20; i++) {
    await put(log('latest'), [['k', `value ${i}`.padEnd(100, '.')]], { timestamp: clock.now() })
    await put(log('old'), [['k', `value ${i}`.padEnd(100, '.')]], { timestamp: clock.now() })
  }
  await store.compactTopic('latest')
  await clock.run(5000)
  await store.runChore('retention')
  const found = await look()
  assert.ok((found.value('mq_compaction_runs_total', { result: 'ok' }) ?? 0) > 0)
  assert.ok((found.value('mq_compaction_bytes_total', { direction: 'read' }) ?? 0) > 2000)
  assert.ok((found.value('mq_compaction_bytes_total', { direction: 'written' }) ?? 0) > 0)
  assert.ok((found.value('mq_retention_removed_bytes_total', { layout: 'segments' }) ?? 0) > 1000)
  await store.close()
})

test('a chore that fails is counted, and its duration too', async () => {
  const { store, look, clock } = await world(settingsWith())
  const run = async (): Promise<void> => {
    clock.advance(30)
    throw new Error('cannot')
  }
  store.addChore({ name: 'sweeping', intervalMs: 1000, run })
  await assert.rejects(store.runChore('sweeping'), /cannot/)
  const found = await look()
  assert.equal(found.value('mq_chore_failures_total', { chore: 'sweeping' }), 1)
  assert.equal(found.histogram('mq_chore_duration_seconds', { chore: 'sweeping' })?.sum, 0.03)
  await store.close()
})

test('more partitions than have series of their own are summed', async () => {
  const { store, look, log } = await world({ ...settingsWith({ 'storage.layout': 'commitlog' }), ...smallCommitLog })
  await store.createTopic({ name: 'many', partitions: mostSeries + 50 })
  for (const partition of [0, mostSeries, mostSeries + 1, mostSeries + 49]) {
    await log('many', partition).append(batchOf(['a', 'b'])).acknowledged
  }
  const found = await look()
  assert.equal(found.values.mq_log_end_offset?.length, mostSeries + 1)
  assert.equal(found.value('mq_log_end_offset', { topic: 'many', partition: '0' }), 2)
  assert.equal(found.value('mq_log_end_offset', { topic: othersLabel }), 6)
  assert.equal(found.value('mq_partitions'), mostSeries + 50)
  await store.close()
})

test('what is mapped for reading is told', {
  skip: nodeDisk.supportsMapping ? false : 'no mapping here',
}, async (t) => {
  const metrics = new MetricsRegistry()
  const settings = { ...settingsWith({}), 'log.segment.bytes': 3000 }
  const directory = await temporaryDirectory(t)
  const written = await MessageStore.open(directory, { settings })
  await written.createTopic({ name: 'orders', partitions: 1 })
  for (let i = 0; i < 8; i++) await written.log('orders', 0)?.append(sizedBatch(1000)).acknowledged
  await written.close()
  const store = await MessageStore.open(directory, { settings, metrics })
  const slice = await store.log('orders', 0)?.read(0, 500, { lend: true })
  assert.ok(((await metrics.snapshot()).value('mq_mapped_bytes') ?? 0) >= 2000)
  slice?.release?.()
  await store.close()
})

test('where a log begins is told when its front is deleted', async () => {
  const { store, look, log } = await world(settingsWith())
  await store.createTopic({ name: 'orders', partitions: 1 })
  await log('orders').append(batchOf(['a', 'b', 'c'])).acknowledged
  await log('orders').deleteRecordsBefore(2)
  assert.equal((await look()).value('mq_log_start_offset', { topic: 'orders', partition: '0' }), 2)
  await store.close()
})
