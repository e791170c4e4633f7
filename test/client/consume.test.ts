/** Consuming by offset, and bounded reads, on a real broker. */

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { ManualClock, settled } from '../../sim/manual-clock.js'
import type { OffsetConsumeOptions } from '../../src/client/queue.js'
import { all, instead, take, texts, world } from './world.js'

const values = (count: number) => Array.from({ length: count }, (_, n) => ({ value: `${n}`, timestamp: 1000 + n }))

it('reads from every place one can begin at', async (t) => {
  const { mq } = await world(t)
  await mq.sendMany('orders', values(10))
  const read = async (from: OffsetConsumeOptions) => texts(await all(mq.consume('orders', { ...from, follow: false })))
  assert.equal((await read({})).length, 10)
  assert.equal((await read({ from: 'earliest' })).length, 10)
  assert.deepEqual(await read({ from: 'latest' }), [])
  assert.deepEqual(await read({ from: { offset: 7 } }), ['7', '8', '9'])
  assert.deepEqual(await read({ from: { time: 1008 } }), ['8', '9'])
  assert.deepEqual(await read({ from: { time: new Date(1009) } }), ['9'])
  assert.deepEqual(await read({ from: { time: 5000 } }), [])
  await assert.rejects(read({ from: { offset: 11 } }), { code: 'OFFSET_OUT_OF_RANGE' })
})

it('ends, with follow: false, where the log ended at the start', async (t) => {
  const { mq } = await world(t)
  await mq.topics.create('orders', { partitions: 3 })
  await mq.topics.create('empty')
  await mq.sendMany(
    'orders',
    Array.from({ length: 30 }, (_, n) => ({ key: `${n}`, value: `${n}` })),
  )
  const stream = mq.consume('orders', { follow: false })
  const first = await take(stream, 1)
  await mq.sendMany('orders', values(50))
  assert.equal(first.length + (await all(stream)).length, 30)
  assert.deepEqual(await all(mq.consume('empty', { follow: false })), [])
  assert.equal((await all(mq.consume(['orders', 'empty'], { follow: false }))).length, 80)
})

it('follows the log, batch by batch, in order', async (t) => {
  const { mq } = await world(t)
  const stream = mq.consume('orders')
  const reading = take(stream, 300)
  for (let n = 0; n < 300; n++) void mq.send('orders', { value: `${n}` })
  assert.deepEqual(
    texts(await reading),
    Array.from({ length: 300 }, (_, n) => `${n}`),
  )
  const next = stream.next()
  await mq.send('orders', { value: 'later' })
  assert.equal((await next).value?.text(), 'later')
  await stream.close()
})

it('answers several next() in order', async (t) => {
  const { mq } = await world(t)
  const stream = mq.consume('orders')
  const nexts = [stream.next(), stream.next(), stream.next()]
  await mq.sendMany('orders', values(2))
  assert.deepEqual([(await nexts[0]).value?.text(), (await nexts[1]).value?.text()], ['0', '1'])
  await stream.close()
  assert.deepEqual(await nexts[2], { done: true, value: undefined })
  assert.deepEqual(await stream.next(), { done: true, value: undefined })
})

it('reads one partition alone, and all of them together', async (t) => {
  const { mq } = await world(t)
  await mq.topics.create('orders', { partitions: 2 })
  for (const partition of [0, 1, 0, 1]) await mq.send('orders', { value: `p${partition}`, partition })
  assert.deepEqual(texts(await all(mq.consume('orders', { partition: 1, follow: false }))), ['p1', 'p1'])
  assert.equal((await all(mq.consume('orders', { follow: false }))).length, 4)
  await assert.rejects(all(mq.consume('orders', { partition: 2, follow: false })), {
    code: 'UNKNOWN_TOPIC_OR_PARTITION',
  })
})

it('reads ahead no further than it may', async (t) => {
  let fetchedBytes = 0
  const { mq } = await world(t, {
    between: (broker) =>
      instead(broker, {
        async fetch(request) {
          const answers = await broker.fetch(request)
          for (const { records } of answers) for (const bytes of records) fetchedBytes += bytes.length
          return answers
        },
      }),
  })
  for (let n = 0; n < 50; n++) await mq.send('orders', { value: Buffer.alloc(1000) })
  const stream = mq.consume('orders', { maxPrefetchBytes: 10_000, follow: false })
  await take(stream, 1)
  for (let turn = 0; turn < 20; turn++) await settled()
  const before = fetchedBytes
  fetchedBytes = 0
  for (let turn = 0; turn < 20; turn++) await settled()
  assert.equal(fetchedBytes, 0, 'a full buffer is not filled further')
  assert.ok(before > 0)
  assert.equal((await all(stream)).length, 49)
})

it('throws the reason of its signal, whenever that comes', async (t) => {
  const { mq } = await world(t)
  await mq.sendMany('orders', values(3))
  const reason = new Error('enough')
  await assert.rejects(all(mq.consume('orders', { signal: AbortSignal.abort(reason) })), reason)
  const waiting = new AbortController()
  const reading = all(mq.consume('orders', { from: 'latest', signal: waiting.signal }))
  waiting.abort(reason)
  await assert.rejects(reading, reason)
  const inLoop = new AbortController()
  const seen: string[] = []
  await assert.rejects(
    async () => {
      for await (const message of mq.consume('orders', { signal: inLoop.signal })) {
        seen.push(message.text())
        inLoop.abort()
      }
    },
    { name: 'AbortError' },
  )
  assert.deepEqual(seen, ['0'])
})

it('ends quietly when the queue is closed', async (t) => {
  const { mq } = await world(t)
  await mq.send('orders', { value: 'a' })
  const seen: string[] = []
  for await (const message of mq.consume('orders')) {
    seen.push(message.text())
    void mq.close()
  }
  assert.deepEqual(seen, ['a'])
  assert.throws(() => mq.consume('orders'), { code: 'CLOSED' })
})

it('throws when the topic is deleted under it', async (t) => {
  const { mq } = await world(t)
  await mq.send('orders', { value: 'a' })
  const stream = mq.consume('orders')
  await take(stream, 1)
  const refused = assert.rejects(stream.next(), { code: 'UNKNOWN_TOPIC_OR_PARTITION' })
  await mq.topics.delete('orders')
  await refused
})

it('notices partitions that a topic gains', async (t) => {
  const clock = new ManualClock()
  const { mq, broker } = await world(t, { queue: { clock, metadataRefreshMs: 1000 } })
  await mq.send('orders', { value: 'a' })
  const stream = mq.consume('orders')
  await take(stream, 1)
  await broker.createPartitions('orders', 2)
  const next = stream.next()
  clock.advance(1000)
  const other = mq.consume('orders', { partition: 1 })
  // A producer that looks the topic up when it is told a partition that it does not know of.
  assert.equal((await mq.send('orders', { value: 'b', partition: 1 })).partition, 1)
  assert.deepEqual(texts(await take(other, 1)), ['b'])
  assert.equal((await next).value?.text(), 'b')
})

it('reads a bounded run of one partition', async (t) => {
  const { mq } = await world(t)
  for (const part of [values(60), values(60)]) await mq.sendMany('orders', part)
  assert.equal((await mq.read('orders')).length, 100)
  assert.deepEqual(
    (await mq.read('orders', { partition: 0, offset: 58, limit: 4 })).map(({ offset }) => offset),
    [58, 59, 60, 61],
  )
  assert.deepEqual(
    (await mq.read('orders', { time: 1057, limit: 2 })).map(({ offset }) => offset),
    [57, 58],
  )
  assert.deepEqual(await mq.read('orders', { offset: 120 }), [])
  await assert.rejects(mq.read('orders', { offset: 121 }), { code: 'OFFSET_OUT_OF_RANGE' })
  await assert.rejects(mq.read('orders', { offset: 1, time: 1 }), { code: 'INVALID_ARGUMENT' })
  await assert.rejects(mq.read('nothing'), { code: 'UNKNOWN_TOPIC_OR_PARTITION' })
  await assert.rejects(mq.read('orders', { signal: AbortSignal.abort() }), { name: 'AbortError' })
  await mq.topics.create('wide', { partitions: 2 })
  await assert.rejects(mq.read('wide'), { code: 'INVALID_ARGUMENT' })
})

it('refuses options that it does not know', async (t) => {
  const { mq } = await world(t)
  const wrong = [
    { form: 'earliest' },
    { from: 'begin' },
    { from: { offset: -1 } },
    { follow: 1 },
    { group: '' },
    { partition: 1.5 },
  ]
  for (const options of wrong) assert.throws(() => mq.consume('orders', options as never), { code: 'INVALID_ARGUMENT' })
  assert.throws(() => mq.consume(''), { code: 'INVALID_ARGUMENT' })
  assert.throws(() => mq.consume([]), { code: 'INVALID_ARGUMENT' })
  const [message] = (await mq.sendMany('orders', values(1))) && (await mq.read('orders'))
  await assert.rejects(message.ack(), { code: 'INVALID_ARGUMENT' })
})
