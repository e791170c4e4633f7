/**
 * Fetch, versions 4-18.
 *
 * Record batches leave as they lie in the log, where they are mapped without a copy. Sessions (KIP-227) of readers are declined: every answer has session 0, on which
 * clients go on with full requests; a request that continues a session gets FETCH_SESSION_ID_NOT_FOUND. A replica (id 0 or greater) is answered by whoever sees to the copies: replica-fetch.ts. Who
 * reads committed records only gets those of aborted transactions too, with a list of these, as Kafka sends them; others
 * get null in its place. A request waits for a minute at most, whatever it asks for, and is answered with nothing then, on which clients ask again: so a connection that nobody
 * is behind any more is never kept for longer by what it waits for.
 */

import type { FetchedPartition, FetchPosition } from '../../broker/contract.js'
import { HoldfastError } from '../../core/errors.js'
import { isolationOf } from '../isolation.js'
import { type FetchRequest, type FetchResponse, fetch } from '../schemas/index.js'
import { failedPartition, maxFetchWaitMs, namesOf, partitionAnswer, unknownTopicId } from './fetch-answers.js'
import { endpoint } from './handler.js'
import { nearerReplica, sentTo } from './nearer-replica.js'
import { fetchForReplica, isOfReplica, refuseReplica } from './replica-fetch.js'

/** Epochs of a request that needs no session: a full one, and one that ends its session. */
const initialEpoch = 0
const finalEpoch = -1

export const fetchEndpoint = endpoint({
  api: fetch,
  order: 'wait',
  async handle(request, call) {
    if (isOfReplica(request)) return fetchForReplica(request, call)
    if (request.sessionEpoch !== initialEpoch && request.sessionEpoch !== finalEpoch) {
      return { errorCode: new HoldfastError('FETCH_SESSION_ID_NOT_FOUND').kafkaCode, topics: [] }
    }
    const names = namesOf(request.topics, call)
    const positions = positionsOf(request, names)
    const nearer = names.includes(undefined) ? undefined : await nearerReplica(request.rackId, positions, call)
    if (nearer !== undefined) return sentTo(nearer, request)
    const room = call.room()
    call.loans.add(() => room.giveBack())
    const fetched = await call.broker.fetch({
      positions,
      maxBytes: Math.min(request.maxBytes, call.broker.settings['fetch.max.bytes']),
      minBytes: request.minBytes,
      maxWaitMs: names.includes(undefined) ? 0 : Math.min(request.maxWaitMs, maxFetchWaitMs),
      isolation: isolationOf(request.isolationLevel),
      signal: call.signal,
      lend: true,
      room,
    })
    for (const { release } of fetched) if (release !== undefined) call.loans.add(release)
    return answer(request, names, fetched, call.version)
  },
  refuse(request, error, version) {
    if (isOfReplica(request) && version >= 7) return refuseReplica(error)
    return {
      topics: request.topics.map((topic) => ({
        ...topic,
        partitions: topic.partitions.map(({ index }) => failedPartition(index, error, version)),
      })),
    }
  },
})

function positionsOf({ topics }: FetchRequest, names: readonly (string | undefined)[]): FetchPosition[] {
  const positions: FetchPosition[] = []
  for (const [at, { partitions }] of topics.entries()) {
    const topic = names[at]
    if (topic === undefined) continue
    for (const { index, fetchOffset, maxBytes, currentLeaderEpoch } of partitions) {
      positions.push({ topic, partition: index, offset: fetchOffset, maxBytes, currentLeaderEpoch })
    }
  }
  return positions
}

/** The broker answers in the order of the positions, so they are taken one by one. */
function answer(
  { topics }: FetchRequest,
  names: readonly (string | undefined)[],
  fetched: readonly FetchedPartition[],
  version: number,
): FetchResponse {
  let next = 0
  return {
    topics: topics.map(({ name, topicId, partitions }, at) => ({
      name,
      topicId,
      partitions: partitions.map(({ index }) => {
        if (names[at] !== undefined) return partitionAnswer(fetched[next++], version)
        return failedPartition(index, unknownTopicId(topicId), version)
      }),
    })),
  }
}
