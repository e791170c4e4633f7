/**
 * TxnOffsetCommit, versions 0-4: how far a group has read, to hold once the transaction is committed. Answered when it is
 * durable; a partition that does not exist is refused on its own.
 */

import { type TxnOffsetCommitRequest, txnOffsetCommit } from '../schemas/index.js'
import { endpoint } from './handler.js'
import { transactionCode } from './refusals.js'

export const txnOffsetCommitEndpoint = endpoint({
  api: txnOffsetCommit,
  order: 'group',
  async handle(request, { broker, version }) {
    const { topics, ...rest } = request
    const offsets = topics.flatMap(({ name, partitions }) =>
      partitions.map(({ index, committedOffset, committedLeaderEpoch, committedMetadata }) => ({
        topic: name,
        partition: index,
        offset: committedOffset,
        leaderEpoch: committedLeaderEpoch,
        metadata: committedMetadata ?? '',
      })),
    )
    const outcomes = await broker.commitTransactionalOffsets({ ...rest, offsets })
    let next = 0
    return answer(request, () => {
      const error = outcomes[next++]
      return error === undefined ? 0 : codeOf(error, version)
    })
  },
  refuse: (request, error, version) => answer(request, () => codeOf(error, version)),
})

function answer({ topics }: TxnOffsetCommitRequest, errorCode: () => number) {
  return {
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ index }) => ({ index, errorCode: errorCode() })),
    })),
  }
}

function codeOf(error: unknown, version: number): number {
  return transactionCode(error, { knowsFenced: true, knowsAbortable: version >= 4 })
}
