/** OffsetCommit and TxnOffsetCommit: who may commit for a group, and which offsets can be stored. */

import { HoldfastError } from '../../core/errors.js'
import type { CommitRequest, CommittedOffset, OffsetToCommit } from './contract.js'
import { longestStringBytes } from './format-bytes.js'
import type { Group } from './group.js'
import type { Member } from './member.js'

/**
 * The member that commits, or undefined where a consumer without membership does, which may as long as nobody else is
 * in the group.
 * @throws UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, ILLEGAL_GENERATION, REBALANCE_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE
 */
export function authoriseCommit(group: Group, request: CommitRequest): Member | undefined {
  requireAlive(group)
  const { memberId, groupInstanceId, generationId } = request
  if (generationId < 0 && group.state === 'Empty') return undefined
  const member = group.requireMember(memberId, groupInstanceId)
  group.requireGeneration(generationId)
  // While a rebalance is prepared the old generation may still commit: consumers do so before they join again.
  if (group.state === 'CompletingRebalance') throw new HoldfastError('REBALANCE_IN_PROGRESS')
  return member
}

/**
 * A commit of a transaction: a producer that names its consumer is fenced as that consumer would be (KIP-447), in any
 * state of the group; older ones name none, and may commit for any group.
 * @throws UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, ILLEGAL_GENERATION, COORDINATOR_NOT_AVAILABLE
 */
export function authoriseTransactionalCommit(group: Group, request: CommitRequest): void {
  requireAlive(group)
  const { memberId, groupInstanceId, generationId } = request
  if (generationId < 0 && (group.state === 'Empty' || (memberId === '' && groupInstanceId === null))) return
  group.requireMember(memberId, groupInstanceId)
  group.requireGeneration(generationId)
}

/** @throws COORDINATOR_NOT_AVAILABLE */
export function requireAlive(group: Group): void {
  if (group.state !== 'Dead') return
  throw new HoldfastError('COORDINATOR_NOT_AVAILABLE', `Group ${group.groupId} is being deleted; try again.`)
}

/**
 * The least that is taken for an offset: kafkajs commits -1 (latest) and -2 (earliest) when it seeks, and goes by them
 * when it fetches them again.
 */
const leastOffset = -2

/** The offsets that can be stored, and per offset the error of one that cannot. */
export function acceptableOffsets(
  offsets: readonly OffsetToCommit[],
  maxMetadataBytes: number,
  now: number,
): { outcomes: (HoldfastError | undefined)[]; accepted: CommittedOffset[] } {
  const most = Math.min(maxMetadataBytes, longestStringBytes)
  const accepted: CommittedOffset[] = []
  const outcomes = offsets.map(({ topic, partition, offset, leaderEpoch, metadata }) => {
    if (!Number.isSafeInteger(offset) || offset < leastOffset) {
      const why = `${offset} is no offset that could be committed for ${topic}-${partition}.`
      return new HoldfastError('INVALID_REQUEST', why)
    }
    const metadataBytes = Buffer.byteLength(metadata)
    if (metadataBytes > most) {
      return new HoldfastError(
        'OFFSET_METADATA_TOO_LARGE',
        `The metadata for ${topic}-${partition} is ${metadataBytes} bytes; at most ${most} are stored.`,
      )
    }
    accepted.push({ topic, partition, offset, leaderEpoch, metadata, commitTimestamp: now })
    return undefined
  })
  return { outcomes, accepted }
}
