/**
 * InitProducerId: an id and an epoch for an idempotent or transactional producer. Versions 0-5.
 *
 *  2 flexible     3 the id and epoch a producer already has (KIP-360)     4 PRODUCER_FENCED     5 TRANSACTION_ABORTABLE
 *
 * Version 6 (two-phase commit, KIP-939) is not stable in Kafka 4.2 and not implemented.
 */

import { int16, int32, int64, nullable, since, string, struct, withDefault } from '../../core/codec/index.js'
import { api } from './api.js'
import { throttleTimeMs } from './shared.js'

export const initProducerIdRequest = struct({
  transactionalId: nullable(string),
  transactionTimeoutMs: int32,
  producerId: since(3, withDefault(-1, int64)),
  producerEpoch: since(3, withDefault(-1, int16)),
})

export const initProducerIdResponse = struct({
  throttleTimeMs,
  errorCode: int16,
  producerId: withDefault(-1, int64),
  producerEpoch: withDefault(0, int16),
})

export const initProducerId = api({
  key: 22,
  name: 'InitProducerId',
  versions: [0, 5],
  flexibleFrom: 2,
  request: initProducerIdRequest,
  response: initProducerIdResponse,
})
