/** The memory that requests are read into: used again when nobody looks at it any more, and never before. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { connect, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import type { ProduceRequest } from '../../../src/broker/contract.js'
import { HoldfastError } from '../../../src/core/errors.js'
import { FrameBuffers } from '../../../src/kafka/frame-buffers.js'
import { FrameReader } from '../../../src/kafka/frames.js'
import { decodeResponse } from '../../../src/kafka/messages.js'
import { receiveInto } from '../../../src/kafka/receiving.js'
import { produce } from '../../../src/kafka/schemas/index.js'
import { batchesIn } from '../../../src/records/batch.js'
import { until } from '../../support/until.js'
import { batchOf, produceBody, serve } from './served.js'

const digest = (bytes: Uint8Array): string => createHash('sha1').update(bytes).digest('hex')

/** Everything but the base offset and the leader epoch, which the log stamps. */
const contentOf = (batch: Buffer): string => digest(batch.subarray(17))

test('what is stored is what was sent, though its memory is used again at once', async (t) => {
  const served = await serve(t)
  await served.broker.createTopic({ name: 'orders' })
  const taken: ArrayBufferLike[] = []
  const take = FrameBuffers.prototype.take
  t.mock.method(FrameBuffers.prototype, 'take', function (this: FrameBuffers, bytes: number): Buffer {
    const buffer = take.call(this, bytes)
    // Nobody may count on what is in it.
    buffer.fill(0xee)
    taken.push(buffer.buffer)
    return buffer
  })
  const client = await served.raw()
  const once = [10, 5000, 16_000, 100_000, 300_000, 1_000_000]
  // Several of each are in work at a time, and each could be given the memory of another.
  const sizes = [...once, ...once, ...once]
  const sent: string[] = []
  for (let round = 0; round < 5; round++) {
    for (const [at, size] of sizes.entries()) {
      const batch = batchOf(Buffer.alloc(size, `${round}/${at} `))
      sent.push(contentOf(batch))
      client.send(produce, 9, produceBody('orders', batch))
    }
    for (const _ of sizes) {
      const answer = decodeResponse(produce, 9, await client.answer())
      assert.equal(answer.body.topics[0].partitions[0].errorCode, 0)
    }
  }
  const stored: string[] = []
  while (stored.length < sent.length) {
    const position = { topic: 'orders', partition: 0, offset: stored.length, maxBytes: 1 << 20, currentLeaderEpoch: -1 }
    const [{ records }] = await served.broker.fetch({
      positions: [position],
      maxBytes: 1 << 20,
      minBytes: 1,
      maxWaitMs: 0,
    })
    assert.ok(records.length > 0)
    for (const bytes of records) for (const batch of batchesIn(bytes)) stored.push(contentOf(batch.bytes))
  }
  assert.deepEqual(stored, sent)
  assert.ok(new Set(taken).size < taken.length, 'memory was used again')
})

test('memory of a batch that was refused is not used again: its write may still be under way', async (t) => {
  const served = await serve(t)
  await served.broker.createTopic({ name: 'orders', partitions: 2 })
  const puts = t.mock.method(FrameBuffers.prototype, 'put')
  const original = served.broker.produce.bind(served.broker)
  t.mock.method(served.broker, 'produce', async (request: ProduceRequest) => {
    const result = await original(request)
    if (request.partition === 1) throw new HoldfastError('FLUSH_DISK_TIMEOUT')
    return result
  })
  const client = await served.raw()
  const batch = batchOf(Buffer.alloc(10_000))
  for (const partition of [0, 1]) {
    for (const acks of [-1, 1]) await client.ask(produce, 9, produceBody('orders', batch, { partition, acks }))
    await until('the frames of partition 0 came back', () => puts.mock.callCount() === 2)
  }
  const both = { name: 'orders', partitions: [0, 1].map((index) => ({ index, records: batch })) }
  const { topics } = await client.ask(produce, 9, { acks: -1, timeoutMs: 10_000, topics: [both] })
  assert.deepEqual(
    topics[0].partitions.map(({ errorCode }) => errorCode),
    [0, 7],
  )
  assert.match(topics[0].partitions[1].errorMessage ?? '', /not known/)
  await client.ask(produce, 9, produceBody('orders', batch))
  await until('the next one came back', () => puts.mock.callCount() >= 3)
  assert.equal(puts.mock.callCount(), 3)
})

test('a produce that outlasted its flush is told apart by the client of a broker elsewhere', async (t) => {
  const served = await serve(t)
  await served.broker.createTopic({ name: 'orders' })
  t.mock.method(served.broker, 'produce', async () => {
    throw new HoldfastError('FLUSH_DISK_TIMEOUT', 'whether it is stored is not known')
  })
  const remote = await served.remote()
  const sending = remote.produce({ topic: 'orders', partition: 0, batch: batchOf('x') })
  await assert.rejects(sending, { code: 'FLUSH_DISK_TIMEOUT', message: 'whether it is stored is not known' })
})

for (const isKnown of [true, false]) {
  test(`a socket is read in full, ${isKnown ? 'into memory of ours' : "in Node's chunks where its handle is unknown"}`, async (t) => {
    const frames = new FrameReader({ minBytes: 1, maxBytes: 1 << 24, buffers: new FrameBuffers() })
    const found: string[] = []
    let socket: Socket | undefined
    let hasEnded = false
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (accepted) => {
      if (!isKnown) (accepted as unknown as { _handle: { useUserBuffer: unknown } })._handle.useUserBuffer = undefined
      socket = receiveInto(accepted, frames, () => {
        for (let frame = frames.next(); frame !== undefined; frame = frames.next()) found.push(digest(frame))
      })
      assert.equal(socket === accepted, !isKnown)
      socket.on('end', () => {
        hasEnded = true
      })
      socket.resume()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => {
      socket?.destroy()
      server.close()
    })
    const { port } = server.address() as { port: number }
    const client = connect({ port, host: '127.0.0.1' })
    t.after(() => client.destroy())
    const contents = [1, 100, 70_000, 5_000_000, 3, 200_000].map((size, at) => Buffer.alloc(size, `${at} `))
    for (const content of contents) {
      const length = Buffer.alloc(4)
      length.writeInt32BE(content.length)
      client.write(Buffer.concat([length, content]))
    }
    client.end()
    await until('everything has come', () => hasEnded)
    assert.deepEqual(found, contents.map(digest))
    // The other half is still open.
    socket?.end('answer')
    const answer = await new Promise<Buffer>((resolve) => client.once('data', resolve))
    assert.equal(answer.toString(), 'answer')
  })
}
