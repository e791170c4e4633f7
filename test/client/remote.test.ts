/** The same code on a broker across the wire, and in one group with another client. */

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { type EachMessagePayload, Kafka, logLevel } from 'kafkajs'
import { settled } from '../../sim/manual-clock.js'
import { Queue } from '../../src/client/queue.js'
import { RemoteBroker } from '../../src/kafka/remote-broker.js'
import { KafkaServer } from '../../src/kafka/server.js'
import { all, take, texts, world } from './world.js'

it('sends, reads and consumes across the wire', async (t) => {
  const { broker } = await world(t)
  await using server = await KafkaServer.listen(broker, { host: '127.0.0.1', port: 0 })
  await using mq = new Queue(await RemoteBroker.connect(`127.0.0.1:${server.port}`))
  await mq.topics.create('orders', { partitions: 2 })
  const values = Array.from({ length: 2000 }, (_, n) => `${n}`)
  const sends = values.map((value) => mq.send('orders', { value, partition: 1, headers: { trace: value } }))
  assert.deepEqual(
    (await Promise.all(sends)).map(({ offset }) => offset),
    values.map(Number),
  )
  const read = await all(mq.consume('orders', { follow: false }))
  assert.deepEqual(texts(read), values)
  assert.equal(read[7].header('trace')?.toString(), '7')
  await assert.rejects(mq.send('orders', { value: Buffer.alloc(2 ** 21) }), { code: 'MESSAGE_TOO_LARGE' })
  // The protocol has no such thing, and a promise that nobody keeps is not given.
  await assert.rejects(mq.send('orders', { value: 'a' }, { flush: 'sync' }), { code: 'INVALID_ARGUMENT' })
  await assert.rejects(mq.sendMany('orders', [{ value: 'a' }], { flush: 'sync' }), { code: 'INVALID_ARGUMENT' })
  const seen: string[] = []
  for await (const message of mq.consume('orders', { group: 'billing' })) {
    seen.push(message.text())
    if (seen.length < 100) continue
    await message.ack()
    break
  }
  assert.equal((await mq.groups.describe('billing')).state, 'Empty')
  assert.deepEqual(texts(await take(mq.consume('orders', { group: 'billing' }), 2)), ['100', '101'])
})

it('shares a group with kafkajs', async (t) => {
  const { broker } = await world(t)
  await using server = await KafkaServer.listen(broker, { host: '127.0.0.1', port: 0 })
  await using mq = new Queue(await RemoteBroker.connect(`127.0.0.1:${server.port}`))
  await mq.topics.create('orders', { partitions: 4 })
  const seen = new Map<string, string>()
  const ours = mq.consume('orders', { group: 'billing', heartbeatIntervalMs: 50 })
  const running = (async () => {
    for await (const message of ours) {
      seen.set(message.text(), 'holdfast')
      await message.ack()
    }
  })()
  const members = async (): Promise<number> => {
    const group = await mq.groups.describe('billing')
    return group.state === 'Stable' ? group.members.length : 0
  }
  while ((await members()) < 1) await settled()
  const kafka = new Kafka({ clientId: 'other', brokers: [`127.0.0.1:${server.port}`], logLevel: logLevel.NOTHING })
  const theirs = kafka.consumer({ groupId: 'billing', heartbeatInterval: 50, sessionTimeout: 6000 })
  await theirs.connect()
  await theirs.subscribe({ topics: ['orders'] })
  const eachMessage = async ({ message }: EachMessagePayload) => {
    seen.set(String(message.value), 'kafkajs')
  }
  await theirs.run({ eachMessage })
  while ((await members()) < 2) await settled()
  assert.equal((await mq.groups.describe('billing')).assignor, 'RoundRobinAssigner')
  await Promise.all([0, 1, 2, 3].map((partition) => mq.send('orders', { partition, value: `new ${partition}` })))
  while (seen.size < 4) await settled()
  assert.deepEqual([...seen.values()].sort(), ['holdfast', 'holdfast', 'kafkajs', 'kafkajs'])
  await theirs.disconnect()
  await Promise.all([0, 1, 2, 3].map((partition) => mq.send('orders', { partition, value: `last ${partition}` })))
  while (seen.size < 8) await settled()
  for (const partition of [0, 1, 2, 3]) assert.equal(seen.get(`last ${partition}`), 'holdfast')
  await ours.close()
  await running
})
