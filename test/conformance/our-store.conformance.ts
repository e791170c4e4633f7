/**
 * RocketMQ's own store on directories that we wrote: stopped in order and killed, as they are and without what can be made
 * anew. It finds every message by its place, by key and by tag, adds to them, and we go on with what it left.
 */

import assert from 'node:assert/strict'
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { makeTemporaryDirectory, type TemporaryDirectory } from '../../src/files/temporary-directory.js'
import { open } from '../../src/index.js'
import { storeNames } from '../../src/storage/commitlog/format.js'
import type { RocketMq } from '../support/rocketmq/jars.js'
import { serve } from '../support/served-broker.js'
import { copyData } from './copied-data.js'
import { OurClient, ourTopics, partitions, type SentMessage, tagNames } from './our-messages.js'
import { readAll } from './our-reading.js'
import { messageToPut, propertyText } from './rocketmq-messages.js'
import { RocketMqStore, type StoredMessage } from './rocketmq-store.js'
import { sizes } from './store-sizes.js'
import { rocketMq, startRocketMqJudge, withoutRocketMq } from './with-rocketmq.js'

/** What RocketMQ adds to each topic, to a partition that we made and to one that we did not. */
const addedPartitions = [0, partitions]

/** What can be made anew. The checkpoint says how much of the others is on the disk, so it goes with them. */
const derived = [storeNames.consumeQueue, storeNames.index, storeNames.checkpoint]

describe("RocketMQ's store on our directories", { skip: withoutRocketMq }, () => {
  let directory: TemporaryDirectory
  /** What a Kafka client sent, and the directory that was left then. */
  const left: Record<'stopped' | 'killed', { sent: readonly SentMessage[]; path: string }> = {
    stopped: { sent: [], path: '' },
    killed: { sent: [], path: '' },
  }

  before(async () => {
    directory = await makeTemporaryDirectory('holdfast-our-store-')
    const data = join(directory.path, 'data')
    const sent: SentMessage[] = []
    for (const [how, signal] of [
      ['stopped', 'SIGTERM'],
      ['killed', 'SIGKILL'],
    ] as const) {
      const broker = await serve(data, { settings: sizes.ours })
      const client = new OurClient(broker.address)
      if (how === 'stopped') await client.createTopics()
      await client.send(how)
      await broker.end(signal)
      sent.push(...client.sent)
      left[how] = { sent: [...sent], path: join(directory.path, how) }
      copyData(data, left[how].path)
    }
  })
  after(() => directory?.remove())

  test('one has it open, and the other is kept out', async (t) => {
    const data = join(directory.path, 'locked')
    copyData(left.stopped.path, data)
    const judge = await startRocketMqJudge(rocketMq as RocketMq)
    t.after(() => judge.kill())
    const openTheirs = () => RocketMqStore.open(judge, join(data, 'store'), sizes.theirs)
    const mq = await open(data, { settings: sizes.ours })
    await assert.rejects(openTheirs(), /Lock failed/)
    await mq.close()
    await openTheirs()
    await assert.rejects(open(data, { settings: sizes.ours }), { code: 'DATA_DIR_LOCKED' })
  })

  for (const how of ['stopped', 'killed'] as const) {
    for (const remove of [[], derived]) {
      const name = `${how}, ${remove.length === 0 ? 'as it is' : 'without consume queues and index'}`
      test(name, async (t) => {
        const { sent, path } = left[how]
        const data = join(directory.path, `${how}-${remove.length}`)
        copyData(path, data)
        const ours = await readAll(await open(data, { settings: sizes.ours }))
        rmSync(data, { recursive: true })
        copyData(path, data)
        assert.equal(existsSync(join(data, 'store', storeNames.abort)), how === 'killed')
        for (const part of remove) rmSync(join(data, 'store', part), { recursive: true, force: true })

        const judge = await startRocketMqJudge(rocketMq as RocketMq)
        t.after(() => judge.kill())
        const store = await RocketMqStore.open(judge, join(data, 'store'), sizes.theirs)
        t.diagnostic(`${sent.length} messages sent; ${JSON.stringify((await store.queues()).maxPosition)} bytes`)
        await judgeQueues(store, sent)
        await judgeFinding(store, sent)
        const added = await add(store)
        if (remove.length === 0) await store.close()
        await judge.kill()

        const mq = await open(data, { settings: sizes.ours })
        for (const message of added) await mq.send(message.topic, { value: 'after', partition: message.queueId })
        await judgeGoingOn(await readAll(mq), ours, added)
      })
    }
  }
})

/** Every message at its offset; what lies between them are the markers of transactions. */
async function judgeQueues(store: RocketMqStore, sent: readonly SentMessage[]): Promise<void> {
  for (const topic of ourTopics) {
    for (let partition = 0; partition < partitions; partition++) {
      const expected = new Map(
        sent.filter((one) => one.topic === topic && one.partition === partition).map((one) => [one.offset, one]),
      )
      const rows = await store.read(topic, partition)
      for (const row of rows) {
        const one = expected.get(row.queueOffset)
        if (one === undefined) assert.equal(row.body, '', `${topic}-${partition} has ${JSON.stringify(row)}`)
        else assertSame(row, one)
        expected.delete(row.queueOffset)
      }
      assert.deepEqual([...expected.keys()], [], `missing in ${topic}-${partition}`)
      const { storeTimestamp } = rows[rows.length >> 1] as StoredMessage
      assert.equal(
        await store.offsetAt(topic, partition, storeTimestamp),
        rows.find((row) => row.storeTimestamp === storeTimestamp)?.queueOffset,
      )
      for (const tag of tagNames) {
        const tagged = await store.read(topic, partition, { tags: `${tag} || nobody's` })
        assert.deepEqual(
          tagged.map(({ queueOffset }) => queueOffset),
          rows.filter(({ properties }) => properties['TAGS'] === tag).map(({ queueOffset }) => queueOffset),
        )
      }
    }
  }
}

/** Whether it can stand among properties as it is. */
const isPlain = (text: string): boolean =>
  text !== '' && !['\x01', '\x02', '\ufffd'].some((part) => text.includes(part))

/** Body, times, and every header that can be a property. */
function assertSame(row: StoredMessage, sent: SentMessage): void {
  assert.equal(row.body, (sent.value ?? Buffer.alloc(0)).toString('base64'))
  assert.equal(row.bornTimestamp, sent.timestamp)
  const { key, headers } = sent
  const named = new Map(headers.map(([name, value]) => [name, value.toString()]))
  for (const name of ['note', 'TAGS', 'KEYS', 'twice', 'DELAY']) assert.equal(row.properties[name], expectedOf(name))
  assert.equal(row.properties['UNIQ_KEY'], named.get('message-id'))

  function expectedOf(name: string): string | undefined {
    const isKey = name === 'KEYS' && !named.has('KEYS') && key !== null && isPlain(key.toString())
    return isKey ? key.toString() : named.get(name)
  }
}

async function judgeFinding(store: RocketMqStore, sent: readonly SentMessage[]): Promise<void> {
  for (const one of sent) {
    const names = new Map(one.headers.map(([name, value]) => [name, value.toString()]))
    const keys = [names.get('message-id'), ...(names.get('KEYS') ?? one.key?.toString() ?? '').split(' ')]
    for (const key of keys.filter((key) => key !== undefined && isPlain(key))) {
      const found = await store.find(one.topic, key as string)
      const isThere = found.some((row) => row.queueId === one.partition && row.queueOffset === one.offset)
      assert.ok(isThere, `${key} does not lead to ${one.topic}-${one.partition} ${one.offset}`)
    }
  }
}

async function add(store: RocketMqStore): Promise<StoredMessage[]> {
  const messages = [...ourTopics, 'of-rocketmq'].flatMap((topic) =>
    addedPartitions.flatMap((queueId) =>
      [1, 2, 3].map((i) => ({
        ...messageToPut(i),
        topic,
        queueId,
        properties: propertyText([
          ['KEYS', `added-${queueId}-${i}`],
          ['TAGS', 'added'],
        ]),
      })),
    ),
  )
  const results = await store.put(messages)
  assert.ok(results.every(({ status }) => status === 'PUT_OK'))
  const rows = await Promise.all(results.map(({ position }) => store.lookAt(position as number)))
  return rows as StoredMessage[]
}

/** What was there is there, then what RocketMQ added, then what we added to that. */
async function judgeGoingOn(
  now: Awaited<ReturnType<typeof readAll>>,
  earlier: Awaited<ReturnType<typeof readAll>>,
  added: readonly StoredMessage[],
): Promise<void> {
  for (const [name, messages] of Object.entries(earlier)) {
    assert.deepEqual(now[name]?.slice(0, messages.length), messages, name)
  }
  for (const name of new Set(added.map(({ topic, queueId }) => `${topic}-${queueId}`))) {
    const of = added.filter(({ topic, queueId }) => `${topic}-${queueId}` === name)
    const later = now[name]?.slice(earlier[name]?.length ?? 0)
    assert.deepEqual(
      later
        ?.slice(0, of.length)
        .map(({ offset, timestamp, key, value, headers }) => ({ offset, timestamp, key, value, headers })),
      of.map((row) => ({
        offset: row.queueOffset,
        timestamp: row.bornTimestamp,
        key: Buffer.from(row.properties['KEYS'] as string).toString('base64'),
        value: row.body,
        headers: [['TAGS', Buffer.from('added').toString('base64')]],
      })),
      name,
    )
    assert.equal(later?.length, 2 * of.length)
  }
}
