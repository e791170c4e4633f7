/** Moves what a group has committed: where it would go on is worked out first, so that it can be shown before it is done. */

import type { BrokerService } from '../broker/contract.js'
import { HoldfastError } from '../core/errors.js'
import { askOffsets } from './start-offset.js'
import { describeTopic } from './topics.js'

/** An offset, the first message of a time (ms since 1970) or later, or one of the ends. */
export type ResetTarget = 'earliest' | 'latest' | { readonly offset: number } | { readonly time: number }

export interface OffsetReset {
  readonly topic: string
  /** All partitions where absent. */
  readonly partition?: number
  readonly to: ResetTarget
  /** Works it out, and changes nothing. */
  readonly preview?: boolean
}

export interface ResetOffset {
  readonly topic: string
  readonly partition: number
  /** Null where the group has committed nothing there. */
  readonly from: number | null
  readonly to: number
}

/**
 * Lets a group without members go on elsewhere; durable when this resolves. An offset that a partition does not hold
 * becomes the nearest that it does.
 * @throws NON_EMPTY_GROUP while it has members, since they would commit over it; UNKNOWN_TOPIC_OR_PARTITION
 */
export async function resetOffsets(service: BrokerService, group: string, reset: OffsetReset): Promise<ResetOffset[]> {
  const { topic, partition, to, preview = false } = reset
  const { members } = await service.describeGroup(group)
  if (members.length > 0 && !preview) {
    const why = `Group ${JSON.stringify(group)} has ${members.length} members, which would commit over it. Stop them first.`
    throw new HoldfastError('NON_EMPTY_GROUP', why)
  }
  const { partitions } = await describeTopic(service, topic, false)
  const chosen = partitions.filter((each) => partition === undefined || each.partition === partition)
  if (chosen.length === 0) {
    throw new HoldfastError('UNKNOWN_TOPIC_OR_PARTITION', `Topic ${topic} has no partition ${partition}.`)
  }
  const places = chosen.map((each) => ({ topic, partition: each.partition }))
  const committed = new Map((await service.fetchOffsets(group, places)).map((each) => [each.partition, each.offset]))
  const targets = await targetsOf(service, places, to)
  const rows = chosen.map(({ partition: number, logStartOffset, highWatermark }, index) => ({
    topic,
    partition: number,
    from: committed.get(number) ?? null,
    to: Math.min(highWatermark, Math.max(logStartOffset, targets[index])),
  }))
  if (!preview) await commit(service, group, rows)
  return rows
}

async function targetsOf(
  service: BrokerService,
  places: readonly { readonly topic: string; readonly partition: number }[],
  to: ResetTarget,
): Promise<number[]> {
  if (typeof to === 'string') return askOffsets(service, places, to, 'uncommitted')
  if ('offset' in to) return places.map(() => to.offset)
  const found = await askOffsets(service, places, to.time, 'uncommitted')
  // Nothing is that late: what comes next is.
  return found.map((offset) => (offset === -1 ? Number.MAX_SAFE_INTEGER : offset))
}

async function commit(service: BrokerService, group: string, rows: readonly ResetOffset[]): Promise<void> {
  const offsets = rows.map(({ topic, partition, to }) => ({
    topic,
    partition,
    offset: to,
    leaderEpoch: -1,
    metadata: '',
  }))
  const nobody = { groupId: group, memberId: '', groupInstanceId: null, generationId: -1 }
  const outcomes = await service.commitOffsets({ ...nobody, offsets })
  const refused = outcomes.find((outcome) => outcome !== undefined)
  if (refused !== undefined) throw refused
}
