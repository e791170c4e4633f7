/**
 * DeleteRecords: lets partitions begin later. Versions 0-2.
 *
 *  1 the answer is delayed after the quota, not before     2 flexible
 */

import { array, type Infer, int16, int32, int64, string, struct } from '../../core/codec/index.js'
import { api } from './api.js'
import { throttleTimeMs } from './shared.js'

export const deleteRecordsRequest = struct({
  topics: array(
    struct({
      name: string,
      /** `offset`: the first that is kept; -1 keeps nothing that is visible now. */
      partitions: array(struct({ index: int32, offset: int64 })),
    }),
  ),
  timeoutMs: int32,
})

export const deleteRecordsResponse = struct({
  throttleTimeMs,
  topics: array(
    struct({
      name: string,
      /** `lowWatermark`: where the partition begins now, -1 where there is an error. */
      partitions: array(struct({ index: int32, lowWatermark: int64, errorCode: int16 })),
    }),
  ),
})

export const deleteRecords = api({
  key: 21,
  name: 'DeleteRecords',
  versions: [0, 2],
  flexibleFrom: 2,
  request: deleteRecordsRequest,
  response: deleteRecordsResponse,
})

export type DeleteRecordsRequest = Infer<typeof deleteRecordsRequest>
