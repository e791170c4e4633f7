/** Packing what is sent where that pays: found out from the bytes alone, and given up where it does not. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { SeededRandomness } from '../../sim/seeded-randomness.js'
import { TopicCompression } from '../../src/client/compressing.js'
import { Queue } from '../../src/client/queue.js'
import { RemoteBroker } from '../../src/kafka/remote-broker.js'
import { KafkaServer } from '../../src/kafka/server.js'
import { batchesIn } from '../../src/records/batch.js'
import { BatchBuilder, type BuiltBatch } from '../../src/records/builder.js'
import { instead, texts, world } from './world.js'

const random = new SeededRandomness(1)
const kib = 1024
const mib = 1024 * kib

const text = (length: number) => Buffer.alloc(length, 'some text, and then some more of it; ')
const noise = (length: number) => Buffer.from(random.bytes(length))

function build(compression: TopicCompression, value: Buffer): BuiltBatch {
  const builder = new BatchBuilder()
  builder.append({ value, timestamp: 1 })
  return compression.build(builder)
}

/** The codecs of batches with these values, one after the other. */
const codecsOf = (compression: TopicCompression, values: readonly Buffer[]) =>
  values.map((value) => build(compression, value).codec)

describe('auto', () => {
  test('packs what shrinks, from the first batch on, and leaves small and huge batches as they are', () => {
    const auto = new TopicCompression('auto')
    const sizes = [500, 1500, 4 * kib, 100 * kib, 1500, 17 * mib, mib]
    assert.deepEqual(codecsOf(auto, sizes.map(text)), ['none', 'none', 'lz4', 'lz4', 'none', 'none', 'lz4'])
    assert.ok(build(auto, text(100 * kib)).sizeInBytes < 10 * kib)
  })

  test('leaves what does not shrink, and tries again after pauses that double up to 64 MiB', () => {
    const tries = [0, 2, 5, 10, 19, 36, 69, 134]
    const [dull, worthy] = [noise(mib), text(mib)]
    for (const sent of [0, 1, 2, 3, 5, 6, 12, 20, 60, 75]) {
      const auto = new TopicCompression('auto')
      for (let i = 0; i < sent; i++) assert.equal(build(auto, dull).codec, 'none')
      let unpacked = 0
      while (build(auto, worthy).codec === 'none') unpacked++
      assert.equal(
        sent + unpacked,
        tries.find((each) => each >= sent),
        `after ${sent} MiB of noise`,
      )
      assert.equal(build(auto, worthy).codec, 'lz4')
    }
  })

  test('stops when what it packs no longer shrinks, and begins with short pauses again', () => {
    const auto = new TopicCompression('auto')
    const values = [
      text(mib),
      noise(mib),
      text(mib / 2),
      text(mib / 2),
      text(mib / 2),
      noise(mib),
      noise(10),
      text(mib),
    ]
    assert.deepEqual(codecsOf(auto, values), ['lz4', 'none', 'none', 'none', 'lz4', 'none', 'none', 'none'])
  })

  test('says the same of the same bytes', () => {
    const values = Array.from({ length: 60 }, (_, i) => (i % 7 < 3 ? text : noise)(((i * 37) % 300) * kib + 1))
    const run = () => codecsOf(new TopicCompression('auto'), values)
    assert.deepEqual(run(), run())
  })
})

test('a message that is just small enough goes, though packing would make it too large', async (t) => {
  const { mq } = await world(t)
  await mq.topics.create('t')
  await mq.send('t', { value: text(100 * kib) })
  const value = noise(1_048_588 - 61 - 14)
  await mq.send('t', { value })
  const [, message] = await mq.read('t')
  assert.ok(message.value?.equals(value))
})

test('a codec that was chosen is kept to; what the topic keeps goes before all', () => {
  for (const choice of ['none', 'gzip', 'auto'] as const) {
    const compression = new TopicCompression(choice)
    const codecs = codecsOf(compression, [text(mib), noise(3 * kib)])
    assert.deepEqual(codecs, choice === 'auto' ? ['lz4', 'none'] : [choice, choice])
    compression.ofTopic = { codec: 'snappy' }
    assert.deepEqual(codecsOf(compression, [text(mib), noise(10)]), ['snappy', 'snappy'])
  }
  assert.throws(() => new Queue({} as never, { compression: 'brotli' as never }), { code: 'INVALID_ARGUMENT' })
})

test('a topic of its own codec gets batches that are packed once, here and across the wire', async (t) => {
  const produced: BuiltBatch[] = []
  const { mq, broker } = await world(t, {
    between: (broker) =>
      instead(broker, {
        produce(request) {
          if (request.built !== undefined) produced.push(request.built)
          return broker.produce(request)
        },
      }),
  })
  await using server = await KafkaServer.listen(broker, { host: '127.0.0.1', port: 0 })
  await using far = new Queue(await RemoteBroker.connect(`127.0.0.1:${server.port}`))
  await mq.topics.create('t', { config: { 'compression.type': 'gzip', 'compression.gzip.level': '9' } })
  const value = text(5000).toString()
  await mq.send('t', { value })
  await mq.topics.alter('t', { config: { 'compression.type': 'zstd' } })
  await mq.send('t', { value })
  await mq.topics.alter('t', { config: { 'compression.type': null } })
  await mq.send('t', { value })
  await far.send('t', { value })
  assert.deepEqual(texts(await mq.read('t')), [value, value, value, value])
  assert.deepEqual(
    produced.map(({ codec }) => codec),
    ['gzip', 'zstd', 'lz4'],
  )
  const positions = [{ topic: 't', partition: 0, offset: 0, maxBytes: mib, currentLeaderEpoch: -1 }]
  const [{ records }] = await broker.fetch({ positions, maxBytes: mib, minBytes: 1, maxWaitMs: 0 })
  const stored = records.flatMap((bytes) => [...batchesIn(bytes)])
  assert.deepEqual(
    stored.map(({ codec }) => codec),
    ['gzip', 'zstd', 'lz4', 'lz4'],
  )
  for (const [index, built] of produced.entries()) assert.deepEqual(stored[index].bytes, built.bytes)
})
