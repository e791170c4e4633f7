/** Two clients that others wrote connect, create a topic, produce and consume in a group. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Admin, Consumer, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka'
import { Kafka, logLevel } from 'kafkajs'
import { serve } from './served.js'

const values = ['one', 'two', 'three']

test('kafkajs', async (t) => {
  const { address, complaints } = await serve(t)
  const kafka = new Kafka({ brokers: [address], clientId: 'test', logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  t.after(() => admin.disconnect())
  const created = await admin.createTopics({ topics: [{ topic: 'orders', numPartitions: 2 }] })
  assert.equal(created, true)
  const producer = kafka.producer({ idempotent: true })
  await producer.connect()
  t.after(() => producer.disconnect())
  await producer.send({ topic: 'orders', messages: values.map((value) => ({ key: 'k', value })) })

  const consumer = kafka.consumer({ groupId: 'readers' })
  await consumer.connect()
  await consumer.subscribe({ topic: 'orders', fromBeginning: true })
  const received = await new Promise<string[]>((resolve) => {
    const seen: string[] = []
    void consumer.run({
      async eachMessage({ message }) {
        if (seen.push(String(message.value)) === values.length) resolve(seen)
      },
    })
  })
  assert.deepEqual(received, values)
  const { groups } = await admin.describeGroups(['readers'])
  assert.deepEqual([groups[0].state, groups[0].members[0].clientHost], ['Stable', '/127.0.0.1'])
  await consumer.disconnect()
  const [{ partitions }] = await admin.fetchOffsets({ groupId: 'readers', topics: ['orders'] })
  assert.equal(partitions.filter(({ offset }) => offset === '3').length, 1)
  assert.deepEqual((await admin.listGroups()).groups, [{ groupId: 'readers', protocolType: 'consumer' }])
  const config = await admin.describeConfigs({ includeSynonyms: true, resources: [{ type: 2, name: 'orders' }] })
  assert.equal(
    config.resources[0].configEntries.some(({ configName }) => configName === 'max.message.bytes'),
    true,
  )
  const full = await admin.fetchTopicOffsets('orders')
  await admin.deleteTopicRecords({
    topic: 'orders',
    partitions: full.map(({ partition }) => ({ partition, offset: '-1' })),
  })
  const emptied = await admin.fetchTopicOffsets('orders')
  assert.deepEqual(
    emptied.map(({ low }) => low),
    full.map(({ high }) => high),
  )
  await admin.createPartitions({ topicPartitions: [{ topic: 'orders', count: 3 }] })
  assert.equal((await admin.fetchTopicOffsets('orders')).length, 3)
  const cluster = await admin.describeCluster()
  assert.equal(cluster.brokers.length, 1)
  await admin.deleteGroups(['readers'])
  await admin.deleteTopics({ topics: ['orders'] })
  assert.deepEqual(complaints, [])
})

test('@platformatic/kafka', async (t) => {
  const { address, complaints } = await serve(t)
  const options = { clientId: 'test', bootstrapBrokers: [address] }
  const admin = new Admin(options)
  t.after(() => admin.close())
  const [topic] = await admin.createTopics({ topics: ['orders'], partitions: 2, replicas: 1 })
  assert.equal(topic.name, 'orders')
  const producer = new Producer({ ...options, serializers: stringSerializers })
  t.after(() => producer.close())
  await producer.send({ messages: values.map((value) => ({ topic: 'orders', key: 'k', value })) })

  const consumer = new Consumer({ ...options, groupId: 'readers', deserializers: stringDeserializers })
  const stream = await consumer.consume({ topics: ['orders'], mode: 'earliest', autocommit: false })
  const received: string[] = []
  for await (const message of stream) {
    received.push(message.value)
    await message.commit()
    if (received.length === values.length) break
  }
  assert.deepEqual(received, values)
  await consumer.close(true)
  const groups = await admin.listGroups()
  assert.equal(groups.get('readers')?.groupType, 'classic')
  await admin.deleteTopics({ topics: ['orders'] })
  assert.deepEqual(complaints, [])
})
