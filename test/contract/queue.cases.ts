/** What the library promises wherever the queue is: in a folder, on a served broker, on a cluster of several. */

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Message, Queue } from '../../src/index.js'
import { type Codec, codecNames } from '../../src/records/format.js'
import { until } from '../support/until.js'
import { groupCases } from './queue-groups.cases.js'
import { transactionCases } from './queue-transactions.cases.js'

export interface QueueWorld {
  readonly name: string
  /** The queue of the whole suite. */
  readonly mq: Queue
  /** As of another process, where there can be one; where a folder is locked it is the same queue. */
  another(options?: { readonly compression?: Codec }): Promise<Queue>
  close(): Promise<void>
}

/** The world is made when the suite runs. */
export function queueCases(name: string, make: () => Promise<QueueWorld>, skip: string | false = false): void {
  describe(`a queue ${name}`, { skip }, () => {
    let world: QueueWorld
    before(async () => {
      world = await make()
    })
    after(() => world?.close())
    sendingCases(() => world)
    topicCases(() => world)
    groupCases(() => world)
    transactionCases(() => world)
  })
}

let topics = 0

/** A topic of this test alone. */
export async function newTopic(mq: Queue, partitions = 1, config: Record<string, string> = {}): Promise<string> {
  const topic = `topic-${topics++}`
  await mq.topics.create(topic, { partitions, config })
  return topic
}

export async function readAll(mq: Queue, topic: string): Promise<Message[]> {
  const messages: Message[] = []
  for await (const message of mq.consume(topic, { follow: false })) messages.push(message)
  return messages
}

export const textsOf = (messages: readonly Message[]): string[] => messages.map((message) => message.text())

/** Of a message that is there. */
export function textOf(message: Message | undefined): string {
  assert.ok(message !== undefined)
  return message.text()
}

function sendingCases(world: () => QueueWorld): void {
  test('keys, values, headers, ids and times come back as they were sent', async () => {
    const { mq } = world()
    const topic = await newTopic(mq, 3)
    const timestamp = 1_700_000_000_123
    const headers = { trace: 'abc', tag: ['a', 'b', null] }
    const { partition, offset } = await mq.send(topic, { key: 'ключ', value: '値', headers, id: '7d0c', timestamp })
    await mq.sendMany(topic, [{ key: 'gone', partition: 2, value: null }, { partition: 2 }])
    const [message] = await mq.read(topic, { partition })
    assert.deepEqual(
      [message.offset, message.key?.toString(), message.text(), message.timestamp, message.id],
      [offset, 'ключ', '値', timestamp, '7d0c'],
    )
    assert.deepEqual(
      message.headers.map(({ key, value }) => [key, value?.toString()]),
      [
        ['trace', 'abc'],
        ['tag', 'a'],
        ['tag', 'b'],
        ['tag', undefined],
        ['message-id', '7d0c'],
      ],
    )
    const tombstones = (await mq.read(topic, { partition: 2 })).slice(-2)
    assert.deepEqual(
      tombstones.map(({ key, value }) => [key?.toString(), value]),
      [
        ['gone', null],
        [undefined, null],
      ],
    )
    const where = await Promise.all(Array.from({ length: 20 }, () => mq.send(topic, { key: 'o-1', value: 'x' })))
    assert.equal(new Set(where.map((receipt) => receipt.partition)).size, 1)
  })

  test('messages of one partition keep the order of the calls', async () => {
    const { mq } = world()
    const topic = await newTopic(mq, 2)
    const values = Array.from({ length: 2000 }, (_, n) => `${n}`)
    const sends = values.map((value, n) => mq.send(topic, { value, partition: n % 2 }))
    const offsets = (await Promise.all(sends)).map(({ offset }) => offset)
    assert.deepEqual(
      offsets,
      values.map((_, n) => Math.floor(n / 2)),
    )
    for (const partition of [0, 1]) {
      const read = await mq.read(topic, { partition, limit: 5000 })
      assert.deepEqual(
        textsOf(read),
        values.filter((_, n) => n % 2 === partition),
      )
    }
    assert.equal((await readAll(mq, topic)).length, values.length)
  })

  test('every codec, and messages as large as the topic takes', async () => {
    const { mq, another } = world()
    const topic = await newTopic(mq, 1, { 'max.message.bytes': '2000000' })
    for (const compression of codecNames) {
      const sender = await another({ compression })
      await sender.sendMany(
        topic,
        Array.from({ length: 50 }, (_, n) => ({ value: `${compression} ${n} `.repeat(50) })),
      )
    }
    const large = Buffer.alloc(1_900_000, 'large ')
    const plain = await another({ compression: 'none' })
    await plain.send(topic, { value: large })
    await assert.rejects(plain.send(topic, { value: Buffer.alloc(2_100_000) }), { code: 'MESSAGE_TOO_LARGE' })
    const read = await readAll(mq, topic)
    const expected = codecNames.flatMap((codec) => Array.from({ length: 50 }, (_, n) => `${codec} ${n} `.repeat(50)))
    assert.deepEqual(textsOf(read.slice(0, -1)), expected)
    assert.ok(read.at(-1)?.value?.equals(large))
  })

  test('consuming begins at the ends, at an offset, at a time, and follows', async () => {
    const { mq } = world()
    const topic = await newTopic(mq)
    for (let n = 0; n < 10; n++) await mq.send(topic, { value: `${n}`, timestamp: 1_700_000_000_000 + n * 1000 })
    const first = async (from: Parameters<Queue['consume']>[1]): Promise<string[]> => {
      const stream = mq.consume(topic, from)
      const { value } = await stream.next()
      await stream.close()
      return [textOf(value)]
    }
    assert.deepEqual(await first({}), ['0'])
    assert.deepEqual(await first({ from: { offset: 4 } }), ['4'])
    assert.deepEqual(await first({ from: { time: 1_700_000_006_500 } }), ['7'])
    assert.deepEqual(textsOf(await mq.at(topic, 1_700_000_002_001)), ['3'])
    assert.equal((await mq.get({ topic, partition: 0, offset: 5 }))?.text(), '5')
    assert.deepEqual(textsOf(await mq.read(topic, { offset: 7, limit: 2 })), ['7', '8'])
    await assert.rejects(mq.read(topic, { offset: 99 }), { code: 'OFFSET_OUT_OF_RANGE' })
    const following = mq.consume(topic, { from: 'latest' })
    const next = following.next()
    // Where it begins is decided when it has asked; what comes before that it does not see.
    let sent = 10
    let isThere = false
    void next.then(() => {
      isThere = true
    })
    await until('what is sent now comes', async () => {
      if (!isThere) await mq.send(topic, { value: `${sent++}` })
      return isThere
    })
    assert.ok(Number(textOf((await next).value)) >= 10)
    await following.close()
  })
}

function topicCases(world: () => QueueWorld): void {
  test('topics are created, listed, described, altered and deleted', async () => {
    const { mq } = world()
    const topic = await newTopic(mq, 2, { 'max.message.bytes': '5000' })
    await assert.rejects(mq.topics.create(topic), { code: 'TOPIC_ALREADY_EXISTS' })
    await assert.rejects(mq.topics.create('no/name'), { code: 'INVALID_TOPIC_EXCEPTION' })
    await assert.rejects(mq.topics.create('other', { config: { nonsense: '1' } }), { code: 'INVALID_CONFIG' })
    const listed = (await mq.topics.list()).find(({ name }) => name === topic)
    assert.deepEqual(listed, { name: topic, partitions: 2, isInternal: false })
    const of = async (entry: string) => (await mq.topics.describe(topic)).config.find(({ name }) => name === entry)
    const limit = await of('max.message.bytes')
    assert.deepEqual([limit?.value, limit?.origin], ['5000', 'topic'])
    await mq.topics.alter(topic, { config: { 'max.message.bytes': 6000, 'retention.ms': 1_000_000 } })
    // A cluster's brokers hear of it one after the other.
    await until('the change is seen', async () => (await of('max.message.bytes'))?.value === '6000')
    await mq.topics.alter(topic, { config: { 'retention.ms': null } })
    await until('it is taken back', async () => (await of('retention.ms'))?.origin !== 'topic')
    await mq.send(topic, { value: 'a' })
    await mq.topics.delete(topic)
    await assert.rejects(mq.topics.describe(topic), { code: 'UNKNOWN_TOPIC_OR_PARTITION' })
    await assert.rejects(mq.topics.delete(topic), { code: 'UNKNOWN_TOPIC_OR_PARTITION' })
  })

  test('what is not there is said to be unknown', async () => {
    const { mq } = world()
    const topic = await newTopic(mq)
    const unknown = { code: 'UNKNOWN_TOPIC_OR_PARTITION' }
    await assert.rejects(mq.send(topic, { value: 'a', partition: 1 }), unknown)
    await assert.rejects(mq.read(topic, { partition: 1 }), unknown)
    await assert.rejects(mq.read('nobody-made-this'), unknown)
    await assert.rejects(mq.topics.describe('nobody-made-this'), unknown)
    await assert.rejects(mq.consume(topic, { partition: 7, follow: false }).next(), unknown)
  })
}
