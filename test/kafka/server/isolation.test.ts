/** The isolation level on the wire, in every version that has one. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as kafka from '../../../src/kafka/schemas/index.js'
import { batchesIn } from '../../../src/records/batch.js'
import { transactionalDirectory } from '../../support/transactional-topic.js'
import { fetchBody, type RawClient, serve } from './served.js'

const committed = 1
const lastOffsets = { committed: 12, uncommitted: 14 }

async function fetched(client: RawClient, version: number, isolationLevel: number, topicId: Buffer) {
  const { topics, ...rest } = fetchBody('orders', 0)
  const body = { ...rest, isolationLevel, topics: topics.map((topic) => ({ ...topic, topicId })) }
  const answer = await client.ask(kafka.fetch, version, body)
  assert.equal(answer.errorCode, 0)
  const [{ records, errorCode, ...partition }] = answer.topics[0].partitions
  assert.equal(errorCode, 0)
  return { ...partition, lastOffset: [...batchesIn(records ?? Buffer.alloc(0))].at(-1)?.lastOffset }
}

test('Fetch tells what was aborted to those who read committed records, and null to all others', async (t) => {
  const served = await serve(t, {}, {}, transactionalDirectory)
  const client = await served.raw()
  const topicId = served.broker.topicId('orders')
  assert.ok(topicId)
  for (let version = kafka.fetch.versions[0]; version <= kafka.fetch.versions[1]; version++) {
    const all = await fetched(client, version, 0, topicId)
    assert.deepEqual([all.abortedTransactions, all.lastOffset], [null, lastOffsets.uncommitted], `version ${version}`)
    const part = await fetched(client, version, committed, topicId)
    assert.deepEqual(part.abortedTransactions, [{ producerId: 2, firstOffset: 2 }], `version ${version}`)
    assert.equal(part.lastOffset, lastOffsets.committed, `version ${version}`)
    for (const { lastStableOffset, highWatermark } of [all, part]) {
      assert.deepEqual([lastStableOffset, highWatermark], [13, 15])
    }
  }
})

test('an empty answer has an empty list, a refused partition null', async (t) => {
  const served = await serve(t, {}, {}, transactionalDirectory)
  const client = await served.raw()
  const ask = async (fetchOffset: number) => {
    const { topics, ...rest } = fetchBody('orders', 0, { maxWaitMs: 0 })
    const [{ name, partitions }] = topics
    const at = [{ name, partitions: [{ ...partitions[0], fetchOffset }] }]
    const answer = await client.ask(kafka.fetch, 11, { ...rest, isolationLevel: committed, topics: at })
    return answer.topics[0].partitions[0]
  }
  assert.deepEqual((await ask(13)).abortedTransactions, [])
  assert.deepEqual((await ask(15)).abortedTransactions, [])
  const refused = await ask(99)
  assert.deepEqual([refused.errorCode, refused.abortedTransactions], [1, null])
})

test('ListOffsets ends at the last stable offset for those who read committed records', async (t) => {
  const served = await serve(t, {}, {}, transactionalDirectory)
  const client = await served.raw()
  for (let version = 2; version <= kafka.listOffsets.versions[1]; version++) {
    for (const [isolationLevel, end] of [
      [0, 15],
      [committed, 13],
    ] as const) {
      const topics = [{ name: 'orders', partitions: [{ index: 0, timestamp: -1 }] }]
      const answer = await client.ask(kafka.listOffsets, version, { isolationLevel, topics })
      assert.equal(answer.topics[0].partitions[0].offset, end, `version ${version}`)
    }
  }
})

test('an isolation level that there is not is refused', async (t) => {
  const client = await (await serve(t, {}, {}, transactionalDirectory)).raw()
  const invalidRequest = 42
  const answer = await client.ask(kafka.fetch, 11, { ...fetchBody('orders', 0), isolationLevel: 2 })
  assert.equal(answer.topics[0].partitions[0].errorCode, invalidRequest)
  const topics = [{ name: 'orders', partitions: [{ index: 0, timestamp: -1 }] }]
  const offsets = await client.ask(kafka.listOffsets, 5, { isolationLevel: 2, topics })
  assert.equal(offsets.topics[0].partitions[0].errorCode, invalidRequest)
})

test('DescribeProducers tells who writes into a partition, and since where in a transaction', async (t) => {
  const client = await (await serve(t, {}, {}, transactionalDirectory)).raw()
  const topics = [{ name: 'orders', partitionIndexes: [0, 1] }]
  const [{ partitions }] = (await client.ask(kafka.describeProducers, 0, { topics })).topics
  const producers = partitions[0].activeProducers.map((one) => {
    assert.ok(one.lastTimestamp > 0)
    return [one.producerId, one.producerEpoch, one.lastSequence, one.coordinatorEpoch, one.currentTxnStartOffset]
  })
  assert.deepEqual(producers.sort(), [
    [1, 0, 1, 0, -1],
    [2, 0, 4, 0, -1],
    [3, 0, 0, -1, 13],
  ])
  assert.deepEqual([partitions[1].errorCode, partitions[1].activeProducers], [3, []])
})
