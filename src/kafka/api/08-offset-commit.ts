/**
 * OffsetCommit, versions 2-10: how far a group has read. Answered when the commit is durable.
 *
 * A partition that does not exist is refused on its own. The retention time of versions 2-4 is not kept: there is no
 * such setting here.
 */

import type { OffsetToCommit } from '../../broker/groups/contract.js'
import { HoldfastError, kafkaCodeOf } from '../../core/errors.js'
import { type OffsetCommitRequest, offsetCommit } from '../schemas/index.js'
import { type Call, endpoint } from './handler.js'

export const offsetCommitEndpoint = endpoint({
  api: offsetCommit,
  order: 'group',
  async handle(request, call) {
    const names = request.topics.map((topic) => (call.version < 10 ? topic.name : call.broker.topicName(topic.topicId)))
    const outcomes = await commit(request, offsetsOf(request, names), call)
    let next = 0
    return {
      topics: request.topics.map(({ name, topicId, partitions }, at) => ({
        name,
        topicId,
        partitions: partitions.map(({ index }) => {
          const error = names[at] === undefined ? new HoldfastError('UNKNOWN_TOPIC_ID') : outcomes[next++]
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

function offsetsOf({ topics }: OffsetCommitRequest, names: readonly (string | undefined)[]): OffsetToCommit[] {
  return topics.flatMap(({ partitions }, at) => {
    const topic = names[at]
    if (topic === undefined) return []
    return partitions.map(({ index, committedOffset, committedLeaderEpoch, committedMetadata }) => ({
      topic,
      partition: index,
      offset: committedOffset,
      leaderEpoch: committedLeaderEpoch,
      metadata: committedMetadata ?? '',
    }))
  })
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
