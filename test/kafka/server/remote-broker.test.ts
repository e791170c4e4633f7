/** Every call of a broker, through the wire and back: what RemoteBroker says is what the broker itself says. */

import assert from 'node:assert/strict'
import { createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import type { FetchPosition } from '../../../src/broker/contract.js'
import type { JoinRequest } from '../../../src/broker/groups/contract.js'
import { offsetCommitEndpoint } from '../../../src/kafka/api/08-offset-commit.js'
import { encodeResponse, type RequestHeader } from '../../../src/kafka/messages.js'
import { RemoteBroker } from '../../../src/kafka/remote-broker.js'
import { offsetCommit } from '../../../src/kafka/schemas/index.js'
import { until } from '../../support/until.js'
import { batchOf, serve } from './served.js'

const position = (offset: number, partition = 0): FetchPosition => ({
  topic: 'orders',
  partition,
  offset,
  maxBytes: 1024 * 1024,
  currentLeaderEpoch: -1,
})
const limits = { maxBytes: 10 * 1024 * 1024, minBytes: 1, maxWaitMs: 0 }

test('topics: create, describe, grow, configure, delete', async (t) => {
  const { broker, remote } = await serve(t)
  const far = await remote()
  assert.equal(far.clusterId, broker.clusterId)
  assert.equal(far.nodeId, broker.nodeId)
  const created = await far.createTopic({ name: 'orders', partitions: 2, config: { 'max.message.bytes': '5000' } })
  const [near] = await broker.describeTopics(['orders'])
  assert.deepEqual(created.id, near.id)
  assert.equal(created.partitions.length, 2)
  await assert.rejects(far.createTopic({ name: 'orders' }), { code: 'TOPIC_ALREADY_EXISTS', message: /orders/ })
  await assert.rejects(far.createTopic({ name: 'no/name' }), { code: 'INVALID_TOPIC_EXCEPTION' })
  await assert.rejects(far.createTopic({ name: 'x', replicationFactor: 3 }), { code: 'INVALID_REPLICATION_FACTOR' })
  await assert.rejects(far.createTopic({ name: 'x', config: { nonsense: '1' } }), { code: 'INVALID_CONFIG' })
  assert.equal((await far.createTopic({ name: 'x', partitions: 3, validateOnly: true })).partitions.length, 3)
  assert.deepEqual(await far.describeTopics(['x', 'no/name']), [])

  await far.createPartitions('orders', 5, { validateOnly: true })
  await far.createPartitions('orders', 4)
  await assert.rejects(far.createPartitions('orders', 4), { code: 'INVALID_PARTITIONS' })
  await assert.rejects(far.createPartitions('nothing', 4), { code: 'UNKNOWN_TOPIC_OR_PARTITION' })
  const known = (await far.describeTopics(null)).map(({ name, partitions }) => [name, partitions.length])
  assert.deepEqual(known, [['orders', 4]])

  assert.deepEqual(await far.describeConfig('orders'), await broker.describeConfig('orders'))
  const ofBroker = (await broker.describeConfig(null)).map((entry) => ({ ...entry, synonym: undefined }))
  assert.deepEqual(await far.describeConfig(null), ofBroker)
  await assert.rejects(far.describeConfig('nothing'), { code: 'UNKNOWN_TOPIC_OR_PARTITION' })

  await far.deleteTopic('orders')
  await assert.rejects(far.deleteTopic('orders'), { code: 'UNKNOWN_TOPIC_OR_PARTITION' })
  assert.equal((await far.describeTopics(['made'], { create: true }))[0].name, 'made')
})

test('produce and fetch', async (t) => {
  const { broker, remote } = await serve(t)
  const far = await remote()
  await far.createTopic({ name: 'orders', partitions: 2 })
  const results = await Promise.all(
    Array.from({ length: 50 }, (_, at) =>
      far.produce({ topic: 'orders', partition: 0, batch: batchOf(`value ${at}`) }),
    ),
  )
  assert.deepEqual(
    results.map((result) => result.baseOffset),
    results.map((_, at) => at),
  )
  await assert.rejects(far.produce({ topic: 'orders', partition: 9, batch: batchOf('x') }), {
    code: 'UNKNOWN_TOPIC_OR_PARTITION',
    message: /no partition 9/,
  })
  const request = { ...limits, positions: [position(10), position(0, 1), position(99)] }
  const [fetched, empty, beyond] = await far
    .fetch({ ...request, positions: request.positions.slice(0, 2) })
    .then(async (both) => [...both, ...(await far.fetch({ ...request, positions: [position(99)] }))])
  const [near] = await broker.fetch({ ...request, positions: [position(10)] })
  assert.deepEqual(Buffer.concat(fetched.records), Buffer.concat(near.records))
  assert.deepEqual([fetched.highWatermark, fetched.lastStableOffset, fetched.logStartOffset], [50, 50, 0])
  assert.deepEqual(empty.records, [])
  assert.equal(beyond.error?.code, 'OFFSET_OUT_OF_RANGE')
})

test('a waiting fetch holds up nothing, and ends by its signal or by a message', async (t) => {
  const { broker, remote } = await serve(t)
  const far = await remote()
  await far.createTopic({ name: 'orders' })
  const aborting = new AbortController()
  const waiting = far.fetch({ ...limits, maxWaitMs: 60_000, positions: [position(0)], signal: aborting.signal })
  const other = far.fetch({ ...limits, maxWaitMs: 60_000, positions: [position(0)] })
  assert.equal((await far.describeTopics(null)).length, 1)
  aborting.abort()
  assert.deepEqual((await waiting)[0].records, [])
  await far.produce({ topic: 'orders', partition: 0, batch: batchOf('one') })
  assert.equal((await other)[0].records.length, 1)
  const aborted = await far.fetch({ ...limits, maxWaitMs: 60_000, positions: [position(0)], signal: aborting.signal })
  assert.equal(aborted[0].highWatermark, 1)
  assert.equal((await broker.describeTopics(['orders']))[0].partitions[0].highWatermark, 1)
})

test('offsets and epochs', async (t) => {
  const { broker, remote } = await serve(t)
  const far = await remote()
  await far.createTopic({ name: 'orders' })
  await far.produce({ topic: 'orders', partition: 0, batch: batchOf('one', 'two') })
  const place = { topic: 'orders', partition: 0, currentLeaderEpoch: -1 }
  const lookups = [
    { ...place, query: 'latest' as const },
    { ...place, query: 'earliest' as const },
    { ...place, query: 'maxTimestamp' as const },
    { ...place, query: 1_600_000_000_000 },
    { ...place, query: 1_900_000_000_000 },
  ]
  assert.deepEqual(await far.findOffsets(lookups), withError(await broker.findOffsets(lookups)))
  const [missing] = await far.findOffsets([{ ...place, partition: 3, query: 'latest' }])
  assert.equal(missing.error?.code, 'UNKNOWN_TOPIC_OR_PARTITION')
  const epochs = [{ ...place, epoch: 0 }]
  assert.deepEqual(await far.findEpochs(epochs), withError(await broker.findEpochs(epochs)))
})

function withError<T>(answers: readonly T[]): T[] {
  return answers.map((answer) => ({ error: undefined, ...answer }))
}

test('producer ids', async (t) => {
  const { remote } = await serve(t)
  const far = await remote()
  const none = { transactionalId: null, producerId: -1, producerEpoch: -1 }
  const [one, other] = [await far.initProducer(none), await far.initProducer(none)]
  assert.equal(other.producerId, one.producerId + 1)
  await assert.rejects(far.initProducer({ ...none, transactionalId: '' }), { code: 'INVALID_REQUEST' })
  await assert.rejects(far.initProducer({ ...none, producerId: 5 }), { code: 'INVALID_REQUEST' })
})

const join: JoinRequest = {
  groupId: 'readers',
  memberId: '',
  groupInstanceId: null,
  protocolType: 'consumer',
  protocols: [{ name: 'range', metadata: Buffer.from('subscription') }],
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 10_000,
  clientId: 'me',
  clientHost: '',
  requireKnownMemberId: true,
  supportsSkippingAssignment: true,
}

test('a group, from joining to its deletion', async (t) => {
  const { broker, remote } = await serve(t)
  const far = await remote()
  await far.createTopic({ name: 'orders' })
  const first = await far.joinGroup(join)
  assert.ok('memberIdRequired' in first)
  const joined = await far.joinGroup({ ...join, memberId: first.memberIdRequired })
  assert.ok('memberId' in joined)
  assert.deepEqual([joined.generationId, joined.protocolName, joined.members.length], [1, 'range', 1])
  assert.equal(joined.leaderId, joined.memberId)
  const member = { groupId: 'readers', memberId: joined.memberId, groupInstanceId: null, generationId: 1 }
  const assignments = [{ memberId: joined.memberId, assignment: Buffer.from('all of it') }]
  const synced = await far.syncGroup({ ...member, protocolType: 'consumer', protocolName: 'range', assignments })
  assert.deepEqual(synced.assignment, Buffer.from('all of it'))
  await far.heartbeat(member)
  await assert.rejects(far.heartbeat({ ...member, generationId: 7 }), { code: 'ILLEGAL_GENERATION' })

  const offset = { topic: 'orders', partition: 0, offset: 12, leaderEpoch: 0, metadata: 'note' }
  const offsets = [offset, { ...offset, partition: 5 }, { ...offset, topic: 'nothing' }]
  const outcomes = await far.commitOffsets({ ...member, offsets })
  const unknown = 'UNKNOWN_TOPIC_OR_PARTITION'
  assert.deepEqual(
    outcomes.map((error) => error?.code),
    [undefined, unknown, unknown],
  )
  const committed = [{ ...offset, commitTimestamp: -1 }]
  assert.deepEqual(await far.fetchOffsets('readers', null), committed)
  assert.deepEqual(await far.fetchOffsets('readers', [offset, { ...offset, partition: 5 }]), committed)

  assert.deepEqual(await far.describeGroup('readers'), await broker.describeGroup('readers'))
  const [described] = (await far.describeGroup('readers')).members
  assert.deepEqual([described.clientId, described.clientHost], ['me', '/127.0.0.1'])
  assert.deepEqual(await far.listGroups(), await broker.listGroups())
  assert.equal((await far.describeGroup('nothing')).state, 'Dead')
  await assert.rejects(far.deleteGroup('readers'), { code: 'NON_EMPTY_GROUP' })
  const leaving = [
    { memberId: joined.memberId, groupInstanceId: null },
    { memberId: 'ghost', groupInstanceId: null },
  ]
  const left = await far.leaveGroup('readers', leaving)
  assert.deepEqual(
    left.map((error) => error?.code),
    [undefined, 'UNKNOWN_MEMBER_ID'],
  )
  await far.deleteGroup('readers')
  await assert.rejects(far.deleteGroup('readers'), { code: 'GROUP_ID_NOT_FOUND' })
})

test('a member id is not asked for where the caller does not want that', async (t) => {
  const { remote } = await serve(t)
  const far = await remote()
  const joined = await far.joinGroup({ ...join, requireKnownMemberId: false })
  assert.ok('memberId' in joined)
})

test('nobody there, and no address', async (t) => {
  const { server, address, remote } = await serve(t)
  await assert.rejects(RemoteBroker.connect('nonsense'), { code: 'INVALID_ARGUMENT' })
  const far = await remote()
  const waiting = far.fetch({ ...limits, positions: [position(0)] })
  assert.equal((await waiting)[0].error?.code, 'UNKNOWN_TOPIC_OR_PARTITION')
  await server.close()
  await assert.rejects(RemoteBroker.connect(address), { code: 'CONNECTION_FAILED', message: new RegExp(address) })
  await assert.rejects(far.describeTopics(null), { code: 'CONNECTION_FAILED', message: new RegExp(address) })
  await far.close()
  await assert.rejects(far.describeTopics(null), { code: 'CLOSED' })
})

/** A server that answers each connection by `answer`. */
async function fake(answer: (socket: Socket) => void): Promise<{ address: string; close(): void }> {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    answer(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const bound = server.address()
  assert.ok(typeof bound === 'object' && bound !== null)
  const close = (): void => {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
  return { address: `127.0.0.1:${bound.port}`, close }
}

test('a broker that does not answer, or answers nonsense', async (t) => {
  const silent = await fake((socket) => socket.resume())
  t.after(() => silent.close())
  const connecting = RemoteBroker.connect(silent.address, { requestTimeoutMs: 50 })
  await assert.rejects(connecting, { code: 'CONNECTION_FAILED', message: /did not answer in time/ })
  const babbling = await fake((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
  t.after(() => babbling.close())
  await assert.rejects(RemoteBroker.connect(babbling.address), { code: 'CONNECTION_FAILED' })
})

test('a commit that the broker says nothing of is not taken for done', async (t) => {
  const { broker, remote } = await serve(t)
  await broker.createTopic({ name: 'orders' })
  const far = await remote()
  t.mock.method(offsetCommitEndpoint, 'start', async (header: RequestHeader) =>
    encodeResponse(offsetCommit, header.apiVersion, header.correlationId, { topics: [] }),
  )
  const offsets = [{ topic: 'orders', partition: 0, offset: 1, leaderEpoch: -1, metadata: '' }]
  const request = { groupId: 'g', memberId: '', groupInstanceId: null, generationId: -1, offsets }
  await assert.rejects(far.commitOffsets(request), { code: 'UNKNOWN_SERVER_ERROR', message: /said nothing of orders/ })
})

test('a lost connection is opened anew', async (t) => {
  const { broker, server, remote } = await serve(t)
  const far = await remote()
  await far.createTopic({ name: 'orders' })
  const { port } = server
  await server.close()
  await assert.rejects(far.produce({ topic: 'orders', partition: 0, batch: batchOf('x') }), {
    code: 'CONNECTION_FAILED',
  })
  const { KafkaServer } = await import('../../../src/kafka/server.js')
  const again = await KafkaServer.listen(broker, { host: '127.0.0.1', port })
  t.after(() => again.close())
  const both = [batchOf('one'), batchOf('two')].map((batch) => far.produce({ topic: 'orders', partition: 0, batch }))
  assert.deepEqual(
    (await Promise.all(both)).map((result) => result.baseOffset),
    [0, 1],
  )
  await until('the broker has them', async () => {
    const [{ partitions }] = await broker.describeTopics(['orders'])
    return partitions[0].highWatermark === 2
  })
})
