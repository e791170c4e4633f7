/**
 * Fetch: record batches from an offset on. Versions 4-18.
 *
 *  4 isolation level, aborted transactions    13 topics by id instead of by name (KIP-516)
 *  5 log start offset                         15 replica state instead of a replica id (KIP-903)
 *  7 incremental sessions (KIP-227)           16 leader hints in a tagged field (KIP-951)
 *  9 the leader epoch the client knows        17 the directory of a replica (KIP-853)
 * 10 zstd                                     18 the high watermark a follower knows (KIP-1166)
 * 11 rack, preferred read replica
 * 12 flexible; diverging epochs
 *
 * Two fields of ours, from version 12 on: the leader epoch that a replica knows, said once, since a request of a session may
 * name no partition; and whether it fetches ahead of its disk, so that its positions do not say what it has. Their tags lie
 * far above Kafka's, and who does not know them skips them.
 */

import {
  array,
  between,
  bool,
  type Infer,
  type InferInput,
  int8,
  int16,
  int32,
  int64,
  nullable,
  records,
  since,
  string,
  struct,
  tagged,
  until,
  uuid,
  withDefault,
} from '../../core/codec/index.js'
import { api } from './api.js'
import { currentLeader, nodeEndpoints, throttleTimeMs } from './shared.js'

/** "No high watermark known": the largest i64, which as a number is 2^63 and is written back as the largest i64. */
const highWatermarkUnknown = 2 ** 63

const ownTags = { leaderEpoch: 12_001, isAhead: 12_002 } as const

export const fetchRequest = struct({
  clusterId: tagged(0, 12, nullable(string)),
  replicaId: until(14, withDefault(-1, int32)),
  replicaState: tagged(1, 15, struct({ replicaId: withDefault(-1, int32), replicaEpoch: withDefault(-1, int64) })),
  maxWaitMs: int32,
  minBytes: int32,
  maxBytes: withDefault(0x7fffffff, int32),
  isolationLevel: withDefault(0, int8),
  sessionId: since(7, int32),
  sessionEpoch: since(7, withDefault(-1, int32)),
  topics: array(
    struct({
      name: until(12, string),
      topicId: since(13, uuid),
      partitions: array(
        struct({
          index: int32,
          currentLeaderEpoch: since(9, withDefault(-1, int32)),
          fetchOffset: int64,
          lastFetchedEpoch: since(12, withDefault(-1, int32)),
          logStartOffset: since(5, withDefault(-1, int64)),
          maxBytes: int32,
          replicaDirectoryId: tagged(0, 17, uuid),
          highWatermark: tagged(1, 18, withDefault(highWatermarkUnknown, int64)),
        }),
      ),
    }),
  ),
  forgottenTopics: since(
    7,
    array(struct({ name: between(7, 12, string), topicId: since(13, uuid), partitions: array(int32) })),
  ),
  rackId: since(11, string),
  leaderEpoch: tagged(ownTags.leaderEpoch, 12, withDefault(-1, int32)),
  isAhead: tagged(ownTags.isAhead, 12, withDefault(false, bool)),
})

export const fetchResponse = struct({
  throttleTimeMs,
  errorCode: since(7, int16),
  sessionId: since(7, int32),
  topics: array(
    struct({
      name: until(12, string),
      topicId: since(13, uuid),
      partitions: array(
        struct({
          index: int32,
          errorCode: int16,
          highWatermark: int64,
          lastStableOffset: withDefault(-1, int64),
          logStartOffset: since(5, withDefault(-1, int64)),
          divergingEpoch: tagged(0, 12, struct({ epoch: withDefault(-1, int32), endOffset: withDefault(-1, int64) })),
          currentLeader: tagged(1, 12, currentLeader),
          snapshotId: tagged(2, 12, struct({ endOffset: withDefault(-1, int64), epoch: withDefault(-1, int32) })),
          abortedTransactions: nullable(array(struct({ producerId: int64, firstOffset: int64 }))),
          preferredReadReplica: since(11, withDefault(-1, int32)),
          records: nullable(records),
        }),
      ),
    }),
  ),
  nodeEndpoints: tagged(0, 16, nodeEndpoints),
})

export const fetch = api({
  key: 1,
  name: 'Fetch',
  versions: [4, 18],
  flexibleFrom: 12,
  request: fetchRequest,
  response: fetchResponse,
})

export type FetchRequest = Infer<typeof fetchRequest>
export type FetchResponse = InferInput<typeof fetchResponse>
