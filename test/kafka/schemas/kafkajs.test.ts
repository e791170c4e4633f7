/** A second opinion on the older versions: kafkajs reads the frames we write and writes the frames we write. */

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { describe, it } from 'node:test'
import { decodeRequest, decodeRequestHeader, encodeRequest, encodeResponse } from '../../../src/kafka/messages.js'
import { type Api, apis } from '../../../src/kafka/schemas/index.js'
import { leavesOf, sampleOf } from '../../core/codec/arbitrary.js'

interface TheirRequest {
  readonly apiKey: number
  readonly apiVersion: number
}
interface TheirApi {
  readonly versions: readonly string[]
  protocol(choice: { version: string }): (args: unknown) => {
    readonly request: TheirRequest
    readonly response: { decode(body: Buffer): Promise<unknown> }
  }
}
interface TheirSender {
  correlationId: number
  clientId: string
  request: TheirRequest
}

const require = createRequire(import.meta.url)
const { requests } = require('kafkajs/src/protocol/requests') as { requests: Record<string, TheirApi> }
const frameOf = require('kafkajs/src/protocol/request') as (sender: TheirSender) => Promise<{ readonly buffer: Buffer }>

/** For each API: what they are given, and the same in our words. Each side drops what a version lacks. */
const pairs: Record<string, readonly [theirs: unknown, ours: object]> = {
  Fetch: [
    {
      replicaId: -1,
      maxWaitTime: 500,
      minBytes: 1,
      maxBytes: 1000,
      isolationLevel: 1,
      sessionId: 7,
      sessionEpoch: 8,
      topics: [
        {
          topic: 'orders',
          partitions: [
            { partition: 3, currentLeaderEpoch: 4, fetchOffset: '1099511627776', logStartOffset: -1, maxBytes: 6 },
          ],
        },
      ],
      forgottenTopics: [{ topic: 'users', partitions: [1, 2] }],
      rackId: 'rack',
    },
    {
      maxWaitMs: 500,
      minBytes: 1,
      maxBytes: 1000,
      isolationLevel: 1,
      sessionId: 7,
      sessionEpoch: 8,
      topics: [
        { name: 'orders', partitions: [{ index: 3, currentLeaderEpoch: 4, fetchOffset: 1099511627776, maxBytes: 6 }] },
      ],
      forgottenTopics: [{ name: 'users', partitions: [1, 2] }],
      rackId: 'rack',
    },
  ],
  ListOffsets: [
    {
      replicaId: -1,
      isolationLevel: 1,
      topics: [{ topic: 'orders', partitions: [{ partition: 2, timestamp: '-2' }] }],
    },
    { isolationLevel: 1, topics: [{ name: 'orders', partitions: [{ index: 2, timestamp: -2 }] }] },
  ],
  Metadata: [
    { topics: ['orders', 'users'], allowAutoTopicCreation: false },
    { topics: [{ name: 'orders' }, { name: 'users' }], allowAutoTopicCreation: false },
  ],
  OffsetCommit: [
    {
      groupId: 'group',
      groupGenerationId: 4,
      memberId: 'member',
      retentionTime: -1,
      topics: [{ topic: 'orders', partitions: [{ partition: 1, offset: '99', metadata: 'note' }] }],
    },
    {
      groupId: 'group',
      generationIdOrMemberEpoch: 4,
      memberId: 'member',
      topics: [{ name: 'orders', partitions: [{ index: 1, committedOffset: 99, committedMetadata: 'note' }] }],
    },
  ],
  OffsetFetch: [
    { groupId: 'group', topics: [{ topic: 'orders', partitions: [{ partition: 1 }, { partition: 2 }] }] },
    { groupId: 'group', topics: [{ name: 'orders', partitionIndexes: [1, 2] }] },
  ],
  FindCoordinator: [
    { groupId: 'group', coordinatorKey: 'group', coordinatorType: 1 },
    { key: 'group', keyType: 1 },
  ],
  JoinGroup: [
    {
      groupId: 'group',
      sessionTimeout: 10,
      rebalanceTimeout: 20,
      memberId: 'member',
      groupInstanceId: 'instance',
      protocolType: 'consumer',
      groupProtocols: [{ name: 'range', metadata: Buffer.from('metadata') }],
    },
    {
      groupId: 'group',
      sessionTimeoutMs: 10,
      rebalanceTimeoutMs: 20,
      memberId: 'member',
      groupInstanceId: 'instance',
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: Buffer.from('metadata') }],
    },
  ],
  Heartbeat: [
    { groupId: 'group', groupGenerationId: 2, memberId: 'member', groupInstanceId: null },
    { groupId: 'group', generationId: 2, memberId: 'member' },
  ],
  // From version 3 on theirs makes a list of the one member.
  LeaveGroup: [
    { groupId: 'group', memberId: 'member' },
    { groupId: 'group', memberId: 'member', members: [{ memberId: 'member' }] },
  ],
  SyncGroup: [
    {
      groupId: 'group',
      generationId: 2,
      memberId: 'member',
      groupAssignment: [{ memberId: 'member', memberAssignment: Buffer.from('mine') }],
    },
    {
      groupId: 'group',
      generationId: 2,
      memberId: 'member',
      assignments: [{ memberId: 'member', assignment: Buffer.from('mine') }],
    },
  ],
  DescribeGroups: [{ groupIds: ['one', 'two'] }, { groups: ['one', 'two'] }],
  ListGroups: [{}, {}],
  ApiVersions: [{}, {}],
  CreateTopics: [
    {
      topics: [
        {
          topic: 'orders',
          numPartitions: 3,
          replicationFactor: 1,
          replicaAssignment: [{ partition: 0, replicas: [1, 2] }],
          configEntries: [{ name: 'retention.ms', value: '1000' }],
        },
      ],
      validateOnly: true,
      timeout: 5000,
    },
    {
      topics: [
        {
          name: 'orders',
          numPartitions: 3,
          replicationFactor: 1,
          assignments: [{ partitionIndex: 0, brokerIds: [1, 2] }],
          configs: [{ name: 'retention.ms', value: '1000' }],
        },
      ],
      validateOnly: true,
      timeoutMs: 5000,
    },
  ],
  DeleteTopics: [
    { topics: ['orders', 'users'], timeout: 5000 },
    { topicNames: ['orders', 'users'], timeoutMs: 5000 },
  ],
  InitProducerId: [
    { transactionalId: 'transaction', transactionTimeout: 1000 },
    { transactionalId: 'transaction', transactionTimeoutMs: 1000 },
  ],
  AddPartitionsToTxn: [
    {
      transactionalId: 'transaction',
      producerId: '1099511627776',
      producerEpoch: 3,
      topics: [{ topic: 'orders', partitions: [1, 2] }],
    },
    {
      transactionalId: 'transaction',
      producerId: 1099511627776,
      producerEpoch: 3,
      topics: [{ name: 'orders', partitions: [1, 2] }],
    },
  ],
  AddOffsetsToTxn: [
    { transactionalId: 'transaction', producerId: '7', producerEpoch: 3, groupId: 'group' },
    { transactionalId: 'transaction', producerId: 7, producerEpoch: 3, groupId: 'group' },
  ],
  EndTxn: [
    { transactionalId: 'transaction', producerId: '7', producerEpoch: 3, transactionResult: true },
    { transactionalId: 'transaction', producerId: 7, producerEpoch: 3, committed: true },
  ],
  TxnOffsetCommit: [
    {
      transactionalId: 'transaction',
      groupId: 'group',
      producerId: '7',
      producerEpoch: 3,
      topics: [{ topic: 'orders', partitions: [{ partition: 1, offset: '99', metadata: 'note' }] }],
    },
    {
      transactionalId: 'transaction',
      groupId: 'group',
      producerId: 7,
      producerEpoch: 3,
      topics: [{ name: 'orders', partitions: [{ index: 1, committedOffset: 99, committedMetadata: 'note' }] }],
    },
  ],
  DescribeAcls: [
    {
      resourceType: 2,
      resourceName: 'orders',
      resourcePatternType: 4,
      principal: 'User:me',
      host: null,
      operation: 1,
      permissionType: 3,
    },
    {
      resourceTypeFilter: 2,
      resourceNameFilter: 'orders',
      patternTypeFilter: 4,
      principalFilter: 'User:me',
      operation: 1,
      permissionType: 3,
    },
  ],
  DescribeConfigs: [
    { resources: [{ type: 2, name: 'orders', configNames: ['retention.ms'] }], includeSynonyms: true },
    {
      resources: [{ resourceType: 2, resourceName: 'orders', configurationKeys: ['retention.ms'] }],
      includeSynonyms: true,
    },
  ],
  AlterConfigs: [
    {
      resources: [{ type: 2, name: 'orders', configEntries: [{ name: 'segment.bytes', value: '1048576' }] }],
      validateOnly: true,
    },
    {
      resources: [{ resourceType: 2, resourceName: 'orders', configs: [{ name: 'segment.bytes', value: '1048576' }] }],
      validateOnly: true,
    },
  ],
  DeleteRecords: [
    { topics: [{ topic: 'orders', partitions: [{ partition: 1, offset: '77' }] }], timeout: 5000 },
    { topics: [{ name: 'orders', partitions: [{ index: 1, offset: 77 }] }], timeoutMs: 5000 },
  ],
  CreatePartitions: [
    { topicPartitions: [{ topic: 'orders', count: 5, assignments: [[1], [2]] }], timeout: 5000, validateOnly: true },
    {
      topics: [{ name: 'orders', count: 5, assignments: [{ brokerIds: [1] }, { brokerIds: [2] }] }],
      timeoutMs: 5000,
      validateOnly: true,
    },
  ],
  DeleteGroups: [['one', 'two'], { groupIds: ['one', 'two'] }],
  ListPartitionReassignments: [
    { topics: [{ topic: 'orders', partitions: [0, 1] }], timeout: 5000 },
    { topics: [{ name: 'orders', partitionIndexes: [0, 1] }], timeoutMs: 5000 },
  ],
}

const produceArguments = {
  acks: -1,
  timeout: 1500,
  topicData: [{ topic: 'orders', partitions: [{ partition: 4, messages: [{ key: 'key', value: 'x'.repeat(6000) }] }] }],
}

/** They move the throttle time about, work out whether a setting is a default, and drop the message of one error. */
const leaveOut = new Set([
  'throttleTimeMs',
  'throttleTime',
  'clientSideThrottleTime',
  'isDefault',
  'records',
  'messages',
])
const leaveOutToo: Record<string, string> = { ListPartitionReassignments: 'errorMessage' }

const sender = { correlationId: 77, clientId: 'someone' }

async function checkRequest(api: Api, version: number, request: TheirRequest): Promise<void> {
  assert.deepEqual([request.apiKey, request.apiVersion], [api.key, version])
  const { buffer } = await frameOf({ ...sender, request })
  const frame = buffer.subarray(4)
  const header = decodeRequestHeader(frame)
  const { apiKey, apiVersion, supported } = header
  assert.deepEqual([apiKey, apiVersion, supported], [api.key, version, true])
  const body = decodeRequest(api, header, frame)
  assert.deepEqual(Buffer.concat(encodeRequest(api, version, sender, body as object)), buffer)
  if (api.name === 'Produce') {
    assert.deepEqual(leavesOf(body, new Set(['records', 'topicId'])), ['-1', '1500', 'orders', '4'])
  } else {
    assert.deepEqual(Buffer.concat(encodeRequest(api, version, sender, pairs[api.name][1])), buffer)
  }
}

for (const api of apis) {
  const theirs = requests[api.name === 'FindCoordinator' ? 'GroupCoordinator' : api.name]
  const versions = theirs?.versions.filter((version) => api.request.supports(Number(version))) ?? []
  if (versions.length === 0) continue
  describe(api.name, () => {
    for (const text of versions) {
      const version = Number(text)
      const codec = theirs.protocol({ version: text })(pairs[api.name]?.[0] ?? produceArguments)

      it(`v${version}: their request is ours, byte for byte`, () => checkRequest(api, version, codec.request))

      it(`v${version}: they read our response as we meant it`, async () => {
        for (const nulls of [false, true]) {
          const fixed = { errorCode: 0, records: Buffer.alloc(0) }
          const value = sampleOf(api.response.schema, version, { nulls, fixed })
          const frame = Buffer.concat(encodeResponse(api, version, 1, value as object))
          const decoded = await codec.response.decode(frame.subarray(8))
          const skipped = new Set([...leaveOut, leaveOutToo[api.name]])
          assert.deepEqual(leavesOf(decoded, skipped), leavesOf(value, skipped))
        }
      })
    }
  })
}
