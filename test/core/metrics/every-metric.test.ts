/**
 * The whole table against a store and a broker that do everything that is counted: each metric moves, and Prometheus's own
 * tool has nothing to say against the text.
 */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { FaultDisk } from '../../../sim/fault-disk.js'
import { ManualClock } from '../../../sim/manual-clock.js'
import { MemoryDisk } from '../../../sim/memory-disk.js'
import { SeededRandomness } from '../../../sim/seeded-randomness.js'
import { Broker } from '../../../src/broker/broker.js'
import { Queue } from '../../../src/client/queue.js'
import { MetricsRegistry } from '../../../src/core/metrics/registry.js'
import type { MetricsSnapshot } from '../../../src/core/metrics/snapshot.js'
import { type MetricName, metricNames, metricsTable } from '../../../src/core/metrics/table.js'
import { makeTemporaryDirectory } from '../../../src/files/temporary-directory.js'
import { RemoteBroker } from '../../../src/kafka/remote-broker.js'
import { KafkaServer } from '../../../src/kafka/server.js'
import { MessageStore } from '../../../src/storage/message-store.js'
import { Nodes, untilInSync, untilLeads } from '../../replication/nodes.js'
import { put, smallSegments } from '../../storage/compacting.js'
import { batchOf } from '../../storage/support.js'
import { runProgram, withoutPromtool } from '../../support/tools.js'

/** 0 where all is well and nobody is waiting; each has a test of its own that sees it move. */
const mayBeZero: ReadonlySet<MetricName> = new Set([
  'mq_waiting_appends',
  'mq_mapped_bytes',
  'mq_log_undurable_messages',
  'mq_durable_calls_waiting',
  'mq_damaged_partitions',
  'mq_replica_lag_messages',
  'mq_replica_lag_seconds',
])

/** A broker on a real disk, behind a socket, with a group at work. */
async function serving(look: (metrics: MetricsRegistry) => Promise<void>): Promise<void> {
  const directory = await makeTemporaryDirectory('holdfast-every-metric-')
  const metrics = new MetricsRegistry()
  const settings = { 'group.initial.rebalance.delay.ms': 0 }
  const broker = await Broker.open(directory.path, { settings, metrics })
  const server = await KafkaServer.listen(broker, { host: '127.0.0.1', port: 0, metrics })
  const mq = new Queue(await RemoteBroker.connect(`127.0.0.1:${server.port}`))
  try {
    await mq.topics.create('orders', { partitions: 1 })
    await mq.topics.create('many', { partitions: 1, config: { 'storage.layout': 'commitlog' } })
    const messages = Array.from({ length: 4 }, (_, i) => ({ value: `${i}` }))
    await mq.sendMany('orders', messages)
    await mq.sendMany('many', messages)
    await assert.rejects(mq.topics.create('orders'))
    for await (const message of mq.consume('orders', { group: 'billing' })) {
      await message.ack()
      if (message.offset === 1) break
    }
    const live = mq.consume('many', { group: 'watching' })
    const first = await live[Symbol.asyncIterator]().next()
    assert.equal(first.done, false)
    // Long enough for the event loop's timer.
    await new Promise((resolve) => setTimeout(resolve, 150))
    await look(metrics)
  } finally {
    await mq.close()
    await server.close()
    await broker.close()
    await directory.remove()
  }
}

/** A store whose clock and disk can be told what to do. */
async function upkeep(look: (metrics: MetricsRegistry) => Promise<void>): Promise<void> {
  const metrics = new MetricsRegistry()
  const clock = new ManualClock()
  const memory = new MemoryDisk()
  const randomness = new SeededRandomness(1)
  const settings = smallSegments({ 'log.retention.ms': 1000 })
  const first = await MessageStore.open('/data', { disk: memory, clock, randomness, settings })
  await first.createTopic({ name: 'latest', partitions: 1 })
  await first.createTopic({ name: 'old', partitions: 2, config: { 'cleanup.policy': 'delete' } })
  const write = async (store: MessageStore, topic: string): Promise<void> => {
    const log = store.log(topic, 0)
    assert.ok(log)
    for (let i = 0; i < 20; i++) await put(log, [['k', `${i}`.padEnd(100, '.')]], { timestamp: clock.now() })
  }
  await write(first, 'old')
  const slow = new FaultDisk(memory.afterKill(), async ({ operation }) => {
    if (operation === 'read') clock.advance(1)
    return undefined
  })
  const store = await MessageStore.open('/data', { disk: slow, clock, randomness, settings, metrics })
  await metrics.snapshot()
  await write(store, 'latest')
  await store.compactTopic('latest')
  await store.runChore('index sizes')
  await clock.run(20_000)
  const grown = await metrics.snapshot()
  assert.ok((grown.value('mq_store_hourly_growth_bytes') ?? 0) !== 0)
  await store.runChore('retention')
  const run = () => Promise.reject(new Error('cannot'))
  store.addChore({ name: 'sweeping', intervalMs: 60_000, run })
  await assert.rejects(store.runChore('sweeping'))
  slow.judge = ({ operation }) => (operation === 'write' ? 'EIO' : undefined)
  await assert.rejects(async () => store.log('old', 1)?.append(batchOf(['a'])).acknowledged)
  slow.judge = () => undefined
  await look(metrics)
  await store.close().catch(() => {})
}

/** A primary with a replica. */
async function replicating(t: TestContext, look: (metrics: MetricsRegistry) => Promise<void>): Promise<void> {
  const metrics = new MetricsRegistry()
  const nodes = new Nodes(t, {}, metrics)
  const primary = await nodes.start(1)
  await untilLeads(primary)
  await nodes.start(2)
  await untilInSync(primary, [1, 2])
  await look(metrics)
}

function isThere(name: MetricName, { values, histograms }: MetricsSnapshot): boolean {
  const { kind } = metricsTable[name]
  if (kind === 'histogram')
    return (histograms as Record<string, readonly { count: number }[]>)[name]?.some(({ count }) => count > 0) ?? false
  const series = (values as Record<string, readonly { value: number }[] | undefined>)[name] ?? []
  return series.some(({ value }) => value !== 0 || mayBeZero.has(name))
}

test('every metric of the table moves where what it counts happens', async (t) => {
  const seen = new Set<MetricName>()
  const note = async (metrics: MetricsRegistry): Promise<void> => {
    const snapshot = await metrics.snapshot()
    for (const name of metricNames) if (isThere(name, snapshot)) seen.add(name)
  }
  await serving(note)
  await upkeep(note)
  await replicating(t, note)
  assert.deepEqual(
    metricNames.filter((name) => !seen.has(name)),
    process.platform === 'linux' ? [] : ['mq_open_files'],
  )
})

test('promtool finds nothing to say against the text', { skip: withoutPromtool() }, async (t) => {
  const check = async (metrics: MetricsRegistry): Promise<void> => {
    const { code, stderr } = await runProgram('promtool', ['check', 'metrics'], { input: await metrics.text() })
    assert.equal(stderr, '')
    assert.equal(code, 0)
  }
  await serving(check)
  await upkeep(check)
  await replicating(t, check)
})
