/** What compression saves, found by a look at some batches. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Queue } from '../../src/client/queue.js'
import { RemoteBroker } from '../../src/kafka/remote-broker.js'
import { KafkaServer } from '../../src/kafka/server.js'
import { buildBatch } from '../../src/records/builder.js'
import { batchOverheadBytes } from '../../src/records/format.js'
import { world } from './world.js'

const records = (count: number, length: number) =>
  Array.from({ length: count }, (_, i) => ({ value: Buffer.alloc(length, `${i} some text `), timestamp: 1 }))

test('a little is told exactly, here and, but for the sizes, across the wire', async (t) => {
  const { mq, broker } = await world(t)
  await mq.topics.create('t', { partitions: 3 })
  assert.deepEqual(await mq.topics.space('t'), {
    storedBytes: 0,
    uncompressedBytes: 0,
    sampled: {},
    partitions: [0, 1, 2].map((partition) => ({
      partition,
      storedBytes: 0,
      uncompressedBytes: 0,
      ratio: undefined,
      sampled: {},
    })),
  })
  const packed = buildBatch(records(100, 300), { codec: 'gzip' })
  const plain = buildBatch(records(100, 300))
  await broker.produce({ topic: 't', partition: 0, batch: packed.bytes })
  await broker.produce({ topic: 't', partition: 2, batch: plain.bytes })
  const { partitions, ...all } = await mq.topics.space('t')
  const stored = packed.sizeInBytes + plain.sizeInBytes
  const uncompressed = 2 * plain.sizeInBytes
  assert.deepEqual(all, {
    storedBytes: stored,
    uncompressedBytes: uncompressed,
    ratio: uncompressed / stored,
    sampled: { gzip: 1, none: 1 },
  })
  assert.deepEqual(
    partitions.map((one) => [one.storedBytes, one.uncompressedBytes]),
    [
      [packed.sizeInBytes, plain.sizeInBytes],
      [0, 0],
      [plain.sizeInBytes, plain.sizeInBytes],
    ],
  )
  await using server = await KafkaServer.listen(broker, { host: '127.0.0.1', port: 0 })
  await using far = new Queue(await RemoteBroker.connect(`127.0.0.1:${server.port}`))
  const told = await far.topics.space('t')
  assert.deepEqual([told.storedBytes, told.uncompressedBytes, told.sampled], [-1, -1, { gzip: 1, none: 1 }])
  assert.equal(told.partitions[0].ratio, partitions[0].ratio)
  await assert.rejects(mq.topics.space('nobody'), { code: 'UNKNOWN_TOPIC_OR_PARTITION' })
})

test('of much it tells about right, whatever the batches are like', async (t) => {
  const { mq, broker } = await world(t)
  await mq.topics.create('t')
  let stored = 0
  let uncompressed = 0
  for (let i = 0; i < 300; i++) {
    // Half of the batches hold little and are not packed, the others hold much and are.
    const batch = i % 2 === 0 ? buildBatch(records(1, 50)) : buildBatch(records(40, 200), { codec: 'lz4' })
    const plain = i % 2 === 0 ? batch : buildBatch(records(40, 200))
    await broker.produce({ topic: 't', partition: 0, batch: batch.bytes })
    stored += batch.sizeInBytes
    uncompressed += plain.sizeInBytes
  }
  const space = await mq.topics.space('t')
  assert.equal(space.storedBytes, stored)
  assert.ok(
    Math.abs(space.uncompressedBytes / uncompressed - 1) < 0.2,
    `${space.uncompressedBytes}, not ${uncompressed}`,
  )
  assert.ok((space.sampled.lz4 ?? 0) > 8 && stored > batchOverheadBytes)
})
