/** DeleteRecords, versions 0-2: partitions begin at the offsets that are named; each answers for itself. */

import { HoldfastError } from '../../core/errors.js'
import { type DeleteRecordsRequest, deleteRecords } from '../schemas/index.js'
import { type Call, endpoint } from './handler.js'
import { duplicatesOf, refusalOf } from './refusals.js'

type Partition = DeleteRecordsRequest['topics'][number]['partitions'][number]

export const deleteRecordsEndpoint = endpoint({
  api: deleteRecords,
  order: 'alone',
  async handle({ topics }, call) {
    const twice = duplicatesOf(topics.map(({ name }) => name))
    return {
      topics: await Promise.all(
        topics.map(async ({ name, partitions }) => ({
          name,
          partitions: await Promise.all(partitions.map((partition) => deleteOne(name, partition, twice, call))),
        })),
      ),
    }
  },
  refuse: ({ topics }, error) => ({
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ index }) => refused(index, error)),
    })),
  }),
})

async function deleteOne(topic: string, { index, offset }: Partition, twice: ReadonlySet<string>, { broker }: Call) {
  try {
    if (twice.has(topic)) throw new HoldfastError('INVALID_REQUEST', `The request names ${topic} more than once.`)
    return { index, lowWatermark: await broker.deleteRecords({ topic, partition: index }, offset), errorCode: 0 }
  } catch (error) {
    return refused(index, error)
  }
}

function refused(index: number, error: unknown) {
  return { index, lowWatermark: -1, errorCode: refusalOf(error).errorCode }
}
