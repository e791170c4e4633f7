/** What clients are told of nodes that copy one another: who they are, who leads, and who has everything. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Kafka, logLevel } from 'kafkajs'
import * as kafka from '../../../src/kafka/schemas/index.js'
import { runProgram, withoutKcat } from '../../support/tools.js'
import { type Scene, serveReplicated } from './scene.js'
import { member } from './small-leader.js'

/** This node (1) leads; 2 is in sync and there, 3 is in sync and gone, 4 is there and behind. */
function describeFour({ leader }: Scene): void {
  const members = [member(4, 9004, 'c'), member(1, 9001, 'a'), member(2, 9002)]
  leader.description = { clusterId: 'the cluster', leaderId: 1, members, inSync: [3, 1, 2] }
}

test('Metadata of every version: nodes, leader, replicas, who is in sync and who is gone', async (t) => {
  const scene = await serveReplicated(t)
  describeFour(scene)
  await scene.broker.createTopic({ name: 'orders', partitions: 2 })
  const client = await scene.raw()
  for (let version = 0; version <= 13; version++) {
    const { brokers, clusterId, controllerId, topics } = await client.ask(kafka.metadata, version, {
      topics: [{ name: 'orders' }],
    })
    const rack = (name: string) => (version >= 1 ? name : null)
    assert.deepEqual(brokers, [
      // Where the client has reached it, whatever it says of itself.
      { nodeId: 1, host: '127.0.0.1', port: scene.server.port, rack: rack('a') },
      { nodeId: 2, host: '127.0.0.1', port: 9002, rack: null },
      { nodeId: 4, host: '127.0.0.1', port: 9004, rack: rack('c') },
    ])
    assert.deepEqual([clusterId, controllerId], [version >= 2 ? 'the cluster' : null, version >= 1 ? 1 : -1])
    assert.deepEqual(
      topics[0].partitions,
      [0, 1].map((index) => ({
        errorCode: 0,
        index,
        leaderId: 1,
        leaderEpoch: version >= 7 ? 0 : -1,
        replicas: [1, 2, 3, 4],
        inSyncReplicas: [1, 2, 3],
        offlineReplicas: version >= 5 ? [3] : [],
      })),
    )
  }
})

test('DescribeCluster and FindCoordinator name the leader, wherever it is', async (t) => {
  const scene = await serveReplicated(t)
  describeFour(scene)
  scene.leader.description = { ...scene.leader.description, leaderId: 2 }
  const client = await scene.raw()
  for (const version of [0, 1, 2]) {
    const { brokers, clusterId, controllerId } = await client.ask(kafka.describeCluster, version, {
      includeClusterAuthorizedOperations: false,
    })
    assert.deepEqual([clusterId, controllerId], ['the cluster', 2])
    assert.deepEqual(
      brokers.map(({ brokerId, port, rack }) => [brokerId, port, rack]),
      [
        [1, scene.server.port, 'a'],
        [2, 9002, null],
        [4, 9004, 'c'],
      ],
    )
  }
  for (const version of [0, 3]) {
    const { nodeId, host, port, errorCode } = await client.ask(kafka.findCoordinator, version, { key: 'g' })
    assert.deepEqual([nodeId, host, port, errorCode], [2, '127.0.0.1', 9002, 0])
  }
  const { coordinators } = await client.ask(kafka.findCoordinator, 6, { keyType: 1, coordinatorKeys: ['t'] })
  assert.deepEqual(coordinators, [
    { key: 't', nodeId: 2, host: '127.0.0.1', port: 9002, errorCode: 0, errorMessage: null },
  ])
})

test('while nobody leads partitions have no leader, and nobody coordinates', async (t) => {
  const scene = await serveReplicated(t)
  await scene.broker.createTopic({ name: 'orders' })
  const client = await scene.raw()
  // Also where a leader is named that nobody has heard of.
  for (const leaderId of [-1, 3]) {
    describeFour(scene)
    scene.leader.description = { ...scene.leader.description, leaderId }
    const { brokers, controllerId, topics } = await client.ask(kafka.metadata, 12, { topics: null })
    assert.deepEqual([brokers.length, controllerId], [3, -1])
    const [{ errorCode, partitions }] = topics
    assert.deepEqual([errorCode, partitions[0].errorCode, partitions[0].leaderId], [0, 5, -1])
    const { controllerId: none, errorCode: fine } = await client.ask(kafka.describeCluster, 1, {
      includeClusterAuthorizedOperations: false,
    })
    assert.deepEqual([none, fine], [-1, 0])
    for (const version of [0, 4]) {
      const found = await client.ask(kafka.findCoordinator, version, { key: 'g', coordinatorKeys: ['g'] })
      const [{ errorCode: code }] = version < 4 ? [found] : found.coordinators
      assert.equal(code, 15)
    }
  }
})

test('a missing topic is made by the leader alone', async (t) => {
  const scene = await serveReplicated(t)
  describeFour(scene)
  const client = await scene.raw()
  const ask = async (name: string) => {
    const { topics } = await client.ask(kafka.metadata, 12, { topics: [{ name }, { name: 'a/b' }] })
    return topics.map(({ errorCode }) => errorCode)
  }
  for (const leaderId of [2, -1]) {
    scene.leader.description = { ...scene.leader.description, leaderId }
    assert.deepEqual(await ask('orders'), [5, 17])
  }
  assert.deepEqual(await scene.broker.describeTopics(null), [])
  describeFour(scene)
  assert.deepEqual(await ask('orders'), [0, 17])
})

test('where topics are made by nobody on the way, a follower says that there is none', async (t) => {
  const scene = await serveReplicated(t, { 'auto.create.topics.enable': false })
  describeFour(scene)
  scene.leader.description = { ...scene.leader.description, leaderId: 2 }
  const { topics } = await (await scene.raw()).ask(kafka.metadata, 12, { topics: [{ name: 'orders' }] })
  assert.equal(topics[0].errorCode, 3)
})

test('a created topic has as many replicas as there are nodes', async (t) => {
  const scene = await serveReplicated(t)
  describeFour(scene)
  const { topics } = await (await scene.raw()).ask(kafka.createTopics, 7, {
    topics: [{ name: 'orders', numPartitions: 1, replicationFactor: -1, assignments: [], configs: [] }],
    timeoutMs: 1000,
  })
  assert.deepEqual([topics[0].errorCode, topics[0].replicationFactor], [0, 4])
})

test('kcat -L shows nodes, leader and who is in sync', { skip: withoutKcat() }, async (t) => {
  const scene = await serveReplicated(t)
  describeFour(scene)
  await scene.broker.createTopic({ name: 'orders' })
  const { code, stdout, stderr } = await runProgram('kcat', ['-L', '-b', scene.address])
  assert.equal(code, 0, stderr)
  const shown = stdout.toString()
  assert.match(shown, /3 brokers:/)
  assert.match(shown, new RegExp(`broker 1 at 127.0.0.1:${scene.server.port} \\(controller\\)`))
  assert.match(shown, /broker 4 at 127.0.0.1:9004/)
  assert.match(shown, /partition 0, leader 1, replicas: 1,2,3,4, isrs: 1,2,3/)
})

test('kafkajs finds the leader, and produces with acks 1 and -1', async (t) => {
  const scene = await serveReplicated(t)
  describeFour(scene)
  await scene.broker.createTopic({ name: 'orders' })
  const produced = t.mock.method(scene.broker, 'produce')
  // It asks one at random, and most of those that are described are not there.
  const retry = { retries: 60, initialRetryTime: 5, maxRetryTime: 20 }
  const client = new Kafka({ brokers: [scene.address], clientId: 'test', logLevel: logLevel.NOTHING, retry })
  const producer = client.producer()
  await producer.connect()
  t.after(() => producer.disconnect())
  for (const acks of [1, -1]) await producer.send({ topic: 'orders', acks, messages: [{ value: 'x' }] })
  assert.deepEqual(
    produced.mock.calls.map(({ arguments: [{ acks }] }) => acks),
    ['leader', undefined],
  )
  const admin = client.admin()
  await admin.connect()
  t.after(() => admin.disconnect())
  const { brokers, controller } = await admin.describeCluster()
  assert.deepEqual([brokers.map(({ nodeId }) => nodeId), controller], [[1, 2, 4], 1])
  const { topics } = await admin.fetchTopicMetadata({ topics: ['orders'] })
  assert.deepEqual(topics[0].partitions[0].isr, [1, 2, 3])
  const [found] = await scene.broker.fetch({
    positions: [{ topic: 'orders', partition: 0, offset: 0, maxBytes: 1000, currentLeaderEpoch: -1 }],
    maxBytes: 1000,
    minBytes: 1,
    maxWaitMs: 0,
  })
  assert.equal(found.highWatermark, 2)
})
