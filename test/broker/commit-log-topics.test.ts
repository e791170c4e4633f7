/** Topics in the commit log, from the broker's door to their messages: unpacked, described, deleted, in transactions. */

import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { Broker } from '../../src/broker/broker.js'
import { resolveSettings } from '../../src/core/settings.js'
import { makeTemporaryDirectory, type TemporaryDirectory } from '../../src/files/temporary-directory.js'
import { batchesIn, type RecordBatch } from '../../src/records/batch.js'
import { buildBatch } from '../../src/records/builder.js'
import { prepareCodec } from '../../src/records/compression/index.js'
import { type Codec, codecNames } from '../../src/records/format.js'
import { readRecords } from '../../src/records/reader.js'
import type { RecordInput } from '../../src/records/record.js'

const mib = 1 << 20
const topic = 'orders'

let directory: TemporaryDirectory
let broker: Broker

const open = () => {
  const settings = resolveSettings({
    'storage.layout': 'commitlog',
    'mapped.file.size.commitlog': 40 * mib,
    'max.hash.slot.num': 1000,
    'max.index.num': 1000,
    'auto.create.topics.enable': true,
  })
  return Broker.open(directory.path, { settings })
}

beforeEach(async () => {
  await prepareCodec('zstd')
  directory = await makeTemporaryDirectory('holdfast-commit-log-')
  broker = await open()
})

afterEach(async () => {
  await broker.close()
  await directory.remove()
})

async function batchesOf(offset = 0): Promise<RecordBatch[]> {
  const positions = [{ topic, partition: 0, offset, maxBytes: 1 << 26, currentLeaderEpoch: -1 }]
  const [fetched] = await broker.fetch({ positions, maxBytes: 1 << 26, minBytes: 1, maxWaitMs: 0 })
  return fetched.records.flatMap((bytes) => [...batchesIn(bytes)])
}

const send = (records: readonly RecordInput[], codec: Codec = 'none') =>
  broker.produce({ topic, partition: 0, batch: buildBatch(records, { codec }).bytes })

async function configOf(name: string): Promise<Map<string, { value: string; origin: string }>> {
  const entries = await broker.describeConfig(name)
  return new Map(entries.map(({ name, value, origin }) => [name, { value, origin }]))
}

test('whatever codec a batch comes in, its records are there, unpacked', async () => {
  await broker.createTopic({ name: topic })
  const records = Array.from({ length: 5 }, (_, i) => ({
    key: Buffer.from(`key ${i}`),
    value: i === 3 ? null : Buffer.from(`value ${i}`),
    timestamp: 1000 + i,
    headers: [{ key: 'h', value: Buffer.from([i, 1, 2, 0xff]) }],
  }))
  for (const codec of codecNames) await send(records, codec)
  const batches = await batchesOf()
  assert.deepEqual(new Set(batches.map(({ codec }) => codec)), new Set(['none']))
  assert.ok(batches.every((batch) => batch.crcMatches() && batch.recordsCount === 5))
  const found = batches.flatMap((batch) =>
    readRecords(batch).map(({ key, value, timestamp }) => [key, value, timestamp]),
  )
  const sent = records.map(({ key, value, timestamp }) => [key, value, timestamp])
  assert.deepEqual(found, Array(codecNames.length).fill(sent).flat())
})

test('a batch within max.message.bytes as it comes is taken however it unpacks, up to what nothing may pass', async () => {
  await broker.createTopic({ name: topic, config: { 'max.message.bytes': '100000' } })
  const of = (bytes: number) => [{ value: Buffer.alloc(bytes, 'ab'), timestamp: 1 }]
  await send(of(5 * mib), 'lz4')
  await assert.rejects(send(of(200_000)), { code: 'MESSAGE_TOO_LARGE' })
  await broker.alterTopic(topic, {
    alterations: [{ name: 'max.message.bytes', operation: 'set', value: '1000000' }],
    validateOnly: false,
  })
  await assert.rejects(send(of(33 * mib), 'lz4'), { code: 'RECORD_LIST_TOO_LARGE' })
  const [batch] = await batchesOf()
  assert.equal(readRecords(batch)[0].value?.length, 5 * mib)
})

test('a topic shows its layout and what the layout decides; and refuses what the layout cannot enforce', async () => {
  await broker.createTopic({ name: topic })
  const config = await configOf(topic)
  for (const [name, value] of Object.entries({
    'storage.layout': 'commitlog',
    'compression.type': 'uncompressed',
    'retention.ms': '-1',
    'cleanup.policy': 'delete',
  })) {
    assert.equal(config.get(name)?.value, value, name)
  }
  await assert.rejects(broker.createTopic({ name: 'other', config: { 'segment.bytes': '2000000' } }), {
    code: 'INVALID_CONFIG',
    message: /storage\.layout = commitlog/,
  })
})
