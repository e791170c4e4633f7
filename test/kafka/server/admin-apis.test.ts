/** Topics, configuration, groups and the cluster as tools ask for them, where RemoteBroker does not look. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as kafka from '../../../src/kafka/schemas/index.js'
import { type Served, serve } from './served.js'

const someId = Buffer.alloc(16, 7)

async function withTopic(served: Served) {
  const topic = await served.broker.createTopic({ name: 'orders', partitions: 2 })
  const client = await served.raw()
  return { client, id: topic.id }
}

test('CreateTopics and CreatePartitions: assignments, names given twice, what the answer tells', async (t) => {
  const served = await serve(t)
  const { client } = await withTopic(served)
  const { nodeId } = served.broker
  const assigned = (name: string, brokers: number[][], more = {}) => ({
    name,
    numPartitions: -1,
    replicationFactor: -1,
    assignments: brokers.map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds })),
    ...more,
  })
  const plain = (name: string) => ({ name, numPartitions: 3, replicationFactor: 1 })
  const topics = [
    assigned('mine', [[nodeId], [nodeId]]),
    assigned('others', [[nodeId], [nodeId + 1]]),
    assigned('both', [[nodeId, nodeId + 1]]),
    assigned('counted', [[nodeId]], { numPartitions: 1 }),
    { ...assigned('gap', [[nodeId]]), assignments: [{ partitionIndex: 1, brokerIds: [nodeId] }] },
    plain('twice'),
    plain('twice'),
    plain('fine'),
  ]
  const created = (await client.ask(kafka.createTopics, 7, { topics })).topics
  assert.deepEqual(
    created.map((topic) => topic.errorCode),
    [0, 39, 39, 42, 39, 42, 42, 0],
  )
  assert.deepEqual([created[0].numPartitions, created[7].numPartitions, created[7].replicationFactor], [2, 3, 1])
  assert.equal(
    created[7].configs?.some(({ name, configSource }) => name === 'segment.bytes' && configSource === 5),
    true,
  )
  const known = (await served.broker.describeTopics(null)).map(({ name }) => name).sort()
  assert.deepEqual(known, ['fine', 'mine', 'orders'])

  const grow = (name: string, count: number, brokers?: number[][]) => ({
    name,
    count,
    assignments: brokers?.map((brokerIds) => ({ brokerIds })) ?? null,
  })
  const grown = async (...asked: ReturnType<typeof grow>[]) =>
    (await client.ask(kafka.createPartitions, 3, { topics: asked, timeoutMs: 1, validateOnly: false })).results.map(
      ({ errorCode }) => errorCode,
    )
  assert.deepEqual(
    await grown(grow('mine', 3, [[nodeId]]), grow('fine', 5, [[nodeId]]), grow('orders', 3, [[9]])),
    [0, 39, 39],
  )
  assert.deepEqual(await grown(grow('mine', 4), grow('mine', 5), grow('fine', 2)), [42, 42, 37])
})

test('DeleteTopics by name, by id, by neither, and twice', async (t) => {
  const served = await serve(t)
  const { client, id } = await withTopic(served)
  const { id: otherId } = await served.broker.createTopic({ name: 'other' })
  await served.broker.createTopic({ name: 'third' })
  const topics = [
    { name: 'third' },
    { name: 'third' },
    { topicId: someId },
    { name: null },
    { name: 'other', topicId: otherId },
    { name: 'nothing' },
  ]
  const refused = await client.ask(kafka.deleteTopics, 6, { topics, timeoutMs: 1 })
  assert.deepEqual(
    refused.topics.map(({ errorCode }) => errorCode),
    [42, 42, 100, 42, 42, 3],
  )
  const deleted = await client.ask(kafka.deleteTopics, 6, {
    topics: [{ topicId: id }, { name: 'other' }],
    timeoutMs: 1,
  })
  assert.deepEqual(deleted.topics, [
    { name: 'orders', topicId: id, errorCode: 0, errorMessage: null },
    { name: 'other', topicId: otherId, errorCode: 0, errorMessage: null },
  ])
  assert.deepEqual(
    (await client.ask(kafka.deleteTopics, 1, { topicNames: ['third'], timeoutMs: 1 })).topics[0].errorCode,
    0,
  )
  assert.deepEqual(await served.broker.describeTopics(null), [])
})

test('DescribeConfigs: filters, sources, synonyms, types, odd resources', async (t) => {
  const served = await serve(t, { 'flush.disk.type': 'ASYNC_FLUSH' })
  const client = await served.raw()
  await served.broker.createTopic({ name: 'orders', config: { 'segment.bytes': '2000000' } })
  const resource = (resourceType: number, resourceName: string, ...keys: string[]) => ({
    resourceType,
    resourceName,
    configurationKeys: keys.length > 0 ? keys : null,
  })
  const resources = [
    resource(2, 'orders', 'segment.bytes', 'flush.disk.type', 'max.message.bytes'),
    resource(4, String(served.broker.nodeId), 'queued.max.request.bytes', 'auto.create.topics.enable'),
    resource(4, ''),
    resource(4, '77'),
    resource(8, 'x'),
    resource(2, 'nothing'),
  ]
  const { results } = await client.ask(kafka.describeConfigs, 4, {
    resources,
    includeSynonyms: true,
    includeDocumentation: true,
  })
  assert.deepEqual(
    results.map(({ errorCode }) => errorCode),
    [0, 0, 0, 42, 42, 3],
  )
  const ofTopic = new Map(results[0].configs.map((config) => [config.name, config]))
  assert.deepEqual(
    [...ofTopic.values()].map(({ name, configSource, configType }) => [name, configSource, configType]).sort(),
    [
      ['flush.disk.type', 4, 2],
      ['max.message.bytes', 5, 3],
      ['segment.bytes', 1, 3],
    ],
  )
  assert.deepEqual(ofTopic.get('segment.bytes')?.synonyms, [
    { name: 'segment.bytes', value: '2000000', source: 1 },
    { name: 'log.segment.bytes', value: '1073741824', source: 5 },
  ])
  assert.match(ofTopic.get('segment.bytes')?.documentation ?? '', /sealed/)
  assert.deepEqual(results[1].configs.map(({ name, configType }) => [name, configType]).sort(), [
    ['auto.create.topics.enable', 1],
    ['queued.max.request.bytes', 5],
  ])
  assert.deepEqual(results[2].configs, [])
})

test('DescribeGroups, ListGroups with filters, DescribeCluster, DescribeAcls, ListPartitionReassignments', async (t) => {
  const served = await serve(t)
  const { client } = await withTopic(served)
  await client.ask(kafka.offsetCommit, 8, {
    groupId: 'g',
    topics: [{ name: 'orders', partitions: [{ index: 0, committedOffset: 1 }] }],
  })
  const stateOf = async (version: number, group: string) => {
    const [{ errorCode, groupState }] = (await client.ask(kafka.describeGroups, version, { groups: [group] })).groups
    return [errorCode, groupState]
  }
  assert.deepEqual(await stateOf(5, 'g'), [0, 'Empty'])
  assert.deepEqual(
    [await stateOf(5, 'h'), await stateOf(6, 'h')],
    [
      [0, 'Dead'],
      [69, 'Dead'],
    ],
  )
  const listed = async (filter: object) =>
    (await client.ask(kafka.listGroups, 5, filter)).groups.map(({ groupId, groupType }) => [groupId, groupType])
  assert.deepEqual(await listed({}), [['g', 'classic']])
  assert.deepEqual(await listed({ statesFilter: ['empty'], typesFilter: ['Classic'] }), [['g', 'classic']])
  assert.deepEqual([await listed({ statesFilter: ['Stable'] }), await listed({ typesFilter: ['consumer'] })], [[], []])

  const cluster = await client.ask(kafka.describeCluster, 2, { includeClusterAuthorizedOperations: false })
  assert.deepEqual(
    [cluster.clusterId, cluster.controllerId, cluster.brokers.length],
    [served.broker.clusterId, served.broker.nodeId, 1],
  )
  const endpointOf = (endpointType: number) =>
    client.ask(kafka.describeCluster, 1, { includeClusterAuthorizedOperations: false, endpointType })
  assert.equal((await endpointOf(2)).errorCode, 114)
  assert.equal((await endpointOf(9)).errorCode, 115)
  const acls = await client.ask(kafka.describeAcls, 3, { resourceTypeFilter: 1, operation: 1, permissionType: 1 })
  assert.equal(acls.errorCode, 54)
  const moving = await client.ask(kafka.listPartitionReassignments, 0, {})
  assert.deepEqual([moving.errorCode, moving.topics], [0, []])
})

test('OffsetDelete, as it is on the wire and through RemoteBroker', async (t) => {
  const served = await serve(t)
  const { client } = await withTopic(served)
  const offset = { topic: 'orders', offset: 5, leaderEpoch: -1, metadata: '' }
  const commit = { groupId: 'g', memberId: '', groupInstanceId: null, generationId: -1 }
  await served.broker.commitOffsets({ ...commit, offsets: [0, 1].map((partition) => ({ ...offset, partition })) })
  const body = { groupId: 'g', topics: [{ name: 'orders', partitions: [{ index: 0 }, { index: 9 }] }] }
  const answer = await client.ask(kafka.offsetDelete, 0, body)
  assert.deepEqual(answer.topics[0].partitions, [
    { index: 0, errorCode: 0 },
    { index: 9, errorCode: 3 },
  ])
  assert.equal((await client.ask(kafka.offsetDelete, 0, { ...body, groupId: 'nobody' })).errorCode, 69)
  const left = async () => (await served.broker.fetchOffsets('g', null)).map(({ partition }) => partition)
  assert.deepEqual(await left(), [1])
  const remote = await served.remote()
  assert.deepEqual(await remote.deleteOffsets('g', [{ topic: 'orders', partition: 1 }]), [undefined])
  await assert.rejects(remote.deleteOffsets('g', []), { code: 'GROUP_ID_NOT_FOUND' })
})
