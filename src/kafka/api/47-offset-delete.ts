/** OffsetDelete, version 0: what a group has committed for topics that its members do not read. Each partition answers for itself. */

import { kafkaCodeOf } from '../../core/errors.js'
import { offsetDelete } from '../schemas/index.js'
import { endpoint } from './handler.js'

export const offsetDeleteEndpoint = endpoint({
  api: offsetDelete,
  order: 'group',
  async handle({ groupId, topics }, { broker }) {
    const places = topics.flatMap(({ name, partitions }) =>
      partitions.map(({ index }) => ({ topic: name, partition: index })),
    )
    const outcomes = await broker.deleteOffsets(groupId, places)
    let next = 0
    return {
      errorCode: 0,
      topics: topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ index }) => {
          const error = outcomes[next++]
          return { index, errorCode: error === undefined ? 0 : kafkaCodeOf(error) }
        }),
      })),
    }
  },
  refuse: (_request, error) => ({ errorCode: kafkaCodeOf(error), topics: [] }),
})
