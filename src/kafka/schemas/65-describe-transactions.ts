/** DescribeTransactions: what the coordinator knows of transactional ids. Version 0. */

import { array, int16, int32, int64, string, struct, withDefault } from '../../core/codec/index.js'
import { api } from './api.js'
import { throttleTimeMs } from './shared.js'

export const describeTransactionsRequest = struct({ transactionalIds: array(string) })

export const describeTransactionsResponse = struct({
  throttleTimeMs,
  transactionStates: array(
    struct({
      errorCode: int16,
      transactionalId: string,
      transactionState: withDefault('', string),
      transactionTimeoutMs: withDefault(0, int32),
      transactionStartTimeMs: withDefault(0, int64),
      producerId: withDefault(0, int64),
      producerEpoch: withDefault(0, int16),
      topics: withDefault([], array(struct({ topic: string, partitions: array(int32) }))),
    }),
  ),
})

export const describeTransactions = api({
  key: 65,
  name: 'DescribeTransactions',
  versions: [0, 0],
  flexibleFrom: 0,
  request: describeTransactionsRequest,
  response: describeTransactionsResponse,
})
