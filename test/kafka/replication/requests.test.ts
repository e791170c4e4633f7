/** What replicas say on the wire, in the words of every version; and what is none of their business stays as it was. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ProduceRequest } from '../../../src/broker/contract.js'
import * as kafka from '../../../src/kafka/schemas/index.js'
import { until } from '../../support/until.js'
import { someId } from '../server/requests.js'
import { batchOf, fetchBody, produceBody, type RawClient } from '../server/served.js'
import { serveReplicated, someReport } from './scene.js'

const mib = 1024 * 1024
const place = { topic: 'orders', partition: 0 }

/** The request of a replica as each version says it: who asks, which topic, and which leader epoch it knows. */
function bodyFor(version: number, topicId: Buffer, maxWaitMs = 0) {
  const { topics, ...rest } = fetchBody('orders', 0, { maxWaitMs })
  const partitions = topics[0].partitions.map((each) => ({ ...each, currentLeaderEpoch: 7 }))
  const who = version < 15 ? { replicaId: 2 } : { replicaState: { replicaId: 2, replicaEpoch: 1 } }
  return { ...rest, ...who, sessionEpoch: 0, topics: [{ name: 'orders', topicId, partitions }] }
}

test('every version of Fetch is a replica heard in', async (t) => {
  const { broker, leader, raw, complaints } = await serveReplicated(t)
  const { id } = await broker.createTopic({ name: 'orders' })
  const records = batchOf('a')
  leader.append(place, records)
  const client = await raw()
  for (let version = 4; version <= 18; version++) {
    // Before version 9 nobody could say which epoch he knows.
    leader.leaderEpoch = version < 9 ? -1 : 7
    const { errorCode, sessionId, topics } = await client.ask(kafka.fetch, version, bodyFor(version, id))
    const [{ name, topicId, partitions }] = topics
    assert.deepEqual([errorCode, sessionId > 0], [0, version >= 7], `version ${version}`)
    assert.ok(version < 13 ? name === 'orders' : topicId.equals(id))
    assert.deepEqual(partitions[0].records, records)
    assert.equal(leader.fetches.at(-1)?.replicaId, 2)
  }
  assert.equal(leader.lent, 15)
  await until('all is given back', () => leader.returned === 15)
  assert.deepEqual(complaints, [])
})

test('what is wrong with the whole request is said once, or of each partition where there is no room for that', async (t) => {
  const { broker, leader, raw } = await serveReplicated(t)
  const { id } = await broker.createTopic({ name: 'orders' })
  leader.leaderEpoch = 8
  const client = await raw()
  const old = await client.ask(kafka.fetch, 6, bodyFor(6, id))
  assert.deepEqual([old.errorCode, old.topics[0].partitions[0].errorCode], [0, 74])
  for (const version of [7, 12, 18]) {
    const { errorCode, topics } = await client.ask(kafka.fetch, version, bodyFor(version, id))
    assert.deepEqual([errorCode, topics], [74, []], `version ${version}`)
  }
})

test('an id that no topic has is told at once, beside what is asked of the others', async (t) => {
  const { broker, leader, raw } = await serveReplicated(t)
  const { id } = await broker.createTopic({ name: 'orders' })
  const body = bodyFor(13, id, 60_000)
  const unknown = { ...body.topics[0], topicId: someId }
  const forgottenTopics = [id, someId].map((topicId) => ({ topicId, partitions: [4] }))
  const { topics } = await (await raw()).ask(kafka.fetch, 13, {
    ...body,
    topics: [...body.topics, unknown],
    forgottenTopics,
  })
  assert.deepEqual(
    topics.map(({ topicId, partitions }) => [topicId, partitions[0].errorCode]),
    [[someId, 100]],
  )
  const [{ positions, forgotten }] = leader.fetches
  assert.deepEqual(positions, [{ ...place, offset: 0 }])
  assert.deepEqual(forgotten, [{ topic: 'orders', partition: 4 }])
})

test('a replica asks for no more than one of its size would, waits no longer than anybody, and its going ends it', async (t) => {
  const { leader, raw } = await serveReplicated(t, { 'replica.fetch.max.bytes': 5000 })
  const client = await raw()
  client.send(kafka.fetch, 12, { ...bodyFor(12, someId, 2 ** 31 - 1), maxBytes: 2 ** 31 - 1 })
  await until('it waits', () => leader.waiting === 1)
  assert.deepEqual([leader.fetches[0].maxBytes, leader.fetches[0].maxWaitMs], [5000, 60_000])
  client.close()
  await until('it does not wait any more', () => leader.waiting === 0)
  const reporter = await raw()
  reporter.send(kafka.replicaReport, 0, { ...someReport, catalogVersion: 1, maxWaitMs: 2 ** 31 - 1 })
  await until('its report waits', () => leader.waiting === 1)
  assert.equal(leader.reports[0].maxWaitMs, 60_000)
})

/** Asks for more than the kernel keeps for it, and reads nothing. */
function askDeaf(client: RawClient): void {
  client.socket.pause()
  for (let at = 0; at < 20; at++) client.send(kafka.fetch, 11, fetchBody('orders', 0, { maxBytes: 2 ** 31 - 1 }))
}

test('a replica gets its records while deaf readers hold all the memory there is for answers', async (t) => {
  const { broker, leader, raw, server } = await serveReplicated(t, {
    'queued.max.response.bytes': 4 * mib,
    'frame.timeout.ms': 600_000,
  })
  await broker.createTopic({ name: 'orders' })
  const batch = batchOf(Buffer.alloc(900_000, 'x'))
  for (let at = 0; at < 12; at++) await broker.produce({ ...place, batch: Buffer.from(batch) })
  const fetches = t.mock.method(broker, 'fetch')
  for (let at = 0; at < 30; at++) askDeaf(await raw())
  await until('all have asked', () => fetches.mock.callCount() >= 30)
  const reader = await raw()
  reader.send(kafka.fetch, 11, fetchBody('orders', 0))
  let readerIsAnswered = false
  reader.answer().then(
    () => {
      readerIsAnswered = true
    },
    () => {},
  )
  leader.lends = false
  for (let at = 0; at < 5; at++) leader.append(place, batch)
  const replica = await raw()
  for (let at = 0; at < 3; at++) {
    const { topics } = await replica.ask(kafka.fetch, 12, bodyFor(12, someId))
    assert.equal(topics[0].partitions[0].records?.length, 5 * batch.length)
  }
  assert.equal(readerIsAnswered, false, 'a reader waits for room')
  await server.close({ drainMs: 10 })
})

test('where epochs end: a replica asks its leader, a reader the broker', async (t) => {
  const { broker, leader, raw } = await serveReplicated(t)
  await broker.createTopic({ name: 'orders' })
  for (const value of ['a', 'b', 'c']) leader.append(place, batchOf(value))
  const client = await raw()
  const partitions = [{ index: 0, currentLeaderEpoch: 7, leaderEpoch: 5 }]
  for (const version of [3, 4]) {
    const ask = (replicaId: number, epoch = 7) =>
      client.ask(kafka.offsetForLeaderEpoch, version, {
        replicaId,
        topics: [{ name: 'orders', partitions: partitions.map((each) => ({ ...each, currentLeaderEpoch: epoch })) }],
      })
    const told = async (answer: ReturnType<typeof ask>) => {
      const [{ errorCode, leaderEpoch, endOffset }] = (await answer).topics[0].partitions
      return [errorCode, leaderEpoch, endOffset]
    }
    assert.deepEqual(await told(ask(2)), [0, 5, 3])
    assert.deepEqual(await told(ask(0, 6)), [74, -1, -1])
    assert.deepEqual(await told(ask(-1, 0)), [0, 0, 0])
  }
  assert.equal(leader.askedEpochs.length, 4)
})

test('ReplicaReport is answered without being advertised', async (t) => {
  const { raw } = await serveReplicated(t)
  const client = await raw()
  for (let version = 0; version <= 4; version++) {
    const { apiKeys } = await client.ask(kafka.apiVersions, version, {})
    assert.equal(
      apiKeys.find(({ apiKey }) => apiKey > 1000),
      undefined,
    )
    assert.ok(apiKeys.some(({ apiKey }) => apiKey === kafka.fetch.key))
  }
  const { errorCode, leadership } = await client.ask(kafka.replicaReport, 0, someReport)
  assert.deepEqual([errorCode, leadership.leaderId], [0, 1])
})

test('acks=all waits for replicas, acks=1 and acks=0 for the leader alone', async (t) => {
  const { broker, raw } = await serveReplicated(t)
  await broker.createTopic({ name: 'orders' })
  const asked: (string | undefined)[] = []
  t.mock.method(broker, 'produce', async ({ acks }: ProduceRequest) => {
    asked.push(acks)
    return { baseOffset: 0, logAppendTimeMs: -1, logStartOffset: 0 }
  })
  const client = await raw()
  for (const acks of [0, 1, -1]) client.send(kafka.produce, 9, produceBody('orders', batchOf('x'), { acks }))
  await client.answer()
  await client.answer()
  assert.deepEqual(asked, ['leader', 'leader', undefined])
})
