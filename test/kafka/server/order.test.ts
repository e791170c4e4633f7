/** Requests of one connection: answers in order, effects in order, waiting that holds up nobody, bounded memory. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Broker } from '../../../src/broker/broker.js'
import type { FetchRequest, ProduceRequest } from '../../../src/broker/contract.js'
import { decodeResponse } from '../../../src/kafka/messages.js'
import {
  fetch,
  heartbeat,
  initProducerId,
  joinGroup,
  metadata,
  offsetCommit,
  offsetFetch,
  produce,
} from '../../../src/kafka/schemas/index.js'
import { until } from '../../support/until.js'
import { batchOf, fetchBody, produceBody, serve } from './served.js'

test('100 pipelined Produce requests are appended and answered in order, and overlap', async (t) => {
  const served = await serve(t)
  await served.broker.createTopic({ name: 'orders' })
  let running = 0
  let most = 0
  const original = served.broker.produce.bind(served.broker)
  t.mock.method(served.broker, 'produce', async (request: ProduceRequest) => {
    most = Math.max(most, ++running)
    return original(request).finally(() => running--)
  })
  const client = await served.raw()
  const sent = Array.from({ length: 100 }, (_, at) => client.send(produce, 9, produceBody('orders', batchOf(`${at}`))))
  for (const correlationId of sent) {
    const answer = decodeResponse(produce, 9, await client.answer())
    assert.equal(answer.correlationId, correlationId)
    assert.equal(answer.body.topics[0].partitions[0].baseOffset, correlationId)
  }
  assert.ok(most > 10, `${most} were in work at the same time`)
})

test('Produce by topic id keeps the order too', async (t) => {
  const served = await serve(t)
  const { id } = await served.broker.createTopic({ name: 'orders' })
  const client = await served.raw()
  for (let at = 0; at < 20; at++) {
    const byId = {
      ...produceBody('orders', batchOf(`${at}`)),
      topics: [{ topicId: id, partitions: [{ index: 0, records: batchOf(`${at}`) }] }],
    }
    if (at % 2 === 0) client.send(produce, 13, byId)
    else client.send(produce, 12, produceBody('orders', batchOf(`${at}`)))
  }
  for (let at = 0; at < 20; at++) {
    const { body } = decodeResponse(produce, at % 2 === 0 ? 13 : 12, await client.answer())
    assert.equal(body.topics[0].partitions[0].baseOffset, at)
  }
})

test('what follows a Produce sees its effect', async (t) => {
  const served = await serve(t)
  await served.broker.createTopic({ name: 'orders' })
  const client = await served.raw()
  client.send(produce, 9, produceBody('orders', batchOf('one')))
  client.send(fetch, 11, fetchBody('orders', 0))
  client.send(produce, 9, produceBody('orders', batchOf('two')))
  client.send(initProducerId, 4, { transactionTimeoutMs: 1000 })
  await client.answer()
  const fetched = decodeResponse(fetch, 11, await client.answer()).body.topics[0].partitions[0]
  assert.ok(fetched.highWatermark >= 1)
  assert.ok((fetched.records?.length ?? 0) > 0)
})

test('an OffsetFetch sees the OffsetCommit before it', async (t) => {
  const served = await serve(t)
  await served.broker.createTopic({ name: 'orders' })
  const client = await served.raw()
  for (let offset = 0; offset < 10; offset++) {
    const partitions = [{ index: 0, committedOffset: offset }]
    client.send(offsetCommit, 8, { groupId: 'g', topics: [{ name: 'orders', partitions }] })
    client.send(offsetFetch, 7, { groupId: 'g', topics: [{ name: 'orders', partitionIndexes: [0] }] })
  }
  for (let offset = 0; offset < 10; offset++) {
    await client.answer()
    const { body } = decodeResponse(offsetFetch, 7, await client.answer())
    assert.equal(body.topics[0].partitions[0].committedOffset, offset)
  }
})

test('a waiting Fetch holds up later answers and not later work', async (t) => {
  const served = await serve(t)
  await served.broker.createTopic({ name: 'orders' })
  const client = await served.raw()
  client.send(fetch, 11, fetchBody('orders', 0, { maxWaitMs: 60_000 }))
  // The Produce behind it on the same connection is what ends the waiting.
  client.send(produce, 9, produceBody('orders', batchOf('one')))
  const fetched = decodeResponse(fetch, 11, await client.answer()).body.topics[0].partitions[0]
  assert.equal(fetched.highWatermark, 1)
  assert.equal(decodeResponse(produce, 9, await client.answer()).body.topics[0].partitions[0].baseOffset, 0)
})

const joinBody = (memberId: string) => ({
  groupId: 'g',
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 10_000,
  memberId,
  protocolType: 'consumer',
  protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
})

test('a waiting JoinGroup holds up requests of groups and no others', async (t) => {
  const served = await serve(t, { 'group.initial.rebalance.delay.ms': 500 })
  await served.broker.createTopic({ name: 'orders' })
  const client = await served.raw()
  const { memberId } = await client.ask(joinGroup, 5, joinBody(''))
  client.send(joinGroup, 5, joinBody(memberId))
  client.send(produce, 9, produceBody('orders', batchOf('one')))
  client.send(heartbeat, 3, { groupId: 'g', generationId: 1, memberId })
  await until('the batch is there', async () => (await highWatermark(served.broker)) === 1)
  assert.equal((await served.broker.describeGroup('g')).state, 'PreparingRebalance')
  assert.equal(decodeResponse(joinGroup, 5, await client.answer()).body.generationId, 1)
  await client.answer()
  assert.equal(decodeResponse(heartbeat, 3, await client.answer()).body.errorCode, 0)
})

async function highWatermark(broker: Broker): Promise<number> {
  const [{ partitions }] = await broker.describeTopics(['orders'])
  return partitions[0].highWatermark
}

/** Counts what reaches the broker. */
function countFetches(t: TestContext, broker: Broker): () => number {
  const original = broker.fetch.bind(broker)
  const mocked = t.mock.method(broker, 'fetch', (request: FetchRequest) => original(request))
  return () => mocked.mock.callCount()
}

test('a client that never reads is not read any more, and its answers do not pile up', async (t) => {
  const served = await serve(t)
  await served.broker.createTopic({ name: 'orders' })
  const filler = await served.raw()
  await filler.ask(produce, 9, produceBody('orders', batchOf(Buffer.alloc(1_000_000))))
  const fetches = countFetches(t, served.broker)
  const deaf = await served.raw()
  deaf.socket.pause()
  for (let at = 0; at < 200; at++) deaf.send(fetch, 11, fetchBody('orders', 0))
  // Another client works on; when it is through, the deaf one has long got all that it will get.
  for (let at = 0; at < 200; at++) await filler.ask(produce, 9, produceBody('orders', batchOf('x')))
  const answered = fetches()
  assert.ok(answered < 50, `${answered} of 200 fetches were worked on`)
  assert.equal((await filler.ask(fetch, 11, fetchBody('orders', 0))).errorCode, 0)
  deaf.socket.resume()
  await until('it has all its answers', () => fetches() === 201)
})

test('requests that wait behind a long Fetch do not pile up either', async (t) => {
  const served = await serve(t)
  await served.broker.createTopic({ name: 'orders' })
  const describes = t.mock.method(served.broker, 'describeTopics')
  const client = await served.raw()
  client.send(fetch, 11, fetchBody('orders', 0, { maxWaitMs: 60_000 }))
  for (let at = 0; at < 5000; at++) client.send(metadata, 9, { topics: null })
  const other = await served.raw()
  for (let at = 0; at < 200; at++) await other.ask(metadata, 9, { topics: [] })
  await until('it has started what it may', () => describes.mock.callCount() >= 999)
  assert.equal(describes.mock.callCount(), 999)
  await other.ask(produce, 9, produceBody('orders', batchOf('x')))
  for (let at = 0; at <= 5000; at++) await client.answer()
})

test('all connections share the budget of bytes in work, and none starves', async (t) => {
  const served = await serve(t, { 'queued.max.request.bytes': 1024 * 1024, 'message.max.bytes': 4 * 1024 * 1024 })
  await served.broker.createTopic({ name: 'orders', partitions: 8 })
  const clients = await Promise.all(Array.from({ length: 8 }, () => served.raw()))
  const work = clients.map(async (client, partition) => {
    for (let at = 0; at < 5; at++) {
      const body = produceBody('orders', batchOf(Buffer.alloc(3_000_000, at)), { partition })
      assert.equal((await client.ask(produce, 9, body)).topics[0].partitions[0].baseOffset, at)
    }
  })
  await Promise.all(work)
})

test('what a client said before it closed its half is done and answered', async (t) => {
  const served = await serve(t)
  await served.broker.createTopic({ name: 'orders' })
  const client = await served.raw()
  client.send(fetch, 11, fetchBody('orders', 0, { maxWaitMs: 60_000 }))
  for (let at = 0; at < 40; at++) {
    client.send(produce, 9, produceBody('orders', batchOf(Buffer.alloc(1_000_000)), { acks: at % 2 }))
    client.send(metadata, 9, { topics: [] })
  }
  client.socket.end()
  for (let at = 0; at < 1 + 20 + 40; at++) await client.answer()
  await client.closed
  assert.equal(await highWatermark(served.broker), 40)
})

test('closing lets what is in work be answered, and ends what waits', async (t) => {
  const served = await serve(t, { 'group.initial.rebalance.delay.ms': 60_000 })
  await served.broker.createTopic({ name: 'orders' })
  const [producer, fetcher, member] = [await served.raw(), await served.raw(), await served.raw()]
  const { memberId } = await member.ask(joinGroup, 5, joinBody(''))
  const fetches = countFetches(t, served.broker)
  fetcher.send(fetch, 11, fetchBody('orders', 0, { maxWaitMs: 60_000 }))
  member.send(joinGroup, 5, joinBody(memberId))
  await until('both wait', async () => fetches() === 1 && (await served.broker.describeGroup('g')).members.length === 1)
  const produces = t.mock.method(served.broker, 'produce')
  for (let at = 0; at < 10; at++) producer.send(produce, 9, produceBody('orders', batchOf(`${at}`)))
  await until('all are in work', () => produces.mock.callCount() === 10)
  const closing = served.server.close()
  for (let at = 0; at < 10; at++) {
    const { body } = decodeResponse(produce, 9, await producer.answer())
    assert.equal(body.topics[0].partitions[0].baseOffset, at)
  }
  assert.equal(decodeResponse(fetch, 11, await fetcher.answer()).body.errorCode, 0)
  assert.equal(decodeResponse(joinGroup, 5, await member.answer()).body.errorCode, 15)
  await Promise.all([closing, producer.closed, fetcher.closed, member.closed])
  await assert.rejects(served.raw())
})

test('closing does not wait for ever for a client that does not read', async (t) => {
  const served = await serve(t)
  await served.broker.createTopic({ name: 'orders' })
  const deaf = await served.raw()
  await deaf.ask(produce, 9, produceBody('orders', batchOf(Buffer.alloc(1_000_000))))
  const fetches = countFetches(t, served.broker)
  deaf.socket.pause()
  for (let at = 0; at < 100; at++) deaf.send(fetch, 11, fetchBody('orders', 0))
  await until('answers wait to be read', () => fetches() > 2)
  await served.server.close({ drainMs: 100 })
})

test('a port that is taken is named', async (t) => {
  const served = await serve(t)
  const { KafkaServer } = await import('../../../src/kafka/server.js')
  const taken = KafkaServer.listen(served.broker, { host: '127.0.0.1', port: served.server.port })
  await assert.rejects(taken, { code: 'ADDRESS_IN_USE', message: new RegExp(`127.0.0.1:${served.server.port}`) })
})
