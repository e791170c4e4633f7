/** The broker core over a real store: waiting fetches, commits, what it refuses, closing. */

import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, test } from 'node:test'
import { Broker } from '../../src/broker/broker.js'
import type { FetchRequest } from '../../src/broker/contract.js'
import { type ErrorCode, HoldfastError } from '../../src/core/errors.js'
import { makeTemporaryDirectory, type TemporaryDirectory } from '../../src/files/temporary-directory.js'
import { type BatchOptions, buildBatch } from '../../src/records/builder.js'

let directory: TemporaryDirectory
let broker: Broker

beforeEach(async () => {
  directory = await makeTemporaryDirectory('holdfast-broker-')
  broker = await Broker.open(directory.path)
  await broker.createTopic({ name: 't', partitions: 2 })
})

afterEach(async () => {
  await broker.close()
  await directory.remove()
})

const batch = (value: string, options?: BatchOptions) =>
  buildBatch([{ value: Buffer.from(value), timestamp: 1 }], options).bytes
const send = (value: string, partition = 0) => broker.produce({ topic: 't', partition, batch: batch(value) })

function fetchFrom(offset: number, request: Partial<FetchRequest> = {}) {
  const positions = [0, 1].map((partition) => ({
    topic: 't',
    partition,
    offset,
    maxBytes: 1 << 20,
    currentLeaderEpoch: -1,
  }))
  return broker.fetch({ positions, maxBytes: 1 << 20, minBytes: 1, maxWaitMs: 10_000, ...request })
}

const refusedWith = (code: ErrorCode) => (error: unknown) => error instanceof HoldfastError && error.code === code

const bytesOf = (partitions: Awaited<ReturnType<typeof fetchFrom>>) =>
  partitions.flatMap((partition) => partition.records).reduce((sum, records) => sum + records.length, 0)

test('a waiting fetch is answered by a message in any of its partitions', async () => {
  const waiting = fetchFrom(0)
  await send('x', 1)
  const [first, second] = await waiting
  assert.equal(first.records.length, 0)
  assert.equal(second.records.length, 1)
  assert.equal(second.highWatermark, 1)
})

test('a fetch waits until there are as many bytes as it wants', async () => {
  const size = batch('0').length
  const waiting = fetchFrom(0, { minBytes: 3 * size })
  let answered = false
  void waiting.then(() => {
    answered = true
  })
  await send('0')
  await send('1', 1)
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(answered, false)
  await send('2')
  assert.equal(bytesOf(await waiting), 3 * size)
})

test('a fetch ends with its time, its signal, or the broker, and leaves nothing behind on the signal', async () => {
  assert.equal(bytesOf(await fetchFrom(0, { maxWaitMs: 20 })), 0)
  const abort = new AbortController()
  const aborted = fetchFrom(0, { signal: abort.signal })
  abort.abort()
  assert.equal(bytesOf(await aborted), 0)
  assert.equal(getEventListeners(abort.signal, 'abort').length, 0)
  const closed = fetchFrom(0)
  await broker.close()
  await closed
  await assert.rejects(fetchFrom(0), refusedWith('CLOSED'))
})

test('a fetch of a topic that is deleted meanwhile is answered with the error', async () => {
  const waiting = fetchFrom(0)
  await broker.deleteTopic('t')
  const [first] = await waiting
  assert.equal(first.error?.code, 'UNKNOWN_TOPIC_OR_PARTITION')
})

test('the first batch comes whole however small the limits, and later ones within them', async () => {
  await send('a'.repeat(5000))
  await send('b'.repeat(5000), 1)
  const [first, second] = await fetchFrom(0, { maxBytes: 100 })
  assert.equal(first.records[0].length > 5000, true)
  assert.equal(second.records.length, 0)
})

test('an error of one partition does not keep the others from being read', async () => {
  await send('x')
  const position = (partition: number, offset: number, currentLeaderEpoch = -1) => ({
    topic: 't',
    partition,
    offset,
    maxBytes: 1000,
    currentLeaderEpoch,
  })
  const positions = [position(0, 0), position(1, 99), position(7, 0), position(0, 0, 5)]
  const fetched = await broker.fetch({ positions, maxBytes: 10_000, minBytes: 1, maxWaitMs: 5000 })
  assert.deepEqual(
    fetched.map((partition) => partition.error?.code),
    [undefined, 'OFFSET_OUT_OF_RANGE', 'UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_LEADER_EPOCH'],
  )
  assert.equal(fetched[0].records.length, 1)
})

test('what may not be written is refused, and nothing is written', async () => {
  const to = (topic: string, bytes: Buffer, partition = 0) => broker.produce({ topic, partition, batch: bytes })
  await assert.rejects(to('nothing', batch('x')), refusedWith('UNKNOWN_TOPIC_OR_PARTITION'))
  await assert.rejects(to('t', batch('x'), 2), refusedWith('UNKNOWN_TOPIC_OR_PARTITION'))
  await assert.rejects(to('t', batch('x'.repeat(1 << 21))), refusedWith('MESSAGE_TOO_LARGE'))
  await assert.rejects(
    to('t', batch('x', { isTransactional: true, producerId: 1, producerEpoch: 0, baseSequence: 0 })),
    refusedWith('INVALID_PRODUCER_ID_MAPPING'),
  )
  await broker.commitOffsets(commitOf('g', 't', 0))
  await assert.rejects(to('__consumer_offsets', batch('x')), refusedWith('INVALID_TOPIC_EXCEPTION'))
  const [topic] = await broker.describeTopics(['t'])
  assert.deepEqual(
    topic.partitions.map((partition) => partition.highWatermark),
    [0, 0],
  )
})

test('batches keep the order of their calls while a codec is loaded for one of them', async () => {
  // In hex, since building it here would load the codec.
  const compressed = Buffer.from(zstdBatch, 'hex')
  const results = await Promise.all([to(compressed), to(batch('1')), to(batch('2'))])
  assert.deepEqual(
    results.map((result) => result.baseOffset),
    [0, 1, 2],
  )

  function to(bytes: Buffer) {
    return broker.produce({ topic: 't', partition: 0, batch: bytes })
  }
})

test('a batch that unpacks to too much is refused', async () => {
  const packed = (bytes: number) => buildBatch([{ value: Buffer.alloc(bytes), timestamp: 1 }], { codec: 'gzip' }).bytes
  await assert.rejects(
    broker.produce({ topic: 't', partition: 0, batch: packed(40 << 20) }),
    refusedWith('RECORD_LIST_TOO_LARGE'),
  )
  await broker.produce({ topic: 't', partition: 0, batch: packed(31 << 20) })
})

const zstdBatch =
  '000000000000000000000048ffffffff02ce23636a00040000000000000000000000010000000000000001ffffffffffffffffffffffffffff00000001' +
  '28b52ffd202f750000405c00000001507a0001004a6004'

const commitOf = (groupId: string, topic: string, partition: number) => ({
  groupId,
  memberId: '',
  groupInstanceId: null,
  generationId: -1,
  offsets: [{ topic, partition, offset: 5, leaderEpoch: 0, metadata: '' }],
})

test('a commit for a partition that does not exist is refused on its own', async () => {
  const request = commitOf('g', 't', 0)
  const outcomes = await broker.commitOffsets({
    ...request,
    offsets: [...commitOf('g', 'x', 0).offsets, ...request.offsets, ...commitOf('g', 't', 9).offsets],
  })
  assert.deepEqual(
    outcomes.map((outcome) => outcome?.code),
    ['UNKNOWN_TOPIC_OR_PARTITION', undefined, 'UNKNOWN_TOPIC_OR_PARTITION'],
  )
  assert.deepEqual(
    (await broker.fetchOffsets('g', null)).map(({ topic, partition }) => [topic, partition]),
    [['t', 0]],
  )
})

test('a topic that is deleted takes its committed offsets along', async () => {
  await broker.commitOffsets(commitOf('g', 't', 0))
  await broker.deleteTopic('t')
  assert.deepEqual(await broker.fetchOffsets('g', null), [])
})

test('topics are found by their ids, as long as they are there', async () => {
  const id = broker.topicId('t')
  assert.ok(id)
  assert.equal(broker.topicName(id), 't')
  assert.equal(broker.topicName(Buffer.alloc(16)), undefined)
  await broker.deleteTopic('t')
  assert.equal(broker.topicName(id), undefined)
  assert.equal(broker.topicId('t'), undefined)
})

test('producer ids are never handed out twice, also not after a restart', async () => {
  const ask = () => broker.initProducer({ transactionalId: null, producerId: -1, producerEpoch: -1 })
  const before = await Promise.all([ask(), ask(), ask()])
  await broker.close()
  broker = await Broker.open(directory.path)
  const after = await ask()
  assert.equal(new Set([...before, after].map((identity) => identity.producerId)).size, 4)
  const transactional = await broker.initProducer({ transactionalId: 'x', producerId: -1, producerEpoch: -1 })
  assert.equal(
    [...before, after].some(({ producerId }) => producerId === transactional.producerId),
    false,
  )
})

test('topics are checked before they are made', async () => {
  const create = (topic: Parameters<Broker['createTopic']>[0]) => broker.createTopic(topic)
  await assert.rejects(create({ name: 'a/b' }), refusedWith('INVALID_TOPIC_EXCEPTION'))
  await assert.rejects(create({ name: '..' }), refusedWith('INVALID_TOPIC_EXCEPTION'))
  await assert.rejects(create({ name: 'x'.repeat(250) }), refusedWith('INVALID_TOPIC_EXCEPTION'))
  await assert.rejects(create({ name: 't' }), refusedWith('TOPIC_ALREADY_EXISTS'))
  await assert.rejects(create({ name: 'a', partitions: 0 }), refusedWith('INVALID_PARTITIONS'))
  await assert.rejects(create({ name: 'a', replicationFactor: 3 }), refusedWith('INVALID_REPLICATION_FACTOR'))
  await assert.rejects(
    create({ name: 'a', config: { 'unclean.leader.election.enable': 'true' } }),
    refusedWith('INVALID_CONFIG'),
  )
  await assert.rejects(create({ name: 'a', config: { 'segment.bytes': '1' } }), refusedWith('INVALID_CONFIG'))
  await create({ name: 'a', validateOnly: true })
  assert.deepEqual(
    (await broker.describeTopics(null)).map((topic) => topic.name),
    ['t'],
  )
  await assert.rejects(broker.createPartitions('t', 2), refusedWith('INVALID_PARTITIONS'))
  await assert.rejects(broker.createPartitions('no', 2), refusedWith('UNKNOWN_TOPIC_OR_PARTITION'))
  await assert.rejects(broker.deleteTopic('no'), refusedWith('UNKNOWN_TOPIC_OR_PARTITION'))
})

test('LogAppendTime is stamped on the batch and told to the sender', async () => {
  await broker.createTopic({ name: 'stamped', config: { 'message.timestamp.type': 'LogAppendTime' } })
  const before = Date.now()
  const { logAppendTimeMs } = await broker.produce({ topic: 'stamped', partition: 0, batch: batch('x') })
  assert.ok(logAppendTimeMs >= before)
  const [found] = await broker.findOffsets([{ topic: 'stamped', partition: 0, query: before, currentLeaderEpoch: -1 }])
  assert.deepEqual([found.offset, found.timestamp], [0, logAppendTimeMs])
})
