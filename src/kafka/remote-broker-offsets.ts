/** Offsets by time, the ends of logs and of epochs, of a remote broker. */

import type { EpochLookup, FoundEpoch, FoundOffset, Isolation, OffsetLookup, OffsetQuery } from '../broker/contract.js'
import { askLeaders, type Routed } from './cluster/asking-leaders.js'
import type { Cluster } from './cluster/cluster.js'
import { isolationLevel } from './isolation.js'
import { errorOf, groupedByTopic, unanswered } from './remote-broker-errors.js'
import { listOffsets, offsetForLeaderEpoch } from './schemas/index.js'
import type { WirePool } from './wire-pool.js'

const specialTimes = { latest: -1, earliest: -2, maxTimestamp: -3 } as const
/** No replica. */
const consumer = -1
const versionWithIsolation = 2
const versionWithMaxTimestamp = 7

/**
 * One answer per lookup, in order. A request may name a partition once only, so lookups of the same partition go in
 * rounds.
 */
export async function readOffsets(
  cluster: Cluster,
  lookups: readonly OffsetLookup[],
  isolation: Isolation,
): Promise<readonly FoundOffset[]> {
  const rounds: Map<string, number>[] = []
  for (const [at, { topic, partition }] of lookups.entries()) {
    const key = `${topic}/${partition}`
    let round = rounds.find((each) => !each.has(key))
    if (round === undefined) {
      round = new Map()
      rounds.push(round)
    }
    round.set(key, at)
  }
  const answers: FoundOffset[] = []
  for (const round of rounds) {
    const found = await askLeaders(cluster, {
      items: [...round.values()].map((at) => lookups[at]),
      ask: (wire, routed) => readRound(wire, routed, isolation),
      refuse: ({ topic, partition }, error) => ({
        topic,
        partition,
        error,
        offset: -1,
        timestamp: -1,
        leaderEpoch: -1,
      }),
    })
    for (const each of found) {
      const at = round.get(`${each.topic}/${each.partition}`)
      if (at !== undefined) answers[at] = each
    }
  }
  return lookups.map((lookup, at) => answers[at] ?? unanswered(lookup))
}

async function readRound(
  wire: WirePool,
  routed: readonly Routed<OffsetLookup>[],
  isolation: Isolation,
): Promise<FoundOffset[]> {
  const lookups = routed.map(({ item, leaderEpoch }) => ({ ...item, leaderEpoch }))
  const topics = groupedByTopic(lookups).map(({ topic, items }) => ({
    name: topic,
    partitions: items.map(({ partition, query, currentLeaderEpoch, leaderEpoch }) => ({
      index: partition,
      currentLeaderEpoch: currentLeaderEpoch < 0 ? leaderEpoch : currentLeaderEpoch,
      timestamp: timestampOf(query),
    })),
  }))
  const minVersion = lookups.some(({ query }) => query === 'maxTimestamp')
    ? versionWithMaxTimestamp
    : versionWithIsolation
  const request = { isolationLevel: isolationLevel[isolation], topics }
  const answer = await wire.send(listOffsets, request, { minVersion })
  const found = new Map<string, FoundOffset>()
  for (const { name, partitions } of answer.topics) {
    for (const { index, errorCode, offset, timestamp, leaderEpoch } of partitions) {
      const place = { topic: name, partition: index, error: errorOf(errorCode) }
      found.set(`${name}/${index}`, { ...place, offset, timestamp, leaderEpoch })
    }
  }
  return lookups.map((lookup) => found.get(`${lookup.topic}/${lookup.partition}`) ?? unanswered(lookup))
}

/** Where epochs end; one answer per lookup, in order. */
export function readEpochs(cluster: Cluster, lookups: readonly EpochLookup[]): Promise<FoundEpoch[]> {
  return askLeaders(cluster, {
    items: lookups,
    ask: readEpochsAt,
    refuse: ({ topic, partition }, error) => ({ topic, partition, error, epoch: -1, endOffset: -1 }),
  })
}

async function readEpochsAt(wire: WirePool, routed: readonly Routed<EpochLookup>[]): Promise<FoundEpoch[]> {
  const lookups = routed.map(({ item, leaderEpoch }) => ({ ...item, leaderEpoch }))
  const topics = groupedByTopic(lookups).map(({ topic, items }) => ({
    name: topic,
    partitions: items.map(({ partition, epoch, currentLeaderEpoch, leaderEpoch }) => ({
      index: partition,
      leaderEpoch: epoch,
      currentLeaderEpoch: currentLeaderEpoch < 0 ? leaderEpoch : currentLeaderEpoch,
    })),
  }))
  const answer = await wire.send(offsetForLeaderEpoch, { replicaId: consumer, topics })
  const found = new Map<string, FoundEpoch>()
  for (const { name, partitions } of answer.topics) {
    for (const { index, errorCode, leaderEpoch, endOffset } of partitions) {
      const error = errorOf(errorCode)
      found.set(`${name}/${index}`, { topic: name, partition: index, error, epoch: leaderEpoch, endOffset })
    }
  }
  return lookups.map((lookup) => found.get(`${lookup.topic}/${lookup.partition}`) ?? unanswered(lookup))
}

/** Negative numbers mean something else on the wire; no record has one that is asked for. */
function timestampOf(query: OffsetQuery): number {
  return typeof query === 'number' ? Math.max(0, query) : specialTimes[query]
}
