/** Tags and keys are headers to a Kafka client, and what it sets as such is a message's tag and keys to the library. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Kafka, type KafkaMessage, logLevel } from 'kafkajs'
import { Queue } from '../../src/client/queue.js'
import { RemoteBroker } from '../../src/kafka/remote-broker.js'
import { startBroker } from '../../src/testing/index.js'
import { until } from '../support/until.js'

test('kafkajs and the library read the tags and keys that the other one sent', async () => {
  await using broker = await startBroker()
  await using mq = new Queue(await RemoteBroker.connect(broker.address))
  const kafka = new Kafka({ clientId: 'test', brokers: [broker.address], logLevel: logLevel.NOTHING })
  const producer = kafka.producer()
  await producer.connect()
  const messages = [
    { value: '1', headers: { TAGS: 'paid', KEYS: 'o-1 c-7' } },
    { value: '2', headers: { TAGS: 'sent' } },
    { value: '3' },
  ]
  await producer.send({ topic: 'orders', messages })
  await producer.disconnect()
  await mq.send('orders', { tags: 'paid', keys: ['o-2', 'c-8'], value: '4' })

  const seen: unknown[] = []
  for await (const message of mq.consume('orders', { group: 'library', tags: 'paid || refunded' })) {
    seen.push([message.text(), message.tags, message.keys])
    await message.ack()
    if (seen.length === 2) break
  }
  assert.deepEqual(seen, [
    ['1', 'paid', ['o-1', 'c-7']],
    ['4', 'paid', ['o-2', 'c-8']],
  ])

  const consumer = kafka.consumer({ groupId: 'kafkajs', maxWaitTimeInMs: 100 })
  await consumer.connect()
  await consumer.subscribe({ topic: 'orders', fromBeginning: true })
  const got: KafkaMessage[] = []
  await consumer.run({ eachMessage: async ({ message }) => void got.push(message) })
  await until('all messages', () => got.length === 4)
  await consumer.disconnect()
  const { TAGS, KEYS } = got[3].headers ?? {}
  assert.deepEqual([String(TAGS), String(KEYS)], ['paid', 'o-2 c-8'])
})
