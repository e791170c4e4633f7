/** Finding single messages in topics of the commit log: by key, id, time, place, and RocketMQ's own id. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Queue } from '../../src/client/queue.js'
import { RemoteBroker } from '../../src/kafka/remote-broker.js'
import { messageIdOf, parseMessageId } from '../../src/storage/commitlog/host.js'
import { startBroker } from '../../src/testing/index.js'
import { texts, type World, world } from './world.js'

const broker = { settings: { 'storage.layout': 'commitlog' } } as const

async function filled(t: TestContext): Promise<World> {
  const opened = await world(t, { broker })
  const { mq } = opened
  await mq.topics.create('orders', { partitions: 2 })
  for (let i = 0; i < 8; i++) {
    const rest = { id: `id${i}`, value: `${i}`, timestamp: 1000 + i, partition: i % 2 }
    await mq.send('orders', i < 4 ? { ...rest, key: 'a' } : { ...rest, key: 'b', keys: ['a', `k${i}`] })
  }
  await mq.send('others', { key: 'a', value: 'other', id: 'id1' })
  return opened
}

test('a message is found by its key, by each of its keys, and by its id, without being told to keep an index', async (t) => {
  const { mq } = await filled(t)
  assert.deepEqual(texts(await mq.find('orders', { key: 'a' }, { limit: 6 })), ['7', '6', '5', '4', '3', '2'])
  assert.deepEqual(texts(await mq.find('orders', { key: 'b' }, { partition: 1 })), ['7', '5'])
  assert.deepEqual(texts(await mq.find('orders', { key: 'k6' })), ['6'])
  assert.deepEqual(await mq.find('orders', { key: 'c' }), [])
  assert.deepEqual(texts(await mq.find('orders', { id: 'id1' })), ['1'])
  assert.deepEqual(texts(await mq.find('others', { id: 'id1' })), ['other'])
  const bounds = { from: { time: 1002 }, to: { time: 1005 } }
  assert.deepEqual(texts(await mq.find('orders', { key: 'a' }, bounds)), ['4', '3', '2'])
  assert.deepEqual(texts(await mq.find('orders', { key: 'a' }, { partition: 0, to: { offset: 1 } })), ['0'])
  assert.equal((await mq.get({ topic: 'orders', id: 'id6' }))?.text(), '6')
  assert.deepEqual(texts(await mq.at('orders', 1005)), ['6', '5'])
})

test('what was aborted is not found, what is committed is', async (t) => {
  const { mq } = await world(t, { broker })
  const stopped = new Error('stopped')
  const send = (value: string, fails: boolean) =>
    mq.transaction('tx', async (tx) => {
      await tx.send('orders', { key: 'a', keys: 'k', value })
      if (fails) throw stopped
    })
  await send('1', false)
  await assert.rejects(send('2', true), stopped)
  await send('3', false)
  assert.deepEqual(texts(await mq.find('orders', { key: 'k' })), ['3', '1'])
})

test("a message and RocketMQ's id of it lead to each other, also after a reopening", async (t) => {
  const opened = await filled(t)
  const { mq } = opened
  const ids = new Map<string, string>()
  for (const partition of [0, 1]) {
    for (const message of await mq.read('orders', { partition })) {
      const id = await mq.messageId(message)
      assert.match(id ?? '', /^[0-9A-F]{32}$/)
      ids.set(id as string, message.text())
    }
  }
  assert.equal(ids.size, 8)
  const assertAll = async (queue: Queue): Promise<void> => {
    for (const [id, text] of ids) {
      assert.equal((await queue.get(id))?.text(), text)
      assert.equal((await queue.get(id.toLowerCase()))?.text(), text)
    }
  }
  await assertAll(mq)
  await mq.close()
  const again = await world(t, { directory: opened.directory, broker })
  await assertAll(again.mq)
  await again.mq.topics.delete('orders')
  await again.mq.topics.create('orders', { partitions: 2 })
  for (const id of ids.keys()) assert.equal(await again.mq.get(id), undefined)
})

test('ids that name nothing give nothing, and what is no id is refused', async (t) => {
  const { mq } = await filled(t)
  const place = { topic: 'orders', partition: 0, offset: 0 }
  const { storeHost, position } = parseMessageId((await mq.messageId(place)) as string) ?? assert.fail()
  const otherHost = Buffer.from(storeHost)
  otherHost[3] ^= 1
  for (const id of [
    messageIdOf(otherHost, position),
    messageIdOf(storeHost, position + 1),
    messageIdOf(storeHost, Number.MAX_SAFE_INTEGER),
    messageIdOf(Buffer.alloc(20), position),
  ]) {
    assert.equal(await mq.get(id), undefined, id)
  }
  for (const id of ['', 'x', 'F'.repeat(31), 'G'.repeat(32), 'F'.repeat(32)]) {
    await assert.rejects(mq.get(id), { code: 'INVALID_ARGUMENT' })
  }
  assert.equal(await mq.messageId({ ...place, offset: 99 }), undefined)
  await assert.rejects(mq.messageId({ ...place, partition: 7 }), { code: 'UNKNOWN_TOPIC_OR_PARTITION' })
  await assert.rejects(mq.messageId({ ...place, offset: -1 }), { code: 'INVALID_ARGUMENT' })
})

test('the marker of a transaction is no message, and has no id', async (t) => {
  const { mq } = await world(t, { broker })
  await mq.transaction('tx', async (tx) => {
    await tx.send('orders', { value: '1' })
  })
  const place = { topic: 'orders', partition: 0, offset: 1 }
  assert.equal(await mq.get(place), undefined)
  assert.equal(await mq.messageId(place), undefined)
})

test('topics of segments have no such ids, and over the wire nobody can be asked for them', async (t) => {
  const { mq } = await world(t)
  const receipt = await mq.send('orders', { value: '1' })
  assert.equal(await mq.messageId(receipt), undefined)
  assert.equal(await mq.get('0'.repeat(32)), undefined)
  const served = await startBroker()
  t.after(() => served.close())
  const remote = new Queue(await RemoteBroker.connect(served.address))
  t.after(() => remote.close())
  await assert.rejects(remote.get('0'.repeat(32)), { code: 'UNSUPPORTED_OVER_WIRE' })
  await assert.rejects(remote.messageId(receipt), { code: 'UNSUPPORTED_OVER_WIRE' })
})
