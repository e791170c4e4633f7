/** The library on topics in the commit log: groups, transactions, keys and tags, over a restart. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Broker } from '../../src/broker/broker.js'
import type { Queue } from '../../src/client/queue.js'
import { resolveSettings } from '../../src/core/settings.js'
import { offsetsTopicName, transactionsTopicName } from '../../src/storage/internal-topics.js'
import { world } from './world.js'

const settings = resolveSettings({
  'storage.layout': 'commitlog',
  'mapped.file.size.commitlog': 1 << 20,
  'max.hash.slot.num': 1000,
  'max.index.num': 1000,
})

async function texts(mq: Queue, topic: string): Promise<string[]> {
  const found: string[] = []
  for (const message of await mq.read(topic, { partition: 0, offset: 0, limit: 100 })) found.push(message.text())
  return found
}

async function layoutOf(broker: Broker, topic: string): Promise<string | undefined> {
  const config = await broker.describeConfig(topic)
  return config.find(({ name }) => name === 'storage.layout')?.value
}

const opened = (t: TestContext, directory?: string) => world(t, { broker: { settings }, directory })

test('a group goes on where it had got to, though its topic is in the commit log and its offsets are not', async (t) => {
  const { mq, directory } = await opened(t)
  for (let i = 0; i < 6; i++) await mq.send('orders', { key: 'k', value: `${i}`, tags: i % 2 === 0 ? 'even' : 'odd' })
  const take = async (from: typeof mq, count: number): Promise<string[]> => {
    const got: string[] = []
    for await (const message of from.consume('orders', { group: 'books' })) {
      got.push(message.text())
      await message.ack()
      if (got.length === count) break
    }
    return got
  }
  assert.deepEqual(await take(mq, 2), ['0', '1'])
  await mq.close()
  const again = await opened(t, directory)
  assert.deepEqual(await take(again.mq, 4), ['2', '3', '4', '5'])
  assert.equal(await layoutOf(again.broker, 'orders'), 'commitlog')
  assert.equal(await layoutOf(again.broker, offsetsTopicName), 'segments')
})

test('a transaction is there as a whole, or not at all', async (t) => {
  const { mq, directory, broker } = await opened(t)
  await mq.transaction('billing', async (tx) => {
    await tx.send('orders', { value: 'a' })
    await tx.send('orders', { value: 'b' })
  })
  await assert.rejects(
    mq.transaction('billing', async (tx) => {
      await tx.send('orders', { value: 'never' })
      throw new Error('no')
    }),
    /no/,
  )
  await mq.send('orders', { value: 'c' })
  assert.deepEqual(await texts(mq, 'orders'), ['a', 'b', 'c'])
  assert.equal(await layoutOf(broker, transactionsTopicName), 'segments')
  await mq.close()
  const again = await opened(t, directory)
  assert.deepEqual(await texts(again.mq, 'orders'), ['a', 'b', 'c'])
})

test('messages are found by key and by id without a key index of the topic', async (t) => {
  const { mq, directory } = await opened(t)
  await mq.send('orders', { key: 'o-1', id: 'm-1', value: 'one' })
  await mq.send('orders', { key: 'o-1', keys: ['c-7'], value: 'two' })
  await mq.send('orders', { key: 'o-2', value: 'three' })
  const check = async (one: typeof mq): Promise<void> => {
    const found = async (query: { key: string } | { id: string }) =>
      (await one.find('orders', query)).map((message) => message.text())
    assert.deepEqual(await found({ key: 'o-1' }), ['two', 'one'])
    assert.deepEqual(await found({ key: 'c-7' }), ['two'])
    assert.deepEqual(await found({ id: 'm-1' }), ['one'])
    assert.deepEqual(await found({ key: 'o-3' }), [])
  }
  await check(mq)
  await mq.close()
  await check((await opened(t, directory)).mq)
})
