/** Tags and keys of messages, and consuming by tags: on logs that give everything, and on such as leave messages out. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, settled } from '../../sim/manual-clock.js'
import type { Broker } from '../../src/broker/broker.js'
import type { BrokerService, FetchedPartition } from '../../src/broker/contract.js'
import { Queue } from '../../src/client/queue.js'
import { RemoteBroker } from '../../src/kafka/remote-broker.js'
import { batchesIn } from '../../src/records/batch.js'
import { readRecords } from '../../src/records/reader.js'
import { tagsOf } from '../../src/records/tags-and-keys.js'
import { parseTagExpression } from '../../src/storage/tag-expression.js'
import { startBroker } from '../../src/testing/index.js'
import { all, instead, take, texts, type World, world } from './world.js'

/** Sends each a batch of its own. */
async function sendTagged(mq: Queue, topic: string, tags: readonly (string | undefined)[]): Promise<void> {
  for (const [index, tag] of tags.entries()) await mq.send(topic, { value: `${tag}${index}`, tags: tag })
}

test('tags and keys go with a message as headers, in front of its id, and every reader is told them', async (t) => {
  const { mq } = await world(t)
  await mq.send('orders', { tags: 'paid', keys: ['o-1', 'c-7'], id: 'x', headers: { trace: 't' }, value: '1' })
  await mq.send('orders', { keys: 'o-2', key: 'k', value: '2' })
  await mq.send('orders', { key: 'k', keys: [], value: '3' })
  await mq.send('orders', { value: '4', headers: { TAGS: 'old' }, tags: 'new' })
  const messages = await mq.read('orders')
  assert.deepEqual(
    messages[0].headers.map(({ key, value }) => [key, value?.toString()]),
    [
      ['trace', 't'],
      ['TAGS', 'paid'],
      ['KEYS', 'o-1 c-7'],
      ['message-id', 'x'],
    ],
  )
  assert.deepEqual(
    messages.map(({ tags, keys, key }) => ({ tags, keys, key: key?.toString() })),
    [
      { tags: 'paid', keys: ['o-1', 'c-7'], key: undefined },
      { tags: undefined, keys: ['o-2'], key: 'k' },
      { tags: undefined, keys: ['k'], key: 'k' },
      { tags: 'new', keys: [], key: undefined },
    ],
  )
  assert.equal(messages[2].headers.length, 0)
})

test('tags and keys that cannot be are refused, and nothing of the message is sent', async (t) => {
  const { mq } = await world(t)
  for (const tags of ['', 'a||b', 'a|b', 'a b', '*', 'a\u0001', 5 as unknown as string, ['a'] as unknown as string]) {
    await assert.rejects(mq.send('orders', { tags, value: 'x' }), { code: 'INVALID_ARGUMENT', message: /tags/ })
  }
  for (const keys of ['', 'a b', ['a', ''], ['a', 'b c'], ['a\u0002'], [undefined], 5, { a: 1 }]) {
    const message = { keys: keys as unknown as string, value: 'x' }
    await assert.rejects(mq.send('orders', message), { code: 'INVALID_ARGUMENT', message: /keys/ })
  }
  await mq.send('orders', { value: 'after' })
  assert.deepEqual(texts(await mq.read('orders')), ['after'])
})

/** A broker whose logs know the tags of their batches, as a layout with an index of tags. */
function leavingOut(broker: Broker): BrokerService {
  return instead(broker, {
    async fetch(request) {
      const { tags } = request
      const answers = await broker.fetch(request)
      if (tags === undefined) return answers
      return answers.map((answer): FetchedPartition => {
        const batches = answer.records.flatMap((bytes) => [...batchesIn(bytes)])
        const meant = batches.filter((batch) => readRecords(batch).some(({ headers }) => tags.matches(tagsOf(headers))))
        return { ...answer, records: meant.map(({ bytes }) => bytes), nextOffset: batches.at(-1)?.nextOffset }
      })
    },
  })
}

const itself = (broker: Broker): BrokerService => broker

/** A fetch that finds nothing says how far it came when its waiting is over. */
const impatient = (broker: Broker): BrokerService =>
  instead(broker, { fetch: (request) => broker.fetch({ ...request, maxWaitMs: 10 }) })

for (const [what, between, layout] of [
  ['gives everything', itself, 'segments'],
  ['leaves batches out', leavingOut, 'segments'],
  ['leaves messages out', impatient, 'commitlog'],
] as const) {
  const broker = { settings: { 'storage.layout': layout } }

  test(`a consumer by offset gets the messages of its tags alone, from a log that ${what}`, async (t) => {
    const { mq } = await world(t, { between, broker })
    await sendTagged(mq, 'orders', ['a', 'b', undefined, 'c', 'a', 'b', 'b'])
    const read = async (tags?: string) => texts(await all(mq.consume('orders', { tags, follow: false })))
    assert.deepEqual(await read('a || c'), ['a0', 'c3', 'a4'])
    assert.deepEqual(await read('nobody'), [])
    assert.equal((await read('*')).length, 7)
    assert.equal((await read()).length, 7)
    assert.deepEqual(texts(await mq.read('orders', { tags: 'b', limit: 2 })), ['b1', 'b5'])
    assert.deepEqual(texts(await mq.read('orders', { tags: 'b', offset: 2, limit: 2 })), ['b5', 'b6'])
    assert.deepEqual(await mq.read('orders', { tags: 'nobody' }), [])
    const following = mq.consume('orders', { tags: 'c', from: { offset: 4 } })
    const next = following.next()
    await sendTagged(mq, 'orders', ['a', 'c'])
    assert.equal((await next).value?.text(), 'c1')
    await following.close()
  })

  test(`of batches with many tags the messages that are asked for come, from a log that ${what}`, async (t) => {
    const { mq } = await world(t, { between, broker })
    const tags = ['a', 'b', undefined]
    const messages = Array.from({ length: 3000 }, (_, n) => ({ tags: tags[n % 3], keys: `k${n}`, value: `${n}` }))
    await mq.sendMany('orders', messages)
    const meant = messages.filter(({ tags: tag }) => tag === 'b').map(({ value }) => value)
    const got = await all(mq.consume('orders', { tags: 'b', follow: false, maxPrefetchBytes: 10_000 }))
    assert.deepEqual(texts(got), meant)
    assert.deepEqual([got[5].tags, got[5].keys, got[5].offset], ['b', ['k16'], 16])
    assert.deepEqual(
      texts(await all(mq.consume('orders', { tags: 'a || b', from: { offset: 2990 }, follow: false }))),
      ['2991', '2992', '2994', '2995', '2997', '2998'],
    )
  })

  test(`what a group was not sent is committed with the rest, from a log that ${what}`, async (t) => {
    const clock = new ManualClock()
    const opened = await world(t, { between, broker, queue: { clock } })
    const { mq } = opened
    await sendTagged(mq, 'orders', ['b', 'a', 'b', 'b', 'a', 'b', 'b'])
    const stream = mq.consume('orders', { group: 'g', tags: 'a' })
    const [first, second] = await take(stream, 2)
    assert.deepEqual(texts([first, second]), ['a1', 'a4'])
    const more = stream.next()
    await first.ack()
    assert.equal(await committed(opened), 2)
    // The second one is not done: nothing behind it may be committed.
    clock.advance(5000)
    for (let turn = 0; turn < 20; turn++) await settled()
    assert.equal(await committed(opened), 2)
    await second.ack()
    assert.equal(await committed(opened), 5)
    await until(
      async () => (await committed(opened)) === 7,
      () => clock.advance(5000),
    )
    await sendTagged(mq, 'orders', ['b', 'b'])
    await until(
      async () => (await committed(opened)) === 9,
      () => clock.advance(5000),
    )
    await sendTagged(mq, 'orders', ['a'])
    assert.equal((await more).value?.text(), 'a0')
    await stream.close()
    // It was delivered and not acknowledged.
    assert.equal(await committed(opened), 9)
    const again = mq.consume('orders', { group: 'g' })
    assert.deepEqual(texts(await take(again, 1)), ['a0'])
    await again.close()
  })

  test(`a group that is sent nothing is at the end when it stops, of a log that ${what}`, async (t) => {
    let fetched = 0
    const watched = (watchedBroker: Broker): BrokerService => {
      const service = between(watchedBroker)
      return instead(watchedBroker, {
        async fetch(request) {
          fetched = Math.max(fetched, request.positions[0].offset)
          return service.fetch(request)
        },
      })
    }
    const opened = await world(t, { between: watched, broker })
    await sendTagged(opened.mq, 'orders', ['b', 'b', 'b'])
    const stream = opened.mq.consume('orders', { group: 'g', tags: 'a' })
    const next = stream.next()
    await opened.mq.send('orders', { tags: 'a', value: 'seen' })
    const message = (await next).value
    assert.equal(message?.text(), 'seen')
    await message?.ack()
    const end = stream.next()
    await sendTagged(opened.mq, 'orders', ['b', 'b'])
    await until(
      async () => fetched === 6,
      () => {},
    )
    await stream.close()
    assert.equal((await end).done, true)
    assert.equal(await committed(opened), 6)
  })
}

async function committed({ broker }: World): Promise<number | undefined> {
  return (await broker.fetchOffsets('g', [{ topic: 'orders', partition: 0 }]))[0]?.offset
}

/** `meanwhile` is done before each look. */
async function until(holds: () => Promise<boolean>, meanwhile: () => void): Promise<void> {
  do {
    meanwhile()
    await settled()
  } while (!(await holds()))
}

test('of the commit log nothing comes but the messages of the tags that are asked for', async (t) => {
  const { broker, mq } = await world(t, { broker: { settings: { 'storage.layout': 'commitlog' } } })
  await mq.sendMany(
    'orders',
    ['a', 'b', undefined, 'a'].map((tags, n) => ({ tags, value: `${n}` })),
  )
  const position = { topic: 'orders', partition: 0, offset: 0, maxBytes: 1 << 20, currentLeaderEpoch: -1 }
  const tags = parseTagExpression('a')
  const request = { positions: [position], maxBytes: 1 << 20, minBytes: 1, maxWaitMs: 0, tags }
  const [{ records, nextOffset }] = await broker.fetch(request)
  const got = records.flatMap((bytes) => [...batchesIn(bytes)].flatMap(readRecords))
  assert.deepEqual(
    got.map(({ offset, value }) => [offset, value?.toString()]),
    [
      [0, '0'],
      [3, '3'],
    ],
  )
  assert.equal(nextOffset, 4)
})

test('an expression that is not understood is refused at once', async (t) => {
  const { mq } = await world(t)
  const refused = { code: 'INVALID_ARGUMENT' }
  for (const tags of ['a && b', 'a ||', '', '!a', 5 as unknown as string]) {
    assert.throws(() => mq.consume('orders', { tags }), refused)
    assert.throws(() => mq.consume('orders', { group: 'g', tags }), refused)
    await assert.rejects(mq.read('orders', { tags }), refused)
  }
})

test('over the wire the client alone chooses by tags', async (t) => {
  const served = await startBroker()
  t.after(() => served.close())
  const mq = new Queue(await RemoteBroker.connect(served.address))
  t.after(() => mq.close())
  await sendTagged(mq, 'orders', ['a', 'b', 'a'])
  assert.deepEqual(texts(await all(mq.consume('orders', { tags: 'a', follow: false }))), ['a0', 'a2'])
  assert.deepEqual(texts(await take(mq.consume('orders', { group: 'g', tags: 'b' }), 1)), ['b1'])
})
