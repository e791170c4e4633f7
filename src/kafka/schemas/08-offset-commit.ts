/**
 * OffsetCommit: how far a group has read. Versions 2-10.
 *
 *  2 retention time (until 4)     8 flexible
 *  3 throttle time                9 members of the new group protocol: the generation is a member epoch (KIP-848)
 *  6 leader epoch                10 topics by id instead of by name
 *  7 group instance id
 */

import {
  array,
  type Infer,
  int16,
  int32,
  int64,
  nullable,
  since,
  string,
  struct,
  until,
  uuid,
  withDefault,
} from '../../core/codec/index.js'
import { api } from './api.js'
import { throttleTimeMs } from './shared.js'

export const offsetCommitRequest = struct({
  groupId: string,
  generationIdOrMemberEpoch: withDefault(-1, int32),
  memberId: withDefault('', string),
  groupInstanceId: since(7, nullable(string)),
  retentionTimeMs: until(4, withDefault(-1, int64)),
  topics: array(
    struct({
      name: until(9, string),
      topicId: since(10, uuid),
      partitions: array(
        struct({
          index: int32,
          committedOffset: int64,
          committedLeaderEpoch: since(6, withDefault(-1, int32)),
          committedMetadata: nullable(string),
        }),
      ),
    }),
  ),
})

export const offsetCommitResponse = struct({
  throttleTimeMs: since(3, throttleTimeMs),
  topics: array(
    struct({
      name: until(9, string),
      topicId: since(10, uuid),
      partitions: array(struct({ index: int32, errorCode: int16 })),
    }),
  ),
})

export const offsetCommit = api({
  key: 8,
  name: 'OffsetCommit',
  versions: [2, 10],
  flexibleFrom: 8,
  request: offsetCommitRequest,
  response: offsetCommitResponse,
})

export type OffsetCommitRequest = Infer<typeof offsetCommitRequest>
