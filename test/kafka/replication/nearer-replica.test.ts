/** A consumer that says where it stands is sent to a replica there, and the answer of the leader says no more than that. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import * as kafka from '../../../src/kafka/schemas/index.js'
import { batchOf, fetchBody, type RawClient } from '../server/served.js'
import { type Scene, serveReplicated } from './scene.js'
import { member } from './small-leader.js'

const nobody = -1

/** Node 1, in rack a, leads; 2 and 3 stand in rack b, of which 3 is in sync, and 4 in rack c is behind. */
async function scene(t: TestContext, isOn = true): Promise<Scene & { client: RawClient; id: Buffer }> {
  const served = await serveReplicated(t, { 'replica.read': isOn })
  const members = [member(1, 1, 'a'), member(2, 2, 'b'), member(3, 3, 'b'), member(4, 4, 'c')]
  served.leader.description = { clusterId: 'the cluster', leaderId: 1, members, inSync: [1, 3] }
  const { id } = await served.broker.createTopic({ name: 'orders' })
  for (const value of ['a', 'b']) {
    await served.broker.produce({ topic: 'orders', partition: 0, batch: batchOf(value) })
  }
  return { ...served, client: await served.raw(), id }
}

/** Whom it is sent to, how many bytes of records it gets, and the error. */
async function fetchFrom(
  client: RawClient,
  { rackId, offset = 0, version = 12, id }: { rackId: string; offset?: number; version?: number; id?: Buffer },
) {
  const { topics, ...rest } = fetchBody('orders', offset)
  const body = { ...rest, sessionEpoch: 0, rackId, topics: topics.map((topic) => ({ ...topic, topicId: id })) }
  const answer = await client.ask(kafka.fetch, version, body)
  const [{ errorCode, preferredReadReplica, records, highWatermark }] = answer.topics[0].partitions
  return { sentTo: preferredReadReplica, bytes: records?.length ?? 0, errorCode, highWatermark }
}

test('to an in-sync replica of its rack, at once, without records', async (t) => {
  const { client, id, leader } = await scene(t)
  const sent = { sentTo: 3, bytes: 0, errorCode: 0, highWatermark: 2 }
  for (const version of [11, 12, 13, 18]) {
    assert.deepEqual(await fetchFrom(client, { rackId: 'b', version, id }), sent, `version ${version}`)
  }
  assert.deepEqual(await fetchFrom(client, { rackId: 'b', offset: 2 }), sent, 'to wait there for what comes')
  assert.deepEqual(leader.fetches, [])
})

test('answered by the leader: of its own rack, of none, of one that is behind, and for what not all have', async (t) => {
  const { client } = await scene(t)
  for (const rackId of ['a', '', 'c', 'elsewhere']) {
    const { sentTo, bytes } = await fetchFrom(client, { rackId })
    assert.deepEqual([sentTo, bytes > 0], [nobody, true], `rack ${rackId}`)
  }
  const { sentTo, errorCode } = await fetchFrom(client, { rackId: 'b', offset: 3 })
  assert.deepEqual([sentTo, errorCode], [nobody, 1], 'an offset that is not there')
  assert.equal((await fetchFrom(client, { rackId: 'b', version: 10 })).sentTo, nobody, 'who cannot be told of one')
  const missing = await client.ask(kafka.fetch, 12, { ...fetchBody('nothing', 0), sessionEpoch: 0, rackId: 'b' })
  assert.equal(missing.topics[0].partitions[0].errorCode, 3)
})

test('only where it is switched on, and never from one replica to another', async (t) => {
  const off = await scene(t, false)
  assert.equal((await fetchFrom(off.client, { rackId: 'b' })).sentTo, nobody)
  const on = await scene(t)
  on.leader.description = { ...on.leader.description, leaderId: 4 }
  const { sentTo, bytes } = await fetchFrom(on.client, { rackId: 'b' })
  assert.deepEqual([sentTo, bytes > 0], [nobody, true])
})
