/**
 * Produce: record batches to append, and where they went. Versions 3-13; 0-2 are advertised too (old librdkafka stops
 * compressing unless they are) but not implemented.
 *
 *  3 transactional id, record batches of magic 2     10 leader hints in tagged fields (KIP-951)
 *  4 storage errors are told apart                   11 a transaction may be told to abort (KIP-890)
 *  5 log start offset                                12 a transactional batch enrols its partition (KIP-890)
 *  7 zstd                                            13 topics by id instead of by name (KIP-516)
 *  8 errors per record (KIP-467)
 *  9 flexible
 */

import {
  array,
  type Infer,
  type InferInput,
  int16,
  int32,
  int64,
  nullable,
  records,
  since,
  string,
  struct,
  tagged,
  until,
  uuid,
  withDefault,
} from '../../core/codec/index.js'
import { api } from './api.js'
import { currentLeader, nodeEndpoints, throttleTimeMs } from './shared.js'

export const produceRequest = struct({
  transactionalId: nullable(string),
  acks: int16,
  timeoutMs: int32,
  topics: array(
    struct({
      name: until(12, string),
      topicId: since(13, uuid),
      partitions: array(struct({ index: int32, records: nullable(records) })),
    }),
  ),
})

export const produceResponse = struct({
  topics: array(
    struct({
      name: until(12, string),
      topicId: since(13, uuid),
      partitions: array(
        struct({
          index: int32,
          errorCode: int16,
          baseOffset: int64,
          logAppendTimeMs: withDefault(-1, int64),
          logStartOffset: since(5, withDefault(-1, int64)),
          recordErrors: since(8, array(struct({ batchIndex: int32, errorMessage: nullable(string) }))),
          errorMessage: since(8, nullable(string)),
          currentLeader: tagged(0, 10, currentLeader),
        }),
      ),
    }),
  ),
  throttleTimeMs,
  nodeEndpoints: tagged(0, 10, nodeEndpoints),
})

export const produce = api({
  key: 0,
  name: 'Produce',
  versions: [3, 13],
  flexibleFrom: 9,
  request: produceRequest,
  response: produceResponse,
})

export type ProduceRequest = Infer<typeof produceRequest>
export type ProduceResponse = InferInput<typeof produceResponse>
