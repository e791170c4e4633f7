/** OffsetFetch: the offsets that a group has committed, and those that are not settled yet. */

import { HoldfastError } from '../../core/errors.js'
import type { TopicPartition } from './committed-offsets.js'
import type { FetchedOffset } from './contract.js'
import type { Group } from './group.js'

/**
 * The committed offsets of the named partitions that have one, or of all. With `requireStable` a partition for which a
 * transaction that is still open has an offset answers with an error instead: its reader has to wait, or it would read
 * again what that transaction has worked on (KIP-447).
 */
export function readOffsets(
  { offsets, pendingOffsets }: Group,
  partitions: readonly TopicPartition[] | null,
  requireStable: boolean,
): FetchedOffset[] {
  const found =
    partitions === null
      ? offsets.all()
      : partitions.flatMap(({ topic, partition }) => offsets.get(topic, partition) ?? [])
  if (!requireStable || pendingOffsets.isEmpty) return found
  const pending = pendingOffsets.partitions
  const isPending = ({ topic, partition }: TopicPartition): boolean => pending.get(topic)?.has(partition) === true
  const asked =
    partitions ?? [...pending].flatMap(([topic, ids]) => [...ids].map((partition) => ({ topic, partition })))
  return [...found.filter((offset) => !isPending(offset)), ...asked.filter(isPending).map(unstable)]
}

function unstable({ topic, partition }: TopicPartition): FetchedOffset {
  const error = new HoldfastError(
    'UNSTABLE_OFFSET_COMMIT',
    `An open transaction has an offset for ${topic}-${partition}; try again.`,
  )
  return { topic, partition, offset: -1, leaderEpoch: -1, metadata: '', commitTimestamp: -1, error }
}
