/** What a broker counts of what goes in and out, of groups, and of what it refuses. */

import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { test } from 'node:test'
import { ManualClock, settled } from '../../sim/manual-clock.js'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { SeededRandomness } from '../../sim/seeded-randomness.js'
import { Broker } from '../../src/broker/broker.js'
import { watchGroups } from '../../src/broker/group-metrics.js'
import type { CommittedOffset, GroupState } from '../../src/broker/groups/contract.js'
import { Queue } from '../../src/client/queue.js'
import type { SendEvent } from '../../src/core/channels.js'
import { MetricsRegistry } from '../../src/core/metrics/registry.js'
import { mostSeries, othersLabel } from '../../src/core/metrics/table.js'
import { batchOf } from '../storage/support.js'

async function world(clock?: ManualClock) {
  const metrics = new MetricsRegistry()
  const broker = await Broker.open('/data', {
    disk: new MemoryDisk(),
    randomness: new SeededRandomness(1),
    settings: { 'message.max.bytes': 2000, 'group.initial.rebalance.delay.ms': 0 },
    clock,
    metrics,
  })
  return { broker, look: () => metrics.snapshot() }
}

function fetchOf(offset: number, maxWaitMs = 0) {
  const position = { topic: 'orders', partition: 0, offset, maxBytes: 1_000_000, currentLeaderEpoch: -1 }
  return { positions: [position], maxBytes: 1_000_000, minBytes: 1, maxWaitMs }
}

test('what is produced is counted when it is acknowledged, and timed end to end', async () => {
  const clock = new ManualClock()
  const { broker, look } = await world(clock)
  await broker.createTopic({ name: 'orders', partitions: 1 })
  const { bytes } = batchOf(['a', 'b', 'c'], { timestamp: clock.now() })
  await broker.produce({ topic: 'orders', partition: 0, batch: bytes })
  const found = await look()
  assert.equal(found.value('mq_appended_messages_total'), 3)
  assert.equal(found.value('mq_appended_batches_total'), 1)
  assert.equal(found.value('mq_appended_bytes_total'), bytes.length)
  assert.deepEqual(found.histogram('mq_append_duration_seconds')?.count, 1)
  await broker.close()
})

test('a fetch is counted with what it gave, and timed apart where it waited', async () => {
  const clock = new ManualClock()
  const { broker, look } = await world(clock)
  await broker.createTopic({ name: 'orders', partitions: 1 })
  const produce = (values: readonly string[]) =>
    broker.produce({ topic: 'orders', partition: 0, batch: batchOf(values, { timestamp: clock.now() }).bytes })
  await produce(['a', 'b'])
  await produce(['c'])
  const [{ records }] = await broker.fetch(fetchOf(0))
  const waiting = broker.fetch(fetchOf(3, 500))
  await settled()
  await clock.run(500)
  await waiting
  const found = await look()
  assert.equal(found.value('mq_fetched_messages_total'), 3)
  assert.equal(
    found.value('mq_fetched_bytes_total'),
    records.reduce((sum, { length }) => sum + length, 0),
  )
  assert.deepEqual(found.histogram('mq_fetch_duration_seconds', { outcome: 'immediate' })?.count, 1)
  assert.deepEqual(found.histogram('mq_fetch_duration_seconds', { outcome: 'waited' })?.sum, 0.5)
  await broker.close()
})

test('every refusal is counted by its code: thrown, told of a partition, and told in a list', async () => {
  const { broker, look } = await world()
  await broker.createTopic({ name: 'orders', partitions: 1 })
  const tooLarge = { topic: 'orders', partition: 0, batch: batchOf(['x'.repeat(3000)]).bytes }
  await assert.rejects(broker.produce(tooLarge), { code: 'MESSAGE_TOO_LARGE' })
  await assert.rejects(broker.createTopic({ name: 'orders', partitions: 1 }), { code: 'TOPIC_ALREADY_EXISTS' })
  assert.throws(() => broker.activeProducers({ topic: 'none', partition: 0 }), { code: 'UNKNOWN_TOPIC_OR_PARTITION' })
  const [{ error }] = await broker.fetch(fetchOf(99))
  assert.equal(error?.code, 'OFFSET_OUT_OF_RANGE')
  const commit = { groupId: 'g', memberId: '', groupInstanceId: null, generationId: -1 }
  const nowhere = { topic: 'none', partition: 0, offset: 1, leaderEpoch: -1, metadata: '' }
  await broker.commitOffsets({ ...commit, offsets: [nowhere] })
  const found = await look()
  assert.equal(found.value('mq_refused_requests_total', { error: 'MESSAGE_TOO_LARGE' }), 1)
  assert.equal(found.value('mq_refused_requests_total', { error: 'TOPIC_ALREADY_EXISTS' }), 1)
  assert.equal(found.value('mq_refused_requests_total', { error: 'OFFSET_OUT_OF_RANGE' }), 1)
  assert.equal(found.value('mq_refused_requests_total', { error: 'UNKNOWN_TOPIC_OR_PARTITION' }), 2)
  assert.equal(found.value('mq_appended_messages_total'), 0)
  await broker.close()
})

test('groups tell their members, rebalances and how far behind they are', async () => {
  const { broker, look } = await world()
  const mq = new Queue(broker)
  await mq.topics.create('orders', { partitions: 2 })
  await mq.sendMany(
    'orders',
    Array.from({ length: 10 }, (_, i) => ({ value: `${i}`, partition: i % 2 })),
  )
  let left = 4
  for await (const message of mq.consume('orders', { group: 'billing', from: 'earliest' })) {
    await message.ack()
    if (left === 4) {
      const during = await look()
      assert.equal(during.value('mq_consumer_group_members', { group: 'billing' }), 1)
      assert.equal(during.value('mq_consumer_groups', { state: 'Stable' }), 1)
      assert.equal(during.value('mq_rebalances_total'), 1)
    }
    if (--left === 0) break
  }
  const behind = (await mq.groups.offsets('billing')).reduce((sum, { lag }) => sum + (lag ?? 0), 0)
  const found = await look()
  const lag = found.value('mq_consumer_lag', { group: 'billing', topic: 'orders' })
  assert.equal(lag, behind)
  assert.equal(found.value('mq_consumer_group_members', { group: 'billing' }), 0)
  await mq.close()
})

test('groups beyond those that have series of their own are summed', async () => {
  const metrics = new MetricsRegistry()
  const all = new Map(
    Array.from({ length: mostSeries }, (_, i) => {
      const offset: CommittedOffset = {
        topic: 't',
        partition: 0,
        offset: 90,
        leaderEpoch: -1,
        metadata: '',
        commitTimestamp: 0,
      }
      return [`g${i}`, { state: 'Empty' as GroupState, size: 1, offsets: { all: () => [offset] } }] as const
    }),
  )
  watchGroups(metrics, { all: () => all, log: () => ({ highWatermark: 100, logStartOffset: 95 }) })
  const found = await metrics.snapshot()
  const series = (found.values.mq_consumer_lag?.length ?? 0) + (found.values.mq_consumer_group_members?.length ?? 0)
  assert.ok(series <= mostSeries + 2, `${series}`)
  assert.equal(found.value('mq_consumer_lag'), mostSeries * 5, 'what was deleted is no lag')
  assert.ok((found.value('mq_consumer_lag', { group: othersLabel }) ?? 0) > 0)
  assert.equal(found.value('mq_consumer_groups', { state: 'Empty' }), mostSeries)
})

test('an event says why a batch was refused, and nothing is counted where nobody counts', async (t) => {
  const heard: SendEvent[] = []
  const listen = (event: unknown): void => void heard.push(event as SendEvent)
  subscribe('holdfast:send', listen)
  t.after(() => unsubscribe('holdfast:send', listen))
  const broker = await Broker.open('/data', { disk: new MemoryDisk() })
  const garbage = { topic: 'orders', partition: 0, batch: Buffer.alloc(3) }
  await assert.rejects(broker.produce(garbage))
  assert.deepEqual([heard[0].baseOffset, heard[0].bytes, heard[0].messages], [-1, 3, 0])
  assert.equal(heard[0].error?.code, 'UNKNOWN_TOPIC_OR_PARTITION')
  await broker.close()
})
