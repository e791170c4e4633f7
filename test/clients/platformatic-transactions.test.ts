/** @platformatic/kafka's transactions: commit, abort, and a consumer's offsets, for which it names member and generation. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Consumer, MessagesStreamModes, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka'
import { Queue } from '../../src/client/queue.js'
import { RemoteBroker } from '../../src/kafka/remote-broker.js'
import { startBroker } from '../../src/testing/index.js'

const base = (address: string) => ({ clientId: 'test', bootstrapBrokers: [address], retries: 5, retryDelay: 50 })

test('what is committed is read, what is aborted is not, and offsets go with it', async () => {
  await using broker = await startBroker()
  const producer = new Producer({
    ...base(broker.address),
    serializers: stringSerializers,
    idempotent: true,
    acks: -1 as const,
    transactionalId: 't',
  })
  await broker.service.createTopic({ name: 'in' })
  await broker.service.createTopic({ name: 'out' })
  for (const [value, commits] of [
    ['one', true],
    ['two', false],
    ['three', true],
  ] as const) {
    const transaction = await producer.beginTransaction()
    await transaction.send({ messages: [{ topic: 'in', value }] })
    await (commits ? transaction.commit() : transaction.abort())
  }
  const consumer = new Consumer({
    ...base(broker.address),
    groupId: 'g',
    deserializers: stringDeserializers,
    maxWaitTime: 100,
  })
  const stream = await consumer.consume({
    topics: ['in'],
    mode: MessagesStreamModes.COMMITTED,
    fallbackMode: 'earliest',
    autocommit: false,
  })
  const seen: string[] = []
  for await (const message of stream) {
    const transaction = await producer.beginTransaction()
    await transaction.addConsumer(consumer)
    await transaction.send({ messages: [{ topic: 'out', value: `out of ${message.value}` }] })
    await transaction.addOffset(message)
    await transaction.commit()
    seen.push(message.value)
    if (message.value === 'three') break
  }
  const [committed] = await broker.service.fetchOffsets('g', null, { requireStable: true })
  const expected = seen.map((value) => `out of ${value}`)
  await consumer.close(true)
  await producer.close()
  assert.deepEqual(committed.offset, 5, 'behind three messages and two markers')
  assert.deepEqual(await committedOf(broker.address, 'in'), ['one', 'three'])
  assert.deepEqual(await committedOf(broker.address, 'out'), expected)
})

async function committedOf(address: string, topic: string): Promise<string[]> {
  const mq = new Queue(await RemoteBroker.connect(address))
  const found = await mq.read(topic)
  await mq.close()
  return found.map((message) => message.text())
}
