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

  test('a transactional producer commits, aborts, commits offsets with it, and fences its predecessor', async () => {
    const { admin, producer, consume } = clients()
    await admin('createTopic', { topic: 'input', partitions: 1 })
    await admin('createTopic', { topic: 'output', partitions: 2 })
    const message = (value: string, partition = 0) => ({ topic: 'output', partition, key: null, value: base64(value) })
    const seen = async (isolation: string) => {
      const byPartition = await consume('output', { 'isolation.level': isolation })
      return Object.values(byPartition)
        .flat()
        .map(({ value }) => Buffer.from(value ?? '', 'base64').toString())
        .sort()
    }
    const plain = await producer('plain')
    await plain.send([{ topic: 'input', key: null, value: base64('for the group') }])
    const first = await producer('first', { 'transactional.id': 'mover' })
    await first.initTransactions()
    await first.begin()
    await first.send([message('committed'), message('committed too', 1)])
    await first.sendOffsets({ group: 'movers', topic: 'input', partition: 0, offset: 1 })
    assert.deepEqual(await admin('groupOffsets', { group: 'movers' }), {})
    await first.commit()
    assert.deepEqual(await admin('groupOffsets', { group: 'movers' }), { 'input-0': 1 })
    await first.begin()
    await first.send([message('aborted')])
    await first.sendOffsets({ group: 'movers', topic: 'input', partition: 0, offset: 7 })
    await first.abort()
    assert.deepEqual(await admin('groupOffsets', { group: 'movers' }), { 'input-0': 1 })

    await first.begin()
    await first.send([message('of a zombie')])
    assert.equal(await admin('describeTransaction', { transactionalId: 'mover' }), 'Ongoing')
    await plain.send([message('behind an open transaction')])
    assert.deepEqual(await seen('read_committed'), ['committed', 'committed too'])
    const second = await producer('second', { 'transactional.id': 'mover' })
    await second.initTransactions()
    await assert.rejects(first.commit(), { exception: /ProducerFenced|InvalidProducerEpoch/ })
    await second.begin()
    await second.send([message('of its successor')])
    await second.commit()
    const committed = ['behind an open transaction', 'committed', 'committed too', 'of its successor']
    assert.deepEqual(await seen('read_committed'), committed)
    assert.deepEqual(await seen('read_uncommitted'), [...committed, 'aborted', 'of a zombie'].sort())
    assert.deepEqual(await admin('listTransactions', {}), { mover: 'CompleteCommit' })
    for (const one of [first, second, plain]) await one.close()
  })

  test('the AdminClient alters configuration and fences a producer', async () => {
    const { admin, producer } = clients()
    await admin('createTopic', { topic: 'tuned', partitions: 1 })
    await admin('alterConfigs', { topic: 'tuned', set: { 'retention.ms': '123456', 'cleanup.policy': 'compact' } })
    const configs = () =>
      admin<Record<string, { value: string; source: string }>>('describeConfigs', { topic: 'tuned' })
    assert.deepEqual((await configs())['retention.ms'], { value: '123456', source: 'DYNAMIC_TOPIC_CONFIG' })
    await admin('alterConfigs', { topic: 'tuned', delete: ['retention.ms'] })
    assert.equal((await configs())['retention.ms'].source, 'DEFAULT_CONFIG')
    assert.equal((await configs())['cleanup.policy'].value, 'compact')

    const one = await producer('one', { 'transactional.id': 'fenced' })
    await one.initTransactions()
    await one.begin()
    await one.send([{ topic: 'tuned', partition: 0, key: base64('k'), value: base64('v') }])
    await admin('fenceProducers', { transactionalId: 'fenced' })
    await assert.rejects(one.commit(), { exception: /ProducerFenced|InvalidProducerEpoch/ })
    await one.close()
  })
})

const base64 = (text: string): string => Buffer.from(text).toString('base64')
