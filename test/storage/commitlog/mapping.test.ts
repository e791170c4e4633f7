/** Record batches become messages and come back as the same bytes; and what no batch made becomes batches too. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { javaHash } from '../../../src/core/java-hash.js'
import { batchesIn, RecordBatch } from '../../../src/records/batch.js'
import { buildBatch } from '../../../src/records/builder.js'
import { controlBatch } from '../../../src/records/end-marker.js'
import { readRecords } from '../../../src/records/reader.js'
import type { RecordInput } from '../../../src/records/record.js'
import { buildBatches } from '../../../src/storage/commitlog/batch-builder.js'
import { BatchEncoder, type EncodedBatch, seal } from '../../../src/storage/commitlog/batch-encoder.js'
import { dispatchOf, ownPropertyOf } from '../../../src/storage/commitlog/dispatching.js'
import { hostBytes } from '../../../src/storage/commitlog/host.js'
import { type MessageView, readMessage } from '../../../src/storage/commitlog/message.js'
import { decodeOwn } from '../../../src/storage/commitlog/own-property.js'
import { prepareQueue } from '../../../src/storage/commitlog/prepared-queue.js'
import { propertiesOf, propertyOf } from '../../../src/storage/commitlog/properties.js'
import { recordOf } from '../../../src/storage/commitlog/record-parts.js'
import { foreignMessage } from './foreign-message.js'

const storeHost = hostBytes('10.1.2.3', 9092)
const queue = prepareQueue({ topic: 'orders', queueId: 3, storeHost, idHeader: 'message-id' })
const options = { leaderEpochAt: () => 7, idHeader: 'message-id', maxBodyBytes: 1 << 20 }
const position = 123_456_789_012
const storeTimestamp = 1_790_000_000_000

function read(bytes: Buffer, from = position): MessageView[] {
  const messages: MessageView[] = []
  for (let start = 0; start < bytes.length; ) {
    const reading = readMessage(bytes, start, bytes.length - start, from + start)
    assert.equal(reading.kind, 'message', reading.kind === 'fault' ? reading.reason : undefined)
    if (reading.kind !== 'message') break
    messages.push(reading)
    start += reading.sizeInBytes
  }
  return messages
}

function encode(batch: RecordBatch, { to = queue, before = -1, encoder = new BatchEncoder() } = {}): EncodedBatch {
  const encoded = encoder.encodeBatch(batch, to, before)
  seal(encoded, position, storeTimestamp)
  return encoded
}

function messagesOf(records: RecordInput[], before = -1): MessageView[] {
  return read(encode(buildBatch(records), { before }).bytes)
}

const awkward = fc.constantFrom(
  'KEYS',
  'TAGS',
  'UNIQ_KEY',
  'message-id',
  '__HF',
  '__HF_H',
  '__CRC32#',
  'INNER_NUM',
  'DELAY',
  '',
  'a\x01b',
  'b\x02',
  'größe',
  'two words',
  'x',
)
const someBytes = fc.oneof(
  awkward.map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
  fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => Buffer.from(text)),
)
const nullableBytes = fc.option(someBytes, { nil: null })
const record: fc.Arbitrary<RecordInput> = fc.record({
  key: nullableBytes,
  value: fc.oneof(nullableBytes, fc.uint8Array({ minLength: 100, maxLength: 3000 })),
  headers: fc.array(
    fc.record({ key: fc.oneof(awkward, fc.string({ unit: 'grapheme', maxLength: 12 })), value: nullableBytes }),
    { maxLength: 5 },
  ),
  timestamp: fc.oneof(
    fc.constant(-1),
    fc.integer({ min: 1_700_000_000_000, max: 1_700_000_000_100 }),
    fc.integer({ min: -(2 ** 52), max: 2 ** 52 }),
  ),
})
const producer = fc.record({
  producerId: fc.maxSafeNat(),
  producerEpoch: fc.nat(32767),
  baseSequence: fc.nat(2 ** 31 - 1),
  isTransactional: fc.boolean(),
})
const batch = fc
  .record({
    records: fc.array(record, { minLength: 1, maxLength: 12 }),
    baseOffset: fc.oneof(
      fc.nat(1000),
      fc.maxSafeNat().map((offset) => Math.min(offset, 2 ** 50)),
    ),
    producer: fc.option(producer, { nil: {} }),
    logAppendTime: fc.option(fc.oneof(fc.constant(0), fc.nat(2_000_000_000_000)), { nil: undefined }),
  })
  .map(({ records, baseOffset, producer, logAppendTime }) => {
    const made = buildBatch(records, { baseOffset, partitionLeaderEpoch: 7, ...producer })
    if (logAppendTime !== undefined) made.stampLogAppendTime(logAppendTime)
    return made
  })
const marker = fc
  .record({
    outcome: fc.constantFrom('COMMIT' as const, 'ABORT' as const),
    producerId: fc.maxSafeNat(),
    producerEpoch: fc.nat(32767),
    coordinatorEpoch: fc.nat(2 ** 31 - 1),
    timestamp: fc.nat(2_000_000_000_000),
    baseOffset: fc.nat(1000),
  })
  .map((end) => controlBatch({ ...end, partitionLeaderEpoch: 7 }))

test('a batch comes back byte for byte', () => {
  const encoder = new BatchEncoder()
  fc.assert(
    fc.property(
      fc.array(fc.oneof({ weight: 4, arbitrary: batch }, marker), { minLength: 1, maxLength: 4 }),
      (batches) => {
        const encoded = batches.map((one) => encode(one, { encoder }))
        const messages = encoded.flatMap(({ bytes }) => read(bytes))
        assert.deepEqual(buildBatches(messages, options), Buffer.concat(batches.map((one) => one.bytes)))
      },
    ),
    { numRuns: 300 },
  )
})

test('queue and index are told the same by the writer and by who reads the messages', () => {
  fc.assert(
    fc.property(batch, (one) => {
      const encoded = encode(one)
      let at = position
      for (const [index, message] of read(encoded.bytes).entries()) {
        const dispatched = dispatchOf(message)
        assert.deepEqual(dispatched, {
          topic: 'orders',
          queueId: 3,
          queueOffset: one.baseOffset + index,
          position: at,
          sizeInBytes: encoded.sizes[index],
          tagsCode: encoded.tagsCodes[index],
          storeTimestamp,
          keyHashes: encoded.keyHashes[index],
          hasQueueEntry: true,
          isIndexed: true,
          lateHashes: dispatched.lateHashes,
          own: ownPropertyOf(message),
        })
        at += dispatched.sizeInBytes
      }
      assert.equal(at, position + encoded.bytes.length)
    }),
  )
})

test('a message says which record of its batch it is, and the greatest timestamp up to it', () => {
  fc.assert(
    fc.property(batch, fc.integer({ min: -1, max: 2_000_000_000_000 }), (one, before) => {
      const encoded = encode(one, { before })
      let greatest = before
      const records = readRecords(one)
      for (const [index, message] of read(encoded.bytes).entries()) {
        const own = ownPropertyOf(message)
        assert.equal(own.index, index)
        assert.equal(own.recordsCount, one.recordsCount)
        assert.equal(own.producerId, one.producerId)
        assert.equal(own.producerEpoch, one.producerEpoch)
        assert.equal(own.baseSequence, one.baseSequence)
        assert.equal(own.isTransactional, one.isTransactional)
        const { timestamp } = records[index]
        greatest = Math.max(greatest, timestamp)
        assert.equal(own.maxTimestamp ?? timestamp, greatest)
      }
      assert.equal(encoded.maxTimestamp, greatest)
    }),
  )
})

test('a single record is found as it is read from its batch', () => {
  fc.assert(
    fc.property(batch, (one) => {
      const records = read(encode(one).bytes).map((message) => recordOf(message, 'message-id', 0))
      assert.deepEqual(records, readRecords(one))
    }),
  )
})

test('each flipped byte and each cut of a message is noticed', () => {
  fc.assert(
    fc.property(batch, fc.integer({ min: 1, max: 255 }), (one, bits) => {
      const { bytes, sizes } = encode(one)
      const size = sizes[0]
      for (let i = 0; i < size; i++) {
        const damaged = Buffer.from(bytes.subarray(0, size))
        damaged[i] ^= bits
        assert.equal(readMessage(damaged, 0, size).kind, 'fault', `byte ${i} of ${size}`)
        // As a torn write leaves it.
        const torn = Buffer.from(bytes.subarray(0, size)).fill(0, i)
        assert.notEqual(readMessage(torn, 0, size).kind, 'message', `torn at ${i} of ${size}`)
      }
    }),
    { numRuns: 15 },
  )
})

test('what of a batch is missing leaves gaps in its offsets', () => {
  const records = Array.from({ length: 6 }, (_, index) => ({ value: Buffer.from(`v${index}`), timestamp: 100 - index }))
  const messages = read(
    encode(buildBatch(records, { baseOffset: 40, producerId: 1, producerEpoch: 0, baseSequence: 9 })).bytes,
  )
  const built = new RecordBatch(buildBatches([messages[1], messages[2], messages[4]], options))
  assert.equal(built.baseOffset, 40)
  assert.equal(built.lastOffset, 44)
  assert.equal(built.recordsCount, 3)
  assert.equal(built.baseSequence, 9)
  assert.equal(built.maxTimestamp, 99)
  assert.ok(built.crcMatches())
  assert.deepEqual(
    readRecords(built).map(({ offset, value, timestamp }) => [offset, value?.toString(), timestamp]),
    [
      [41, 'v1', 99],
      [42, 'v2', 98],
      [44, 'v4', 96],
    ],
  )
})

test('a message of RocketMQ is a batch of its own', () => {
  const of = (properties: string, queueOffset = 5) => {
    const reading = readMessage(foreignMessage({ properties, queueOffset, bornTimestamp: 77 }), 0, 4096)
    assert.equal(reading.kind, 'message')
    return reading as MessageView
  }
  const first = of('KEYS\x01one\x02TAGS\x01t\x02UNIQ_KEY\x01u\x02colour\x01red\x02__CRC32\x01x\x02')
  const second = of('KEYS\x01one two\x02', 6)
  const bytes = buildBatches([first, second], options)
  const [a, b] = [...batchesIn(bytes)]
  assert.equal(a.baseOffset, 5)
  assert.equal(a.maxTimestamp, 77)
  assert.equal(a.partitionLeaderEpoch, 7)
  assert.equal(a.producerId, -1)
  assert.ok(a.crcMatches() && b.crcMatches())
  const header = (key: string, value: string) => ({ key, value: Buffer.from(value) })
  assert.deepEqual(readRecords(a), [
    {
      offset: 5,
      timestamp: 77,
      key: Buffer.from('one'),
      value: Buffer.from('body'),
      headers: [header('TAGS', 't'), header('message-id', 'u'), header('colour', 'red'), header('__CRC32', 'x')],
    },
  ])
  assert.deepEqual(readRecords(b)[0].key, null)
  assert.deepEqual(readRecords(b)[0].headers, [header('KEYS', 'one two')])
})

test('of a message that RocketMQ put anew what was said of its batch does not hold', () => {
  const [message] = messagesOf([
    { value: null, timestamp: 5 },
    { value: null, timestamp: 5 },
  ])
  const properties = propertiesOf(message)
  assert.deepEqual(properties.map(({ name, value }) => `${name}=${value}`).slice(0, 1), ['__HF=n2,v'])
  const copied = readMessage(
    foreignMessage({
      properties: properties.map(({ name, value }) => `${name}\x01${value}\x02`).join(''),
      reconsumeTimes: 1,
      body: Buffer.alloc(0),
    }),
    0,
    4096,
  ) as MessageView
  assert.equal(ownPropertyOf(copied).recordsCount, 1)
  assert.deepEqual(recordOf(copied, 'message-id', 0), {
    offset: 0,
    timestamp: 1_700_000_000_000,
    key: null,
    value: null,
    headers: [],
  })
})

test('a key and headers that can be properties are properties', () => {
  const headers = [
    { key: 'TAGS', value: Buffer.from('größe') },
    { key: 'message-id', value: Buffer.from('id 1') },
    { key: 'colour', value: Buffer.from('red') },
  ]
  const [message] = messagesOf([{ key: Buffer.from('k1'), value: Buffer.from('v'), headers, timestamp: 5 }])
  assert.deepEqual(
    propertiesOf(message).map(({ name, value }) => (name === '__CRC32#' ? name : `${name}=${value}`)),
    ['TAGS=größe', 'UNIQ_KEY=id 1', 'colour=red', 'KEYS=k1', '__CRC32#'],
  )
  assert.equal(message.bornTimestamp, 5)
  assert.equal(message.bornHost, '10.1.2.3:9092')
  const { tagsCode, keyHashes } = dispatchOf(message)
  assert.equal(tagsCode, javaHash('größe'))
  assert.deepEqual(
    keyHashes,
    ['id 1', 'k1', 'T#größe'].map((key) => javaHash(`orders#${key}`)),
  )
})

test('what cannot be a property is kept beside them', () => {
  const headers = [
    { key: '', value: Buffer.from('a') },
    { key: 'none', value: null },
    { key: 'INNER_NUM', value: Buffer.from('x') },
    { key: 'UNIQ_KEY', value: Buffer.from('u') },
    { key: 'KEYS', value: Buffer.from('a b') },
  ]
  const [message] = messagesOf([{ key: Buffer.from('k'), value: null, headers, timestamp: 5 }])
  assert.deepEqual(
    propertiesOf(message)
      .map(({ name, value }) => `${name}=${value}`)
      .slice(0, -1),
    ['__HF_H=.YQ', '__HF_H=bm9uZQ,', '__HF_H=SU5ORVJfTlVN.eA', '__HF_H=VU5JUV9LRVk.dQ', 'KEYS=a b', '__HF=v,kaw'],
  )
  assert.deepEqual(
    dispatchOf(message).keyHashes,
    ['a', 'b', 'k'].map((key) => javaHash(`orders#${key}`)),
  )
})

test('in the topic of delayed messages a header is no delay', () => {
  const to = prepareQueue({ topic: 'SCHEDULE_TOPIC_XXXX', queueId: 0, storeHost, idHeader: 'message-id' })
  const one = buildBatch([{ value: null, headers: [{ key: 'DELAY', value: Buffer.from('3') }], timestamp: 5 }])
  const [message] = read(encode(one, { to }).bytes)
  assert.equal(propertyOf(message, 'DELAY'), undefined)
  assert.equal(dispatchOf(message).tagsCode, 0)
})

test('hosts of IPv6 and topics of more than 127 bytes', () => {
  for (const topic of ['t'.repeat(127), 't'.repeat(128), 'ü'.repeat(64), 't'.repeat(249)]) {
    const to = prepareQueue({ topic, queueId: 1, storeHost: hostBytes('::1', 9092), idHeader: 'message-id' })
    const one = buildBatch([{ key: Buffer.from('k'), value: Buffer.from('v'), timestamp: 5 }], {
      partitionLeaderEpoch: 7,
    })
    const [message] = read(encode(one, { to }).bytes)
    assert.equal(message.topic, topic)
    assert.equal(message.storeHost, '[0:0:0:0:0:0:0:1]:9092')
    assert.equal(message.bornHost, message.storeHost)
    assert.equal(message.storeTimestamp, storeTimestamp)
    assert.deepEqual(buildBatches([message], options), one.bytes)
  }
  const endless = { topic: 't'.repeat(40_000), queueId: 1, storeHost, idHeader: 'message-id' }
  assert.throws(() => prepareQueue(endless), { code: 'INVALID_TOPIC_EXCEPTION' })
})

test('key and headers beyond what properties can hold are refused, and nothing else', () => {
  const encoder = new BatchEncoder()
  const refused: RecordInput[] = [
    { key: Buffer.alloc(32_750, 'k'), timestamp: 5 },
    { key: Buffer.alloc(25_000, 1), timestamp: 5 },
    { headers: [{ key: 'h', value: Buffer.alloc(40_000, 'v') }], timestamp: 5 },
    { headers: [{ key: 'h', value: Buffer.alloc(2 ** 20) }], timestamp: 5 },
    { headers: Array.from({ length: 20_000 }, () => ({ key: '', value: null })), timestamp: 5 },
  ]
  const fine: RecordInput = { key: Buffer.alloc(32_000, 'k'), value: Buffer.alloc(2 ** 20, 'v'), timestamp: 5 }
  const after = buildBatch([fine, fine], { partitionLeaderEpoch: 7 })
  for (const record of refused) {
    assert.throws(() => encoder.encodeBatch(buildBatch([fine, record]), queue, -1), { code: 'INVALID_RECORD' })
    assert.deepEqual(buildBatches(read(encode(after, { encoder }).bytes), options), after.bytes)
  }
})

test('a batch that is sealed again lies where it was sealed last', () => {
  const one = buildBatch([
    { value: Buffer.from('v'), timestamp: 5 },
    { value: null, timestamp: 6 },
  ])
  const encoded = encode(one)
  seal(encoded, 999, storeTimestamp + 1)
  const messages = read(encoded.bytes, 999)
  assert.deepEqual(
    messages.map((message) => message.storeTimestamp),
    [storeTimestamp + 1, storeTimestamp + 1],
  )
})

test('batches that are alive together do not share bytes', () => {
  const encoder = new BatchEncoder()
  const batches = Array.from({ length: 300 }, (_, index) =>
    buildBatch([{ value: Buffer.alloc(3000, index), timestamp: index }], {
      baseOffset: index,
      partitionLeaderEpoch: 7,
    }),
  )
  const encoded = batches.map((one) => encode(one, { encoder }))
  assert.deepEqual(
    buildBatches(
      encoded.flatMap(({ bytes }) => read(bytes)),
      options,
    ),
    Buffer.concat(batches.map((one) => one.bytes)),
  )
})

test('a property __HF that is none of ours says nothing, and nothing is thrown', () => {
  const decode = (text: string) => decodeOwn(Buffer.from(text, 'latin1'), 0, Buffer.byteLength(text, 'latin1'))
  for (const text of [
    ',',
    't,',
    'tt',
    'p',
    'p-',
    'pzzzzzzzzzzzz',
    'q1',
    'i1',
    'n0',
    'n2,i2',
    'hello',
    'k!',
    'ka',
    'p1,,e1',
    'e100000',
    'P1',
  ]) {
    assert.equal(decode(text), undefined, text)
  }
  assert.equal(decode('m-5')?.maxTimestamp, -5)
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void decode(text)))
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.constantFrom('__HF', '__HF_H'), (bytes, name) => {
      const value = Buffer.from(bytes).toString('latin1')
      const reading = readMessage(foreignMessage({ properties: `${name}\x01${value}\x02` }), 0, 4096)
      if (reading.kind === 'message') buildBatches([reading], options)
    }),
  )
})
