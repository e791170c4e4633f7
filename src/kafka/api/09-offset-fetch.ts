/**
 * OffsetFetch, versions 1-10: the committed offsets of one group, from version 8 on of several.
 *
 * A partition without one has the offset -1. Null topics ask for all that have one. With `requireStable` a partition for
 * which an open transaction has an offset answers UNSTABLE_OFFSET_COMMIT, on which clients ask again.
 */

import type { TopicPartition } from '../../broker/contract.js'
import type { FetchedOffset } from '../../broker/groups/contract.js'
import { zeroUuid } from '../../core/codec/index.js'
import { HoldfastError, kafkaCodeOf } from '../../core/errors.js'
import { type OffsetFetchRequest, offsetFetch } from '../schemas/index.js'
import { type Call, endpoint } from './handler.js'

interface AskedTopic {
  readonly name: string
  readonly topicId: Buffer
  readonly partitionIndexes: readonly number[]
}

interface PartitionAnswer {
  readonly index: number
  readonly committedOffset: number
  readonly committedLeaderEpoch?: number
  readonly metadata: string | null
  readonly errorCode: number
}

interface TopicAnswer {
  readonly name: string
  readonly topicId: Buffer
  readonly partitions: readonly PartitionAnswer[]
}

type Group = OffsetFetchRequest['groups'][number]

export const offsetFetchEndpoint = endpoint({
  api: offsetFetch,
  order: 'group',
  async handle(request, call) {
    if (call.version >= 8) {
      return {
        groups: await Promise.all(request.groups.map((group) => ofGroup(group, request.requireStable, call))),
        topics: [],
      }
    }
    const topics = request.topics?.map((topic) => ({ ...topic, topicId: zeroUuid })) ?? null
    return { topics: await committedOf(request.groupId, topics, request.requireStable, call), errorCode: 0 }
  },
  // Version 1 has no error for the whole answer.
  refuse: (request, error) => ({
    topics: (request.topics ?? []).map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((index) => without(index, error)),
    })),
    errorCode: kafkaCodeOf(error),
    groups: request.groups.map(({ groupId }) => ({ groupId, topics: [], errorCode: kafkaCodeOf(error) })),
  }),
})

async function ofGroup({ groupId, topics }: Group, requireStable: boolean, call: Call) {
  try {
    return { groupId, topics: await committedOf(groupId, topics, requireStable, call), errorCode: 0 }
  } catch (error) {
    return { groupId, topics: [], errorCode: kafkaCodeOf(error) }
  }
}

async function committedOf(
  groupId: string,
  topics: readonly AskedTopic[] | null,
  requireStable: boolean,
  call: Call,
): Promise<TopicAnswer[]> {
  const options = { requireStable }
  if (topics === null) return allOf(await call.broker.fetchOffsets(groupId, null, options), call)
  const names = namesOf(topics, call)
  const partitions: TopicPartition[] = []
  for (const [at, { partitionIndexes }] of topics.entries()) {
    const topic = names[at]
    if (topic !== undefined) for (const partition of partitionIndexes) partitions.push({ topic, partition })
  }
  const found = byTopic(await call.broker.fetchOffsets(groupId, partitions, options))
  return topics.map(({ name, topicId, partitionIndexes }, at) => {
    const topic = names[at]
    if (topic === undefined) {
      const unknown = new HoldfastError('UNKNOWN_TOPIC_ID')
      return { name, topicId, partitions: partitionIndexes.map((index) => without(index, unknown)) }
    }
    const ofTopic = found.get(topic)
    const answers = partitionIndexes.map((index) => {
      const offset = ofTopic?.get(index)
      return offset === undefined ? without(index) : committed(offset)
    })
    return { name: topic, topicId, partitions: answers }
  })
}

function allOf(offsets: readonly FetchedOffset[], { broker, version }: Call): TopicAnswer[] {
  const found = byTopic(offsets)
  const answers: TopicAnswer[] = []
  for (const [name, ofTopic] of found) {
    const topicId = version < 10 ? zeroUuid : broker.topicId(name)
    // A client that knows topics by id alone can do nothing with one that has none any more.
    if (topicId !== undefined) answers.push({ name, topicId, partitions: [...ofTopic.values()].map(committed) })
  }
  return answers
}

function namesOf(topics: readonly AskedTopic[], { broker, version }: Call): readonly (string | undefined)[] {
  return topics.map((topic) => (version < 10 ? topic.name : broker.topicName(topic.topicId)))
}

function byTopic(offsets: readonly FetchedOffset[]): Map<string, Map<number, FetchedOffset>> {
  const topics = new Map<string, Map<number, FetchedOffset>>()
  for (const offset of offsets) {
    const ofTopic = topics.get(offset.topic) ?? new Map<number, FetchedOffset>()
    topics.set(offset.topic, ofTopic.set(offset.partition, offset))
  }
  return topics
}

function committed({ partition, offset, leaderEpoch, metadata, error }: FetchedOffset): PartitionAnswer {
  if (error !== undefined) return without(partition, error)
  return { index: partition, committedOffset: offset, committedLeaderEpoch: leaderEpoch, metadata, errorCode: 0 }
}

function without(index: number, error?: unknown): PartitionAnswer {
  return { index, committedOffset: -1, metadata: '', errorCode: error === undefined ? 0 : kafkaCodeOf(error) }
}
