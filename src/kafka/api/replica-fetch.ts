/**
 * The fetch of a replica. Unlike a reader it has a session, and gets what lies behind the high watermark too.
 *
 * It says which leader epoch it knows in a field of ours, since a request of a session may name no partition, or with each
 * position, as Kafka's replicas do. What is wrong with the request as a whole is said once, for all of it.
 */

import type { FetchedPartition, TopicPartition } from '../../broker/contract.js'
import { kafkaCodeOf } from '../../core/errors.js'
import type { ReplicaPosition } from '../../replication/contract.js'
import { groupedByTopic } from '../remote-broker-errors.js'
import type { FetchRequest, FetchResponse } from '../schemas/index.js'
import { failedPartition, maxFetchWaitMs, namesOf, partitionAnswer, unknownTopicId } from './fetch-answers.js'
import type { Call } from './handler.js'
import { replicasOf } from './replicas.js'

type TopicAnswer = FetchResponse['topics'][number]

export function isOfReplica(request: FetchRequest): boolean {
  return replicaIdOf(request) >= 0
}

function replicaIdOf({ replicaId, replicaState }: FetchRequest): number {
  return Math.max(replicaId, replicaState.replicaId)
}

/** From version 7 on; before there is room for errors of partitions only. */
export function refuseReplica(error: unknown): FetchResponse {
  return { errorCode: kafkaCodeOf(error), topics: [] }
}

export async function fetchForReplica(request: FetchRequest, call: Call): Promise<FetchResponse> {
  const { broker, version } = call
  const { positions, unknown } = positionsOf(request, call)
  const fetched = await replicasOf(call).fetch({
    replicaId: replicaIdOf(request),
    leaderEpoch: leaderEpochOf(request),
    sessionId: request.sessionId,
    sessionEpoch: request.sessionEpoch,
    positions,
    forgotten: forgottenOf(request, call),
    isAhead: request.isAhead,
    maxBytes: Math.min(request.maxBytes, broker.settings['replica.fetch.max.bytes']),
    maxWaitMs: unknown.length > 0 ? 0 : Math.min(request.maxWaitMs, maxFetchWaitMs),
    signal: call.signal,
  })
  hold(fetched.partitions, call)
  const topics: TopicAnswer[] = [...unknown]
  for (const { topic, items } of groupedByTopic(fetched.partitions)) {
    const topicId = broker.topicId(topic)
    // A topic that was deleted meanwhile has no id to name it with.
    if (version >= 13 && topicId === undefined) continue
    topics.push({ name: topic, topicId, partitions: items.map((each) => partitionAnswer(each, version)) })
  }
  return { errorCode: 0, sessionId: fetched.sessionId, topics }
}

/**
 * What is lent is given back with the answer. Copies count with the records of all answers, so that readers have less
 * room, but a replica never waits for room as they do: what everybody waits for with acks=all must not depend on readers
 * that are slow. It is bounded all the same: by what is asked for at once, and by one request at a time of a connection.
 */
function hold(partitions: readonly FetchedPartition[], call: Call): void {
  const room = call.room()
  call.loans.add(() => room.giveBack())
  let copiedBytes = 0
  for (const { release, records } of partitions) {
    if (release !== undefined) call.loans.add(release)
    else for (const { length } of records) copiedBytes += length
  }
  room.settle(copiedBytes)
}

function leaderEpochOf({ leaderEpoch, topics }: FetchRequest): number {
  if (leaderEpoch >= 0) return leaderEpoch
  return topics[0]?.partitions[0]?.currentLeaderEpoch ?? -1
}

/** The positions of topics that there are, and the answers for those that there are not. */
function positionsOf(request: FetchRequest, call: Call) {
  const names = namesOf(request.topics, call)
  const positions: ReplicaPosition[] = []
  const unknown: TopicAnswer[] = []
  for (const [at, { name, topicId, partitions }] of request.topics.entries()) {
    const topic = names[at]
    if (topic === undefined) {
      const error = unknownTopicId(topicId)
      unknown.push({
        name,
        topicId,
        partitions: partitions.map(({ index }) => failedPartition(index, error, call.version)),
      })
    } else {
      for (const { index, fetchOffset } of partitions) positions.push({ topic, partition: index, offset: fetchOffset })
    }
  }
  return { positions, unknown }
}

function forgottenOf({ forgottenTopics }: FetchRequest, call: Call): readonly TopicPartition[] {
  const names = namesOf(forgottenTopics, call)
  return forgottenTopics.flatMap(({ partitions }, at) => {
    const topic = names[at]
    return topic === undefined ? [] : partitions.map((partition) => ({ topic, partition }))
  })
}
