/** OffsetDelete: what a group has committed for partitions (KIP-496). Version 0. */

import { array, type Infer, int16, int32, string, struct } from '../../core/codec/index.js'
import { api } from './api.js'
import { throttleTimeMs } from './shared.js'

export const offsetDeleteRequest = struct({
  groupId: string,
  topics: array(struct({ name: string, partitions: array(struct({ index: int32 })) })),
})

export const offsetDeleteResponse = struct({
  errorCode: int16,
  throttleTimeMs,
  topics: array(struct({ name: string, partitions: array(struct({ index: int32, errorCode: int16 })) })),
})

export const offsetDelete = api({
  key: 47,
  name: 'OffsetDelete',
  versions: [0, 0],
  flexibleFrom: Number.POSITIVE_INFINITY,
  request: offsetDeleteRequest,
  response: offsetDeleteResponse,
})

export type OffsetDeleteRequest = Infer<typeof offsetDeleteRequest>
