/**
 * TxnOffsetCommit: how far a group has read, to hold once the transaction is committed. Versions 0-4.
 *
 *  2 leader epoch     3 member, generation and instance id, flexible (KIP-447)     4 TRANSACTION_ABORTABLE (KIP-890)
 */

import {
  array,
  type Infer,
  int16,
  int32,
  int64,
  nullable,
  since,
  string,
  struct,
  withDefault,
} from '../../core/codec/index.js'
import { api } from './api.js'
import { throttleTimeMs } from './shared.js'

export const txnOffsetCommitRequest = struct({
  transactionalId: string,
  groupId: string,
  producerId: int64,
  producerEpoch: int16,
  generationId: since(3, withDefault(-1, int32)),
  memberId: since(3, withDefault('', string)),
  groupInstanceId: since(3, nullable(string)),
  topics: array(
    struct({
      name: string,
      partitions: array(
        struct({
          index: int32,
          committedOffset: int64,
          committedLeaderEpoch: since(2, withDefault(-1, int32)),
          committedMetadata: nullable(string),
        }),
      ),
    }),
  ),
})

export const txnOffsetCommitResponse = struct({
  throttleTimeMs,
  topics: array(
    struct({
      name: string,
      partitions: array(struct({ index: int32, errorCode: int16 })),
    }),
  ),
})

export const txnOffsetCommit = api({
  key: 28,
  name: 'TxnOffsetCommit',
  versions: [0, 4],
  flexibleFrom: 3,
  request: txnOffsetCommitRequest,
  response: txnOffsetCommitResponse,
})

export type TxnOffsetCommitRequest = Infer<typeof txnOffsetCommitRequest>
