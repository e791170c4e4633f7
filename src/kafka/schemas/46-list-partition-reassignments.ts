/** ListPartitionReassignments: replicas that are on the move (KIP-455). Version 0, flexible. */

import { array, int16, int32, nullable, string, struct, withDefault } from '../../core/codec/index.js'
import { api } from './api.js'
import { throttleTimeMs } from './shared.js'

export const listPartitionReassignmentsRequest = struct({
  timeoutMs: withDefault(60_000, int32),
  /** Null for all. */
  topics: nullable(array(struct({ name: string, partitionIndexes: array(int32) }))),
})

export const listPartitionReassignmentsResponse = struct({
  throttleTimeMs,
  errorCode: int16,
  errorMessage: nullable(string),
  topics: array(
    struct({
      name: string,
      partitions: array(
        struct({
          index: int32,
          replicas: array(int32),
          addingReplicas: array(int32),
          removingReplicas: array(int32),
        }),
      ),
    }),
  ),
})

export const listPartitionReassignments = api({
  key: 46,
  name: 'ListPartitionReassignments',
  versions: [0, 0],
  flexibleFrom: 0,
  request: listPartitionReassignmentsRequest,
  response: listPartitionReassignmentsResponse,
})
