/** acks=all and min.insync.replicas: what is refused before it is stored, what after, and what does not ask. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { FaultDisk } from '../../sim/fault-disk.js'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { Broker } from '../../src/broker/broker.js'
import type { ProduceRequest } from '../../src/broker/contract.js'
import type { HoldfastError } from '../../src/core/errors.js'
import { buildBatch } from '../../src/records/builder.js'
import { MessageStore } from '../../src/storage/message-store.js'
import { settingsWith } from '../storage/support.js'
import { until } from '../support/until.js'

const orders = { topic: 'orders', partition: 0 }
const tooFew = (code = 'NOT_ENOUGH_REPLICAS') => ({
  code,
  message: '1 replicas are in sync, and min.insync.replicas of orders is 2.',
})
const commit = {
  groupId: 'billing',
  memberId: '',
  groupInstanceId: null,
  generationId: -1,
  offsets: [{ ...orders, offset: 5, leaderEpoch: -1, metadata: '' }],
}

/** A broker of which others hold copies, or say that they do; two are in sync, and as many are needed. */
async function openBroker(t: TestContext) {
  const disk = new FaultDisk(new MemoryDisk())
  const store = await MessageStore.open('/d', { disk, settings: settingsWith({ 'min.insync.replicas': 2 }) })
  const replication = {
    holdsBack: true,
    inSyncCount: 2,
    leaderEpoch: 1,
    assertLeads: () => {},
    assertReads: () => {},
    describe: () => ({ clusterId: 'c', leaderId: 1, members: [], inSync: [1] }),
  }
  const broker = await Broker.over(store, replication, { disk })
  t.after(() => broker.close())
  await broker.lead()
  await broker.createTopic({ name: 'orders', partitions: 1 })
  return { disk, replication, broker }
}

function produce(broker: Broker, request: Partial<ProduceRequest> = {}) {
  const { bytes } = buildBatch([{ value: Buffer.from('an apple'), timestamp: 1 }])
  return broker.produce({ ...orders, batch: bytes, ...request })
}

async function endOf(broker: Broker): Promise<number> {
  const [{ partitions }] = await broker.describeTopics(['orders'])
  return partitions[0].highWatermark
}

/** One replica drops out after the next write to that topic began, and before it is done. */
function dropOutDuring(topic: string, { disk, replication }: Awaited<ReturnType<typeof openBroker>>): void {
  disk.judge = ({ operation, path }) => {
    if (operation === 'write' && path.includes(`${topic}-`)) replication.inSyncCount = 1
    return undefined
  }
}

const outcomeOf = async (outcomes: Promise<readonly (HoldfastError | undefined)[]>): Promise<string | undefined> =>
  outcomes.then(
    ([outcome]) => outcome?.code,
    (error: HoldfastError) => error.code,
  )

test('with too few in sync acks=all is refused, and nothing is stored; acks=1 does not ask', async (t) => {
  const { broker, replication } = await openBroker(t)
  await produce(broker)
  replication.inSyncCount = 1
  await assert.rejects(produce(broker), tooFew())
  await assert.rejects(produce(broker, { acks: 'all' }), tooFew())
  assert.equal(await endOf(broker), 1)
  await produce(broker, { acks: 'leader' })
  assert.equal(await endOf(broker), 2)
  replication.holdsBack = false
  await produce(broker)
  assert.equal(await endOf(broker), 3)
})

test('a topic may ask for more, or for fewer', async (t) => {
  const { broker, replication } = await openBroker(t)
  await broker.createTopic({ name: 'one', partitions: 1, config: { 'min.insync.replicas': '1' } })
  await broker.createTopic({ name: 'three', partitions: 1, config: { 'min.insync.replicas': '3' } })
  await assert.rejects(produce(broker, { topic: 'three' }), { code: 'NOT_ENOUGH_REPLICAS' })
  replication.inSyncCount = 1
  await produce(broker, { topic: 'one' })
})

test('a message that was stored while a replica dropped out is refused in other words', async (t) => {
  const world = await openBroker(t)
  const { broker } = world
  dropOutDuring('orders', world)
  await assert.rejects(produce(broker), tooFew('NOT_ENOUGH_REPLICAS_AFTER_APPEND'))
  assert.equal(await endOf(broker), 1)
})

test('an offset is committed only where enough replicas have it', async (t) => {
  const world = await openBroker(t)
  const { broker, replication } = world
  assert.equal(await outcomeOf(broker.commitOffsets(commit)), undefined)
  const later = { ...commit, offsets: [{ ...commit.offsets[0], offset: 6 }] }
  replication.inSyncCount = 1
  assert.equal(await outcomeOf(broker.commitOffsets(later)), 'COORDINATOR_NOT_AVAILABLE')
  assert.equal((await broker.fetchOffsets('billing', null))[0].offset, 5)
  replication.inSyncCount = 2
  dropOutDuring('__consumer_offsets', world)
  assert.equal(await outcomeOf(broker.commitOffsets(later)), 'COORDINATOR_NOT_AVAILABLE')
  world.disk.judge = () => undefined
  replication.inSyncCount = 2
  assert.equal(await outcomeOf(broker.commitOffsets(later)), undefined)
  assert.equal((await broker.fetchOffsets('billing', null))[0].offset, 6)
})

test('a transaction is decided only where enough replicas know of it', async (t) => {
  const world = await openBroker(t)
  const { broker, replication } = world
  const begin = () => broker.initProducer({ transactionalId: 'mover', producerId: -1, producerEpoch: -1 })
  replication.inSyncCount = 1
  await assert.rejects(begin(), { code: 'COORDINATOR_NOT_AVAILABLE' })
  replication.inSyncCount = 2
  const { producerId, producerEpoch } = await begin()
  const producer = { transactionalId: 'mover', producerId, producerEpoch }
  await broker.addPartitionsToTransaction(producer, [orders])
  const records = [{ value: Buffer.from('moved'), timestamp: 1 }]
  await produce(broker, {
    batch: buildBatch(records, { producerId, producerEpoch, baseSequence: 0, isTransactional: true }).bytes,
  })
  dropOutDuring('__transaction_state', world)
  await assert.rejects(broker.endTransaction(producer, true), { code: 'COORDINATOR_NOT_AVAILABLE' })
  assert.equal(await endOf(broker), 1)
  world.disk.judge = () => undefined
  replication.inSyncCount = 2
  await broker.endTransaction(producer, true)
  await until('it has its marker', async () => (await endOf(broker)) === 2)
})

test('a topic with committed offsets is deleted however few are in sync', async (t) => {
  const { broker, replication } = await openBroker(t)
  await broker.commitOffsets(commit)
  replication.inSyncCount = 1
  await broker.deleteTopic('orders')
  assert.deepEqual(await broker.fetchOffsets('billing', null), [])
})
