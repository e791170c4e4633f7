/** Sending, on a real broker: order, receipts, batching, bounds and refusals. */

import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { it } from 'node:test'
import fc from 'fast-check'
import { FaultDisk } from '../../sim/fault-disk.js'
import { ManualClock, settled } from '../../sim/manual-clock.js'
import type { MessageInput } from '../../src/client/message.js'
import { partitionOfKey } from '../../src/client/partitioner.js'
import { Queue } from '../../src/client/queue.js'
import { SendManyError } from '../../src/client/sending.js'
import { HoldfastError } from '../../src/core/errors.js'
import { nodeDisk } from '../../src/files/node-disk.js'
import { until } from '../support/until.js'
import { all, batchSizes, instead, texts, world } from './world.js'

const oversized = Buffer.alloc(1024 * 1024 + 12)

it('answers a send with the place and the time of the message', async (t) => {
  const { mq } = await world(t)
  const first = await mq.send('orders', { value: 'a', timestamp: 1000 })
  const second = await mq.send('orders', { value: 'b' })
  assert.deepEqual(first, { topic: 'orders', partition: 0, offset: 0, timestamp: 1000 })
  assert.equal(second.offset, 1)
  const read = await mq.read('orders')
  assert.deepEqual(texts(read), ['a', 'b'])
  assert.equal(read[1].timestamp, second.timestamp)
})

it('tells the time of the broker where the topic keeps LogAppendTime', async (t) => {
  const { mq } = await world(t)
  await mq.topics.create('stamped', { config: { 'message.timestamp.type': 'LogAppendTime' } })
  const receipt = await mq.send('stamped', { value: 'a', timestamp: 1000 })
  assert.ok(receipt.timestamp > 1000)
  assert.equal((await mq.read('stamped'))[0].timestamp, receipt.timestamp)
})

it('keeps the order of the calls, and shares batches and receipts rightly', async (t) => {
  const { mq, broker } = await world(t)
  const count = 5000
  const receipts = await Promise.all(Array.from({ length: count }, (_, n) => mq.send('orders', { value: `${n}` })))
  assert.deepEqual(
    receipts.map(({ offset }) => offset),
    Array.from({ length: count }, (_, n) => n),
  )
  const read = await all(mq.consume('orders', { follow: false }))
  assert.deepEqual(
    texts(read),
    Array.from({ length: count }, (_, n) => `${n}`),
  )
  const sizes = await batchSizes(broker, 'orders')
  assert.ok(sizes.length < 10, `${count} messages of one turn are few batches, not ${sizes.length}`)
})

it('sends a lone message at once, and gathers what comes while it is on its way', async (t) => {
  const { mq, broker } = await world(t)
  await mq.send('orders', { value: 'the topic is known now' })
  const first = mq.send('orders', { value: 'alone' })
  await Promise.resolve()
  const rest = Array.from({ length: 100 }, (_, n) => mq.send('orders', { value: `${n}` }))
  await Promise.all([first, ...rest])
  assert.deepEqual(await batchSizes(broker, 'orders'), [1, 1, 100])
})

it('sends keys where Kafka would, and explicit partitions where it is told', async (t) => {
  const { mq } = await world(t)
  await mq.topics.create('orders', { partitions: 7 })
  for (const key of ['a', 'o-1', 'ключ', '']) {
    const { partition } = await mq.send('orders', { key, value: 'x' })
    assert.equal(partition, partitionOfKey(Buffer.from(key), 7))
  }
  assert.equal((await mq.send('orders', { key: 'a', value: 'x', partition: 5 })).partition, 5)
  await assert.rejects(mq.send('orders', { value: 'x', partition: 7 }), { code: 'UNKNOWN_TOPIC_OR_PARTITION' })
})

it('puts messages without a key into one partition per batch', async (t) => {
  const { mq } = await world(t)
  await mq.topics.create('orders', { partitions: 3 })
  const seen: number[] = []
  for (let round = 0; round < 10; round++) {
    const receipts = await Promise.all(Array.from({ length: 20 }, () => mq.send('orders', { value: 'x' })))
    const partitions = new Set(receipts.map(({ partition }) => partition))
    assert.equal(partitions.size, 1)
    seen.push(...partitions)
  }
  for (let round = 1; round < seen.length; round++) assert.notEqual(seen[round], seen[round - 1])
})

it('carries headers, empty and absent values, and text beyond ASCII', async (t) => {
  const { mq } = await world(t)
  const value = 'grüße 漢字 😀'
  await mq.sendMany('orders', [
    { key: 'κ', value, headers: { trace: 'x', bytes: new Uint8Array([1, 2]), none: null, twice: ['1', '2'] } },
    { key: '', value: '' },
    { key: null, value: null },
    { key: 'gone' },
    {
      value: 'list',
      headers: [
        { key: 'b', value: '1' },
        { key: 'a', value: '2' },
        { key: 'b', value: '3' },
      ],
    },
  ])
  const [full, empty, nothing, tombstone, list] = await mq.read('orders')
  assert.equal(full.text(), value)
  assert.equal(full.key?.toString(), 'κ')
  assert.deepEqual(
    full.headers.map(({ key, value: bytes }) => [key, bytes?.toString('latin1') ?? null]),
    [
      ['trace', 'x'],
      ['bytes', '\x01\x02'],
      ['none', null],
      ['twice', '1'],
      ['twice', '2'],
    ],
  )
  assert.equal(full.header('twice')?.toString(), '2')
  assert.equal(full.header('none'), null)
  assert.equal(full.header('missing'), undefined)
  assert.deepEqual([empty.key, empty.value], [Buffer.alloc(0), Buffer.alloc(0)])
  assert.deepEqual([nothing.key, nothing.value, nothing.text()], [null, null, ''])
  assert.deepEqual([tombstone.key?.toString(), tombstone.value], ['gone', null])
  assert.deepEqual(
    list.headers.map(({ key }) => key),
    ['b', 'a', 'b'],
  )
  await mq.send('orders', { value: JSON.stringify({ qty: 2 }) })
  assert.deepEqual((await mq.read('orders', { offset: 5 }))[0].json<{ qty: number }>(), { qty: 2 })
})

it('refuses a message that is too large alone', async (t) => {
  const { mq } = await world(t)
  const sends = ['a', oversized, 'b'].map((value) => mq.send('orders', { value }))
  const outcomes = await Promise.allSettled(sends)
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
  assert.equal((outcomes[1] as PromiseRejectedResult).reason.code, 'MESSAGE_TOO_LARGE')
  assert.deepEqual(texts(await mq.read('orders')), ['a', 'b'])
})

it('takes a message up to the very limit of its topic, and not a byte more', async (t) => {
  const { mq } = await world(t)
  await mq.topics.create('large', { config: { 'max.message.bytes': '3000000' } })
  // The batch header, two lengths of 4 bytes, and 5 more around the value.
  const most = 3_000_000 - 61 - 8 - 5
  await mq.send('large', { value: Buffer.alloc(most) })
  await assert.rejects(mq.send('large', { value: Buffer.alloc(most + 1) }), { code: 'MESSAGE_TOO_LARGE' })
  await mq.topics.create('small', { config: { 'max.message.bytes': '200' } })
  await Promise.all(Array.from({ length: 50 }, () => mq.send('small', { value: Buffer.alloc(50) })))
  assert.equal((await mq.read('small')).length, 50)
})

it('tells for each of many what became of it', async (t) => {
  const { mq } = await world(t)
  assert.deepEqual(await mq.sendMany('orders', []), [])
  const receipts = await mq.sendMany('orders', [{ value: 'a' }, { value: 'b' }])
  assert.deepEqual(
    receipts.map(({ offset }) => offset),
    [0, 1],
  )
  const mixed = [{ value: 'c' }, { value: oversized }, { value: 'd' }, { value: 5 as unknown as string }]
  await assert.rejects(mq.sendMany('orders', mixed), (error: unknown) => {
    assert.ok(error instanceof SendManyError && error instanceof HoldfastError)
    assert.equal(error.code, 'MESSAGE_TOO_LARGE')
    assert.deepEqual(
      error.outcomes.map(({ receipt }) => receipt?.offset),
      [2, undefined, 3, undefined],
    )
    assert.equal((error.outcomes[3].error as HoldfastError).code, 'INVALID_ARGUMENT')
    return true
  })
  assert.deepEqual(texts(await mq.read('orders')), ['a', 'b', 'c', 'd'])
})

it('waits for room where the buffers are full, drops nothing and keeps the order', async (t) => {
  let bytesUnderWay = 0
  let most = 0
  const { mq } = await world(t, {
    queue: { maxBufferedBytes: 10_000 },
    between: (broker) =>
      instead(broker, {
        async produce(request) {
          bytesUnderWay += request.batch.length
          most = Math.max(most, bytesUnderWay)
          const size = request.batch.length
          return broker.produce(request).finally(() => {
            bytesUnderWay -= size
          })
        },
      }),
  })
  const values = Array.from({ length: 1000 }, (_, n) => `${n}`.padStart(100, '.'))
  // A message larger than all the room there is goes alone.
  values[500] = 'x'.repeat(50_000)
  await Promise.all(values.map((value) => mq.send('orders', { value })))
  assert.deepEqual(texts(await all(mq.consume('orders', { follow: false }))), values)
  assert.ok(most < 10_000 + 50_000 + 200, `${most} bytes were under way`)
})

it('refuses every send of a failed batch with its error, and later ones until the log has recovered', async (t) => {
  const disk = new FaultDisk(nodeDisk)
  const { mq } = await world(t, { broker: { disk } })
  await mq.send('orders', { value: 'before' })
  disk.judge = ({ operation, path }) => (operation === 'write' && path.endsWith('.log') ? 'ENOSPC' : undefined)
  const send = (value: string) => mq.send('orders', { value })
  const refused = await Promise.allSettled([...Array(10).keys()].map((n) => send(`lost ${n}`)))
  for (const outcome of refused) assert.equal((outcome as PromiseRejectedResult).reason.code, 'DISK_FULL')
  await assert.rejects(send('lost too'), { code: 'DISK_FULL' })
  disk.judge = () => undefined
  const sent: string[] = []
  for (let n = 0; sent.length < 3; n++) {
    // What is sent at the same moment shares its fate.
    const outcomes = await Promise.allSettled([send(`${n} a`), send(`${n} b`)])
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.status === 'fulfilled') sent.push(`${n} ${'ab'[index]}`)
      else assert.equal(outcome.reason.code, 'DISK_FULL')
    }
    await settled()
  }
  assert.deepEqual(texts(await mq.read('orders')), ['before', ...sent])
})

it('gathers one batch behind the one that is on its way', async (t) => {
  const disk = new FaultDisk(nodeDisk)
  const { mq, broker } = await world(t, { broker: { disk } })
  await mq.send('orders', { value: 'first' })
  let goOn = (): void => {}
  const held = new Promise<undefined>((resolve) => {
    goOn = () => resolve(undefined)
  })
  disk.judge = ({ operation, path }) => (operation === 'write' && path.endsWith('.log') ? held : undefined)
  const sends: Promise<unknown>[] = []
  for (let turn = 0; turn < 20; turn++) {
    for (let n = 0; n < 5; n++) sends.push(mq.send('orders', { value: 'x' }))
    await settled()
  }
  goOn()
  await Promise.all(sends)
  assert.deepEqual(await batchSizes(broker, 'orders'), [1, 5, 95])
})

it('looks a topic up again that was deleted', async (t) => {
  const { mq, broker } = await world(t)
  await mq.send('orders', { value: 'a' })
  await mq.topics.delete('orders')
  assert.equal((await mq.send('orders', { value: 'b' })).offset, 0)
  // Behind the queue's back: the first send finds out, the next one goes.
  await broker.deleteTopic('orders')
  await assert.rejects(mq.send('orders', { value: 'c' }), { code: 'UNKNOWN_TOPIC_OR_PARTITION' })
  assert.equal((await mq.send('orders', { value: 'd' })).offset, 0)
})

it('does not create topics where the settings forbid it', async (t) => {
  const { mq } = await world(t, { broker: { settings: { 'auto.create.topics.enable': false } } })
  await assert.rejects(mq.send('orders', { value: 'a' }), { code: 'UNKNOWN_TOPIC_OR_PARTITION' })
  await assert.rejects(mq.consume('orders').next(), { code: 'UNKNOWN_TOPIC_OR_PARTITION' })
  await mq.topics.create('orders')
  await mq.send('orders', { value: 'a' })
})

it('ends the waiting for a send with the reason of its signal', async (t) => {
  const { mq } = await world(t)
  const reason = new Error('enough')
  await assert.rejects(mq.send('orders', { value: 'a' }, { signal: AbortSignal.abort(reason) }), reason)
  const controller = new AbortController()
  const sent = mq.send('orders', { value: 'b' }, { signal: controller.signal })
  controller.abort(reason)
  await assert.rejects(sent, reason)
  const many = mq.sendMany('orders', [{ value: 'c' }], { signal: AbortSignal.abort(reason) })
  await assert.rejects(many, reason)
  // None of them was in a batch yet: the topic had not been looked up.
  assert.equal((await mq.send('orders', { value: 'd' })).offset, 0)
})

it('leaves out a send that was given up while it waited for room', async (t) => {
  const disk = new FaultDisk(nodeDisk)
  const { mq } = await world(t, { broker: { disk }, queue: { maxBufferedBytes: 1000 } })
  await mq.send('orders', { value: 'first' })
  let goOn = (): void => {}
  const held = new Promise<undefined>((resolve) => {
    goOn = () => resolve(undefined)
  })
  disk.judge = ({ operation, path }) => (operation === 'write' && path.endsWith('.log') ? held : undefined)
  const controller = new AbortController()
  const large = mq.send('orders', { value: Buffer.alloc(900) })
  const given = mq.send('orders', { value: Buffer.alloc(200) }, { signal: controller.signal })
  const kept = mq.send('orders', { value: 'kept' })
  controller.abort()
  await assert.rejects(given, { name: 'AbortError' })
  goOn()
  await Promise.all([large, kept])
  assert.deepEqual(
    (await mq.read('orders')).map(({ value }) => value?.length),
    [5, 900, 4],
  )
})

it('refuses what is no message', async (t) => {
  const { mq } = await world(t)
  const wrong = [
    { value: 5 },
    { key: {}, value: 'a' },
    { vlaue: 'a' },
    { value: 'a', partition: -1 },
    { value: 'a', headers: 5 },
  ]
  for (const message of wrong) {
    await assert.rejects(mq.send('orders', message as unknown as MessageInput), { code: 'INVALID_ARGUMENT' })
  }
  await assert.rejects(mq.send('', { value: 'a' }), { code: 'INVALID_ARGUMENT' })
  await assert.rejects(mq.send('no/topic', { value: 'a' }), { code: 'INVALID_TOPIC_EXCEPTION' })
  await assert.rejects(mq.send('orders', { value: 'a', timestamp: 1.5 }), { code: 'INVALID_TIMESTAMP' })
  await assert.rejects(mq.send('orders', { value: 'a' }, { signall: 1 } as never), { code: 'INVALID_ARGUMENT' })
})

it('finishes the sends that are under way when it closes, and refuses later ones', async (t) => {
  const { mq, directory } = await world(t)
  const sends = Array.from({ length: 100 }, (_, n) => mq.send('orders', { value: `${n}` }))
  await mq.close()
  assert.equal((await Promise.all(sends)).length, 100)
  await assert.rejects(mq.send('orders', { value: 'late' }), { code: 'CLOSED' })
  const again = await world(t, { directory })
  assert.equal((await again.mq.read('orders', { limit: 1000 })).length, 100)
})

for (const compression of ['gzip', 'zstd'] as const) {
  it(`packs batches with ${compression}, and opens them again`, async (t) => {
    const { mq, broker } = await world(t, { queue: { compression } })
    const values = Array.from({ length: 200 }, (_, n) => `value ${n}`)
    await mq.sendMany(
      'orders',
      values.map((value) => ({ value })),
    )
    assert.deepEqual(texts(await all(mq.consume('orders', { follow: false }))), values)
    const [topic] = await broker.describeTopics(['orders'])
    assert.ok(topic.partitions[0].sizeInBytes < 3000)
  })
}

it('keeps the order of each key, however sends interleave', async (t) => {
  const { mq } = await world(t, { queue: { maxBufferedBytes: 2000 } })
  const step = fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd', null), size: fc.nat(300), pause: fc.nat(3) })
  let run = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 4 }), async (steps, partitions) => {
      const topic = `t${run++}`
      await mq.topics.create(topic, { partitions })
      const sends: Promise<{ partition: number; offset: number; key: string | null; n: number }>[] = []
      for (const [n, { key, size, pause }] of steps.entries()) {
        const value = JSON.stringify({ n, key, pad: '.'.repeat(size) })
        sends.push(mq.send(topic, { key, value }).then(({ partition, offset }) => ({ partition, offset, key, n })))
        for (let turn = 0; turn < pause; turn++) await Promise.resolve()
        if (pause === 3) await sends[0]
      }
      const receipts = await Promise.all(sends)
      const read = await all(mq.consume(topic, { follow: false }))
      assert.equal(read.length, steps.length)
      const lastOf = new Map<string | null, number>()
      for (const message of read) {
        const { n, key } = message.json<{ n: number; key: string | null }>()
        const { partition, offset } = receipts[n]
        assert.deepEqual([message.partition, message.offset], [partition, offset])
        if (key === null) continue
        assert.ok(n > (lastOf.get(key) ?? -1))
        lastOf.set(key, n)
      }
    }),
    { numRuns: 40 },
  )
})

it('one signal for many sends carries one listener, and refuses those that wait', async (t) => {
  const { mq } = await world(t, {})
  const abort = new AbortController()
  const sends = Array.from({ length: 50 }, () => mq.send('orders', { value: 'x' }, { signal: abort.signal }))
  assert.equal(getEventListeners(abort.signal, 'abort').length, 1)
  await Promise.all(sends)
  const late = mq.send('new-topic', { value: 'x' }, { signal: abort.signal })
  abort.abort(new Error('enough'))
  await assert.rejects(late, /enough/)
  await assert.rejects(mq.send('orders', { value: 'x' }, { signal: abort.signal }), /enough/)
})

it('a send without a message is refused as such', async (t) => {
  const { mq } = await world(t, {})
  const send = mq.send as (topic: string, message?: unknown) => Promise<unknown>
  for (const message of [undefined, null, 'text']) {
    await assert.rejects(send.call(mq, 'orders', message), { code: 'INVALID_ARGUMENT' })
  }
})

it('waits for stable storage where a send asks for it, also where the topic does not', async (t) => {
  const disk = new FaultDisk(nodeDisk)
  const settings = { 'flush.disk.type': 'ASYNC_FLUSH', 'flush.interval.ms': 3_600_000 } as const
  const { mq, broker } = await world(t, { broker: { disk, settings } })
  await mq.send('orders', { value: 'relaxed' })
  let goOn = (): void => {}
  const held = new Promise<undefined>((resolve) => {
    goOn = () => resolve(undefined)
  })
  let syncs = 0
  disk.judge = ({ operation, path }) => {
    if (operation !== 'sync' || !path.endsWith('.log')) return undefined
    syncs++
    return held
  }
  let done = false
  const durable = mq.send('orders', { value: 'durable' }, { flush: 'sync' }).finally(() => {
    done = true
  })
  await until('the sync', () => syncs > 0)
  await settled()
  assert.ok(!done)
  const [before] = await broker.describeTopics(['orders'])
  assert.equal(before.partitions[0].highWatermark, 2, 'the log itself has acknowledged it')
  goOn()
  assert.equal((await durable).offset, 1)
  disk.judge = ({ operation, path }) => (operation === 'sync' && path.endsWith('.log') ? 'EIO' : undefined)
  await assert.rejects(mq.sendMany('orders', [{ value: 'lost' }], { flush: 'sync' }), { code: 'LOG_FAILED' })
})

it('refuses flush where it is not known', async (t) => {
  const { mq } = await world(t)
  await assert.rejects(mq.send('orders', { value: 'a' }, { flush: 'async' as 'sync' }), { code: 'INVALID_ARGUMENT' })
})

it('closes batches at batchBytes, and sends what is larger alone', async (t) => {
  const { mq, broker } = await world(t, { queue: { batchBytes: 1000 } })
  const values = Array.from({ length: 20 }, () => ({ value: '.'.repeat(300) }))
  values[10] = { value: '.'.repeat(5000) }
  await mq.sendMany('orders', values)
  const sizes = await batchSizes(broker, 'orders')
  assert.deepEqual(sizes, [2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 1])
})

it('lets a message linger for others, by its clock', async (t) => {
  const clock = new ManualClock()
  const { mq, broker } = await world(t, { queue: { lingerMs: 20, clock } })
  await mq.topics.create('orders')
  const sends = [mq.send('orders', { value: 'a' })]
  // The topic is looked up first.
  await until('the lingering', () => clock.scheduled === 1)
  await clock.run(19)
  sends.push(mq.send('orders', { value: 'b' }))
  await clock.run(1)
  await Promise.all(sends)
  assert.deepEqual(await batchSizes(broker, 'orders'), [2])
  const last = mq.send('orders', { value: 'c' })
  await mq.close()
  assert.equal((await last).offset, 2)
})

it('refuses limits that it could not keep', async (t) => {
  const { broker } = await world(t)
  for (const options of [
    { lingerMs: -1 },
    { lingerMs: 0.5 },
    { lingerMs: 3_600_001 },
    { batchBytes: 0 },
    { batchBytes: 2 ** 31 },
  ]) {
    assert.throws(() => new Queue(broker, options), { code: 'INVALID_ARGUMENT' })
  }
})
