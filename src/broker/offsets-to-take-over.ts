/** What of the offsets in RocketMQ's file can be committed by groups here. */

import type { ConsumerOffset } from '../storage/commitlog/group-tables.js'
import type { PartitionLog } from '../storage/partition-log.js'
import type { OffsetToCommit } from './groups/contract.js'
import { isGroupId } from './groups/requirements.js'

export interface OffsetsToTakeOver {
  readonly byGroup: ReadonlyMap<string, readonly OffsetToCommit[]>
  /** Which were greater than the end of their queue, as RocketMQ names them. */
  readonly beyondEnd: readonly string[]
  /** Groups whose names none can have here. */
  readonly leftAlone: readonly string[]
}

/**
 * Each within what its queue holds: RocketMQ as well goes to the nearest message where an offset has none. Offsets of what
 * is no partition here (`logOf` is undefined) are none of ours.
 */
export function offsetsToTakeOver(
  found: readonly ConsumerOffset[],
  logOf: (topic: string, queueId: number) => Pick<PartitionLog, 'logStartOffset' | 'highWatermark'> | undefined,
): OffsetsToTakeOver {
  const byGroup = new Map<string, OffsetToCommit[]>()
  const beyondEnd: string[] = []
  const leftAlone = new Set<string>()
  for (const { topic, group, queueId, offset } of found) {
    const log = logOf(topic, queueId)
    if (log === undefined || offset < 0) continue
    if (!isGroupId(group)) {
      leftAlone.add(group)
      continue
    }
    const { logStartOffset, highWatermark } = log
    if (offset > highWatermark) beyondEnd.push(`${topic}@${group}, queue ${queueId}: ${offset}, not ${highWatermark}`)
    const within = Math.min(Math.max(offset, logStartOffset), highWatermark)
    const ofGroup = byGroup.get(group) ?? []
    ofGroup.push({ topic, partition: queueId, offset: within, leaderEpoch: -1, metadata: '' })
    byGroup.set(group, ofGroup)
  }
  return { byGroup, beyondEnd, leftAlone: [...leftAlone] }
}
