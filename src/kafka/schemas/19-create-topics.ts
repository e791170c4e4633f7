/**
 * CreateTopics. Versions 2-7.
 *
 *  2 throttle time     4 -1 partitions or replicas: the default of the broker (KIP-464)
 *  5 flexible; the configuration of the new topic in the answer (KIP-525)     7 topic id
 */

import {
  array,
  bool,
  type Infer,
  type InferInput,
  int8,
  int16,
  int32,
  nullable,
  since,
  string,
  struct,
  tagged,
  uuid,
  withDefault,
} from '../../core/codec/index.js'
import { api } from './api.js'
import { throttleTimeMs } from './shared.js'

export const createTopicsRequest = struct({
  topics: array(
    struct({
      name: string,
      numPartitions: int32,
      replicationFactor: int16,
      assignments: withDefault([], array(struct({ partitionIndex: int32, brokerIds: array(int32) }))),
      configs: withDefault([], array(struct({ name: string, value: nullable(string) }))),
    }),
  ),
  timeoutMs: withDefault(60_000, int32),
  validateOnly: withDefault(false, bool),
})

export const createTopicsResponse = struct({
  throttleTimeMs,
  topics: array(
    struct({
      name: string,
      topicId: since(7, uuid),
      errorCode: int16,
      errorMessage: nullable(string),
      topicConfigErrorCode: tagged(0, 5, int16),
      numPartitions: since(5, withDefault(-1, int32)),
      replicationFactor: since(5, withDefault(-1, int16)),
      configs: since(
        5,
        nullable(
          array(
            struct({
              name: string,
              value: nullable(string),
              readOnly: bool,
              configSource: withDefault(-1, int8),
              isSensitive: bool,
            }),
          ),
        ),
      ),
    }),
  ),
})

export const createTopics = api({
  key: 19,
  name: 'CreateTopics',
  versions: [2, 7],
  flexibleFrom: 5,
  request: createTopicsRequest,
  response: createTopicsResponse,
})

export type CreateTopicsRequest = Infer<typeof createTopicsRequest>
export type CreateTopicsResponse = InferInput<typeof createTopicsResponse>
