/** For each API a request that asks for something, in the words of all its versions. */

import { batchOf } from './served.js'

export const someId = Buffer.alloc(16, 7)

export const requests: Readonly<Record<number, object>> = {
  0: {
    acks: 1,
    timeoutMs: 100,
    topics: [{ name: 'orders', topicId: someId, partitions: [{ index: 0, records: batchOf('x') }] }],
  },
  1: {
    maxWaitMs: 0,
    minBytes: 0,
    topics: [{ name: 'orders', topicId: someId, partitions: [{ index: 0, fetchOffset: 0, maxBytes: 1000 }] }],
  },
  2: { topics: [{ name: 'orders', partitions: [{ index: 0, timestamp: -1 }] }] },
  3: { topics: null },
  8: { groupId: 'g', topics: [{ name: 'orders', topicId: someId, partitions: [{ index: 0, committedOffset: 3 }] }] },
  9: {
    groupId: 'g',
    topics: [{ name: 'orders', partitionIndexes: [0, 1] }],
    groups: [
      { groupId: 'g', topics: [{ name: 'orders', topicId: someId, partitionIndexes: [0, 1] }] },
      { groupId: 'h', topics: null },
    ],
  },
  10: { key: 'g', coordinatorKeys: ['g', 'h'] },
  11: { groupId: '', sessionTimeoutMs: 10_000, memberId: '', protocolType: 'consumer', protocols: [] },
  12: { groupId: 'g', generationId: 1, memberId: 'm' },
  13: { groupId: 'g', memberId: 'm', members: [{ memberId: 'm' }, { memberId: 'n' }] },
  14: { groupId: 'g', generationId: 1, memberId: 'm', assignments: [] },
  15: { groups: ['g', 'nothing'] },
  16: {},
  18: {},
  19: { topics: [{ name: 'orders', numPartitions: 1, replicationFactor: 1 }], validateOnly: true },
  20: { topics: [{ topicId: someId }], topicNames: ['nothing'], timeoutMs: 100 },
  21: { topics: [{ name: 'orders', partitions: [{ index: 0, offset: 0 }] }], timeoutMs: 100 },
  22: { transactionTimeoutMs: 100 },
  23: { topics: [{ name: 'orders', partitions: [{ index: 0, leaderEpoch: 0 }] }] },
  24: { transactionalId: 't', producerId: 1, producerEpoch: 0, topics: [{ name: 'orders', partitions: [0] }] },
  25: { transactionalId: 't', producerId: 1, producerEpoch: 0, groupId: 'g' },
  26: { transactionalId: 't', producerId: 1, producerEpoch: 0, committed: true },
  27: {
    markers: [
      {
        producerId: 1,
        producerEpoch: 0,
        committed: false,
        topics: [{ name: 'orders', partitionIndexes: [0, 7] }],
        coordinatorEpoch: 0,
      },
    ],
  },
  28: {
    transactionalId: 't',
    groupId: 'g',
    producerId: 1,
    producerEpoch: 0,
    topics: [{ name: 'orders', partitions: [{ index: 0, committedOffset: 3 }] }],
  },
  29: { resourceTypeFilter: 1, operation: 1, permissionType: 1 },
  32: { resources: [{ resourceType: 2, resourceName: 'orders' }], includeSynonyms: true, includeDocumentation: true },
  33: { resources: [{ resourceType: 2, resourceName: 'orders', configs: [] }], validateOnly: true },
  35: { topics: [{ name: 'orders', partitions: [0] }] },
  37: { topics: [{ name: 'orders', count: 5 }], timeoutMs: 100, validateOnly: true },
  42: { groupIds: ['nothing'] },
  44: { resources: [{ resourceType: 2, resourceName: 'orders', configs: [] }], validateOnly: true },
  46: {},
  61: { topics: [{ name: 'orders', partitionIndexes: [0, 9] }] },
  65: { transactionalIds: ['t'] },
  66: { stateFilters: ['Ongoing', 'Odd'] },
  47: { groupId: 'nothing', topics: [{ name: 'orders', partitions: [{ index: 0 }] }] },
  60: { includeClusterAuthorizedOperations: true },
  12001: {
    member: { nodeId: 2, host: 'there', port: 9092, rack: '' },
    clusterId: '',
    leaderEpoch: 0,
    catalogVersion: 0,
    maxWaitMs: 0,
    wantsToLead: false,
  },
  12002: {
    replicaId: 2,
    leaderEpoch: 0,
    sessionId: 1,
    sessionEpoch: 0,
    topics: [{ name: 'orders', partitions: [{ index: 0, offset: 3 }] }],
  },
}
