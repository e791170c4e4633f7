/**
 * ListTransactions: the transactional ids that the coordinator knows. Versions 0-1.
 *
 *  1 only those that run for longer than this (KIP-994)
 *
 * Version 2 (a pattern for the id) is not implemented.
 */

import { array, int16, int64, since, string, struct, withDefault } from '../../core/codec/index.js'
import { api } from './api.js'
import { throttleTimeMs } from './shared.js'

export const listTransactionsRequest = struct({
  stateFilters: withDefault([], array(string)),
  producerIdFilters: withDefault([], array(int64)),
  durationFilterMs: since(1, withDefault(-1, int64)),
})

export const listTransactionsResponse = struct({
  throttleTimeMs,
  errorCode: int16,
  unknownStateFilters: withDefault([], array(string)),
  transactionStates: array(struct({ transactionalId: string, producerId: int64, transactionState: string })),
})

export const listTransactions = api({
  key: 66,
  name: 'ListTransactions',
  versions: [0, 1],
  flexibleFrom: 0,
  request: listTransactionsRequest,
  response: listTransactionsResponse,
})
