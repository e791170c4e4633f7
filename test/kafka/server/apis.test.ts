/** What each API answers where RemoteBroker does not look: old and new versions, ids instead of names, odd requests. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HoldfastError } from '../../../src/core/errors.js'
import { endpoints } from '../../../src/kafka/api/index.js'
import { decodeResponse } from '../../../src/kafka/messages.js'
import { RemoteBroker } from '../../../src/kafka/remote-broker.js'
import * as kafka from '../../../src/kafka/schemas/index.js'
import { requests, someId } from './requests.js'
import { batchOf, fetchBody, produceBody, type Served, serve } from './served.js'

test('every version of every API is answered in its own form', async (t) => {
  const served = await serve(t)
  await served.broker.createTopic({ name: 'orders' })
  const client = await served.raw()
  for (const { api } of endpoints) {
    for (let version = api.versions[0]; version <= api.versions[1]; version++) {
      const correlationId = client.send(api, version, requests[api.key] as never)
      const answer = decodeResponse(api, version, await client.answer())
      assert.equal(answer.correlationId, correlationId, `${api.name} ${version}`)
    }
  }
  assert.deepEqual(served.complaints, [])
})

test('a handler that fails unexpectedly answers UNKNOWN_SERVER_ERROR in its own form', async (t) => {
  const served = await serve(t)
  for (const call of ['describeTopics', 'listGroups', 'fetch', 'findOffsets', 'initProducer'] as const) {
    t.mock.method(served.broker, call, () => {
      throw new TypeError('a bug')
    })
  }
  const client = await served.raw()
  assert.equal((await client.ask(kafka.listGroups, 4, {})).errorCode, -1)
  assert.equal((await client.ask(kafka.metadata, 9, { topics: [{ name: 'orders' }] })).topics[0].errorCode, -1)
  assert.equal((await client.ask(kafka.fetch, 11, fetchBody('orders', 0))).topics[0].partitions[0].errorCode, -1)
  assert.equal((await client.ask(kafka.initProducerId, 4, { transactionTimeoutMs: 1 })).errorCode, -1)
  assert.match(served.complaints[0], /a bug/)
})

async function withTopic(served: Served) {
  const topic = await served.broker.createTopic({ name: 'orders', partitions: 2 })
  const client = await served.raw()
  return { client, id: topic.id }
}

test('Metadata: all, named, by id, missing, misnamed, created', async (t) => {
  const served = await serve(t)
  const { client, id } = await withTopic(served)
  const ask = (version: number, topics: object[] | null, allowAutoTopicCreation = false) =>
    client.ask(kafka.metadata, version, { topics: topics as never, allowAutoTopicCreation })
  const namesOf = (answer: Awaited<ReturnType<typeof ask>>) =>
    answer.topics.map(({ name, errorCode }) => [name, errorCode])
  assert.deepEqual(namesOf(await ask(0, [])), [['orders', 0]])
  assert.deepEqual(namesOf(await ask(1, [])), [])
  assert.deepEqual(namesOf(await ask(4, null)), [['orders', 0]])
  const mixed = await ask(12, [
    { topicId: id, name: null },
    { topicId: someId, name: null },
    { name: 'orders' },
    { name: 'nothing' },
    { name: 'a/b' },
  ])
  assert.deepEqual(namesOf(mixed), [
    ['orders', 0],
    [null, 100],
    ['orders', 0],
    ['nothing', 3],
    ['a/b', 17],
  ])
  assert.deepEqual(mixed.topics[0].topicId, id)
  const [{ partitions }] = mixed.topics
  assert.deepEqual(
    [partitions.length, partitions[0].leaderId, partitions[0].replicas],
    [2, served.broker.nodeId, [served.broker.nodeId]],
  )
  assert.deepEqual([mixed.controllerId, mixed.clusterId], [served.broker.nodeId, served.broker.clusterId])
  assert.deepEqual(
    mixed.brokers.map(({ host, port }) => [host, port]),
    [['127.0.0.1', served.server.port]],
  )
  assert.equal(mixed.topics[0].authorizedOperations, kafka.operationsNotAsked)
  assert.deepEqual(namesOf(await ask(4, [{ name: 'made' }], true)), [['made', 0]])
})

test('Metadata: a topic that cannot be created is refused on its own', async (t) => {
  const served = await serve(t)
  const { client } = await withTopic(served)
  const original = served.broker.describeTopics.bind(served.broker)
  t.mock.method(served.broker, 'describeTopics', async (...[names, options]: Parameters<typeof original>) => {
    if (options?.create && names?.includes('fresh')) throw new HoldfastError('DISK_FULL')
    return original(names, options)
  })
  const topics = ['orders', 'fresh', 'made'].map((name) => ({ name }))
  const answer = await client.ask(kafka.metadata, 9, { topics, allowAutoTopicCreation: true })
  assert.equal(answer.brokers.length, 1)
  assert.deepEqual(
    answer.topics.map(({ name, errorCode, partitions }) => [name, errorCode, partitions.length]),
    [
      ['orders', 0, 2],
      ['fresh', 56, 0],
      ['made', 0, 1],
    ],
  )
})

test('Metadata names where clients reach the broker', async (t) => {
  const hostsOf = async (listen: object): Promise<unknown> => {
    const served = await serve(t, {}, listen)
    const client = await served.raw()
    const { brokers } = await client.ask(kafka.metadata, 9, { topics: [] })
    const found = await client.ask(kafka.findCoordinator, 4, { coordinatorKeys: ['g'] })
    assert.equal(found.coordinators[0].host, brokers[0].host)
    const cluster = await client.ask(kafka.describeCluster, 0, { includeClusterAuthorizedOperations: false })
    assert.deepEqual(
      cluster.brokers.map(({ host, port }) => ({ host, port })),
      [{ host: brokers[0].host, port: brokers[0].port }],
    )
    return [brokers[0].host, brokers[0].port === served.server.port]
  }
  assert.deepEqual(await hostsOf({}), ['127.0.0.1', true])
  assert.deepEqual(await hostsOf({ host: '0.0.0.0' }), ['127.0.0.1', true])
  assert.deepEqual(await hostsOf({ host: '0.0.0.0', advertisedHost: 'queue.example', advertisedPort: 9 }), [
    'queue.example',
    false,
  ])
})

test('Fetch: topic ids, sessions, sizes', async (t) => {
  const served = await serve(t)
  const { client, id } = await withTopic(served)
  for (const value of ['one', 'two', 'three']) await client.ask(kafka.produce, 9, produceBody('orders', batchOf(value)))
  const byId = (topicId: Buffer, more = {}) => {
    const { topics, ...rest } = fetchBody('orders', 0, { maxWaitMs: 60_000 })
    return { ...rest, ...more, topics: [{ topicId, partitions: topics[0].partitions }] }
  }
  const [known] = (await client.ask(kafka.fetch, 17, byId(id))).topics
  assert.deepEqual([known.topicId, known.partitions[0].errorCode, known.partitions[0].highWatermark], [id, 0, 3])
  assert.equal((await client.ask(kafka.fetch, 17, byId(someId))).topics[0].partitions[0].errorCode, 100)

  // Deleted and made anew it has another id, and the old one is nobody's.
  await served.broker.deleteTopic('orders')
  const { id: newId } = await served.broker.createTopic({ name: 'orders' })
  assert.equal((await client.ask(kafka.fetch, 17, byId(id))).topics[0].partitions[0].errorCode, 100)
  assert.equal((await client.ask(kafka.fetch, 17, byId(newId, { maxWaitMs: 0 }))).topics[0].partitions[0].errorCode, 0)

  const inSession = (sessionId: number, sessionEpoch: number) => ({
    ...fetchBody('orders', 0),
    sessionId,
    sessionEpoch,
  })
  for (const [sessionId, epoch, errorCode] of [
    [0, 0, 0],
    [0, -1, 0],
    [5, -1, 0],
    [5, 3, 70],
  ]) {
    const answer = await client.ask(kafka.fetch, 11, inSession(sessionId, epoch))
    assert.deepEqual([answer.errorCode, answer.sessionId], [errorCode, 0])
  }
})

test('ListOffsets: the special times of each version, and a partition named twice', async (t) => {
  const served = await serve(t)
  const { client } = await withTopic(served)
  await client.ask(kafka.produce, 9, produceBody('orders', batchOf('one')))
  const ask = async (version: number, ...times: number[]) => {
    const partitions = times.map((timestamp) => ({ index: 0, timestamp }))
    const answer = await client.ask(kafka.listOffsets, version, { topics: [{ name: 'orders', partitions }] })
    return answer.topics[0].partitions.map(({ errorCode, offset }) => [errorCode, offset])
  }
  assert.deepEqual(await ask(1, -1), [[0, 1]])
  assert.deepEqual(await ask(1, -2), [[0, 0]])
  assert.deepEqual([await ask(6, -3), await ask(7, -3)], [[[35, -1]], [[0, 0]]])
  assert.deepEqual([await ask(7, -4), await ask(8, -4)], [[[35, -1]], [[0, 0]]])
  assert.deepEqual([await ask(8, -5), await ask(9, -5)], [[[35, -1]], [[0, -1]]])
  assert.deepEqual([await ask(10, -6), await ask(11, -6), await ask(11, -7)], [[[35, -1]], [[0, -1]], [[35, -1]]])
  assert.deepEqual(await ask(8, -1, -2), [
    [42, -1],
    [42, -1],
  ])
})

test('OffsetCommit and OffsetFetch by topic id', async (t) => {
  const served = await serve(t)
  const { client, id } = await withTopic(served)
  const partitions = [
    { index: 0, committedOffset: 9 },
    { index: 5, committedOffset: 9 },
  ]
  const topics = [
    { topicId: id, partitions },
    { topicId: someId, partitions: [partitions[0]] },
  ]
  const committed = await client.ask(kafka.offsetCommit, 10, { groupId: 'g', topics })
  assert.deepEqual(
    committed.topics.map((topic) => topic.partitions.map(({ errorCode }) => errorCode)),
    [[0, 3], [100]],
  )
  const asked = [
    { topicId: id, partitionIndexes: [0, 1] },
    { topicId: someId, partitionIndexes: [0] },
  ]
  const groups = [
    { groupId: 'g', topics: asked },
    { groupId: 'g', topics: null },
  ]
  const [named, all] = (await client.ask(kafka.offsetFetch, 10, { groups })).groups
  const offsetsOf = (group: typeof named) =>
    group.topics.map(({ topicId, partitions: found }) => [
      topicId,
      found.map((each) => [each.committedOffset, each.errorCode]),
    ])
  assert.deepEqual(offsetsOf(named), [
    [
      id,
      [
        [9, 0],
        [-1, 0],
      ],
    ],
    [someId, [[-1, 100]]],
  ])
  assert.deepEqual(offsetsOf(all), [[id, [[9, 0]]]])
})

test('FindCoordinator knows groups and transactions', async (t) => {
  const served = await serve(t)
  const client = await served.raw()
  const found = await client.ask(kafka.findCoordinator, 4, { coordinatorKeys: ['g', 'h'] })
  assert.deepEqual(
    found.coordinators.map(({ key, nodeId, errorCode }) => [key, nodeId, errorCode]),
    [
      ['g', served.broker.nodeId, 0],
      ['h', served.broker.nodeId, 0],
    ],
  )
  const transaction = await client.ask(kafka.findCoordinator, 2, { key: 'tx', keyType: 1 })
  assert.deepEqual([transaction.errorCode, transaction.nodeId], [0, served.broker.nodeId])
  const refused = await client.ask(kafka.findCoordinator, 2, { key: 'share', keyType: 2 })
  assert.deepEqual([refused.errorCode, refused.nodeId], [42, -1])
  assert.match(refused.errorMessage ?? '', /share groups/)
  assert.equal(
    (await client.ask(kafka.findCoordinator, 6, { keyType: 2, coordinatorKeys: ['s'] })).coordinators[0].errorCode,
    42,
  )
})

test('RemoteBroker works against a broker that was told to advertise another address', async (t) => {
  const served = await serve(t, {}, { advertisedHost: 'queue.example', advertisedPort: 1 })
  const remote = await RemoteBroker.connect(served.address)
  assert.deepEqual(await remote.describeTopics(null), [])
  await remote.close()
})
