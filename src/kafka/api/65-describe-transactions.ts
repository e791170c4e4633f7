/** DescribeTransactions, version 0: what the coordinator knows of transactional ids, each answering for itself. */

import { kafkaCodeOf } from '../../core/errors.js'
import { describeTransactions } from '../schemas/index.js'
import { type Call, endpoint } from './handler.js'

export const describeTransactionsEndpoint = endpoint({
  api: describeTransactions,
  order: 'alone',
  async handle({ transactionalIds }, { broker }) {
    return { transactionStates: await Promise.all(transactionalIds.map((id) => describe(broker, id))) }
  },
  refuse: ({ transactionalIds }, error) => ({
    transactionStates: transactionalIds.map((transactionalId) => ({ transactionalId, errorCode: kafkaCodeOf(error) })),
  }),
})

async function describe(broker: Call['broker'], transactionalId: string) {
  try {
    const found = await broker.describeTransaction(transactionalId)
    const topics = new Map<string, number[]>()
    for (const { topic, partition } of found.partitions) topics.set(topic, [...(topics.get(topic) ?? []), partition])
    return {
      errorCode: 0,
      transactionalId,
      transactionState: found.status,
      transactionTimeoutMs: found.timeoutMs,
      transactionStartTimeMs: found.startMs,
      producerId: found.producerId,
      producerEpoch: found.producerEpoch,
      topics: [...topics].map(([topic, partitions]) => ({ topic, partitions })),
    }
  } catch (error) {
    return { transactionalId, errorCode: kafkaCodeOf(error) }
  }
}
