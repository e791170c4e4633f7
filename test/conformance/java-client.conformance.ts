/** The Java client against a served broker: producers, consumers, groups, and what its AdminClient asks. */

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { makeTemporaryDirectory, type TemporaryDirectory } from '../../src/files/temporary-directory.js'
import { codecNames } from '../../src/records/format.js'
import { type ServedBroker, serve } from '../support/served-broker.js'
import { JavaClients } from './java-clients.js'
import { judgeOfFile, withoutKafka } from './with-kafka.js'

describe('the Java client', { skip: withoutKafka }, () => {
  const judge = judgeOfFile()
  let directory: TemporaryDirectory
  let broker: ServedBroker
  const clients = () => new JavaClients(judge(), broker.address)

  before(async () => {
    directory = await makeTemporaryDirectory('holdfast-java-')
    broker = await serve(directory.path)
  })
  after(async () => {
    await broker?.end('SIGTERM')
    await directory?.remove()
  })

  test('an idempotent producer writes with every codec, and a consumer reads what it wrote', async () => {
    const { admin, producer, consume } = clients()
    await admin('createTopic', { topic: 'codecs', partitions: 2 })
    const sent: object[] = []
    for (const codec of codecNames) {
      const one = await producer(codec, { 'compression.type': codec, 'enable.idempotence': 'true', 'linger.ms': 20 })
      const records = Array.from({ length: 50 }, (_, i) => ({
        topic: 'codecs',
        partition: i % 2,
        timestamp: 1_700_000_000_000 + i,
        key: i % 5 === 0 ? null : base64(`key ${i}`),
        value: i % 7 === 0 ? null : base64(`${codec} value ${i} `.repeat(20)),
        headers: i % 3 === 0 ? [['trace', base64(`${i}`)] as const, ['none', null] as const] : [],
      }))
      const receipts = await one.send(records)
      sent.push(
        ...records.map(({ topic: _, partition, ...record }, i) => {
          assert.equal(receipts[i][0], partition)
          return { ...record, offset: receipts[i][1], partition }
        }),
      )
      await one.close()
    }
    const read = await consume('codecs')
    const flat = Object.entries(read).flatMap(([partition, records]) =>
      records.map((record) => ({ ...record, partition: Number(partition) })),
    )
    const inOrder = (all: object[]) =>
      (all as { partition: number; offset: number }[]).sort((a, b) => a.partition - b.partition || a.offset - b.offset)
    assert.deepEqual(inOrder(flat), inOrder(sent))
  })

  test('a group goes on where its last member committed', async () => {
    const { admin, producer, consumeInGroup } = clients()
    await admin('createTopic', { topic: 'grouped', partitions: 1 })
    const one = await producer('grouped')
    await one.send(Array.from({ length: 20 }, (_, i) => ({ topic: 'grouped', key: null, value: base64(`${i}`) })))
    const first = await consumeInGroup('grouped', 'readers', 5, { 'max.poll.records': 5 })
    const second = await consumeInGroup('grouped', 'readers', 15, { 'max.poll.records': 5 })
    await one.close()
    assert.deepEqual(
      [...first, ...second].map(({ offset }) => offset),
      Array.from({ length: 20 }, (_, i) => i),
    )
    assert.deepEqual(await admin('groupOffsets', { group: 'readers' }), { 'grouped-0': 20 })
  })

  test('the AdminClient makes, describes, searches, empties and deletes a topic', async () => {
    const { admin, producer, consume } = clients()
    await admin('createTopic', { topic: 'managed', partitions: 3, config: { 'segment.bytes': '2097152' } })
    await assert.rejects(admin('createTopic', { topic: 'managed', partitions: 1 }), {
      exception: 'TopicExistsException',
    })
    const described = await admin<{ partitions: number; isInternal?: boolean }>('describeTopic', { topic: 'managed' })
    assert.equal(described.partitions, 3)
    const configs = await admin<Record<string, { value: string; source: string }>>('describeConfigs', {
      topic: 'managed',
    })
    assert.deepEqual(configs['segment.bytes'], { value: '2097152', source: 'DYNAMIC_TOPIC_CONFIG' })

    const one = await producer('managed')
    const times = [1000, 3000, 2000, 4000]
    for (const timestamp of times) {
      await one.send([{ topic: 'managed', partition: 1, timestamp, key: null, value: base64(`${timestamp}`) }])
    }
    await one.close()
    const place = { topic: 'managed', partition: 1 }
    const offsetAt = (at: string | number) => admin<number>('listOffsets', { ...place, at: String(at) })
    assert.equal(await offsetAt('earliest'), 0)
    assert.equal(await offsetAt('latest'), 4)
    assert.equal(await offsetAt('maxTimestamp'), 3)
    assert.equal(await offsetAt(1500), 1)
    assert.equal(await offsetAt(4001), -1)

    assert.equal(await admin('deleteRecords', { ...place, before: 2 }), 2)
    assert.equal(await offsetAt('earliest'), 2)
    const left = await consume('managed')
    assert.deepEqual(
      left['1'].map(({ offset }) => offset),
      [2, 3],
    )
    assert.ok((await admin<string[]>('listTopics', {})).includes('managed'))
    await admin('deleteTopic', { topic: 'managed' })
    assert.ok(!(await admin<string[]>('listTopics', {})).includes('managed'))
    assert.equal((await admin<{ nodes: number }>('describeCluster', {})).nodes, 1)
  })
})

const base64 = (text: string): string => Buffer.from(text).toString('base64')
