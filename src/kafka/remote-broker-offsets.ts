/** Offsets by time and the ends of logs, of a remote broker. */

import type { FoundOffset, Isolation, OffsetLookup, OffsetQuery } from '../broker/contract.js'
import { isolationLevel } from './isolation.js'
import { errorOf, groupedByTopic, unanswered } from './remote-broker-errors.js'
import { listOffsets } from './schemas/index.js'
import type { WirePool } from './wire-pool.js'

const specialTimes = { latest: -1, earliest: -2, maxTimestamp: -3 } as const
const versionWithIsolation = 2
const versionWithMaxTimestamp = 7

/**
 * One answer per lookup, in order. A request may name a partition once only, so lookups of the same partition go in
 * rounds.
 */
export async function readOffsets(
  wire: WirePool,
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
    const found = await readRound(
      wire,
      [...round.values()].map((at) => lookups[at]),
      isolation,
    )
    for (const each of found) {
      const at = round.get(`${each.topic}/${each.partition}`)
      if (at !== undefined) answers[at] = each
    }
  }
  return lookups.map((lookup, at) => answers[at] ?? unanswered(lookup))
}

async function readRound(
  wire: WirePool,
  lookups: readonly OffsetLookup[],
  isolation: Isolation,
): Promise<FoundOffset[]> {
  const topics = groupedByTopic(lookups).map(({ topic, items }) => ({
    name: topic,
    partitions: items.map(({ partition, query, currentLeaderEpoch }) => ({
      index: partition,
      currentLeaderEpoch,
      timestamp: timestampOf(query),
    })),
  }))
  const minVersion = lookups.some(({ query }) => query === 'maxTimestamp')
    ? versionWithMaxTimestamp
    : versionWithIsolation
  const request = { isolationLevel: isolationLevel[isolation], topics }
  const answer = await wire.send(listOffsets, request, { minVersion })
  return answer.topics.flatMap(({ name, partitions }) =>
    partitions.map(({ index, errorCode, offset, timestamp, leaderEpoch }) => ({
      topic: name,
      partition: index,
      error: errorOf(errorCode),
      offset,
      timestamp,
      leaderEpoch,
    })),
  )
}

/** Negative numbers mean something else on the wire; no record has one that is asked for. */
function timestampOf(query: OffsetQuery): number {
  return typeof query === 'number' ? Math.max(0, query) : specialTimes[query]
}
