/**
 * DescribeProducers, version 0: the producers that a partition knows, each partition answering for itself. It is how an
 * administrator finds the transaction that holds back the readers of committed records.
 */

import { HoldfastError, kafkaCodeOf } from '../../core/errors.js'
import { describeProducers } from '../schemas/index.js'
import { type Call, endpoint } from './handler.js'

export const describeProducersEndpoint = endpoint({
  api: describeProducers,
  order: 'alone',
  async handle({ topics }, { broker }) {
    return {
      topics: topics.map(({ name, partitionIndexes }) => ({
        name,
        partitions: partitionIndexes.map((index) => describe(broker, name, index)),
      })),
    }
  },
  refuse: ({ topics }, error) => ({
    topics: topics.map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((index) => refused(index, error)),
    })),
  }),
})

function describe(broker: Call['broker'], topic: string, partition: number) {
  try {
    const activeProducers = broker.activeProducers({ topic, partition }).map((producer) => ({
      producerId: producer.producerId,
      producerEpoch: producer.producerEpoch,
      lastSequence: producer.lastSequence,
      lastTimestamp: producer.lastWrittenMs,
      coordinatorEpoch: producer.coordinatorEpoch,
      currentTxnStartOffset: producer.transactionFirstOffset,
    }))
    return { partitionIndex: partition, errorCode: 0, activeProducers }
  } catch (error) {
    return refused(partition, error)
  }
}

function refused(partitionIndex: number, error: unknown) {
  const errorMessage = error instanceof HoldfastError ? error.message : undefined
  return { partitionIndex, errorCode: kafkaCodeOf(error), errorMessage }
}
