/**
 * OffsetForLeaderEpoch: where the records of a leader epoch end. Versions 2-4.
 *
 *  2 the leader epoch the client knows, throttle time     3 replica id     4 flexible
 */

import { array, type Infer, int16, int32, int64, since, string, struct, withDefault } from '../../core/codec/index.js'
import { api } from './api.js'
import { throttleTimeMs } from './shared.js'

/** "Not a replica, but asking for what a replica may see": what a version without the field stands for. */
const debuggingConsumer = -2

export const offsetForLeaderEpochRequest = struct({
  replicaId: since(3, withDefault(debuggingConsumer, int32)),
  topics: array(
    struct({
      name: string,
      partitions: array(struct({ index: int32, currentLeaderEpoch: withDefault(-1, int32), leaderEpoch: int32 })),
    }),
  ),
})

export const offsetForLeaderEpochResponse = struct({
  throttleTimeMs,
  topics: array(
    struct({
      name: string,
      partitions: array(
        struct({
          errorCode: int16,
          index: int32,
          leaderEpoch: withDefault(-1, int32),
          endOffset: withDefault(-1, int64),
        }),
      ),
    }),
  ),
})

export const offsetForLeaderEpoch = api({
  key: 23,
  name: 'OffsetForLeaderEpoch',
  versions: [2, 4],
  flexibleFrom: 4,
  request: offsetForLeaderEpochRequest,
  response: offsetForLeaderEpochResponse,
})

export type OffsetForLeaderEpochRequest = Infer<typeof offsetForLeaderEpochRequest>
