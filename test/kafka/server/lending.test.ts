/**
 * Records that are lent to an answer are given back once, and only when nobody reads them any more: after the client took
 * them, or after its connection was closed. Until then they are whole; here they are overwritten when they are given back.
 */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { FetchRequest } from '../../../src/broker/contract.js'
import { HoldfastError } from '../../../src/core/errors.js'
import { decodeResponse } from '../../../src/kafka/messages.js'
import { fetch, joinGroup, metadata } from '../../../src/kafka/schemas/index.js'
import { until } from '../../support/until.js'
import { fetchBody, type RawClient, type Served, serve } from './served.js'

/** More than the buffers of both ends of a loopback connection hold. */
const largeBytes = 16 * 1024 * 1024
const smallBytes = 10_000
const fill = 0x5a
const givenBack = 0xff

interface Lender {
  lent: number
  released: number
  bytes: number
  highWatermark: number
  /** Fetches wait for it. */
  before: Promise<void>
}

/** A broker that answers each fetch with two slices of `bytes`, both lent. */
async function lending(t: TestContext): Promise<{ served: Served; lender: Lender }> {
  const served = await serve(t)
  await served.broker.createTopic({ name: 'orders' })
  const lender: Lender = { lent: 0, released: 0, bytes: smallBytes, highWatermark: 1, before: Promise.resolve() }
  t.mock.method(served.broker, 'fetch', async (request: FetchRequest) => {
    await lender.before
    assert.equal(request.lend, true)
    const { highWatermark } = lender
    const offsets = { topic: 'orders', highWatermark, lastStableOffset: highWatermark, logStartOffset: 0 }
    return [0, 1].map((partition) => {
      const records = [Buffer.alloc(lender.bytes, fill)]
      let isReleased = false
      lender.lent++
      const release = (): void => {
        assert.ok(!isReleased, 'each slice is released once')
        isReleased = true
        lender.released++
        records[0].fill(givenBack)
      }
      return { ...offsets, partition, records, release }
    })
  })
  // A double release would be logged, not thrown.
  t.after(() => assert.deepEqual(served.complaints, []))
  return { served, lender }
}

const twoPartitions = () => {
  const one = fetchBody('orders', 0)
  const [{ name, partitions }] = one.topics
  return { ...one, topics: [{ name, partitions: [partitions[0], { ...partitions[0], index: 1 }] }] }
}

/** When it is through, whatever the server could do for another client it has done. */
async function busyWith(client: RawClient): Promise<void> {
  for (let at = 0; at < 200; at++) await client.ask(metadata, 9, { topics: [] })
}

test('what is lent arrives whole, and is given back once when it has left', async (t) => {
  const { served, lender } = await lending(t)
  const client = await served.raw()
  for (const bytes of [100, smallBytes, largeBytes]) {
    lender.bytes = bytes
    const { topics } = await client.ask(fetch, 11, twoPartitions())
    for (const { records } of topics[0].partitions) assert.ok(records?.equals(Buffer.alloc(bytes, fill)))
    await until('both slices are given back', () => lender.released === lender.lent)
  }
  assert.equal(lender.released, 6)
})

test('a client that does not read keeps what was lent to its answer, and gets no second one', async (t) => {
  const { served, lender } = await lending(t)
  lender.bytes = largeBytes
  const slow = await served.raw()
  slow.socket.pause()
  for (let at = 0; at < 5; at++) slow.send(fetch, 11, twoPartitions())
  await until('its first answer is made', () => lender.lent > 0)
  await busyWith(await served.raw())
  assert.deepEqual([lender.lent, lender.released], [2, 0])
  slow.socket.resume()
  for (let at = 0; at < 5; at++) {
    const { topics } = decodeResponse(fetch, 11, await slow.answer()).body
    for (const { records } of topics[0].partitions) assert.ok(records?.equals(Buffer.alloc(largeBytes, fill)))
  }
  await until('all is given back', () => lender.released === 10)
})

for (const end of ['destroy', 'resetAndDestroy'] as const) {
  test(`a client that goes in the middle of an answer (${end}) gives back what was lent`, async (t) => {
    const { served, lender } = await lending(t)
    lender.bytes = largeBytes
    const client = await served.raw()
    client.send(fetch, 11, twoPartitions())
    await new Promise<void>((resolve) => client.socket.once('data', () => resolve()))
    client.socket.pause()
    assert.equal(lender.released, 0)
    client.socket[end]()
    await until('the connection is closed', () => served.server.connectionCount === 0)
    await until('both slices are given back', () => lender.released === 2)
  })
}

test('a server that closes on a client that does not read gives back what was lent', async (t) => {
  const { served, lender } = await lending(t)
  lender.bytes = largeBytes
  const deaf = await served.raw()
  deaf.socket.pause()
  deaf.send(fetch, 11, twoPartitions())
  await until('its answer is made', () => lender.lent === 2)
  await busyWith(await served.raw())
  assert.equal(lender.released, 0)
  await served.server.close({ drainMs: 10 })
  await until('both slices are given back', () => lender.released === 2)
})

test('what is lent to a client that has gone meanwhile is given back at once', async (t) => {
  const { served, lender } = await lending(t)
  let letGo = (): void => {}
  lender.before = new Promise((resolve) => {
    letGo = resolve
  })
  const client = await served.raw()
  client.send(fetch, 11, twoPartitions())
  await busyWith(await served.raw())
  client.socket.resetAndDestroy()
  await until('it is gone', () => served.server.connectionCount === 1)
  letGo()
  await until('both slices are given back', () => lender.lent === 2 && lender.released === 2)
})

test('an answer that waits for an earlier one gives back what was lent when its client goes', async (t) => {
  const { served, lender } = await lending(t)
  const joins = t.mock.method(served.broker, 'joinGroup', () => new Promise(() => {}))
  const client = await served.raw()
  const join = { groupId: 'g', sessionTimeoutMs: 10_000, memberId: '', protocolType: 'consumer', protocols: [] }
  client.send(joinGroup, 3, { ...join, rebalanceTimeoutMs: 10_000 })
  client.send(fetch, 11, twoPartitions())
  await until('the fetch is done', () => lender.lent === 2)
  await busyWith(await served.raw())
  assert.equal(joins.mock.callCount(), 1)
  assert.equal(lender.released, 0)
  client.socket.resetAndDestroy()
  await until('both slices are given back', () => lender.released === 2)
})

test('an answer that cannot be encoded is refused, and gives back what was lent', async (t) => {
  const { served, lender } = await lending(t)
  lender.highWatermark = 0.5
  const client = await served.raw()
  const { topics } = await client.ask(fetch, 11, twoPartitions())
  assert.equal(topics[0].partitions[0].errorCode, new HoldfastError('INVALID_ARGUMENT').kafkaCode)
  await until('both slices are given back', () => lender.released === 2)
})
