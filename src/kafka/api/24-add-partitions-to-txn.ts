/**
 * AddPartitionsToTxn, versions 0-3: the partitions that a transaction is going to write to. Where one of them does not
 * exist none is added: that one answers UNKNOWN_TOPIC_OR_PARTITION, the others OPERATION_NOT_ATTEMPTED.
 */

import { type AddPartitionsToTxnRequest, addPartitionsToTxn } from '../schemas/index.js'
import { endpoint } from './handler.js'
import { transactionCode } from './refusals.js'

export const addPartitionsToTxnEndpoint = endpoint({
  api: addPartitionsToTxn,
  order: 'alone',
  async handle(request, { broker, version }) {
    const { transactionalId, producerId, producerEpoch } = request
    const places = request.topics.flatMap(({ name, partitions }) =>
      partitions.map((partition) => ({ topic: name, partition })),
    )
    const producer = { transactionalId, producerId, producerEpoch }
    const outcomes = await broker.addPartitionsToTransaction(producer, places)
    let next = 0
    return answer(request, () => {
      const error = outcomes[next++]
      return error === undefined ? 0 : codeOf(error, version)
    })
  },
  refuse: (request, error, version) => answer(request, () => codeOf(error, version)),
})

function answer({ topics }: AddPartitionsToTxnRequest, errorCode: () => number) {
  return {
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map((index) => ({ index, errorCode: errorCode() })),
    })),
  }
}

function codeOf(error: unknown, version: number): number {
  return transactionCode(error, { knowsFenced: version >= 2, knowsAbortable: false })
}
