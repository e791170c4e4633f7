/** What a node that does not lead refuses is told by each API in its own form, so that clients look for the leader. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { HoldfastError } from '../../../src/core/errors.js'
import { endpoints } from '../../../src/kafka/api/index.js'
import { decodeResponse } from '../../../src/kafka/messages.js'
import { metadata } from '../../../src/kafka/schemas/index.js'
import { requests } from '../server/requests.js'
import { type RawClient, type Served, serve } from '../server/served.js'

/** Everything that a handler may ask of a broker. */
const questions = [
  ...(['produce', 'fetch', 'findOffsets', 'findEpochs', 'describeTopics', 'describeConfig'] as const),
  ...(['createTopic', 'deleteTopic', 'createPartitions', 'deleteRecords', 'alterTopic', 'alterBroker'] as const),
  ...(['joinGroup', 'syncGroup', 'heartbeat', 'leaveGroup', 'commitOffsets', 'fetchOffsets', 'deleteOffsets'] as const),
  ...(['listGroups', 'describeGroup', 'deleteGroup', 'initProducer', 'activeProducers'] as const),
  ...(['addPartitionsToTransaction', 'addOffsetsToTransaction', 'commitTransactionalOffsets'] as const),
  ...(['endTransaction', 'listTransactions', 'describeTransaction', 'writeTransactionMarker'] as const),
]

/** Answered by the server itself, whoever leads; what the directory takes (DescribeLogDirs) a node says of itself. */
const ofEachNode: ReadonlySet<string> = new Set([
  ...['ApiVersions', 'DescribeCluster', 'FindCoordinator', 'DescribeAcls', 'ListPartitionReassignments'],
  ...['DescribeLogDirs', 'ReplicaReport', 'ReplicaAcknowledge'],
])

function errorCodesIn(value: unknown): number[] {
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return []
  return Object.entries(value).flatMap(([name, part]) => (name === 'errorCode' ? [part as number] : errorCodesIn(part)))
}

/** By API and version: every error code of the answer. */
async function answersOf(client: RawClient): Promise<Map<string, number[]>> {
  const answers = new Map<string, number[]>()
  for (const { api } of endpoints.filter(({ api }) => !ofEachNode.has(api.name))) {
    for (let version = api.versions[0]; version <= api.versions[1]; version++) {
      // Of all topics there would be nothing to say an error of.
      const body = api.key === metadata.key ? { topics: [{ name: 'orders' }] } : requests[api.key]
      client.send(api, version, body as never)
      const answer = decodeResponse(api, version, await client.answer())
      answers.set(`${api.name} ${version}`, errorCodesIn(answer.body))
    }
  }
  return answers
}

function refuseAll(t: TestContext, { broker }: Served, code: HoldfastError['code']): void {
  for (const question of questions) {
    t.mock.method(broker, question, () => {
      throw new HoldfastError(code)
    })
  }
  // Ids are known, so that a broker is asked about their topics.
  t.mock.method(broker, 'topicName', () => 'orders')
}

for (const code of ['NOT_LEADER_OR_FOLLOWER', 'NOT_COORDINATOR', 'NOT_CONTROLLER'] as const) {
  test(`${code} is told by every version of every API`, async (t) => {
    const served = await serve(t)
    refuseAll(t, served, code)
    const wrong: string[] = []
    for (const [name, codes] of await answersOf(await served.raw())) {
      if (!codes.includes(new HoldfastError(code).kafkaCode)) wrong.push(`${name} answers ${codes.join()}`)
    }
    assert.deepEqual(wrong, [])
    assert.deepEqual(served.complaints, [])
  })
}
