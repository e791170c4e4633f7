/**
 * WriteTxnMarkers, versions 0-1: ends a transaction in the named partitions alone, whatever its coordinator knows of it. An
 * administrator asks for it (`kafka-transactions.sh abort`) where a transaction hangs, as one that a directory brought
 * along whose `__transaction_state` was left behind.
 */

import { kafkaCodeOf } from '../../core/errors.js'
import { writeTxnMarkers } from '../schemas/index.js'
import { type Call, endpoint } from './handler.js'

export const writeTxnMarkersEndpoint = endpoint({
  api: writeTxnMarkers,
  order: 'alone',
  async handle({ markers }, { broker }) {
    const answers = markers.map(async ({ topics, committed, ...producer }) => {
      const marker = { ...producer, commit: committed }
      const ofTopics = topics.map(async ({ name, partitionIndexes }) => {
        const partitions = partitionIndexes.map((index) => write(broker, name, index, marker))
        return { name, partitions: await Promise.all(partitions) }
      })
      return { producerId: marker.producerId, topics: await Promise.all(ofTopics) }
    })
    return { markers: await Promise.all(answers) }
  },
  refuse: ({ markers }, error) => ({
    markers: markers.map(({ producerId, topics }) => ({
      producerId,
      topics: topics.map(({ name, partitionIndexes }) => ({
        name,
        partitions: partitionIndexes.map((index) => ({ index, errorCode: kafkaCodeOf(error) })),
      })),
    })),
  }),
})

type Broker = Call['broker']

async function write(
  broker: Broker,
  topic: string,
  index: number,
  marker: Parameters<Broker['writeTransactionMarker']>[1],
): Promise<{ index: number; errorCode: number }> {
  try {
    await broker.writeTransactionMarker({ topic, partition: index }, marker)
    return { index, errorCode: 0 }
  } catch (error) {
    return { index, errorCode: kafkaCodeOf(error) }
  }
}
