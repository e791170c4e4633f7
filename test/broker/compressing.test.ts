/** Topics that keep their batches in a codec of their own (compression.type), from the door to the log. */

import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { Broker } from '../../src/broker/broker.js'
import { makeTemporaryDirectory, type TemporaryDirectory } from '../../src/files/temporary-directory.js'
import { batchesIn, type RecordBatch } from '../../src/records/batch.js'
import { type BatchOptions, buildBatch } from '../../src/records/builder.js'
import { prepareCodec } from '../../src/records/compression/index.js'
import { type Codec, codecNames } from '../../src/records/format.js'
import { readRecords } from '../../src/records/reader.js'
import { offsetsTopicName } from '../../src/storage/internal-topics.js'

let directory: TemporaryDirectory
let broker: Broker

beforeEach(async () => {
  await prepareCodec('zstd')
  directory = await makeTemporaryDirectory('holdfast-compressing-')
  broker = await Broker.open(directory.path)
})

afterEach(async () => {
  await broker.close()
  await directory.remove()
})

const send = (topic: string, value: string, options: BatchOptions = {}) => {
  const { bytes } = buildBatch([{ key: Buffer.from('k'), value: Buffer.from(value), timestamp: 5 }], options)
  return broker.produce({ topic, partition: 0, batch: bytes })
}

async function batchesOf(topic: string): Promise<RecordBatch[]> {
  const positions = [{ topic, partition: 0, offset: 0, maxBytes: 1 << 24, currentLeaderEpoch: -1 }]
  const [fetched] = await broker.fetch({ positions, maxBytes: 1 << 24, minBytes: 1, maxWaitMs: 0 })
  return fetched.records.flatMap((bytes) => [...batchesIn(bytes)])
}

const textsOf = (batches: readonly RecordBatch[]) =>
  batches.flatMap((batch) => readRecords(batch).map(({ value }) => value?.toString()))

test('whatever comes, in one codec and in the order of the calls', async () => {
  const kept: Codec[] = ['gzip', 'snappy', 'lz4', 'zstd']
  const sent = Array.from({ length: 40 }, (_, i) => `${i}`)
  for (const type of kept) {
    await broker.createTopic({ name: type, config: { 'compression.type': type } })
    const results = await Promise.all(sent.map((value, i) => send(type, value, { codec: codecNames[i % 5] })))
    assert.deepEqual(
      results.map(({ baseOffset }) => baseOffset),
      sent.map(Number),
    )
    const batches = await batchesOf(type)
    assert.deepEqual(textsOf(batches), sent)
    assert.deepEqual(new Set(batches.map(({ codec }) => codec)), new Set([type]))
  }
})

test('a producer that sends again is a duplicate, though its batch is not the one that is stored', async () => {
  await broker.createTopic({ name: 't', config: { 'compression.type': 'zstd' } })
  const { producerId, producerEpoch } = await broker.initProducer({
    transactionalId: null,
    producerId: -1,
    producerEpoch: -1,
  })
  const again = (sequence: number, codec: Codec) =>
    send('t', `${sequence}`, { producerId, producerEpoch, baseSequence: sequence, codec })
  const first = [await again(0, 'gzip'), await again(1, 'none')]
  const second = [await again(0, 'gzip'), await again(1, 'lz4')]
  assert.deepEqual(
    second.map(({ baseOffset }) => baseOffset),
    first.map(({ baseOffset }) => baseOffset),
  )
  await assert.rejects(again(5, 'gzip'), { code: 'OUT_OF_ORDER_SEQUENCE_NUMBER' })
  const batches = await batchesOf('t')
  assert.deepEqual(textsOf(batches), ['0', '1'])
  assert.deepEqual(
    batches.map((batch) => [batch.producerId, batch.producerEpoch, batch.baseSequence]),
    [0, 1].map((sequence) => [producerId, producerEpoch, sequence]),
  )
})

test('the time of the append is stamped on what is stored', async () => {
  const config = { 'compression.type': 'gzip', 'message.timestamp.type': 'LogAppendTime' }
  await broker.createTopic({ name: 't', config })
  const { logAppendTimeMs } = await send('t', 'a', { codec: 'snappy' })
  const [batch] = await batchesOf('t')
  assert.ok(batch.crcMatches())
  assert.equal(readRecords(batch)[0].timestamp, logAppendTimeMs)
})

test('the codec can be altered while batches come', async () => {
  await broker.createTopic({ name: 't' })
  const alter = (value: string) =>
    broker.alterTopic('t', { alterations: [{ name: 'compression.type', operation: 'set', value }] })
  const sending = Array.from({ length: 60 }, async (_, i) => {
    if (i % 10 === 5) await alter(codecNames[1 + ((i / 5) % 4)])
    await send('t', `${i}`, { codec: codecNames[i % 5] })
  })
  await Promise.all(sending)
  await alter('lz4')
  await send('t', 'last', { codec: 'zstd' })
  const batches = await batchesOf('t')
  assert.equal(batches.at(-1)?.codec, 'lz4')
  assert.deepEqual(new Set(textsOf(batches)), new Set([...Array.from({ length: 60 }, (_, i) => `${i}`), 'last']))
})

test("a codec for all topics is not the one of the broker's own", async () => {
  const other = await makeTemporaryDirectory('holdfast-compressing-')
  const strict = await Broker.open(other.path, { settings: { 'compression.type': 'gzip' } })
  try {
    await strict.createTopic({ name: 't' })
    const shown = async (topic: string) =>
      (await strict.describeConfig(topic)).find(({ name }) => name === 'compression.type')?.value
    await strict.describeTopics([offsetsTopicName], { create: true })
    assert.deepEqual([await shown('t'), await shown(offsetsTopicName)], ['gzip', 'producer'])
  } finally {
    await strict.close()
    await other.remove()
  }
})
