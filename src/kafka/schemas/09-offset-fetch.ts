/**
 * OffsetFetch: the committed offsets of a group, from version 8 on of several groups. Versions 1-10.
 *
 *  2 null for all topics, an error for the whole answer     7 whether to wait for open transactions (KIP-447)
 *  3 throttle time                                          8 several groups at once (KIP-709)
 *  5 leader epoch                                           9 member id and epoch (KIP-848)
 *  6 flexible                                              10 topics by id instead of by name
 */

import {
  array,
  between,
  bool,
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

export const offsetFetchRequest = struct({
  groupId: until(7, string),
  topics: until(7, nullable(array(struct({ name: string, partitionIndexes: array(int32) })), 2)),
  groups: since(
    8,
    array(
      struct({
        groupId: string,
        memberId: since(9, nullable(string)),
        memberEpoch: since(9, withDefault(-1, int32)),
        topics: nullable(
          array(struct({ name: until(9, string), topicId: since(10, uuid), partitionIndexes: array(int32) })),
        ),
      }),
    ),
  ),
  requireStable: since(7, bool),
})

const committed = struct({
  index: int32,
  committedOffset: int64,
  committedLeaderEpoch: since(5, withDefault(-1, int32)),
  metadata: nullable(string),
  errorCode: int16,
})

export const offsetFetchResponse = struct({
  throttleTimeMs: since(3, throttleTimeMs),
  topics: until(7, array(struct({ name: string, partitions: array(committed) }))),
  errorCode: between(2, 7, int16),
  groups: since(
    8,
    array(
      struct({
        groupId: string,
        topics: array(struct({ name: until(9, string), topicId: since(10, uuid), partitions: array(committed) })),
        errorCode: withDefault(0, int16),
      }),
    ),
  ),
})

export const offsetFetch = api({
  key: 9,
  name: 'OffsetFetch',
  versions: [1, 10],
  flexibleFrom: 6,
  request: offsetFetchRequest,
  response: offsetFetchResponse,
})

export type OffsetFetchRequest = Infer<typeof offsetFetchRequest>
