/**
 * OffsetCommit, versions 2-10: how far a group has read. Answered when the commit is durable.
 *
 * A partition that does not exist is refused on its own, as Kafka does it before it asks the coordinator. The retention
 * time of versions 2-4 is not kept: there is no such setting here.
 */

import type { OffsetToCommit } from '../../broker/groups/contract.js'
import { HoldfastError, kafkaCodeOf } from '../../core/errors.js'
import { type OffsetCommitRequest, offsetCommit } from '../schemas/index.js'
import { idKey } from '../topic-ids.js'
import { type Call, endpoint } from './handler.js'

type Code = 'UNKNOWN_TOPIC_ID' | 'UNKNOWN_TOPIC_OR_PARTITION'

export const offsetCommitEndpoint = endpoint({
  api: offsetCommit,
  order: 'group',
  async handle(request, call) {
    const names = await namesOf(request, call)
    const partitionCounts = await countPartitions(names, call)
    const offsets: OffsetToCommit[] = []
    /** For each partition the place of its offset in `offsets`, or why it has none. */
    const places = request.topics.map(({ partitions }, at) => {
      const topic = names[at]
      return partitions.map(({ index, committedOffset, committedLeaderEpoch, committedMetadata }): number | Code => {
        if (topic === undefined) return 'UNKNOWN_TOPIC_ID'
        if (index < 0 || index >= (partitionCounts.get(topic) ?? 0)) return 'UNKNOWN_TOPIC_OR_PARTITION'
        const metadata = committedMetadata ?? ''
        const offset = { topic, partition: index, offset: committedOffset, leaderEpoch: committedLeaderEpoch, metadata }
        return offsets.push(offset) - 1
      })
    })
    const outcomes = await commit(request, offsets, call)
    return {
      topics: request.topics.map(({ name, topicId, partitions }, at) => ({
        name,
        topicId,
        partitions: partitions.map(({ index }, nth) => {
          const place = places[at][nth]
          const error = typeof place === 'number' ? outcomes[place] : new HoldfastError(place)
          return { index, errorCode: error === undefined ? 0 : kafkaCodeOf(error) }
        }),
      })),
    }
  },
  refuse: (request, error) => ({
    topics: request.topics.map(({ name, topicId, partitions }) => ({
      name,
      topicId,
      partitions: partitions.map(({ index }) => ({ index, errorCode: kafkaCodeOf(error) })),
    })),
  }),
})

async function namesOf({ topics }: OffsetCommitRequest, call: Call): Promise<readonly (string | undefined)[]> {
  if (call.version < 10) return topics.map((topic) => topic.name)
  const names = await call.topicIds.namesOf(topics.map((topic) => topic.topicId))
  return topics.map((topic) => names.get(idKey(topic.topicId)))
}

async function countPartitions(names: readonly (string | undefined)[], call: Call): Promise<Map<string, number>> {
  const topics = await call.broker.describeTopics(names.filter((name) => name !== undefined))
  return new Map(topics.map(({ name, partitions }) => [name, partitions.length]))
}

/** A commit of nothing still says whether the member may commit. */
async function commit(
  request: OffsetCommitRequest,
  offsets: readonly OffsetToCommit[],
  call: Call,
): Promise<readonly (HoldfastError | undefined)[]> {
  if (offsets.length === 0 && request.topics.length > 0) return []
  return call.broker.commitOffsets({
    groupId: request.groupId,
    memberId: request.memberId,
    groupInstanceId: request.groupInstanceId,
    generationId: request.generationIdOrMemberEpoch,
    offsets,
  })
}
