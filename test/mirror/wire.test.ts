/** A mirror to and from a broker across the wire, and what cannot have the same offsets there. */

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { BrokerService } from '../../src/broker/contract.js'
import { makeTemporaryDirectory, type TemporaryDirectory } from '../../src/files/temporary-directory.js'
import { RemoteBroker } from '../../src/kafka/remote-broker.js'
import { recordsOf } from '../../src/mirror/comparing.js'
import { batchesBetween, endsOf } from '../../src/mirror/reading.js'
import { RecordBatch } from '../../src/records/batch.js'
import { buildBatch } from '../../src/records/builder.js'
import type { StoredRecord } from '../../src/records/record.js'
import { type ServedBroker, serve } from '../support/served-broker.js'
import {
  commit,
  factsOf,
  fillCompacted,
  fillPlain,
  fillSource,
  fillTransactions,
  mirrored,
  newBroker,
  offsetsOf,
  produce,
  record,
} from './world.js'

const reachable = (topic: string): boolean => ['plain', 'front', 'queues'].includes(topic)

async function recordsIn(service: BrokerService, topic: string, partition: number): Promise<StoredRecord[]> {
  const place = { topic, partition }
  const [start] = await endsOf(service, [place], 'earliest')
  const [end] = await endsOf(service, [place], 'latest')
  const records: StoredRecord[] = []
  for await (const batch of batchesBetween(service, place, start, end)) records.push(...(await recordsOf(batch)))
  return records
}

describe('a mirror across the wire', () => {
  let directory: TemporaryDirectory
  let served: ServedBroker
  let remote: RemoteBroker

  before(async () => {
    directory = await makeTemporaryDirectory('holdfast-mirror-')
    served = await serve(directory.path)
    remote = await RemoteBroker.connect(served.address)
  })
  after(async () => {
    await remote?.close()
    await served?.end('SIGTERM')
    await directory?.remove()
  })

  test('brings every message into a served broker at its offset, a deleted front included, and goes on there', async (t) => {
    const source = await newBroker(t)
    await fillSource(source)
    const report = await mirrored({ source, target: remote, includes: reachable })
    assert.deepEqual([report.topics, report.groupOffsets, report.notes], [3, 3, []])
    for (const [topic, partition] of [
      ['plain', 0],
      ['plain', 1],
      ['front', 0],
      ['queues', 1],
    ] as const) {
      assert.deepEqual(await recordsIn(remote, topic, partition), await recordsIn(source, topic, partition))
    }
    assert.deepEqual(await offsetsOf(remote, 'readers'), { 'plain-0': 500, 'plain-1': 7 })
    const idle = await mirrored({ source, target: remote, includes: reachable })
    assert.deepEqual([idle.messages, idle.verified], [0, report.verified])
    await produce(source, { topic: 'plain', partition: 1 }, buildBatch([record('more', 1)]))
    await commit(source, 'readers', { topic: 'plain', partition: 1 }, 401)
    const more = await mirrored({ source, target: remote, includes: reachable, end: 'cut-over' })
    assert.deepEqual([more.messages, more.groupOffsets], [1, 1])
  })

  test('lets a topic of LogAppendTime give its own times, and holds the rest to the source', async (t) => {
    const source = await newBroker(t)
    const config = { 'message.timestamp.type': 'LogAppendTime' }
    await source.createTopic({ name: 'stamped', partitions: 1, config })
    for (const codec of ['none', 'lz4'] as const) {
      await produce(source, { topic: 'stamped', partition: 0 }, buildBatch([record('a', 1), record('a', 2)], { codec }))
    }
    const { verified } = await mirrored({ source, target: remote, includes: (topic) => topic === 'stamped' })
    assert.equal(verified?.messages, 4)
    const [first] = await recordsIn(remote, 'stamped', 0)
    assert.ok(first.timestamp > (await recordsIn(source, 'stamped', 0))[0].timestamp)
  })

  test('refuses transactions and holes, with the offset', async (t) => {
    const source = await newBroker(t)
    await source.createTopic({ name: 'transactional', partitions: 1 })
    await source.createTopic({ name: 'compacted', partitions: 1, config: { 'cleanup.policy': 'compact' } })
    await fillTransactions(source)
    await fillCompacted(source)
    const refused = (only: string) => mirrored({ source, target: remote, includes: (topic) => topic === only })
    await assert.rejects(refused('transactional'), { code: 'COPY_IMPOSSIBLE', message: /transactions at offset 0/ })
    await assert.rejects(refused('compacted'), { code: 'COPY_IMPOSSIBLE', message: /compacted-0 .*compaction/ })
  })

  test('ends where somebody else writes into the target', async (t) => {
    const source = await newBroker(t)
    await source.createTopic({ name: 'shared', partitions: 1 })
    const place = { topic: 'shared', partition: 0 }
    await produce(source, place, buildBatch([record('ours', 1)]))
    await mirrored({ source, target: remote, includes: (topic) => topic === 'shared' })
    const intruding = new Proxy<BrokerService>(remote, {
      get: (service, name) => {
        if (name !== 'produce') return (Reflect.get(service, name) as (() => unknown) | undefined)?.bind(service)
        return async (request: Parameters<BrokerService['produce']>[0]) => {
          // Kafka refuses compressed records whose batch does not begin with 0.
          assert.equal(new RecordBatch(request.batch).baseOffset, 0)
          await produce(remote, place, buildBatch([record('theirs', 1)]))
          return service.produce(request)
        }
      },
    })
    await produce(source, place, buildBatch([record('ours', 2)]))
    await assert.rejects(mirrored({ source, target: intruding, includes: (topic) => topic === 'shared' }), {
      code: 'COPY_DIVERGED',
      message: /offset 1 of shared-0 got offset 2.*somebody else/,
    })
  })

  test('brings all that a served broker holds into a folder', async (t) => {
    const path = await makeTemporaryDirectory('holdfast-mirror-source-')
    const own = await serve(path.path)
    const source = await RemoteBroker.connect(own.address)
    try {
      const target = await newBroker(t)
      await source.createTopic({ name: 'plain', partitions: 2, config: { 'retention.ms': '-1' } })
      await source.createTopic({ name: 'transactional', partitions: 1 })
      await fillPlain(source, 'plain', 1)
      await source.deleteRecords({ topic: 'plain', partition: 1 }, 200)
      await fillTransactions(source)
      await commit(source, 'readers', { topic: 'plain', partition: 1 }, 300)
      await mirrored({ source, target, end: 'cut-over' })
      assert.deepEqual(await factsOf(target), await factsOf(source))
      assert.deepEqual(await offsetsOf(target, 'readers'), { 'plain-1': 300 })
    } finally {
      await source.close()
      await own.end('SIGTERM')
      await path.remove()
    }
  })
})
