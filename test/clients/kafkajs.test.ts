/** kafkajs: topics, producing (plain, idempotent, every codec it has), groups with a rebalance, resuming after a restart. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CompressionTypes, type Consumer, Kafka, type KafkaMessage, logLevel } from 'kafkajs'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'
import { startBroker } from '../../src/testing/index.js'
import { until } from '../support/until.js'

const client = (address: string) =>
  new Kafka({
    clientId: 'test',
    brokers: [address],
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 20, retries: 8 },
  })

test('topics are created, described, grown, listed and deleted', async () => {
  await using broker = await startBroker()
  const admin = client(broker.address).admin()
  await admin.connect()
  assert.equal(
    await admin.createTopics({
      topics: [{ topic: 'a', numPartitions: 2, configEntries: [{ name: 'segment.bytes', value: '2097152' }] }],
    }),
    true,
  )
  assert.equal(await admin.createTopics({ topics: [{ topic: 'a' }] }), false)
  await assert.rejects(
    admin.createTopics({ topics: [{ topic: 'b', configEntries: [{ name: 'no.such.thing', value: '1' }] }] }),
  )
  await admin.createPartitions({ topicPartitions: [{ topic: 'a', count: 3 }] })
  const { topics } = await admin.fetchTopicMetadata({ topics: ['a'] })
  assert.deepEqual(topics[0].partitions.map((partition) => partition.partitionId).sort(), [0, 1, 2])
  const { clusterId, controller, brokers } = await admin.describeCluster()
  assert.equal(brokers.length, 1)
  assert.equal(controller, brokers[0].nodeId)
  assert.ok(clusterId)
  const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [{ type: 2, name: 'a' }] })
  assert.equal(resources[0].configEntries.find((entry) => entry.configName === 'segment.bytes')?.configValue, '2097152')
  const alter = (entries: { name: string; value: string }[], validateOnly = false) =>
    admin.alterConfigs({ validateOnly, resources: [{ type: 2, name: 'a', configEntries: entries }] })
  const segmentBytes = async () => {
    const described = await admin.describeConfigs({ includeSynonyms: false, resources: [{ type: 2, name: 'a' }] })
    return described.resources[0].configEntries.find(({ configName }) => configName === 'segment.bytes')?.configValue
  }
  await alter([{ name: 'segment.bytes', value: '3145728' }])
  assert.equal(await segmentBytes(), '3145728')
  await alter([], true)
  await assert.rejects(alter([{ name: 'segment.bytes', value: '1' }]), { type: 'INVALID_CONFIG' })
  assert.equal(await segmentBytes(), '3145728')
  await alter([])
  assert.equal(await segmentBytes(), '1073741824')
  assert.deepEqual(await admin.listTopics(), ['a'])
  await admin.deleteTopics({ topics: ['a'] })
  assert.deepEqual(await admin.listTopics(), [])
  await admin.disconnect()
})

for (const [name, idempotent] of [
  ['plain', false],
  ['idempotent', true],
] as const) {
  test(`a ${name} producer's messages come back with keys, headers, nulls and times`, async () => {
    await using broker = await startBroker()
    const kafka = client(broker.address)
    const producer = kafka.producer({ idempotent })
    await producer.connect()
    const messages = [
      { key: 'k1', value: 'v1', headers: { h: 'x', list: ['1', '2'] }, timestamp: '1700000000000' },
      { key: null, value: 'zwölf €', timestamp: '1700000000001' },
      { key: 'k3', value: null, timestamp: '1700000000002' },
      { key: '', value: '', timestamp: '1700000000003' },
    ]
    const first = await producer.send({ topic: 't', acks: -1, messages })
    const second = await producer.send({ topic: 't', acks: -1, messages, compression: CompressionTypes.GZIP })
    assert.equal(first[0].baseOffset, '0')
    assert.equal(second[0].baseOffset, '4')
    await producer.disconnect()
    const got = await consumeAll(kafka, 't', 8)
    assert.deepEqual(
      got.map((message) => Number(message.offset)),
      [0, 1, 2, 3, 4, 5, 6, 7],
    )
    for (const [i, message] of got.entries()) {
      const sent = messages[i % 4]
      assert.equal(message.key?.toString() ?? null, sent.key)
      assert.equal(message.value?.toString() ?? null, sent.value)
      assert.equal(message.timestamp, sent.timestamp)
    }
    assert.equal(String(got[0].headers?.['h']), 'x')
    assert.deepEqual(String(got[0].headers?.['list']), '1,2')
  })
}

test('a group of two shares the partitions, and one takes over when the other dies', async () => {
  await using broker = await startBroker()
  const kafka = client(broker.address)
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: 'work', numPartitions: 4 }] })
  const seen = new Map<string, Set<number>>([
    ['one', new Set()],
    ['two', new Set()],
  ])
  const values = new Set<string>()
  const join = async (name: string): Promise<Consumer> => {
    const consumer = kafka.consumer({
      groupId: 'g',
      maxWaitTimeInMs: 100,
      sessionTimeout: 6000,
      heartbeatInterval: 100,
      rebalanceTimeout: 3000,
    })
    await consumer.connect()
    await consumer.subscribe({ topic: 'work', fromBeginning: true })
    await consumer.run({
      eachMessage: async ({ partition, message }) => {
        seen.get(name)?.add(partition)
        values.add(String(message.value))
      },
    })
    return consumer
  }
  const one = await join('one')
  const two = await join('two')
  const producer = kafka.producer()
  await producer.connect()
  const sendToAll = (tag: string) =>
    producer.send({
      topic: 'work',
      messages: [0, 1, 2, 3].map((partition) => ({ partition, value: `${tag}-${partition}` })),
    })
  await until('both members have partitions', async () => {
    const { groups } = await admin.describeGroups(['g'])
    return groups[0].state === 'Stable' && groups[0].members.length === 2
  })
  await sendToAll('shared')
  await until('all four messages arrived', () => [0, 1, 2, 3].every((partition) => values.has(`shared-${partition}`)))
  assert.equal(new Set([...(seen.get('one') ?? []), ...(seen.get('two') ?? [])]).size, 4)
  assert.ok((seen.get('one')?.size ?? 0) > 0 && (seen.get('two')?.size ?? 0) > 0, 'each member had some')
  await two.disconnect()
  await sendToAll('alone')
  await until('the other member got all partitions', () =>
    [0, 1, 2, 3].every((partition) => values.has(`alone-${partition}`)),
  )
  await one.disconnect()
  const { groups } = await admin.listGroups()
  assert.deepEqual(
    groups.map((group) => group.groupId),
    ['g'],
  )
  await admin.deleteGroups(['g'])
  await producer.disconnect()
  await admin.disconnect()
})

test('a group resumes from its committed offsets after a restart of the broker', async () => {
  const directory = await makeTemporaryDirectory('holdfast-kafkajs-')
  const groupId = 'resume'
  try {
    {
      await using broker = await startBroker({ dataDir: directory.path })
      const kafka = client(broker.address)
      const producer = kafka.producer()
      await producer.connect()
      await producer.send({ topic: 't', messages: ['a', 'b', 'c'].map((value) => ({ value })) })
      await producer.disconnect()
      const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100 })
      await consumer.connect()
      await consumer.subscribe({ topic: 't', fromBeginning: true })
      const got: string[] = []
      await consumer.run({
        autoCommit: false,
        eachMessage: async ({ message }) => void got.push(String(message.value)),
      })
      await until('three messages', () => got.length === 3)
      await consumer.commitOffsets([{ topic: 't', partition: 0, offset: '2' }])
      await consumer.disconnect()
    }
    await using broker = await startBroker({ dataDir: directory.path })
    const kafka = client(broker.address)
    const admin = kafka.admin()
    await admin.connect()
    const [{ partitions }] = await admin.fetchOffsets({ groupId, topics: ['t'] })
    assert.equal(partitions[0].offset, '2')
    await admin.disconnect()
    const producer = kafka.producer()
    await producer.connect()
    await producer.send({ topic: 't', messages: [{ value: 'd' }] })
    await producer.disconnect()
    const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100 })
    await consumer.connect()
    await consumer.subscribe({ topic: 't', fromBeginning: true })
    const got: string[] = []
    await consumer.run({ eachMessage: async ({ message }) => void got.push(String(message.value)) })
    await until('the messages after the commit', () => got.includes('d'))
    assert.deepEqual(got, ['c', 'd'])
    await consumer.disconnect()
  } finally {
    await directory.remove()
  }
})

async function consumeAll(kafka: Kafka, topic: string, count: number) {
  const consumer = kafka.consumer({ groupId: `all-${topic}`, maxWaitTimeInMs: 100 })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const got: KafkaMessage[] = []
  await consumer.run({ eachMessage: async ({ message }) => void got.push(message) })
  await until(`${count} messages`, () => got.length >= count)
  await consumer.disconnect()
  return got
}
