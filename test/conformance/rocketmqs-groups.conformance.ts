/** A consumer group that is served by RocketMQ and by us in turn: each goes on where it was with the other. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Kafka, logLevel } from 'kafkajs'
import { makeTemporaryDirectory, type TemporaryDirectory } from '../../src/files/temporary-directory.js'
import { startBroker, type TestBroker } from '../../src/testing/index.js'
import { shortLived } from '../support/java/maven-jars.js'
import type { RocketMq } from '../support/rocketmq/jars.js'
import { startRocketMq } from '../support/rocketmq/server.js'
import { until } from '../support/until.js'
import { RocketMqClients } from './rocketmq-scene.js'
import { sizes } from './store-sizes.js'
import { rocketMq, rocketMqJudgeOfFile, withoutRocketMq } from './with-rocketmq.js'

const topic = 'Orders'
const queues = [0, 1]
const perQueue = 10

describe('a group of RocketMQ', { skip: withoutRocketMq }, () => {
  const judge = rocketMqJudgeOfFile()
  let directory: TemporaryDirectory
  const dataDir = () => join(directory.path, 'data')

  before(async () => {
    directory = await makeTemporaryDirectory('holdfast-rocketmqs-groups-')
  })
  after(() => directory?.remove())

  /** With RocketMQ's broker on the store directory of our data directory. */
  async function withRocketMq(work: (clients: RocketMqClients, nameServer: string) => Promise<void>): Promise<void> {
    const storePath = join(dataDir(), 'store')
    const paths = { storePathRootDir: storePath, storePathCommitLog: join(storePath, 'commitlog') }
    const broker = await startRocketMq(rocketMq as RocketMq, directory.path, {
      jvm: shortLived,
      properties: { ...sizes.theirs, ...paths },
    })
    try {
      await work(new RocketMqClients(judge(), broker.nameServer), broker.nameServer)
    } finally {
      await broker.stop()
    }
    assert.equal(hasOurMark(), false)
  }

  async function withUs(work: (broker: TestBroker) => Promise<void>): Promise<void> {
    {
      await using broker = await startBroker({ dataDir: dataDir(), settings: sizes.ours })
      await work(broker)
    }
    assert.equal(hasOurMark(), true)
  }

  /** By which we know that nobody else has written the offsets since. */
  function hasOurMark(): boolean {
    return readFileSync(join(dataDir(), 'store/config/consumerOffset.json'), 'utf8').includes('"holdfast"')
  }

  test('goes on with a Kafka client, and with its own again', async () => {
    await withRocketMq(async (clients, nameServer) => {
      await judge().ask('createTopic', { nameServer, topic, queues: queues.length })
      const messages = queues.flatMap((queueId) =>
        Array.from({ length: perQueue }, (_, i) => {
          return { topic, queueId, body: Buffer.from(`${queueId}:${i}`).toString('base64') }
        }),
      )
      await judge().ask('produce', { nameServer, messages })
      await clients.committed('billing', topic, { 0: 3, 1: 3 })
      await clients.committed('idle', topic, { 0: 1 })
    })

    await withUs(async ({ address, service }) => {
      const read = await consumeByKafka(address, 'billing', { 0: 6, 1: 8 })
      assert.deepEqual(
        read.map(([partition, offset]) => `${partition}:${offset}`).sort(),
        queues.flatMap((queueId) => Array.from({ length: 7 }, (_, i) => `${queueId}:${i + 3}`)),
      )
      await consumeByKafka(address, 'shipping', { 0: 9, 1: 2 })
      assert.deepEqual(await offsetsOf(service, 'idle'), { 0: 1 })
    })

    await withRocketMq(async (clients) => {
      assert.deepEqual(await clients.committed('billing', topic), { 0: 6, 1: 8 })
      await clients.committed('billing', topic, { 0: 8 })
      assert.deepEqual(await clients.committed('shipping', topic), { 0: 9, 1: 2 })
      assert.deepEqual(await clients.committed('idle', topic, { 1: 2 }), { 0: 1, 1: 2 })
    })

    await withUs(async ({ service }) => {
      assert.deepEqual(await offsetsOf(service, 'billing'), { 0: 8, 1: 8 })
      assert.deepEqual(await offsetsOf(service, 'shipping'), { 0: 9, 1: 2 })
      assert.deepEqual(await offsetsOf(service, 'idle'), { 0: 1, 1: 2 })
      await service.deleteGroup('idle')
    })

    await withRocketMq(async (clients) => {
      // A group that its broker knows nothing of begins where the queue does.
      assert.deepEqual(await clients.committed('idle', topic), { 0: 0, 1: 0 })
      assert.deepEqual(await clients.committed('billing', topic), { 0: 8, 1: 8 })
    })
  })
})

/** What a member of a group is sent up to the end of each queue; it commits these offsets, and leaves. */
async function consumeByKafka(
  address: string,
  groupId: string,
  toCommit: Readonly<Record<number, number>>,
): Promise<readonly (readonly [partition: number, offset: number])[]> {
  const kafka = new Kafka({ clientId: 'judge', brokers: [address], logLevel: logLevel.NOTHING })
  const consumer = kafka.consumer({ groupId })
  await consumer.connect()
  try {
    await consumer.subscribe({ topic, fromBeginning: true })
    const read: [partition: number, offset: number][] = []
    await consumer.run({
      autoCommit: false,
      eachMessage: async ({ partition, message }) => void read.push([partition, Number(message.offset)]),
    })
    const isRead = (partition: number) => read.some(([of, offset]) => of === partition && offset === perQueue - 1)
    await until('the end of each queue', () => queues.every(isRead))
    await consumer.commitOffsets(
      Object.entries(toCommit).map(([id, offset]) => ({ topic, partition: Number(id), offset: `${offset}` })),
    )
    return read
  } finally {
    await consumer.disconnect()
  }
}

async function offsetsOf(service: TestBroker['service'], groupId: string): Promise<Record<number, number>> {
  const offsets = await service.fetchOffsets(groupId, null)
  return Object.fromEntries(offsets.map(({ partition, offset }) => [partition, offset]))
}
