/**
 * AddPartitionsToTxn: the partitions that a transaction is going to write to. Versions 0-3.
 *
 *  2 PRODUCER_FENCED     3 flexible
 *
 * Versions 4 and 5 (several transactions at once, verification) are spoken between brokers and not implemented.
 */

import { array, type Infer, int16, int32, int64, string, struct } from '../../core/codec/index.js'
import { api } from './api.js'
import { throttleTimeMs } from './shared.js'

export const addPartitionsToTxnRequest = struct({
  transactionalId: string,
  producerId: int64,
  producerEpoch: int16,
  topics: array(struct({ name: string, partitions: array(int32) })),
})

export const addPartitionsToTxnResponse = struct({
  throttleTimeMs,
  topics: array(
    struct({
      name: string,
      partitions: array(struct({ index: int32, errorCode: int16 })),
    }),
  ),
})

export const addPartitionsToTxn = api({
  key: 24,
  name: 'AddPartitionsToTxn',
  versions: [0, 3],
  flexibleFrom: 3,
  request: addPartitionsToTxnRequest,
  response: addPartitionsToTxnResponse,
})

export type AddPartitionsToTxnRequest = Infer<typeof addPartitionsToTxnRequest>
