/** Writes the markers that end a transaction, one into each of its partitions. */

import type { TransactionMarker } from '../../storage/partition-log.js'
import type { TopicPartition } from '../contract.js'

/** Resolves when the marker is on the disk in that partition, or there is no such partition any more. */
export type WriteMarker = (place: TopicPartition, marker: TransactionMarker) => Promise<void>

export interface RefusedMarker extends TopicPartition {
  readonly reason: unknown
}

/** All at once; the partitions that did not take theirs. */
export async function writeMarkers(
  places: readonly TopicPartition[],
  marker: TransactionMarker,
  write: WriteMarker,
): Promise<readonly RefusedMarker[]> {
  const outcomes = await Promise.allSettled(places.map(async (place) => write(place, marker)))
  return outcomes.flatMap((outcome, at) =>
    outcome.status === 'fulfilled' ? [] : [{ ...places[at], reason: outcome.reason }],
  )
}
