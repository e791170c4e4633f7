/** A mirror from folder to folder: what is there afterwards is the source, whatever its logs hold. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { buildBatch } from '../../src/records/builder.js'
import { instead } from '../client/world.js'
import { until } from '../support/until.js'
import {
  brokerAt,
  commit,
  factsOf,
  fillPlain,
  fillSource,
  fillTransactions,
  folder,
  mirrored,
  newBroker,
  offsetsOf,
  produce,
  record,
  transaction,
} from './world.js'

const plain = { topic: 'plain', partition: 0 }

describe('a mirror into a folder', () => {
  test('has every batch at its offset, the markers, the holes and the committed offsets, and again after a close', async (t) => {
    const source = await newBroker(t)
    await fillSource(source)
    const path = await folder(t)
    const target = await brokerAt(t, path)
    const report = await mirrored({ source, target })
    const expected = await factsOf(source)
    assert.deepEqual(await factsOf(target), expected)
    assert.deepEqual(await offsetsOf(target, 'readers'), { 'plain-0': 500, 'plain-1': 7 })
    assert.deepEqual(await offsetsOf(target, 'others'), { 'front-0': 100 })
    assert.deepEqual([report.topics, report.partitions, report.groupOffsets, report.notes], [5, 7, 3, []])
    assert.equal(report.verified?.messages, report.messages)
    await target.close()
    const again = await brokerAt(t, path)
    assert.deepEqual(await factsOf(again), expected)
    const idle = await mirrored({ source, target: again })
    assert.deepEqual([idle.messages, idle.verified], [0, report.verified])
  })

  test('lets new producers write, and none of them is taken for one that was copied', async (t) => {
    const [source, target] = [await newBroker(t), await newBroker(t)]
    await source.createTopic({ name: 'transactional', partitions: 1 })
    await fillTransactions(source)
    await mirrored({ source, target, end: 'cut-over' })
    const place = { topic: 'transactional', partition: 0 }
    for (let i = 0; i < 3; i++) {
      const producer = await target.initProducer({ transactionalId: null, producerId: -1, producerEpoch: -1 })
      await produce(target, place, buildBatch([record('new', i)], { ...producer, baseSequence: 0 }))
    }
    await fillTransactions(target)
  })

  test('takes only the topics that are asked for', async (t) => {
    const [source, target] = [await newBroker(t), await newBroker(t)]
    for (const name of ['orders', 'orders-late', 'other']) await source.createTopic({ name, partitions: 1 })
    await mirrored({ source, target, includes: (topic) => topic.startsWith('orders') })
    assert.deepEqual((await target.describeTopics(null)).map(({ name }) => name).sort(), ['orders', 'orders-late'])
  })
})

describe('a mirror that follows', () => {
  test('has what comes while it follows: messages, topics, partitions, commits, ends of transactions', async (t) => {
    const [source, target] = [await newBroker(t), await newBroker(t)]
    await fillSource(source)
    const open = await transaction(source, 'open', 'transactional')
    await open.send('open 0')
    const stop = new AbortController()
    const running = mirrored({ source, target, end: 'stopped', verifies: false, stop: stop.signal })
    await until('messages in the target', async () =>
      (await target.describeTopics(['plain'])).some(({ partitions }) => partitions[0].highWatermark > 0),
    )
    await fillPlain(source, 'plain', 1)
    await open.end(true)
    await source.createTopic({ name: 'late', partitions: 1 })
    await source.createPartitions('plain', 3)
    await fillPlain(source, 'late', 0)
    await produce(source, { topic: 'plain', partition: 2 }, buildBatch([record('late', 1)]))
    await commit(source, 'readers', plain, 900)
    stop.abort()
    await running
    assert.deepEqual(await factsOf(target), await factsOf(source))
    assert.equal((await offsetsOf(target, 'readers'))['plain-0'], 900)
  })

  test('carries no offset over before the messages it stands behind, and leaves a group alone that is further', async (t) => {
    const [source, target] = [await newBroker(t), await newBroker(t)]
    await source.createTopic({ name: 'plain', partitions: 2 })
    await fillPlain(source, 'plain', 1)
    await commit(source, 'far', plain, 1_000_000)
    await commit(source, 'moved', plain, 10)
    await mirrored({ source, target })
    await commit(target, 'moved', plain, 50)
    const { notes } = await mirrored({ source, target })
    assert.deepEqual([await offsetsOf(target, 'far'), await offsetsOf(target, 'moved')], [{}, { 'plain-0': 50 }])
    assert.match(notes.join(), /moved is further in the target/)
  })
})

describe('a cut over', () => {
  test('waits for transactions that are open', async (t) => {
    const [source, target] = [await newBroker(t), await newBroker(t)]
    await source.createTopic({ name: 'transactional', partitions: 1 })
    const open = await transaction(source, 'open', 'transactional')
    await open.send('open 0')
    let waits = (): void => {}
    const waiting = new Promise<void>((resolve) => {
      waits = resolve
    })
    const running = mirrored({ source, target, end: 'cut-over', onNote: waits })
    await waiting
    await open.end(false)
    const { notes } = await running
    assert.match(notes.join(), /transactions that are open in transactional-0/)
    assert.deepEqual(await factsOf(target), await factsOf(source))
  })

  test('is refused while somebody still writes', async (t) => {
    const [source, target] = [await newBroker(t), await newBroker(t)]
    await source.createTopic({ name: 'plain', partitions: 2 })
    for (const partition of [0, 1]) await produce(source, { topic: 'plain', partition }, buildBatch([record('a', 1)]))
    let late: Promise<number> | undefined
    const running = mirrored({
      source,
      // The second partition is verified when the message is there that came while the first one was.
      target: instead(target, {
        fetch: async (request) => late?.then(() => target.fetch(request)) ?? target.fetch(request),
      }),
      end: 'cut-over',
      onProgress: ({ phase }) => {
        if (phase === 'verifying') late ??= produce(source, plain, buildBatch([record('b', 1)]))
      },
    })
    await assert.rejects(running, { code: 'COPY_DIVERGED', message: /new messages in plain-0.*stop all producers/ })
  })
})
