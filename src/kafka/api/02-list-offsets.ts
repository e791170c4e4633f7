/**
 * ListOffsets, versions 1-11: offsets by time, and the ends of a log.
 *
 * To who reads committed records only (v2), the log ends at its last stable offset.
 *
 * The special times: -1 latest, -2 earliest, -3 the record with the greatest time (v7), -4 earliest local (v8), which is
 * the earliest as nothing is tiered, -5 latest tiered (v9) and -6 earliest still to be tiered (v11), of which there is none.
 */

import type { OffsetLookup, OffsetQuery } from '../../broker/contract.js'
import { HoldfastError, kafkaCodeOf } from '../../core/errors.js'
import { isolationOf } from '../isolation.js'
import { type ListOffsetsRequest, type ListOffsetsResponse, listOffsets } from '../schemas/index.js'
import { endpoint } from './handler.js'
import { duplicatesOf } from './refusals.js'

type Partition = ListOffsetsRequest['topics'][number]['partitions'][number]
type PartitionAnswer = ListOffsetsResponse['topics'][number]['partitions'][number]

interface SpecialTime {
  readonly sinceVersion: number
  /** Undefined where there is never such an offset. */
  readonly query: OffsetQuery | undefined
}

const specialTimes: ReadonlyMap<number, SpecialTime> = new Map([
  [-1, { sinceVersion: 1, query: 'latest' }],
  [-2, { sinceVersion: 1, query: 'earliest' }],
  [-3, { sinceVersion: 7, query: 'maxTimestamp' }],
  [-4, { sinceVersion: 8, query: 'earliest' }],
  [-5, { sinceVersion: 9, query: undefined }],
  [-6, { sinceVersion: 11, query: undefined }],
])

export const listOffsetsEndpoint = endpoint({
  api: listOffsets,
  order: 'alone',
  async handle({ topics, isolationLevel }, { broker, version }) {
    const isolation = isolationOf(isolationLevel)
    const keyOf = (topic: string, index: number): string => `${topic}/${index}`
    const twice = duplicatesOf(
      topics.flatMap(({ name, partitions }) => partitions.map(({ index }) => keyOf(name, index))),
    )
    const lookups: OffsetLookup[] = []
    const answers = topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map((partition): PartitionAnswer | number => {
        const { index, currentLeaderEpoch } = partition
        if (twice.has(keyOf(name, index))) return refused(index, new HoldfastError('INVALID_REQUEST'))
        const query = queryOf(partition, version)
        if (query instanceof HoldfastError) return refused(index, query)
        if (query === undefined) return { index, errorCode: 0 }
        return lookups.push({ topic: name, partition: index, query, currentLeaderEpoch }) - 1
      }),
    }))
    const found = await broker.findOffsets(lookups, isolation)
    return {
      topics: answers.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map((answer): PartitionAnswer => {
          if (typeof answer !== 'number') return answer
          const { partition, error, offset, timestamp, leaderEpoch } = found[answer]
          return error === undefined
            ? { index: partition, errorCode: 0, offset, timestamp, leaderEpoch }
            : refused(partition, error)
        }),
      })),
    }
  },
  refuse: ({ topics }, error) => ({
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ index }) => refused(index, error)),
    })),
  }),
})

function queryOf({ timestamp }: Partition, version: number): OffsetQuery | undefined | HoldfastError {
  if (timestamp >= 0) return timestamp
  const special = specialTimes.get(timestamp)
  if (special !== undefined && version >= special.sinceVersion) return special.query
  return new HoldfastError('UNSUPPORTED_VERSION', `ListOffsets ${version} knows no time ${timestamp}.`)
}

function refused(index: number, error: unknown): PartitionAnswer {
  return { index, errorCode: kafkaCodeOf(error) }
}
