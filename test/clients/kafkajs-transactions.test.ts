/** kafkajs's transactional producer: commit, abort, offsets, fencing, and a broker that is killed in between. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Consumer, Kafka, logLevel, type Producer } from 'kafkajs'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'
import { startBroker } from '../../src/testing/index.js'
import { serve } from '../support/served-broker.js'
import { until } from '../support/until.js'

const client = (address: string) =>
  new Kafka({
    clientId: 'test',
    brokers: [address],
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 20, retries: 8 },
  })

async function transactional(kafka: Kafka, transactionalId = 't'): Promise<Producer> {
  const producer = kafka.producer({ transactionalId, idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  return producer
}

/** What a consumer that reads only what is committed (kafkajs's default) finds, up to a message `end` that is sent here. */
async function committedIn(kafka: Kafka, topic: string): Promise<string[]> {
  const producer = kafka.producer()
  await producer.connect()
  await producer.send({ topic, messages: [{ value: 'end' }] })
  await producer.disconnect()
  const consumer = kafka.consumer({ groupId: `reader-${Math.random()}`, maxWaitTimeInMs: 100 })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const got: string[] = []
  await consumer.run({ autoCommit: false, eachMessage: async ({ message }) => void got.push(String(message.value)) })
  await until('the last message', () => got.includes('end'))
  await consumer.disconnect()
  return got.slice(0, -1)
}

async function offsetOf(kafka: Kafka, groupId: string, topic: string): Promise<string> {
  const admin = kafka.admin()
  await admin.connect()
  const [{ partitions }] = await admin.fetchOffsets({ groupId, topics: [topic] })
  await admin.disconnect()
  return partitions[0].offset
}

test('what is committed is read, what is aborted is not', async () => {
  await using broker = await startBroker()
  const kafka = client(broker.address)
  const producer = await transactional(kafka)
  for (const [value, commits] of [
    ['one', true],
    ['two', false],
    ['three', true],
    ['four', false],
  ] as const) {
    const transaction = await producer.transaction()
    await transaction.send({ topic: 'a', messages: [{ value }] })
    await transaction.send({ topic: 'b', messages: [{ value: `${value}-b` }] })
    if (commits) await transaction.commit()
    else await transaction.abort()
  }
  await producer.disconnect()
  assert.deepEqual(await committedIn(kafka, 'a'), ['one', 'three'])
  assert.deepEqual(await committedIn(kafka, 'b'), ['one-b', 'three-b'])
})

test('offsets hold with the transaction that sends them', async () => {
  await using broker = await startBroker()
  const kafka = client(broker.address)
  const producer = await transactional(kafka)
  const send = async (offset: string, ends: 'commit' | 'abort') => {
    const transaction = await producer.transaction()
    await transaction.send({ topic: 'out', messages: [{ value: offset }] })
    await transaction.sendOffsets({
      consumerGroupId: 'g',
      topics: [{ topic: 'in', partitions: [{ partition: 0, offset }] }],
    })
    await transaction[ends]()
  }
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: 'in' }] })
  await admin.disconnect()
  await send('5', 'commit')
  assert.equal(await offsetOf(kafka, 'g', 'in'), '5')
  await send('9', 'abort')
  assert.equal(await offsetOf(kafka, 'g', 'in'), '5')
  await producer.disconnect()
})

test('consuming, transforming and producing happens once for each message, whatever is aborted', async () => {
  await using broker = await startBroker()
  const kafka = client(broker.address)
  const plain = kafka.producer()
  await plain.connect()
  const values = Array.from({ length: 12 }, (_, i) => `m${i}`)
  await plain.send({ topic: 'in', messages: values.map((value) => ({ value })) })
  await plain.disconnect()
  const producer = await transactional(kafka)
  let aborts = 0
  const consumer: Consumer = kafka.consumer({ groupId: 'g', maxWaitTimeInMs: 100 })
  await consumer.connect()
  await consumer.subscribe({ topic: 'in', fromBeginning: true })
  let done = 0
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ topic, partition, message }) => {
      for (let attempt = 0; ; attempt++) {
        const transaction = await producer.transaction()
        await transaction.send({ topic: 'out', messages: [{ value: `out of ${message.value}` }] })
        const offset = String(Number(message.offset) + 1)
        await transaction.sendOffsets({
          consumerGroupId: 'g',
          topics: [{ topic, partitions: [{ partition, offset }] }],
        })
        if (attempt > 0 || Number(message.offset) % 3 > 0) {
          await transaction.commit()
          break
        }
        aborts++
        await transaction.abort()
      }
      done++
    },
  })
  await until('all messages', () => done === values.length)
  await consumer.disconnect()
  await producer.disconnect()
  assert.equal(aborts, 4)
  assert.deepEqual(
    await committedIn(kafka, 'out'),
    values.map((value) => `out of ${value}`),
  )
  assert.equal(await offsetOf(kafka, 'g', 'in'), '12')
})

test('a zombie is fenced, and what it had open is aborted', async () => {
  await using broker = await startBroker()
  const kafka = client(broker.address)
  const zombie = await transactional(kafka)
  const lost = await zombie.transaction()
  await lost.send({ topic: 'a', messages: [{ value: 'lost' }] })
  const producer = await transactional(kafka)
  // Only now it asks for its identity.
  const transaction = await producer.transaction()
  await assert.rejects(lost.send({ topic: 'a', messages: [{ value: 'late' }] }))
  await assert.rejects(lost.commit())
  await transaction.send({ topic: 'a', messages: [{ value: 'kept' }] })
  await transaction.commit()
  assert.deepEqual(await committedIn(kafka, 'a'), ['kept'])
  await zombie.disconnect().catch(() => {})
  await producer.disconnect()
})

test('a transaction that takes too long is aborted, so that readers can go on', async () => {
  await using broker = await startBroker({
    settings: { 'transaction.abort.timed.out.transaction.cleanup.interval.ms': 50 },
  })
  const kafka = client(broker.address)
  const producer = kafka.producer({ transactionalId: 't', idempotent: true, transactionTimeout: 100 })
  await producer.connect()
  const transaction = await producer.transaction()
  await transaction.send({ topic: 'a', messages: [{ value: 'slow' }] })
  assert.deepEqual(await committedIn(kafka, 'a'), [])
  await assert.rejects(transaction.commit())
  await producer.disconnect()
})

test('a broker that is killed goes on where it was: what was committed holds, what was open can be ended', async () => {
  const directory = await makeTemporaryDirectory('holdfast-kafkajs-')
  try {
    const before = await serve(directory.path)
    const first = await transactional(client(before.address))
    const kept = await first.transaction()
    await kept.send({ topic: 'a', messages: [{ value: 'kept' }] })
    await kept.sendOffsets({
      consumerGroupId: 'g',
      topics: [{ topic: 'a', partitions: [{ partition: 0, offset: '1' }] }],
    })
    await kept.commit()
    const open = await first.transaction()
    await open.send({ topic: 'a', messages: [{ value: 'open' }] })
    await open.sendOffsets({
      consumerGroupId: 'g',
      topics: [{ topic: 'a', partitions: [{ partition: 0, offset: '2' }] }],
    })
    await before.end('SIGKILL')
    await first.disconnect().catch(() => {})
    const after = await serve(directory.path)
    try {
      const kafka = client(after.address)
      const producer = await transactional(kafka)
      const transaction = await producer.transaction()
      await transaction.send({ topic: 'a', messages: [{ value: 'next' }] })
      await transaction.commit()
      await producer.disconnect()
      assert.deepEqual(await committedIn(kafka, 'a'), ['kept', 'next'])
      assert.equal(await offsetOf(kafka, 'g', 'a'), '1')
    } finally {
      await after.end('SIGTERM')
    }
  } finally {
    await directory.remove()
  }
})
