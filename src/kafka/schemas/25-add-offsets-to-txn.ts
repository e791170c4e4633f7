/**
 * AddOffsetsToTxn: the group whose offsets a transaction is going to commit. Versions 0-4.
 *
 *  2 PRODUCER_FENCED     3 flexible     4 TRANSACTION_ABORTABLE (KIP-890)
 */

import { int16, int64, string, struct } from '../../core/codec/index.js'
import { api } from './api.js'
import { throttleTimeMs } from './shared.js'

export const addOffsetsToTxnRequest = struct({
  transactionalId: string,
  producerId: int64,
  producerEpoch: int16,
  groupId: string,
})

export const addOffsetsToTxnResponse = struct({ throttleTimeMs, errorCode: int16 })

export const addOffsetsToTxn = api({
  key: 25,
  name: 'AddOffsetsToTxn',
  versions: [0, 4],
  flexibleFrom: 3,
  request: addOffsetsToTxnRequest,
  response: addOffsetsToTxnResponse,
})
