/** @platformatic/kafka: topics, producing (plain and idempotent), groups with a rebalance, resuming after a restart. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  Admin,
  ConfigResourceTypes,
  Consumer,
  IncrementalAlterConfigOperationTypes,
  MessagesStreamModes,
  Producer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'
import { startBroker } from '../../src/testing/index.js'
import { until } from '../support/until.js'

const base = (address: string) => ({ clientId: 'test', bootstrapBrokers: [address], retries: 5, retryDelay: 50 })

function producerOf(address: string, idempotent = false) {
  return new Producer({
    ...base(address),
    serializers: stringSerializers,
    ...(idempotent ? { idempotent: true, acks: -1 as const } : {}),
  })
}

/** A member that notes `partition:value` and commits by itself. */
async function memberOf(address: string, groupId: string, topic: string) {
  const consumer = new Consumer({
    ...base(address),
    groupId,
    deserializers: stringDeserializers,
    sessionTimeout: 6000,
    heartbeatInterval: 200,
    rebalanceTimeout: 6000,
    maxWaitTime: 100,
  })
  const stream = await consumer.consume({
    topics: [topic],
    mode: MessagesStreamModes.COMMITTED,
    fallbackMode: 'earliest',
    autocommit: 50,
  })
  const seen: string[] = []
  stream.on('data', (message) => seen.push(`${message.partition}:${message.value}`))
  stream.on('error', () => {})
  return { consumer, seen, close: () => consumer.close(true) }
}

test('topics are created, listed, described and deleted', async () => {
  await using broker = await startBroker()
  const admin = new Admin(base(broker.address))
  const created = await admin.createTopics({ topics: ['a'], partitions: 3, replicas: 1 })
  assert.equal(created[0].name, 'a')
  assert.deepEqual(await admin.listTopics(), ['a'])
  const metadata = await admin.metadata({ topics: ['a'] })
  assert.equal(metadata.topics.get('a')?.partitionsCount, 3)
  const resource = { resourceType: ConfigResourceTypes.TOPIC, resourceName: 'a' }
  const shown = async (name: string) => {
    const [{ configs }] = await admin.describeConfigs({ resources: [resource] })
    return configs.find((entry) => entry.name === name)?.value
  }
  const { SET, APPEND, SUBTRACT, DELETE } = IncrementalAlterConfigOperationTypes
  const change = (name: string, configOperation: 0 | 1 | 2 | 3, value = '') =>
    admin.incrementalAlterConfigs({ resources: [{ ...resource, configs: [{ name, configOperation, value }] }] })
  await change('max.message.bytes', SET, '5000')
  await change('cleanup.policy', APPEND, 'compact')
  assert.deepEqual([await shown('max.message.bytes'), await shown('cleanup.policy')], ['5000', 'delete,compact'])
  await change('cleanup.policy', SUBTRACT, 'delete')
  await change('max.message.bytes', DELETE)
  assert.deepEqual([await shown('max.message.bytes'), await shown('cleanup.policy')], ['1048588', 'compact'])
  await assert.rejects(change('max.message.bytes', APPEND, '5'))
  await admin.alterConfigs({ resources: [{ ...resource, configs: [{ name: 'segment.bytes', value: '2097152' }] }] })
  assert.deepEqual([await shown('segment.bytes'), await shown('cleanup.policy')], ['2097152', 'delete'])
  await admin.deleteTopics({ topics: ['a'] })
  assert.deepEqual(await admin.listTopics(), [])
  await admin.close()
})

for (const idempotent of [false, true]) {
  test(`messages of ${idempotent ? 'an idempotent' : 'a plain'} producer come back in order`, async () => {
    await using broker = await startBroker()
    const admin = new Admin(base(broker.address))
    await admin.createTopics({ topics: ['t'], partitions: 1, replicas: 1 })
    await admin.close()
    const producer = producerOf(broker.address, idempotent)
    for (let i = 0; i < 5; i++) {
      const { offsets } = await producer.send({
        messages: [{ topic: 't', key: `k${i}`, value: `v${i}`, headers: { n: String(i) } }],
      })
      assert.equal(offsets?.[0].offset, BigInt(i))
    }
    await producer.close()
    const member = await memberOf(broker.address, 'g', 't')
    await until('five messages', () => member.seen.length === 5)
    assert.deepEqual(
      member.seen,
      [0, 1, 2, 3, 4].map((i) => `0:v${i}`),
    )
    await member.close()
  })
}

test('a group of two shares the partitions, and one takes over when the other leaves', async () => {
  await using broker = await startBroker()
  await broker.service.createTopic({ name: 'work', partitions: 4 })
  const one = await memberOf(broker.address, 'g', 'work')
  const two = await memberOf(broker.address, 'g', 'work')
  const producer = producerOf(broker.address)
  const sendToAll = (tag: string) =>
    producer.send({
      messages: [0, 1, 2, 3].map((partition) => ({ topic: 'work', partition, key: String(partition), value: tag })),
    })
  await until('a stable group of two', async () => {
    const group = await broker.service.describeGroup('g')
    return group.state === 'Stable' && group.members.length === 2
  })
  await sendToAll('shared')
  await until('all four messages', () => new Set([...one.seen, ...two.seen]).size === 4)
  assert.ok(one.seen.length > 0 && two.seen.length > 0, 'each member had some')
  await two.close()
  await sendToAll('alone')
  await until('the other member has all partitions', () =>
    [0, 1, 2, 3].every((partition) => one.seen.includes(`${partition}:alone`)),
  )
  await one.close()
  await producer.close()
})

test('a group resumes from its committed offsets after a restart of the broker', async () => {
  const directory = await makeTemporaryDirectory('holdfast-plt-')
  try {
    for (const round of ['first', 'second']) {
      await using broker = await startBroker({ dataDir: directory.path })
      await broker.service.describeTopics(['t'], { create: true })
      const producer = producerOf(broker.address, true)
      await producer.send({ messages: [{ topic: 't', key: '', value: round }] })
      await producer.close()
      const member = await memberOf(broker.address, 'resume', 't')
      await until('the message of this round', () => member.seen.length > 0)
      await until('its commit', async () => {
        const [committed] = await broker.service.fetchOffsets('resume', [{ topic: 't', partition: 0 }])
        return committed?.offset === (round === 'first' ? 1 : 2)
      })
      assert.deepEqual(member.seen, [`0:${round}`])
      await member.close()
    }
  } finally {
    await directory.remove()
  }
})
