/** OffsetForLeaderEpoch, versions 2-4: where the records of a leader epoch end. */

import { kafkaCodeOf } from '../../core/errors.js'
import { offsetForLeaderEpoch } from '../schemas/index.js'
import { endpoint } from './handler.js'

export const offsetForLeaderEpochEndpoint = endpoint({
  api: offsetForLeaderEpoch,
  order: 'alone',
  async handle({ topics }, { broker }) {
    const found = await broker.findEpochs(
      topics.flatMap(({ name, partitions }) =>
        partitions.map(({ index, currentLeaderEpoch, leaderEpoch }) => ({
          topic: name,
          partition: index,
          epoch: leaderEpoch,
          currentLeaderEpoch,
        })),
      ),
    )
    let next = 0
    return {
      topics: topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ index }) => {
          const { error, epoch, endOffset } = found[next++]
          if (error !== undefined) return { index, errorCode: kafkaCodeOf(error) }
          return { index, errorCode: 0, leaderEpoch: epoch, endOffset }
        }),
      })),
    }
  },
  refuse: ({ topics }, error) => ({
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ index }) => ({ index, errorCode: kafkaCodeOf(error) })),
    })),
  }),
})
