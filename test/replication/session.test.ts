/** The fetch sessions of a leader: what a replica is believed, what it is told, and in which order. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HoldfastError } from '../../src/core/errors.js'
import { sizedBatch, turns } from '../storage/support.js'
import { until } from '../support/until.js'
import { FakeReplica, LedStore } from './led-store.js'

async function followed(t: Parameters<typeof LedStore.open>[0], partitions = 1) {
  const led = await LedStore.open(t, partitions)
  const replica = new FakeReplica(led)
  await replica.report()
  await replica.fetch(Object.fromEntries(Array.from({ length: partitions }, (_, partition) => [partition, 0])))
  return { led, replica }
}

/** Of the session that {@link followed} begins. */
const secondRequest = {
  ...{ replicaId: 2, leaderEpoch: 1, sessionId: 1, sessionEpoch: 1 },
  ...{ positions: [], forgotten: [], isAhead: false, maxBytes: 1000, maxWaitMs: 0 },
}

/** The replica takes over what becomes of the topics, until that is done. */
async function takenOver(replica: FakeReplica, change: Promise<unknown>): Promise<void> {
  let isDone = false
  const done = change.then(() => {
    isDone = true
  })
  await until('the change of the topics is taken over', async () => {
    await replica.report()
    return isDone
  })
  await done
}

test('where a copy of an earlier topic of the name was says nothing of the later one', async (t) => {
  const { led, replica } = await followed(t)
  for (let i = 0; i < 3; i++) await led.append()
  await replica.fetch({ 0: 3 })
  await takenOver(replica, led.store.deleteTopic('orders'))
  await takenOver(replica, led.store.createTopic({ name: 'orders', partitions: 1, config: {} }))
  const first = await led.append()
  for (let i = 0; i < 3; i++) await led.append()
  // It was on its way since before.
  const late = await replica.fetch({ 0: 4 })
  assert.ok(late.partitions.every(({ error }) => error?.code === 'UNKNOWN_TOPIC_OR_PARTITION'))
  assert.equal(led.log().highWatermark, 0, 'the replica has nothing of it')
  await replica.fetch({ 0: 0 }, { forgotten: [{ topic: 'orders', partition: 0 }] })
  assert.equal(led.log().highWatermark, 0)
  await replica.fetch({ 0: 4 })
  assert.equal(led.log().highWatermark, 4)
  await first.acknowledged
})

test('what a copy of an earlier topic of the name had, told late, says nothing of the later one', async (t) => {
  const { led, replica } = await followed(t)
  for (let i = 0; i < 3; i++) await led.append()
  await replica.fetch({ 0: 3 })
  await takenOver(replica, led.store.deleteTopic('orders'))
  await takenOver(replica, led.store.createTopic({ name: 'orders', partitions: 1, config: {} }))
  for (let i = 0; i < 3; i++) await led.append()
  await replica.fetchAhead({ 0: 0 }, { forgotten: [{ topic: 'orders', partition: 0 }] })
  await replica.acknowledge({ 0: 3 }, { requests: 2 })
  assert.equal(led.log().highWatermark, 0, 'it was on its way since before')
  await replica.acknowledge({ 0: 3 })
  assert.equal(led.log().highWatermark, 3)
})

test('what a replica was given and has not acknowledged is not shown, and not given again', async (t) => {
  const { led, replica } = await followed(t)
  const { acknowledged } = await led.append()
  await replica.fetchAhead({ 0: 0 })
  const { partitions } = await replica.fetchAhead({ 0: 1 })
  assert.deepEqual(
    partitions.filter(({ records }) => records.length > 0),
    [],
  )
  assert.equal(led.log().highWatermark, 0)
  const [known] = [...led.leader.replicas]
  assert.equal(known.lagMessages(), 1)
  await led.pass(500)
  assert.equal(known.lagMs(), 500)
  await replica.acknowledge({ 0: 1 })
  await acknowledged
  assert.equal(known.lagMessages(), 0)
})

test('a request that is not ahead says that all is stored that was given before it', async (t) => {
  const { led, replica } = await followed(t, 2)
  for (const partition of [0, 1]) await led.append(partition)
  await replica.fetchAhead({ 0: 0, 1: 0 })
  await replica.fetchAhead({ 0: 1, 1: 1 })
  assert.deepEqual([led.log(0).highWatermark, led.log(1).highWatermark], [0, 0])
  await led.append(1)
  await replica.fetchAhead()
  await replica.fetch({ 1: 2 })
  assert.deepEqual([led.log(0).highWatermark, led.log(1).highWatermark], [1, 2])
})

test('what is acknowledged late, after more was, takes nothing back', async (t) => {
  const { led, replica } = await followed(t)
  for (let i = 0; i < 3; i++) await led.append()
  await replica.fetchAhead({ 0: 3 })
  await replica.acknowledge({ 0: 2 })
  await replica.acknowledge({ 0: 1 })
  const [known] = [...led.leader.replicas]
  assert.equal(known.lagMessages(), 1)
})

test('of a log without news it is told once how far it is shown, and soon where it begins, whatever others bring', async (t) => {
  const { led, replica } = await followed(t, 2)
  await led.append(1)
  await led.append(1)
  await replica.fetch({ 1: 2 })
  replica.beginAnew()
  await led.append(0)
  const first = await replica.fetch({ 0: 0, 1: 2 })
  const told = ({ partitions }: typeof first) =>
    partitions.filter(({ partition }) => partition === 1).map((one) => [one.highWatermark, one.logStartOffset])
  assert.deepEqual(told(first), [[2, 0]])
  await led.log(1).deleteRecordsBefore(1)
  await led.pass(1000)
  await led.append(0)
  assert.deepEqual(told(await replica.fetch({ 0: 1 })), [[2, 1]])
  await led.append(0)
  assert.deepEqual(told(await replica.fetch({ 0: 2 })), [])
})

test('of a topic that is deleted it is told once, and follows it no more', async (t) => {
  const { led, replica } = await followed(t, 2)
  await takenOver(replica, led.store.deleteTopic('orders'))
  const told = (await replica.fetch()).partitions.map(({ error }) => error?.code)
  assert.deepEqual(told, ['UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_OR_PARTITION'])
  assert.deepEqual((await replica.fetch()).partitions, [])
})

test('a partition with much does not keep others waiting', async (t) => {
  const { led, replica } = await followed(t, 3)
  for (let i = 0; i < 20; i++) await led.log(0).append(sizedBatch(1000)).stored
  for (const partition of [1, 2]) await led.append(partition)
  const served = new Set<number>()
  let answers = 0
  for (let at = 0; served.size < 3; answers++) {
    const { partitions } = await replica.fetch({ 0: at }, { maxBytes: 1000 })
    for (const { partition, records } of partitions) if (records.length > 0) served.add(partition)
    at++
  }
  assert.ok(answers <= 3, `${answers} answers until all were served`)
})

test('what it lets go of it is not told of', async (t) => {
  const { led, replica } = await followed(t, 2)
  await replica.fetch({}, { forgotten: [{ topic: 'orders', partition: 0 }] })
  await led.append(0)
  await led.append(1)
  const { partitions } = await replica.fetch()
  assert.deepEqual(
    partitions.filter(({ records }) => records.length > 0).map(({ partition }) => partition),
    [1],
  )
})

test('requests out of their order, of another session, or of another leader are refused', async (t) => {
  const { led, replica } = await followed(t)
  const fetch = (other: object) => led.leader.fetch({ ...secondRequest, ...other })
  await fetch({})
  await assert.rejects(fetch({}), { code: 'INVALID_FETCH_SESSION_EPOCH' })
  await assert.rejects(fetch({ sessionEpoch: 5 }), { code: 'INVALID_FETCH_SESSION_EPOCH' })
  await assert.rejects(fetch({ sessionId: 7 }), { code: 'FETCH_SESSION_ID_NOT_FOUND' })
  await assert.rejects(fetch({ replicaId: 3 }), { code: 'FETCH_SESSION_ID_NOT_FOUND' })
  await assert.rejects(fetch({ leaderEpoch: 0 }), { code: 'FENCED_LEADER_EPOCH' })
  await assert.rejects(fetch({ leaderEpoch: 2 }), { code: 'UNKNOWN_LEADER_EPOCH' })
  replica.beginAnew()
  await replica.fetch({ 0: 0 })
  await assert.rejects(fetch({ sessionEpoch: 2 }), { code: 'FETCH_SESSION_ID_NOT_FOUND' }, 'the one before is over')
})

test('what is acknowledged in another session, or to another leader, is refused', async (t) => {
  const { led } = await followed(t)
  const acknowledge = (other: object) =>
    led.leader.acknowledge({ replicaId: 2, leaderEpoch: 1, sessionId: 1, sessionEpoch: 0, positions: [], ...other })
  await acknowledge({})
  await assert.rejects(acknowledge({ sessionId: 7 }), { code: 'FETCH_SESSION_ID_NOT_FOUND' })
  await assert.rejects(acknowledge({ replicaId: 3 }), { code: 'FETCH_SESSION_ID_NOT_FOUND' })
  await assert.rejects(acknowledge({ leaderEpoch: 0 }), { code: 'FENCED_LEADER_EPOCH' })
  await assert.rejects(acknowledge({ leaderEpoch: 2 }), { code: 'UNKNOWN_LEADER_EPOCH' })
})

test('a new session knows since when a copy was behind', async (t) => {
  const { led, replica } = await followed(t)
  await led.pass(1000)
  await led.append()
  await led.pass(4000)
  replica.beginAnew()
  await replica.fetch({ 0: 0 })
  const [known] = [...led.leader.replicas]
  assert.equal(known.lagMs(), 4000)
  await replica.fetch({ 0: 1 })
  assert.equal(known.lagMs(), 0)
})

test('who waits is told at once that its leader leads no more', async (t) => {
  const { led } = await followed(t)
  const waiting = led.leader.fetch({ ...secondRequest, maxWaitMs: 60_000 })
  waiting.catch(() => {})
  await turns()
  led.leader.stop(new HoldfastError('NOT_LEADER_OR_FOLLOWER'))
  await assert.rejects(waiting, { code: 'NOT_LEADER_OR_FOLLOWER' })
})
