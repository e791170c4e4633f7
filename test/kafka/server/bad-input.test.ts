/** What a broken or hostile client may send: each has a clear outcome, writes nothing, and disturbs nobody else. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { decodeResponse } from '../../../src/kafka/messages.js'
import { apiVersions, fetch, metadata, produce } from '../../../src/kafka/schemas/index.js'
import { buildBatch } from '../../../src/records/builder.js'
import { until } from '../../support/until.js'
import { batchOf, fetchBody, produceBody, type Served, serve } from './served.js'

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

/** A request header of version 1 with nothing behind it. */
function header(apiKey: number, apiVersion: number): Buffer {
  const bytes = Buffer.alloc(10)
  bytes.writeInt16BE(apiKey, 0)
  bytes.writeInt16BE(apiVersion, 2)
  bytes.writeInt32BE(77, 4)
  bytes.writeInt16BE(-1, 8)
  return bytes
}

/** Runs `attack` beside an innocent client, who must be able to work before and after; then nothing but its own is stored. */
async function besideAnother(t: TestContext, attack: (served: Served) => Promise<void>, settings = {}): Promise<void> {
  const served = await serve(t, settings)
  await served.broker.createTopic({ name: 'orders' })
  const innocent = await served.raw()
  const produceOne = async (): Promise<number> => {
    const { topics } = await innocent.ask(produce, 9, produceBody('orders', batchOf('mine')))
    assert.equal(topics[0].partitions[0].errorCode, 0)
    return topics[0].partitions[0].baseOffset
  }
  assert.equal(await produceOne(), 0)
  await attack(served)
  assert.equal(await produceOne(), 1)
}

const disconnected: readonly (readonly [name: string, bytes: Buffer, complaint: RegExp])[] = [
  ['garbage', Buffer.from('\x7f\xff\xff\xffgarbage', 'latin1'), /claims a length of 2147483647 bytes/],
  ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), /looks like HTTP/],
  ['a TLS hello', Buffer.from('1603010200010001fc0303', 'hex'), /looks like TLS/],
  ['a frame of length 0', int32(0), /claims a length of 0 bytes/],
  ['a frame of length -1', int32(-1), /claims a length of -1 bytes/],
  ['a frame of 2 GiB', Buffer.concat([int32(0x7fffffff), header(0, 9)]), /claims a length of 2147483647 bytes/],
  ['a frame shorter than a header', Buffer.concat([int32(8), header(18, 3).subarray(0, 8)]), /ApiVersions|header/],
  ['an unknown API key', Buffer.concat([int32(10), header(999, 0)]), /API of key 999/],
  ['an API that is not implemented', Buffer.concat([int32(10), header(36, 0)]), /API of key 36/],
  ['a version that is not implemented', Buffer.concat([int32(10), header(3, 99)]), /version 99 of Metadata/],
  ['a body that ends too early', Buffer.concat([int32(12), header(3, 1), Buffer.from([0, 0])]), /Metadata request/],
  [
    'a body that goes on too long',
    Buffer.concat([int32(16), header(3, 1), int32(0), Buffer.from([1, 2])]),
    /Metadata request/,
  ],
  ['an array of two milliards', Buffer.concat([int32(14), header(3, 1), int32(0x7fffffff)]), /Metadata request/],
]

for (const [name, bytes, complaint] of disconnected) {
  test(`${name} closes that connection`, (t) =>
    besideAnother(t, async (served) => {
      const bad = await served.raw()
      bad.write(bytes)
      await bad.closed
      assert.match(served.complaints.join('\n'), complaint)
      assert.equal(served.complaints.length, 1)
    }))
}

test('half a frame and then silence closes that connection', (t) =>
  besideAnother(
    t,
    async (served) => {
      for (const half of [int32(100).subarray(0, 2), Buffer.concat([int32(100), header(0, 9)])]) {
        const bad = await served.raw()
        bad.write(half)
        await bad.closed
      }
      assert.match(served.complaints.join('\n'), /not whole after 150 ms/)
    },
    { 'frame.timeout.ms': 150 },
  ))

test('an idle connection is closed, one that waits for an answer is not', async (t) => {
  const served = await serve(t, { 'connections.max.idle.ms': 150 })
  await served.broker.createTopic({ name: 'orders' })
  const idle = await served.raw()
  const waiting = await served.raw()
  const answer = waiting.ask(fetch, 11, fetchBody('orders', 0, { maxWaitMs: 500 }))
  await idle.closed
  assert.equal((await answer).topics[0].partitions[0].errorCode, 0)
})

test('what came before the garbage is answered', (t) =>
  besideAnother(t, async (served) => {
    const bad = await served.raw()
    bad.send(metadata, 9, { topics: [] })
    bad.send(fetch, 11, fetchBody('orders', 1, { maxWaitMs: 60_000 }))
    bad.write(int32(-5))
    assert.equal(decodeResponse(metadata, 9, await bad.answer()).body.brokers.length, 1)
    assert.equal(decodeResponse(fetch, 11, await bad.answer()).body.errorCode, 0)
    await bad.closed
  }))

test('whoever breaks the protocol and does not take the answers either is disconnected all the same', (t) =>
  besideAnother(
    t,
    async (served) => {
      const deaf = await served.raw()
      for (let at = 0; at < 20; at++) {
        await deaf.ask(produce, 9, produceBody('orders', batchOf(Buffer.alloc(1_000_000)), { partition: 1 }))
      }
      deaf.socket.pause()
      const body = fetchBody('orders', 0, { maxBytes: 30_000_000, partition: 1 })
      deaf.send(fetch, 11, body)
      deaf.write(int32(-5))
      await until('the bad one is noticed', () => served.complaints.length === 1)
      await until('it is gone', () => served.server.connectionCount === 1)
    },
    { 'frame.timeout.ms': 400, 'num.partitions': 2 },
  ))

type Damage = readonly [name: string, errorCode: number, records: () => Buffer | null]

function changed(change: (batch: Buffer) => void): () => Buffer {
  return () => {
    const batch = batchOf('one', 'two')
    change(batch)
    return batch
  }
}

const damages: readonly Damage[] = [
  ['a wrong CRC', 2, changed((batch) => batch.writeUInt32BE(1, 17))],
  ['a batch length that is too long', 2, changed((batch) => batch.writeInt32BE(5000, 8))],
  ['a batch length that is too short', 2, changed((batch) => batch.writeInt32BE(10, 8))],
  ['magic 0', 43, changed((batch) => batch.writeInt8(0, 16))],
  ['magic 1', 43, changed((batch) => batch.writeInt8(1, 16))],
  ['magic 3', 2, changed((batch) => batch.writeInt8(3, 16))],
  ['two batches at once', 87, () => Buffer.concat([batchOf('one'), batchOf('two')])],
  ['null for records', 87, () => null],
  ['no records', 87, () => Buffer.alloc(0)],
  ['a batch over max.message.bytes', 10, () => batchOf(Buffer.alloc(5000))],
]

for (const [name, errorCode, records] of damages) {
  test(`${name} is refused for that partition alone`, (t) =>
    besideAnother(
      t,
      async (served) => {
        await served.broker.createTopic({ name: 'other' })
        const bad = await served.raw()
        const body = {
          acks: -1,
          timeoutMs: 1000,
          topics: [
            { name: 'orders', partitions: [{ index: 0, records: records() }] },
            { name: 'other', partitions: [{ index: 0, records: batchOf('fine') }] },
          ],
        }
        const { topics } = await bad.ask(produce, 8, body)
        assert.equal(topics[0].partitions[0].errorCode, errorCode)
        assert.equal(topics[0].partitions[0].baseOffset, -1)
        assert.ok((topics[0].partitions[0].errorMessage ?? '').length > 10)
        assert.deepEqual([topics[1].partitions[0].errorCode, topics[1].partitions[0].baseOffset], [0, 0])
      },
      { 'message.max.bytes': 4096 },
    ))
}

test('more records claimed than there are is refused', (t) =>
  besideAnother(t, async (served) => {
    const bad = await served.raw()
    const batch = batchOf('one', 'two')
    batch.writeInt32BE(1_000_000, 57)
    batch.writeInt32BE(999_999, 23)
    const { crc32c } = await import('../../../src/records/crc32c.js')
    batch.writeUInt32BE(crc32c(batch.subarray(21)), 17)
    const { topics } = await bad.ask(produce, 9, produceBody('orders', batch))
    assert.equal(topics[0].partitions[0].errorCode, 87)
  }))

test('unknown topics, partitions and acks are refused', (t) =>
  besideAnother(t, async (served) => {
    const bad = await served.raw()
    const codeOf = async (body: ReturnType<typeof produceBody>, version = 9): Promise<number> =>
      (await bad.ask(produce, version, body)).topics[0].partitions[0].errorCode
    assert.equal(await codeOf(produceBody('nothing', batchOf('x'))), 3)
    assert.equal(await codeOf(produceBody('orders', batchOf('x'), { partition: 7 })), 3)
    assert.equal(await codeOf(produceBody('orders', batchOf('x'), { partition: -1 })), 3)
    assert.equal(await codeOf(produceBody('orders', batchOf('x'), { acks: 2 })), 21)
    const inTransaction = buildBatch([{ key: null, value: Buffer.from('x'), timestamp: 1 }], {
      producerId: 7,
      producerEpoch: 0,
      baseSequence: 0,
      isTransactional: true,
    })
    assert.equal(await codeOf(produceBody('orders', inTransaction.bytes)), 49)
    assert.equal(await codeOf(produceBody('orders', batchOf('x')), 13), 100)
    assert.equal(await codeOf(produceBody('__consumer_offsets', batchOf('x'))), 3)
  }))

test('a fetch out of range or of nothing that exists is refused', (t) =>
  besideAnother(t, async (served) => {
    const bad = await served.raw()
    const codeOf = async (body: ReturnType<typeof fetchBody>): Promise<number> =>
      (await bad.ask(fetch, 12, { ...body, maxWaitMs: 60_000 })).topics[0].partitions[0].errorCode
    assert.equal(await codeOf(fetchBody('orders', 99)), 1)
    assert.equal(await codeOf(fetchBody('orders', -1)), 1)
    assert.equal(await codeOf(fetchBody('nothing', 0)), 3)
  }))

test('Produce below version 3 is refused with UNSUPPORTED_VERSION', (t) =>
  besideAnother(t, async (served) => {
    const old = await served.raw()
    const topic = '0000000100066f726465727300000001'
    const request = Buffer.concat([header(0, 2), Buffer.from(`0001000003e8${topic}0000000000000004deadbeef`, 'hex')])
    old.write(int32(request.length), request)
    const answer = await old.answer()
    const expected = `0000004d${topic}`
    const partition = `000000000023${'f'.repeat(32)}00000000`
    assert.equal(answer.toString('hex'), expected + partition)
  }))

for (const version of [4, 99]) {
  test(`ApiVersions ${version} is answered`, (t) =>
    besideAnother(t, async (served) => {
      const client = await served.raw()
      if (version === 4) {
        const answer = await client.ask(apiVersions, 4, { clientSoftwareName: 'me', clientSoftwareVersion: '1' })
        const produceRange = answer.apiKeys.find(({ apiKey }) => apiKey === 0)
        assert.deepEqual([produceRange?.minVersion, produceRange?.maxVersion], [0, 13])
        assert.deepEqual(answer.finalizedFeatures, [
          { name: 'metadata.version', maxVersionLevel: 21, minVersionLevel: 21 },
        ])
        assert.equal(
          answer.apiKeys.some(({ apiKey }) => apiKey === 36),
          false,
        )
        return
      }
      const request = header(18, version)
      client.write(int32(request.length), request)
      const { correlationId, body } = decodeResponse(apiVersions, 0, await client.answer())
      assert.deepEqual([correlationId, body.errorCode], [77, 35])
      assert.deepEqual(body.apiKeys, [{ apiKey: 18, minVersion: 0, maxVersion: 4 }])
      assert.equal((await client.ask(apiVersions, 0, {})).errorCode, 0)
    }))
}

test('Produce with acks=0 gets no answer, and a disconnect on an error', (t) =>
  besideAnother(t, async (served) => {
    await served.broker.createTopic({ name: 'silent' })
    const client = await served.raw()
    client.send(produce, 9, produceBody('silent', batchOf('one'), { acks: 0 }))
    // Its answer is the first: there was none before.
    const correlationId = client.send(metadata, 9, { topics: [] })
    assert.equal(decodeResponse(metadata, 9, await client.answer()).correlationId, correlationId)
    const [{ partitions }] = await served.broker.describeTopics(['silent'])
    assert.equal(partitions[0].highWatermark, 1)
    client.send(produce, 9, produceBody('nothing', batchOf('one'), { acks: 0 }))
    await client.closed
    assert.match(served.complaints.join('\n'), /acks=0 failed/)
  }))

test('one connection too many is closed', async (t) => {
  const served = await serve(t, { 'max.connections': 2 })
  const first = await served.raw()
  await first.ask(apiVersions, 0, {})
  const second = await served.raw()
  await second.ask(apiVersions, 0, {})
  const third = await served.raw()
  await third.closed
  assert.equal((await first.ask(apiVersions, 0, {})).errorCode, 0)
})
