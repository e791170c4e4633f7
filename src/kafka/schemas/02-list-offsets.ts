/**
 * ListOffsets: the offset that belongs to a timestamp, or to the begin or end of a log. Versions 1-11.
 *
 *  1 one offset, with its timestamp           7 timestamp -3: the record with the largest timestamp (KIP-734)
 *  2 isolation level                          8 timestamp -4: the earliest offset held locally (KIP-405)
 *  4 leader epochs                            9 timestamp -5: the latest tiered offset (KIP-1005)
 *  6 flexible                                10 a timeout for lookups in tiered storage (KIP-1075)
 *                                            11 timestamp -6: the earliest offset still to be tiered (KIP-1023)
 */

import {
  array,
  type Infer,
  type InferInput,
  int8,
  int16,
  int32,
  int64,
  since,
  string,
  struct,
  withDefault,
} from '../../core/codec/index.js'
import { api } from './api.js'
import { throttleTimeMs } from './shared.js'

export const listOffsetsRequest = struct({
  replicaId: withDefault(-1, int32),
  isolationLevel: since(2, int8),
  topics: array(
    struct({
      name: string,
      partitions: array(
        struct({ index: int32, currentLeaderEpoch: since(4, withDefault(-1, int32)), timestamp: int64 }),
      ),
    }),
  ),
  timeoutMs: since(10, int32),
})

export const listOffsetsResponse = struct({
  throttleTimeMs: since(2, throttleTimeMs),
  topics: array(
    struct({
      name: string,
      partitions: array(
        struct({
          index: int32,
          errorCode: int16,
          timestamp: withDefault(-1, int64),
          offset: withDefault(-1, int64),
          leaderEpoch: since(4, withDefault(-1, int32)),
        }),
      ),
    }),
  ),
})

export const listOffsets = api({
  key: 2,
  name: 'ListOffsets',
  versions: [1, 11],
  flexibleFrom: 6,
  request: listOffsetsRequest,
  response: listOffsetsResponse,
})

export type ListOffsetsRequest = Infer<typeof listOffsetsRequest>
export type ListOffsetsResponse = InferInput<typeof listOffsetsResponse>
