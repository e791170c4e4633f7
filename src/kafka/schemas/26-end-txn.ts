/**
 * EndTxn: commits or aborts a transaction. Versions 0-4.
 *
 *  2 PRODUCER_FENCED     3 flexible     4 TRANSACTION_ABORTABLE (KIP-890)
 *
 * Version 5 (a new epoch after each transaction) needs the feature `transaction.version`, which is not announced.
 */

import { bool, int16, int64, string, struct } from '../../core/codec/index.js'
import { api } from './api.js'
import { throttleTimeMs } from './shared.js'

export const endTxnRequest = struct({
  transactionalId: string,
  producerId: int64,
  producerEpoch: int16,
  committed: bool,
})

export const endTxnResponse = struct({ throttleTimeMs, errorCode: int16 })

export const endTxn = api({
  key: 26,
  name: 'EndTxn',
  versions: [0, 4],
  flexibleFrom: 3,
  request: endTxnRequest,
  response: endTxnResponse,
})
