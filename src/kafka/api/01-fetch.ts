/**
 * Fetch, versions 4-18.
 *
 * Record batches leave as they lie in the log, where they are mapped without a copy. Sessions (KIP-227) are declined: every answer has session 0, on which
 * clients go on with full requests; a request that continues a session gets FETCH_SESSION_ID_NOT_FOUND. Who
 * reads committed records only gets those of aborted transactions too, with a list of these, as Kafka sends them; others
 * get null in its place. A request waits for a minute at most, whatever it asks for, and is answered with nothing then, on which clients ask again: so a connection that nobody
 * is behind any more is never kept for longer by what it waits for.
 */

import type { FetchedPartition, FetchPosition } from '../../broker/contract.js'
import { HoldfastError } from '../../core/errors.js'
import { uuidText } from '../../core/randomness.js'
import { isolationOf } from '../isolation.js'
import { type FetchRequest, type FetchResponse, fetch } from '../schemas/index.js'
import { type Call, endpoint } from './handler.js'
import { storageAwareCode } from './refusals.js'

type PartitionAnswer = FetchResponse['topics'][number]['partitions'][number]

/** Epochs of a request that needs no session: a full one, and one that ends its session. */
const initialEpoch = 0
const finalEpoch = -1

/** The longest that a request waits. */
export const maxFetchWaitMs = 60_000

const noRecords: readonly Buffer[] = []

export const fetchEndpoint = endpoint({
  api: fetch,
  order: 'wait',
  async handle(request, call) {
    if (request.sessionEpoch !== initialEpoch && request.sessionEpoch !== finalEpoch) {
      return { errorCode: new HoldfastError('FETCH_SESSION_ID_NOT_FOUND').kafkaCode, topics: [] }
    }
    const names = namesOf(request, call)
    const room = call.room()
    call.loans.add(() => room.giveBack())
    const fetched = await call.broker.fetch({
      positions: positionsOf(request, names),
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
  refuse: (request, error, version) => ({
    topics: request.topics.map((topic) => ({
      ...topic,
      partitions: topic.partitions.map(({ index }) => failed(index, error, version)),
    })),
  }),
})

/** One name for each topic of the request, undefined for an id that no topic has. */
function namesOf({ topics }: FetchRequest, { broker, version }: Call): readonly (string | undefined)[] {
  return topics.map((topic) => (version < 13 ? topic.name : broker.topicName(topic.topicId)))
}

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
        const message = `There is no topic of the id ${uuidText(topicId)}.`
        return failed(index, new HoldfastError('UNKNOWN_TOPIC_ID', message), version)
      }),
    })),
  }
}

function partitionAnswer(partition: FetchedPartition, version: number): PartitionAnswer {
  const { highWatermark, lastStableOffset, logStartOffset, records, aborted } = partition
  return {
    index: partition.partition,
    errorCode: partition.error === undefined ? 0 : storageAwareCode(partition.error, version >= 6),
    highWatermark,
    lastStableOffset,
    logStartOffset,
    abortedTransactions: aborted ?? null,
    records,
  }
}

function failed(index: number, error: unknown, version: number): PartitionAnswer {
  return { index, errorCode: storageAwareCode(error, version >= 6), highWatermark: -1, records: noRecords }
}
