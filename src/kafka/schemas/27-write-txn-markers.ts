/**
 * WriteTxnMarkers: ends transactions in the logs alone, as an administrator does with one that nobody will end any more.
 * Versions 0-1.
 *
 *  1 flexible
 */

import { array, bool, type Infer, int16, int32, int64, string, struct } from '../../core/codec/index.js'
import { api } from './api.js'

export const writeTxnMarkersRequest = struct({
  markers: array(
    struct({
      producerId: int64,
      producerEpoch: int16,
      committed: bool,
      topics: array(struct({ name: string, partitionIndexes: array(int32) })),
      coordinatorEpoch: int32,
    }),
  ),
})

export const writeTxnMarkersResponse = struct({
  markers: array(
    struct({
      producerId: int64,
      topics: array(
        struct({
          name: string,
          partitions: array(struct({ index: int32, errorCode: int16 })),
        }),
      ),
    }),
  ),
})

export const writeTxnMarkers = api({
  key: 27,
  name: 'WriteTxnMarkers',
  versions: [0, 1],
  flexibleFrom: 1,
  request: writeTxnMarkersRequest,
  response: writeTxnMarkersResponse,
})

export type WriteTxnMarkersRequest = Infer<typeof writeTxnMarkersRequest>
