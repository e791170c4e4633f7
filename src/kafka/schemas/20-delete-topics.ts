/**
 * DeleteTopics. Versions 1-6.
 *
 *  1 throttle time     4 flexible     5 error message (KIP-599)     6 topics by name or by id (KIP-516)
 */

import {
  array,
  type Infer,
  int16,
  int32,
  nullable,
  since,
  string,
  struct,
  until,
  uuid,
} from '../../core/codec/index.js'
import { api } from './api.js'
import { throttleTimeMs } from './shared.js'

export const deleteTopicsRequest = struct({
  topics: since(6, array(struct({ name: nullable(string), topicId: since(6, uuid) }))),
  topicNames: until(5, array(string)),
  timeoutMs: int32,
})

export const deleteTopicsResponse = struct({
  throttleTimeMs,
  topics: array(
    struct({
      name: nullable(string, 6),
      topicId: since(6, uuid),
      errorCode: int16,
      errorMessage: since(5, nullable(string)),
    }),
  ),
})

export const deleteTopics = api({
  key: 20,
  name: 'DeleteTopics',
  versions: [1, 6],
  flexibleFrom: 4,
  request: deleteTopicsRequest,
  response: deleteTopicsResponse,
})

export type DeleteTopicsRequest = Infer<typeof deleteTopicsRequest>
