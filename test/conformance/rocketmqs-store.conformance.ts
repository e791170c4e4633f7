/**
 * A directory that a RocketMQ broker wrote for its own clients, taken over by us after it was stopped in order, read, found
 * in and written to; taken back by RocketMQ, written to, killed, and taken over again; and given to its store at last.
 */

import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { makeTemporaryDirectory, type TemporaryDirectory } from '../../src/files/temporary-directory.js'
import { open } from '../../src/index.js'
import { shortLived } from '../support/java/maven-jars.js'
import type { RocketMq } from '../support/rocketmq/jars.js'
import { type RunningRocketMq, startRocketMq } from '../support/rocketmq/server.js'
import { copyData } from './copied-data.js'
import { type ReadMessage, readAll } from './our-reading.js'
import {
  type CommittedOffsets,
  RocketMqClients,
  type SeenTopics,
  sceneQueues,
  sceneTags,
  sceneTopics,
} from './rocketmq-scene.js'
import { RocketMqStore, type StoredMessage } from './rocketmq-store.js'
import { sizes } from './store-sizes.js'
import { rocketMq, rocketMqJudgeOfFile, withoutRocketMq } from './with-rocketmq.js'

/** Its consumers are RocketMQ's and ours, in turns. */
const group = 'billing'
const grouped = sceneTopics[0]
/** What we send in each turn: one message to each queue. */
const oursPerTurn = sceneTopics.length * sceneQueues
/** What RocketMQ's broker adds to a message on its way to a consumer, and what we add for ourselves. */
const noHeaders = new Set(['MIN_OFFSET', 'MAX_OFFSET', '__CRC32#'])

describe("RocketMQ's directories", { skip: withoutRocketMq }, () => {
  const judge = rocketMqJudgeOfFile()
  let directory: TemporaryDirectory
  before(async () => {
    directory = await makeTemporaryDirectory('holdfast-rocketmqs-store-')
  })
  after(() => directory?.remove())

  const start = (): Promise<RunningRocketMq> =>
    startRocketMq(rocketMq as RocketMq, directory.path, { jvm: shortLived, properties: sizes.theirs })
  const clientsOf = ({ nameServer }: RunningRocketMq) => new RocketMqClients(judge(), nameServer)

  test('go from its broker to us and back, stopped and killed', async () => {
    const theirs = join(directory.path, 'store')
    const data = join(directory.path, 'data')
    let broker = await start()
    let clients = clientsOf(broker)
    await clients.createTopics()
    const first = await clients.write('first')
    const seen = await clients.look(first)
    await clients.committed(group, grouped, { 0: 3, 2: 1 })
    await broker.stop()

    replace(theirs, join(data, 'store'))
    await takeOver(data, seen)
    const committed = await goOnInGroup(data, { 0: 3, 2: 1 })

    replace(join(data, 'store'), theirs)
    broker = await start()
    clients = clientsOf(broker)
    assertStartsWith(await clients.look(first + oursPerTurn), seen)
    assert.deepEqual(await clients.committed(group, grouped), committed)
    const second = await clients.write('second')
    const seenLater = await clients.look(first + oursPerTurn + second)
    await broker.kill()

    replace(theirs, join(data, 'store'))
    await takeOver(data, seenLater)

    const store = await RocketMqStore.open(judge(), join(data, 'store'), sizes.theirs)
    assertStartsWith(await readStore(store), seenLater)
    await store.close()
  })
})

function replace(from: string, to: string): void {
  rmSync(to, { recursive: true, force: true })
  copyData(from, to)
}

/** We find and read what RocketMQ's client saw, and add one message to each queue. */
async function takeOver(data: string, seen: SeenTopics): Promise<void> {
  const mq = await open(data, { settings: sizes.ours })
  await judgeFinding(mq, seen)
  for (const topic of sceneTopics) {
    for (let partition = 0; partition < sceneQueues; partition++) {
      await mq.send(topic, { key: `ours-${topic}-${partition}`, value: 'ours', tags: 'paid', partition })
    }
  }
  const ours = await readAll(mq)
  for (const [name, messages] of queuesOf(seen)) {
    const read = (ours[name] ?? []).map(comparable)
    assert.deepEqual(read.slice(0, -1), messages.map(asRead), name)
    assert.equal(read.at(-1)?.value, base64('ours'))
  }
}

/** The group stands where RocketMQ's consumer left it, and goes on to the end: returns where that is, by queue. */
async function goOnInGroup(data: string, before: CommittedOffsets): Promise<CommittedOffsets> {
  const mq = await open(data, { settings: sizes.ours })
  const offsets = async (): Promise<CommittedOffsets> =>
    Object.fromEntries((await mq.groups.offsets(group)).map(({ partition, offset }) => [partition, offset]))
  assert.deepEqual(await offsets(), before)
  const left = new Set(Array.from({ length: sceneQueues }, (_, partition) => partition))
  for await (const message of mq.consume(grouped, { group })) {
    assert.ok(message.offset >= (before[message.partition] ?? 0))
    await message.ack()
    if (message.value?.toString() === 'ours') left.delete(message.partition)
    if (left.size === 0) break
  }
  const after = await offsets()
  await mq.close()
  return after
}

/** What RocketMQ sees of each queue begins with what was there, and ends with what we sent. */
function assertStartsWith(seen: SeenTopics, earlier: SeenTopics): void {
  const before = new Map(queuesOf(earlier))
  for (const [name, messages] of queuesOf(seen)) {
    const expected = before.get(name) ?? []
    assert.deepEqual(messages.slice(0, expected.length).map(asRead), expected.map(asRead), name)
    assert.deepEqual(
      messages.slice(expected.length).map(({ body, properties }) => [body, properties['KEYS'], properties['TAGS']]),
      [[base64('ours'), `ours-${name}`, 'paid']],
    )
  }
}

/** Each queue under its topic's name and its id. */
function queuesOf(seen: SeenTopics): [name: string, messages: readonly StoredMessage[]][] {
  return Object.entries(seen).flatMap(([topic, queues]) =>
    Object.entries(queues).map(([id, messages]): [string, readonly StoredMessage[]] => [`${topic}-${id}`, messages]),
  )
}

async function readStore(store: RocketMqStore): Promise<SeenTopics> {
  const read: Record<string, Record<string, readonly StoredMessage[]>> = {}
  for (const topic of sceneTopics) {
    const queues: Record<string, readonly StoredMessage[]> = {}
    for (let id = 0; id < sceneQueues; id++) queues[id] = await store.read(topic, id, { unpack: true })
    read[topic] = queues
  }
  return read
}

const base64 = (text: string): string => Buffer.from(text).toString('base64')

type Comparable = Omit<ReadMessage, 'headers'> & { readonly headers: Readonly<Record<string, string | null>> }

/** The order of properties is not RocketMQ's to tell. */
function comparable({ headers, ...message }: ReadMessage): Comparable {
  return { ...message, headers: Object.fromEntries(headers) }
}

/** As our readers are to see it. */
function asRead(message: StoredMessage): Comparable {
  const { KEYS: keys, ...others } = message.properties
  const isKey = keys !== undefined && !keys.includes(' ')
  const headers = Object.entries({ ...others, ...(keys === undefined || isKey ? {} : { KEYS: keys }) })
    .filter(([name]) => !noHeaders.has(name))
    .map(([name, value]) => [name === 'UNIQ_KEY' ? 'message-id' : name, base64(value)] as const)
  return {
    offset: message.queueOffset,
    timestamp: message.bornTimestamp,
    key: isKey ? base64(keys) : null,
    value: message.body,
    headers: Object.fromEntries(headers),
  }
}

/** By each key, by the unique key, and by tags. */
async function judgeFinding(mq: Awaited<ReturnType<typeof open>>, seen: SeenTopics): Promise<void> {
  for (const [topic, queues] of Object.entries(seen)) {
    for (const [queueId, messages] of Object.entries(queues)) {
      for (const { properties, queueOffset } of messages) {
        const id = properties['UNIQ_KEY']
        const targets = [
          ...(id === undefined ? [] : [{ id }]),
          ...(properties['KEYS']?.split(' ') ?? []).map((key) => ({ key })),
        ]
        for (const target of targets) {
          const found = await mq.find(topic, target)
          const isThere = found.some(({ partition, offset }) => String(partition) === queueId && offset === queueOffset)
          assert.ok(isThere, `${JSON.stringify(target)} does not lead to ${topic}-${queueId} ${queueOffset}`)
        }
      }
      for (const tags of sceneTags) {
        const tagged = await mq.read(topic, { partition: Number(queueId), tags, limit: 100_000 })
        const expected = messages.filter(({ properties }) => properties['TAGS'] === tags)
        assert.deepEqual(
          tagged.map(({ offset }) => offset),
          expected.map(({ queueOffset }) => queueOffset),
        )
      }
    }
  }
}
