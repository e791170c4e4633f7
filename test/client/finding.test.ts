/** mq.find, mq.at and mq.get on a real broker, and over the wire. */

import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { Queue } from '../../src/client/queue.js'
import { RemoteBroker } from '../../src/kafka/remote-broker.js'
import { startBroker } from '../../src/testing/index.js'
import { texts, world } from './world.js'

const indexed = { config: { 'key.index.enable': 'true' } }

test('a message is found by its key, the newest first, in all partitions', async (t) => {
  const { mq } = await world(t)
  await mq.topics.create('orders', { partitions: 3, ...indexed })
  for (let i = 0; i < 9; i++) {
    await mq.send('orders', { key: 'a', value: `a${i}`, partition: i % 3, timestamp: 1000 + i })
    await mq.send('orders', { key: 'b', value: `b${i}` })
  }
  assert.deepEqual(texts(await mq.find('orders', { key: 'a' }, { limit: 4 })), ['a8', 'a7', 'a6', 'a5'])
  assert.deepEqual(texts(await mq.find('orders', { key: Buffer.from('a') }, { partition: 1 })), ['a7', 'a4', 'a1'])
  assert.deepEqual(
    texts(await mq.find('orders', { key: 'a' }, { from: { time: 1003 }, to: { time: new Date(1005) } })),
    ['a4', 'a3'],
  )
  assert.deepEqual(texts(await mq.find('orders', { key: 'a' }, { partition: 0, from: { offset: 1 } })), ['a6', 'a3'])
  assert.deepEqual(await mq.find('orders', { key: 'c' }), [])
})

test('an id goes with the message as a header, is told by whoever reads it, and finds it', async (t) => {
  const { mq } = await world(t)
  await mq.topics.create('orders', indexed)
  await mq.send('orders', { id: 'one', value: '1', headers: { trace: 'x' } })
  await mq.send('orders', { id: Buffer.from('two'), value: '2' })
  await mq.send('orders', { value: '3' })
  const messages = await mq.read('orders')
  assert.deepEqual(
    messages.map(({ id }) => id),
    ['one', 'two', undefined],
  )
  assert.deepEqual(
    messages.map(({ headers }) => headers.map(({ key }) => key)),
    [['trace', 'message-id'], ['message-id'], []],
  )
  const [found] = await mq.find('orders', { id: 'two' })
  assert.equal(found.text(), '2')
  assert.equal(found.id, 'two')
  for await (const message of mq.consume('orders', { group: 'g', from: 'earliest' })) {
    assert.equal(message.id, 'one')
    break
  }
})

test('a message is found by each of its keys, and by its own key', async (t) => {
  const { mq } = await world(t)
  await mq.topics.create('orders', indexed)
  await mq.send('orders', { key: 'c-7', keys: ['o-1', 'o-2'], value: '1' })
  await mq.send('orders', { keys: 'o-2', value: '2' })
  assert.deepEqual(texts(await mq.find('orders', { key: 'o-2' })), ['2', '1'])
  assert.deepEqual(texts(await mq.find('orders', { key: 'o-1' })), ['1'])
  assert.deepEqual(texts(await mq.find('orders', { key: 'c-7' })), ['1'])
  assert.deepEqual(await mq.find('orders', { key: 'o-1 o-2' }), [])
})

test('the header of ids is a setting', async (t) => {
  const { mq } = await world(t, { broker: { settings: { 'key.index.id.header': 'ce-id', 'key.index.enable': true } } })
  await mq.send('events', { id: 'one', value: '1' })
  const [message] = await mq.read('events')
  assert.deepEqual(message.headers, [{ key: 'ce-id', value: Buffer.from('one') }])
  assert.equal(message.id, 'one')
  assert.deepEqual(texts(await mq.find('events', { id: 'one' })), ['1'])
})

test('an index is built for a topic that has messages, removed with the wish for it, and with the topic', async (t) => {
  const { mq, broker, directory } = await world(t)
  await mq.sendMany(
    'orders',
    Array.from({ length: 500 }, (_, i) => ({ key: `k${i % 50}`, value: `${i}` })),
  )
  await assert.rejects(mq.find('orders', { key: 'k1' }), { code: 'KEY_INDEX_OFF' })
  await mq.topics.alter('orders', indexed)
  assert.equal((await mq.find('orders', { key: 'k1' })).length, 10)
  const [topic] = await broker.describeTopics(['orders'])
  const { keyIndex } = topic.partitions[0]
  assert.deepEqual(
    { ...keyIndex, files: 0, sizeInBytes: 0 },
    { entries: 500, files: 0, sizeInBytes: 0, indexedTo: 500 },
  )
  await mq.topics.alter('orders', { config: { 'key.index.enable': null } })
  await assert.rejects(mq.find('orders', { key: 'k1' }), { code: 'KEY_INDEX_OFF' })
  assert.deepEqual(await readdir(join(directory, 'index')), [])
  await mq.topics.alter('orders', indexed)
  assert.equal((await mq.find('orders', { key: 'k1' })).length, 10)
  await mq.topics.delete('orders')
  assert.deepEqual(await readdir(join(directory, 'index')), [])
  await mq.topics.create('orders', indexed)
  assert.deepEqual(await mq.find('orders', { key: 'k1' }), [])
})

test('after a restart the files are used, and what no topic wants is cleared away', async (t) => {
  const first = await world(t)
  await first.mq.topics.create('orders', indexed)
  await first.mq.topics.create('other', indexed)
  await first.mq.send('orders', { key: 'a', value: '1' })
  await first.mq.send('other', { key: 'a', value: '1' })
  await first.mq.find('orders', { key: 'a' })
  await first.mq.close()
  assert.equal((await readdir(join(first.directory, 'index', 'orders-0'))).length, 1)
  const second = await world(t, { directory: first.directory })
  assert.deepEqual(texts(await second.mq.find('orders', { key: 'a' })), ['1'])
  await second.mq.topics.alter('other', { config: { 'key.index.enable': 'false' } })
  assert.deepEqual(await readdir(join(first.directory, 'index')), ['orders-0'])
})

test('at gives the first message of each partition from a time on', async (t) => {
  const { mq } = await world(t)
  await mq.topics.create('orders', { partitions: 3 })
  for (let i = 0; i < 6; i++) await mq.send('orders', { value: `${i}`, partition: i % 2, timestamp: 1000 + i * 10 })
  assert.deepEqual(texts(await mq.at('orders', 1015)), ['2', '3'])
  assert.deepEqual(texts(await mq.at('orders', new Date(1050))), ['5'])
  assert.deepEqual(texts(await mq.at('orders', 1000, { partition: 0, limit: 2 })), ['0', '2'])
  assert.deepEqual(await mq.at('orders', 2000), [])
  await assert.rejects(mq.at('nothing', 1), { code: 'UNKNOWN_TOPIC_OR_PARTITION' })
})

test('get gives the message that a receipt names', async (t) => {
  const { mq } = await world(t)
  const receipts = await mq.sendMany('orders', [{ value: 'a' }, { value: 'b' }, { value: 'c' }])
  assert.equal((await mq.get(receipts[1]))?.text(), 'b')
  assert.equal(await mq.get({ topic: 'orders', partition: 0, offset: 3 }), undefined)
  assert.equal(await mq.get({ topic: 'orders', partition: 0, offset: 99 }), undefined)
})

test('get gives the newest message that was sent with an id', async (t) => {
  const { mq } = await world(t)
  await mq.topics.create('orders', indexed)
  await mq.sendMany('orders', [
    { id: 'x', value: '1' },
    { id: 'x', value: '2' },
    { id: 'y', value: '3' },
  ])
  const newest = await mq.get({ topic: 'orders', id: 'x' })
  assert.ok(newest)
  assert.equal(newest.text(), '2')
  assert.equal(await mq.get({ topic: 'orders', id: 'z' }), undefined)
  // A message that was read is a place, whatever its id.
  const [first] = await mq.read('orders', { limit: 1 })
  assert.equal((await mq.get(first))?.text(), '1')
})

test('slips are refused at once', async (t) => {
  const { mq } = await world(t)
  const refused = { code: 'INVALID_ARGUMENT' }
  await assert.rejects(mq.find('orders', {} as { key: string }), refused)
  await assert.rejects(mq.find('orders', { key: 'a', id: 'b' }), refused)
  await assert.rejects(mq.find('orders', { key: null as unknown as string }), refused)
  await assert.rejects(mq.find('orders', { key: 'a' }, { limit: 0 }), refused)
  await assert.rejects(mq.find('orders', { key: 'a' }, { from: 3 as unknown as { offset: number } }), refused)
  await assert.rejects(mq.get({ topic: 'orders' } as { topic: string; id: string }), refused)
  await assert.rejects(mq.get(undefined as unknown as { topic: string; id: string }), refused)
  await assert.rejects(mq.at('orders', 'now' as unknown as number), refused)
  await assert.rejects(mq.send('orders', { id: 5 as unknown as string, value: 'x' }), refused)
})

test('over the wire at and get work, ids too, and find says that there is no request for it', async (t) => {
  const served = await startBroker()
  t.after(() => served.close())
  const mq = new Queue(await RemoteBroker.connect(served.address))
  t.after(() => mq.close())
  const receipt = await mq.send('orders', { id: 'one', value: '1', timestamp: 1000 })
  assert.equal((await mq.get(receipt))?.id, 'one')
  assert.deepEqual(texts(await mq.at('orders', 900)), ['1'])
  await assert.rejects(mq.find('orders', { id: 'one' }), { code: 'UNSUPPORTED_OVER_WIRE' })
})
