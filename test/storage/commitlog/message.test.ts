/** Messages as RocketMQ wrote them, byte for byte, and what a reader says of everything else. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32, deflateSync } from 'node:zlib'
import fc from 'fast-check'
import { javaHash } from '../../../src/core/java-hash.js'
import { compress, prepareCodec } from '../../../src/records/compression/index.js'
import { deliveryTimeOf, dispatchOf } from '../../../src/storage/commitlog/dispatching.js'
import { hostBytes, messageIdOf, parseMessageId } from '../../../src/storage/commitlog/host.js'
import { type MessageView, readMessage } from '../../../src/storage/commitlog/message.js'
import { bodyOf, prepareBodies } from '../../../src/storage/commitlog/message-body.js'
import { writeCrcProperty } from '../../../src/storage/commitlog/message-crc.js'
import { nothingOwn } from '../../../src/storage/commitlog/own-property.js'
import { propertiesOf, propertyOf } from '../../../src/storage/commitlog/properties.js'
import { type ForeignMessage, foreignMessage } from './foreign-message.js'

/** Written by RocketMQ 5.3: body "hello-0", topic TopicA, KEYS, UNIQ_KEY and TAGS. */
const hello = Buffer.from(
  '0000008fdaa320a7154677bc000000000000000000000000000000000000000000000000000000000000018bcfe56800' +
    '7f000001000004d2000001a201b0d9987f00000100002a9f0000000000000000000000000000000768656c6c6f2d30' +
    '06546f7069634100274b455953016b657930206f7468657202554e49515f4b455901554b300254414753015461674102',
  'hex',
)

function read(bytes: Buffer, position?: number): MessageView {
  const reading = readMessage(bytes, 0, bytes.length, position)
  assert.equal(reading.kind, 'message', reading.kind === 'fault' ? reading.reason : undefined)
  return reading as MessageView
}

function reasonOf(bytes: Buffer, position?: number): string {
  const reading = readMessage(bytes, 0, bytes.length, position)
  assert.equal(reading.kind, 'fault')
  return reading.kind === 'fault' ? reading.reason : ''
}

test('every field of a message that RocketMQ wrote', () => {
  const message = read(hello, 0)
  assert.equal(message.sizeInBytes, 143)
  assert.equal(message.bodyCrc, crc32('hello-0') & 0x7fffffff)
  assert.equal(message.queueId, 0)
  assert.equal(message.flag, 0)
  assert.equal(message.queueOffset, 0)
  assert.equal(message.position, 0)
  assert.equal(message.sysFlag, 0)
  assert.equal(message.transactionType, 'none')
  assert.equal(message.bornTimestamp, 1700000000000)
  assert.equal(message.bornHost, '127.0.0.1:1234')
  assert.equal(message.storeTimestamp, 1795324696984)
  assert.equal(message.storeHost, '127.0.0.1:10911')
  assert.equal(message.reconsumeTimes, 0)
  assert.equal(message.preparedTransactionOffset, 0)
  assert.equal(message.isOwn, false)
  assert.equal(message.storedBody.toString(), 'hello-0')
  assert.equal(message.topic, 'TopicA')
  assert.deepEqual(propertiesOf(message), [
    { name: 'KEYS', value: 'key0 other' },
    { name: 'UNIQ_KEY', value: 'UK0' },
    { name: 'TAGS', value: 'TagA' },
  ])
  assert.equal(propertyOf(message, 'TAGS'), 'TagA')
  assert.equal(propertyOf(message, 'TAG'), undefined)
  assert.equal(message.propertiesBytes.length, 39)
})

test('what queue and index are told of it', () => {
  assert.deepEqual(dispatchOf(read(hello)), {
    topic: 'TopicA',
    queueId: 0,
    queueOffset: 0,
    position: 0,
    sizeInBytes: 143,
    tagsCode: javaHash('TagA'),
    storeTimestamp: 1795324696984,
    keyHashes: ['UK0', 'key0', 'other', 'T#TagA'].map((key) => javaHash(`TopicA#${key}`)),
    hasQueueEntry: true,
    isIndexed: true,
    lateHashes: 1,
    own: nothingOwn,
  })
})

test('a message that lies elsewhere than it says is a fault where its place is known', () => {
  assert.match(reasonOf(hello, 143), /says that it lies at position 0/)
})

test('a topic of more than 127 characters and IPv6 hosts', () => {
  const topic = 't'.repeat(130)
  const storeHost = hostBytes('2001:db8::7', 10911)
  const message = read(foreignMessage({ topic, body: Buffer.from('x'), bornHost: hostBytes('::1', 5), storeHost }))
  assert.equal(message.topic, topic)
  assert.equal(message.bornHost, '[0:0:0:0:0:0:0:1]:5')
  assert.equal(message.storeHost, '[2001:db8:0:0:0:0:0:7]:10911')
  assert.equal(message.sysFlag, 0x30)
  assert.equal(message.storeTimestamp, 1_700_000_000_000)
  assert.equal(message.storedBody.toString(), 'x')
  assert.equal(message.topicBytes.length, 130)
  assert.equal(message.reconsumeTimes, 0)
})

test('a blank is told with its size, what was never written as the end', () => {
  assert.deepEqual(readMessage(Buffer.from('00000026cbd43194', 'hex'), 0, 8), { kind: 'blank', sizeInBytes: 38 })
  assert.deepEqual(readMessage(Buffer.from('00000008cbd43194', 'hex'), 0, 8), { kind: 'blank', sizeInBytes: 8 })
  assert.match(reasonOf(Buffer.from('00000007cbd43194', 'hex')), /a blank of 7 bytes/)
  assert.deepEqual(readMessage(Buffer.alloc(200), 0, 200), { kind: 'end' })
})

test('what is cut off says how much it takes', () => {
  for (let length = 0; length < hello.length; length++) {
    const reading = readMessage(hello, 0, length)
    assert.equal(reading.kind, 'fault')
    assert.equal(reading.kind === 'fault' && reading.neededBytes, length < 8 ? 8 : 143)
  }
})

test('a body that fails its CRC is a fault, and a message that fails its CRC property', () => {
  const torn = Buffer.from(hello)
  torn[hello.indexOf('hello')] ^= 1
  assert.match(reasonOf(torn), /body that fails its CRC/)

  const withCrc = foreignMessage({ properties: 'TAGS\x01a\x02', hasCrc: true })
  assert.equal(read(withCrc).isOwn, false)
  for (let i = 8; i < withCrc.length; i++) {
    // A count of deliveries other than 0 excuses a CRC: see below.
    if (i >= 72 && i < 76) continue
    const flipped = Buffer.from(withCrc)
    flipped[i] ^= 0x10
    const reading = readMessage(flipped, 0, flipped.length)
    // Damage to the property's name makes another property of it: only of our own messages is it known to be there.
    if (i < withCrc.length - 21 || (i >= withCrc.length - 11 && i < withCrc.length - 1)) {
      assert.equal(reading.kind, 'fault', `byte ${i}`)
    }
  }
})

test('a message that was sent back may carry the CRC that it had before', () => {
  const stale = foreignMessage({ properties: 'TAGS\x01a\x02__CRC32#\x010123456789\x02', reconsumeTimes: 1 })
  assert.equal(read(stale).reconsumeTimes, 1)
  assert.match(reasonOf(foreignMessage({ properties: '__CRC32#\x010123456789\x02' })), /fails its CRC/)
})

test('the digits of the CRC property have the least significant first', () => {
  const bytes = foreignMessage({ properties: 'TAGS\x01a\x02', hasCrc: true })
  const crc = crc32(bytes.subarray(0, -20)) & 0x7fffffff
  const text = `__CRC32#\x01${String(crc).padStart(10, '0').split('').reverse().join('')}\x02`
  assert.equal(bytes.toString('latin1', bytes.length - 20), text)
})

test('numbers that no log can work with are faults', () => {
  const negativeOffset = Buffer.from(hello)
  negativeOffset.writeInt32BE(-1, 20)
  assert.match(reasonOf(negativeOffset), /queue offset/)
  const negativeQueue = Buffer.from(hello)
  negativeQueue.writeInt32BE(-1, 12)
  assert.match(reasonOf(negativeQueue), /queue id -1/)
  const farAway = Buffer.from(hello)
  farAway.writeInt32BE(0x7fffffff, 28)
  assert.match(reasonOf(farAway), /position/)
})

test('lengths that do not make up the whole are faults, whichever it is', () => {
  for (const [position, value] of [
    [3, 0x8e],
    [3, 0x90],
    [87, 6],
    [84, 0x80],
    [95, 7],
    [95, 0x86],
    [103, 0x26],
    [102, 0x80],
    [39, 0x10],
  ]) {
    const wrong = Buffer.concat([hello, Buffer.alloc(64)])
    assert.notEqual(wrong[position], value)
    wrong[position] = value
    assert.equal(readMessage(wrong, 0, wrong.length).kind, 'fault', `byte ${position}`)
  }
})

test('whatever the bytes, nothing is thrown', () => {
  const arbitrary = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    // With a right beginning, so that the lengths behind it are looked at.
    fc.tuple(fc.uint8Array({ minLength: 100, maxLength: 300 }), fc.constantFrom(0xa7, 0xab)).map(([bytes, code]) => {
      const buffer = Buffer.from(bytes)
      buffer.writeInt32BE(buffer.length, 0)
      buffer.set([0xda, 0xa3, 0x20, code], 4)
      buffer[36 + 3] &= 0x30
      return new Uint8Array(buffer)
    }),
  )
  fc.assert(
    fc.property(arbitrary, (bytes) => {
      const buffer = Buffer.from(bytes)
      const reading = readMessage(buffer, 0, buffer.length)
      if (reading.kind === 'message') dispatchOf(reading)
    }),
  )
})

test('properties are read as RocketMQ reads them', () => {
  const of = (properties: string) =>
    propertiesOf(read(foreignMessage({ properties }))).map(({ name, value }) => `${name}=${value}`)
  assert.deepEqual(of('a\x01b\x02c\x01d'), ['a=b', 'c=d'])
  assert.deepEqual(of('a\x01\x02\x01b\x02novalue\x02\x02c\x01d\x02'), ['c=d'])
  assert.deepEqual(of('a\x01b\x01c\x02a\x01z\x02'), ['a=b\x01c', 'a=z'])
  assert.equal(propertyOf(read(foreignMessage({ properties: 'a\x01b\x02a\x01z\x02' })), 'a'), 'z')
})

test('prepared messages are indexed and have no queue entry, rolled back ones have neither', () => {
  const of = (flags: number) => {
    const { hasQueueEntry, isIndexed, keyHashes } = dispatchOf(
      read(foreignMessage({ sysFlag: flags, properties: 'KEYS\x01  a  b \x02' })),
    )
    return { hasQueueEntry, isIndexed, keys: keyHashes.length }
  }
  assert.deepEqual(of(0x0), { hasQueueEntry: true, isIndexed: true, keys: 2 })
  assert.deepEqual(of(0x4), { hasQueueEntry: false, isIndexed: true, keys: 2 })
  assert.deepEqual(of(0x8), { hasQueueEntry: true, isIndexed: true, keys: 2 })
  assert.deepEqual(of(0xc), { hasQueueEntry: false, isIndexed: false, keys: 0 })
})

test('the tags code of a delayed message is the time of its delivery', () => {
  const codeOf = (fields: Partial<ForeignMessage>) => dispatchOf(read(foreignMessage(fields))).tagsCode
  const stored = 1_700_000_000_000
  const topic = 'SCHEDULE_TOPIC_XXXX'
  assert.equal(codeOf({ topic, properties: 'DELAY\x012\x02TAGS\x01a\x02' }), stored + 5_000)
  assert.equal(codeOf({ topic, properties: 'DELAY\x0199\x02' }), stored + 7_200_000)
  assert.equal(codeOf({ topic, properties: 'DELAY\x010\x02TAGS\x01a\x02' }), javaHash('a'))
  assert.equal(codeOf({ properties: 'DELAY\x012\x02TAGS\x01a\x02' }), javaHash('a'))
  assert.equal(deliveryTimeOf('soon', 0), undefined)
})

test('tags and keys beyond ASCII are hashed by their UTF-16 units', () => {
  const { tagsCode, keyHashes } = dispatchOf(
    read(foreignMessage({ properties: 'TAGS\x01größe😀\x02KEYS\x01schlüssel\x02' })),
  )
  assert.equal(tagsCode, javaHash('größe😀'))
  assert.deepEqual(
    keyHashes,
    ['schlüssel', 'T#größe😀'].map((key) => javaHash(`TopicA#${key}`)),
  )
})

test('message ids, both ways', () => {
  const id = messageIdOf(read(hello).storeHostBytes, 286)
  assert.equal(id, '7F00000100002A9F000000000000011E')
  assert.deepEqual(parseMessageId(id), { storeHost: hostBytes('127.0.0.1', 10911), position: 286 })
  assert.deepEqual(parseMessageId(id.toLowerCase()), parseMessageId(id))
  const v6 = messageIdOf(hostBytes('fe80::1:2', 1), 2 ** 40)
  assert.equal(v6.length, 56)
  assert.deepEqual(parseMessageId(v6), { storeHost: hostBytes('fe80::1:2', 1), position: 2 ** 40 })
  for (const wrong of ['', id.slice(1), `${id}00`, `X${id.slice(1)}`, `${id.slice(0, 16)}FFFFFFFFFFFFFFFF`]) {
    assert.equal(parseMessageId(wrong), undefined, wrong)
  }
})

test('hosts are numeric', () => {
  assert.equal(hostBytes('10.0.0.255', 65535).toString('hex'), '0a0000ff0000ffff')
  assert.equal(hostBytes('::ffff:1.2.3.4', 1).toString('hex'), '00000000000000000000ffff0102030400000001')
  for (const address of ['localhost', '1.2.3', '1.2.3.256', '1::2::3', '1:2:3', ':::', '1:2:3:4:5:6:7:8::', 'g::']) {
    assert.throws(() => hostBytes(address, 1), { code: 'INVALID_ARGUMENT' }, address)
  }
  assert.throws(() => hostBytes('::1', 65536), { code: 'INVALID_ARGUMENT' })
})

test('bodies that clients compressed are unpacked, within the bound', async () => {
  const text = Buffer.from('the same again and again '.repeat(100))
  await prepareCodec('zstd')
  for (const [flags, body] of [
    [0x1, deflateSync(text)],
    [0x301, deflateSync(text)],
    [0x101, compress('lz4', text)],
    [0x201, compress('zstd', text)],
    [0x300, text],
  ] as const) {
    const message = read(foreignMessage({ sysFlag: flags, body }))
    await prepareBodies([message])
    assert.deepEqual(bodyOf(message, text.length), text, `flags ${flags}`)
    if (flags & 1) assert.throws(() => bodyOf(message, text.length - 1), { code: 'RECORD_LIST_TOO_LARGE' })
  }
  assert.throws(() => bodyOf(read(foreignMessage({ sysFlag: 1, body: text })), 1e6), { code: 'INVALID_RECORD' })
  assert.equal(bodyOf(read(foreignMessage({ sysFlag: 1, body: Buffer.alloc(0) })), 1e6).length, 0)
})

test('a CRC property is written over the last twenty bytes', () => {
  const bytes = foreignMessage({ properties: `TAGS\x01a\x02${'?'.repeat(20)}` })
  writeCrcProperty(bytes, 0, bytes.length)
  assert.equal(propertiesOf(read(bytes)).at(-1)?.name, '__CRC32#')
})
