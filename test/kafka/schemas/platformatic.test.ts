/** A second opinion on the flexible versions: the codecs of @platformatic/kafka read what we write and write what we read. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as platformatic from '@platformatic/kafka'
import { type Api, apis, produce } from '../../../src/kafka/schemas/index.js'
import { leavesOf, sampleOf } from '../../core/codec/arbitrary.js'

interface TheirCodec {
  readonly api: { readonly key: number; readonly version: number }
  createRequest(...args: unknown[]): { readonly buffer: Buffer }
  parseResponse(correlationId: number, key: number, version: number, reader: unknown): unknown
}

const isTheirCodec = (value: unknown): value is TheirCodec =>
  typeof value === 'object' && value !== null && 'createRequest' in value && 'parseResponse' in value

const codecs = new Map<string, TheirCodec>()
for (const exported of Object.values(platformatic as Record<string, unknown>)) {
  if (isTheirCodec(exported)) codecs.set(`${exported.api.key}/${exported.api.version}`, exported)
}

const theirId = '01020304-0506-0708-090a-0b0c0d0e0f10'
const ourId = Buffer.from(theirId.replaceAll('-', ''), 'hex')

/** For each API: what they are given, in their order, and the same in our words. Fields that a version lacks are dropped by ours. */
const requests: Record<number, (version: number) => [theirs: unknown[], ours: object]> = {
  1: (version) => [
    [
      500,
      1,
      1000,
      1,
      7,
      8,
      [
        {
          // Their version 12 writes the id where the name goes, as text.
          topicId: version < 13 ? 'orders' : theirId,
          partitions: [
            { partition: 3, currentLeaderEpoch: 4, fetchOffset: 2n ** 40n, lastFetchedEpoch: 5, partitionMaxBytes: 6 },
          ],
        },
      ],
      version < 13 ? [] : [{ topic: theirId, partitions: [1, 2] }],
      'rack',
    ],
    {
      maxWaitMs: 500,
      minBytes: 1,
      maxBytes: 1000,
      isolationLevel: 1,
      sessionId: 7,
      sessionEpoch: 8,
      topics: [
        {
          name: 'orders',
          topicId: ourId,
          partitions: [{ index: 3, currentLeaderEpoch: 4, fetchOffset: 2 ** 40, lastFetchedEpoch: 5, maxBytes: 6 }],
        },
      ],
      forgottenTopics: version < 13 ? [] : [{ topicId: ourId, partitions: [1, 2] }],
      rackId: 'rack',
    },
  ],
  2: () => [
    [-1, 1, [{ name: 'orders', partitions: [{ partitionIndex: 2, currentLeaderEpoch: 3, timestamp: -2n }] }]],
    {
      isolationLevel: 1,
      topics: [{ name: 'orders', partitions: [{ index: 2, currentLeaderEpoch: 3, timestamp: -2 }] }],
    },
  ],
  3: () => [
    [['orders', 'users'], true, true],
    {
      topics: [{ name: 'orders' }, { name: 'users' }],
      allowAutoTopicCreation: true,
      includeTopicAuthorizedOperations: true,
    },
  ],
  8: () => [
    [
      'group',
      4,
      'member',
      'instance',
      [
        {
          name: 'orders',
          partitions: [{ partitionIndex: 1, committedOffset: 99n, committedLeaderEpoch: 5, committedMetadata: null }],
        },
      ],
    ],
    {
      groupId: 'group',
      generationIdOrMemberEpoch: 4,
      memberId: 'member',
      groupInstanceId: 'instance',
      topics: [{ name: 'orders', partitions: [{ index: 1, committedOffset: 99, committedLeaderEpoch: 5 }] }],
    },
  ],
  9: () => [
    [
      [
        {
          groupId: 'group',
          memberId: 'member',
          memberEpoch: 3,
          topics: [{ name: 'orders', partitionIndexes: [0, 1] }],
        },
      ],
      true,
    ],
    {
      groups: [
        {
          groupId: 'group',
          memberId: 'member',
          memberEpoch: 3,
          topics: [{ name: 'orders', partitionIndexes: [0, 1] }],
        },
      ],
      requireStable: true,
    },
  ],
  10: () => [[1, ['one', 'two']], { keyType: 1, coordinatorKeys: ['one', 'two'] }],
  11: () => [
    ['group', 10, 20, 'member', null, 'consumer', [{ name: 'range', metadata: Buffer.from('metadata') }], 'because'],
    {
      groupId: 'group',
      sessionTimeoutMs: 10,
      rebalanceTimeoutMs: 20,
      memberId: 'member',
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: Buffer.from('metadata') }],
      reason: 'because',
    },
  ],
  12: () => [['group', 2, 'member', null], { groupId: 'group', generationId: 2, memberId: 'member' }],
  13: () => [
    ['group', [{ memberId: 'member', groupInstanceId: 'instance', reason: 'because' }]],
    { groupId: 'group', members: [{ memberId: 'member', groupInstanceId: 'instance', reason: 'because' }] },
  ],
  14: () => [
    ['group', 2, 'member', null, 'consumer', 'range', [{ memberId: 'member', assignment: Buffer.from('mine') }]],
    {
      groupId: 'group',
      generationId: 2,
      memberId: 'member',
      protocolType: 'consumer',
      protocolName: 'range',
      assignments: [{ memberId: 'member', assignment: Buffer.from('mine') }],
    },
  ],
  15: () => [[['one', 'two'], true], { groups: ['one', 'two'], includeAuthorizedOperations: true }],
  16: () => [[['Stable', 'Empty'], ['classic']], { statesFilter: ['Stable', 'Empty'], typesFilter: ['classic'] }],
  18: () => [['client', '1.0'], { clientSoftwareName: 'client', clientSoftwareVersion: '1.0' }],
  19: () => [
    [
      [
        {
          name: 'orders',
          numPartitions: 3,
          replicationFactor: 1,
          assignments: [{ partitionIndex: 0, brokerIds: [1, 2] }],
          configs: [{ name: 'retention.ms', value: '1000' }],
        },
      ],
      5000,
      true,
    ],
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
      timeoutMs: 5000,
      validateOnly: true,
    },
  ],
  20: () => [
    [[{ name: null, topicId: theirId }, { name: 'orders' }], 5000],
    { topics: [{ name: null, topicId: ourId }, { name: 'orders' }], timeoutMs: 5000 },
  ],
  22: () => [[null, 1000, 2n ** 45n, 3], { transactionTimeoutMs: 1000, producerId: 2 ** 45, producerEpoch: 3 }],
  23: () => [
    [-1, [{ name: 'orders', partitions: [{ partitionIndex: 1, currentLeaderEpoch: 2, leaderEpoch: 3 }] }]],
    {
      replicaId: -1,
      topics: [{ name: 'orders', partitions: [{ index: 1, currentLeaderEpoch: 2, leaderEpoch: 3 }] }],
    },
  ],
  24: () => [
    [
      [
        {
          transactionalId: 'transaction',
          producerId: 2n ** 45n,
          producerEpoch: 3,
          topics: [{ name: 'orders', partitions: [1, 2] }],
        },
      ],
    ],
    {
      transactionalId: 'transaction',
      producerId: 2 ** 45,
      producerEpoch: 3,
      topics: [{ name: 'orders', partitions: [1, 2] }],
    },
  ],
  25: () => [
    ['transaction', 7n, 3, 'group'],
    { transactionalId: 'transaction', producerId: 7, producerEpoch: 3, groupId: 'group' },
  ],
  26: () => [
    ['transaction', 7n, 3, true],
    { transactionalId: 'transaction', producerId: 7, producerEpoch: 3, committed: true },
  ],
  28: () => [
    [
      'transaction',
      'group',
      7n,
      3,
      4,
      'member',
      null,
      [
        {
          name: 'orders',
          partitions: [{ partitionIndex: 1, committedOffset: 99n, committedLeaderEpoch: 5, committedMetadata: null }],
        },
      ],
    ],
    {
      transactionalId: 'transaction',
      groupId: 'group',
      producerId: 7,
      producerEpoch: 3,
      generationId: 4,
      memberId: 'member',
      topics: [{ name: 'orders', partitions: [{ index: 1, committedOffset: 99, committedLeaderEpoch: 5 }] }],
    },
  ],
  29: () => [
    [
      {
        resourceType: 2,
        resourceName: 'orders',
        resourcePatternType: 4,
        principal: 'User:me',
        host: null,
        operation: 1,
        permissionType: 3,
      },
    ],
    {
      resourceTypeFilter: 2,
      resourceNameFilter: 'orders',
      patternTypeFilter: 4,
      principalFilter: 'User:me',
      operation: 1,
      permissionType: 3,
    },
  ],
  32: () => [
    [
      [{ resourceType: 2, resourceName: 'orders', configurationKeys: ['retention.ms', 'retention.bytes'] }],
      true,
      false,
    ],
    {
      resources: [{ resourceType: 2, resourceName: 'orders', configurationKeys: ['retention.ms', 'retention.bytes'] }],
      includeSynonyms: true,
    },
  ],
  33: () => [
    [[{ resourceType: 2, resourceName: 'orders', configs: [{ name: 'segment.bytes', value: '1048576' }] }], true],
    {
      resources: [{ resourceType: 2, resourceName: 'orders', configs: [{ name: 'segment.bytes', value: '1048576' }] }],
      validateOnly: true,
    },
  ],
  35: () => [[[{ name: 'orders', partitions: [1, 2] }]], { topics: [{ name: 'orders', partitions: [1, 2] }] }],
  44: () => [
    [
      [
        {
          resourceType: 2,
          resourceName: 'orders',
          configs: [
            { name: 'segment.bytes', configOperation: 0, value: '1048576' },
            { name: 'cleanup.policy', configOperation: 1, value: null },
          ],
        },
      ],
      false,
    ],
    {
      resources: [
        {
          resourceType: 2,
          resourceName: 'orders',
          configs: [
            { name: 'segment.bytes', configOperation: 0, value: '1048576' },
            { name: 'cleanup.policy', configOperation: 1, value: null },
          ],
        },
      ],
      validateOnly: false,
    },
  ],
  47: () => [
    ['group', [{ name: 'orders', partitions: [{ partitionIndex: 1 }, { partitionIndex: 2 }] }]],
    { groupId: 'group', topics: [{ name: 'orders', partitions: [{ index: 1 }, { index: 2 }] }] },
  ],
  21: () => [
    [[{ name: 'orders', partitions: [{ partitionIndex: 1, offset: 77n }] }], 5000],
    { topics: [{ name: 'orders', partitions: [{ index: 1, offset: 77 }] }], timeoutMs: 5000 },
  ],
  37: () => [
    [[{ name: 'orders', count: 5, assignments: [{ brokerIds: [1] }, { brokerIds: [2] }] }], 5000, true],
    {
      topics: [{ name: 'orders', count: 5, assignments: [{ brokerIds: [1] }, { brokerIds: [2] }] }],
      timeoutMs: 5000,
      validateOnly: true,
    },
  ],
  42: () => [[['one', 'two']], { groupIds: ['one', 'two'] }],
  46: () => [
    [5000, [{ name: 'orders', partitionIndexes: [0, 1] }]],
    { timeoutMs: 5000, topics: [{ name: 'orders', partitionIndexes: [0, 1] }] },
  ],
  61: () => [
    [[{ name: 'orders', partitionIndexes: [0, 1] }]],
    { topics: [{ name: 'orders', partitionIndexes: [0, 1] }] },
  ],
  65: () => [[['one', 'two']], { transactionalIds: ['one', 'two'] }],
  66: (version) => [
    version === 0 ? [['Ongoing'], [7n]] : [['Ongoing'], [7n], 1000n],
    { stateFilters: ['Ongoing'], producerIdFilters: [7], durationFilterMs: 1000 },
  ],
  60: () => [[true, 2], { includeClusterAuthorizedOperations: true, endpointType: 2 }],
}

/** A real batch of one record, as their producer makes it. */
function oneBatch(): Buffer {
  const codec = codecs.get('0/9')
  assert.ok(codec)
  const message = { topic: 'orders', partition: 4, key: Buffer.from('key'), value: Buffer.alloc(6000, 1) }
  const bytes = codec.createRequest(-1, 1500, [message], {}).buffer
  const [{ partitions }] = produce.request.decode(bytes, 9).topics
  assert.ok(partitions[0].records)
  return partitions[0].records
}

/** They look at error codes, and at messages of record errors, and throw. */
const fixed = { errorCode: 0, recordErrors: [], records: oneBatch() }

/** Where they are wrong, by Kafka's own schemas: nothing of ours is compared there. */
const theirRequestFaults = new Map([
  ['3/11', 'sends a flag that version 11 no longer has'],
  ['32/2', 'sends the documentation flag of version 3'],
])
const theirResponseFaults = new Map([
  ['23/4', 'reads the partition in front of the error code'],
  ['32/2', 'reads the type and documentation of version 3'],
])

/** Fields that only one side shows: they add some that a version lacks, and drop others. */
function leftOut(key: number, version: number): ReadonlySet<string> {
  if (key === 1) return new Set(['records'])
  if (key === 3)
    return new Set(version === 9 ? ['topicId', 'clusterAuthorizedOperations'] : ['clusterAuthorizedOperations'])
  if (key === 11)
    return new Set(version < 7 ? ['skipAssignment', 'protocolType'] : version < 9 ? ['skipAssignment'] : [])
  if (key === 18) return new Set(['name'])
  if (key === 24) return new Set(['transactionalId', 'errorCode', 'partitionErrorCode'])
  if (key === 35) return new Set(version < 4 ? ['totalBytes', 'usableBytes', 'errorCode'] : [])
  if (key === 60) return new Set(version === 0 ? ['endpointType'] : [])
  return new Set()
}

function checkRequest(api: Api, version: number, codec: TheirCodec): void {
  const [theirs, ours] = requests[api.key](version)
  const bytes = codec.createRequest(...theirs).buffer
  assert.deepEqual(Buffer.concat(api.request.encode(ours, version)), bytes)
  assert.deepEqual(Buffer.concat(api.request.encode(api.request.decode(bytes, version), version)), bytes)
}

function checkProduce(api: Api, version: number, codec: TheirCodec): void {
  const message = { topic: 'orders', partition: 4, key: Buffer.from('key'), value: Buffer.alloc(6000, 1) }
  const bytes = codec.createRequest(-1, 1500, [message], {}).buffer
  const decoded = api.request.decode(bytes, version)
  const [acks, timeoutMs, name, index] = leavesOf(decoded, new Set(['topicId', 'records']))
  assert.deepEqual([acks, timeoutMs, name, index], ['-1', '1500', 'orders', '4'])
  assert.deepEqual(Buffer.concat(api.request.encode(decoded, version)), bytes)
}

/** How many batches they found in the last partition of a fetch. */
function theirRecords(response: unknown): number | undefined {
  const { responses } = response as { responses: { partitions: { records?: unknown[] }[] }[] }
  return responses.at(-1)?.partitions.at(-1)?.records?.length
}

function checkResponse(api: Api, version: number, codec: TheirCodec, nulls: boolean): void {
  const value = sampleOf(api.response.schema, version, { nulls, fixed })
  const bytes = Buffer.concat(api.response.encode(value, version))
  const theirs = codec.parseResponse(1, api.key, version, platformatic.Reader.from(bytes))
  if (api.key === 1 && !nulls) assert.equal(theirRecords(theirs), 1)
  const leaveOut = leftOut(api.key, version)
  assert.deepEqual(leavesOf(theirs, leaveOut), leavesOf(value, leaveOut))
}

for (const api of apis) {
  describe(api.name, () => {
    for (let version = api.versions[0]; version <= api.versions[1]; version++) {
      const id = `${api.key}/${version}`
      const codec = codecs.get(id)
      if (codec === undefined) continue
      it(`v${version}: their request is ours, byte for byte`, { skip: theirRequestFaults.get(id) }, () => {
        if (api.key === 0) checkProduce(api, version, codec)
        else checkRequest(api, version, codec)
      })
      it(`v${version}: they read our response as we meant it`, { skip: theirResponseFaults.get(id) }, () => {
        checkResponse(api, version, codec, false)
        checkResponse(api, version, codec, true)
      })
    }
  })
}
