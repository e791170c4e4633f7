/**
 * CreatePartitions: more partitions for topics. Versions 0-3.
 *
 *  1 the answer is delayed after the quota, not before     2 flexible     3 THROTTLING_QUOTA_EXCEEDED (KIP-599)
 */

import { array, bool, type Infer, int16, int32, nullable, string, struct } from '../../core/codec/index.js'
import { api } from './api.js'
import { throttleTimeMs } from './shared.js'

export const createPartitionsRequest = struct({
  topics: array(
    struct({
      name: string,
      /** How many there shall be in all. */
      count: int32,
      assignments: nullable(array(struct({ brokerIds: array(int32) }))),
    }),
  ),
  timeoutMs: int32,
  validateOnly: bool,
})

export const createPartitionsResponse = struct({
  throttleTimeMs,
  results: array(struct({ name: string, errorCode: int16, errorMessage: nullable(string) })),
})

export const createPartitions = api({
  key: 37,
  name: 'CreatePartitions',
  versions: [0, 3],
  flexibleFrom: 2,
  request: createPartitionsRequest,
  response: createPartitionsResponse,
})

export type CreatePartitionsRequest = Infer<typeof createPartitionsRequest>
