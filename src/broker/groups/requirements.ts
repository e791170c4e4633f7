/** What requests of groups have to fulfil, whatever the state of the group. */

import { HoldfastError } from '../../core/errors.js'
import type { Settings } from '../../core/settings.js'
import { requireAlive } from './committing.js'
import type { SyncRequest } from './contract.js'
import { longestStringBytes } from './format-bytes.js'
import type { Group } from './group.js'

export function requireGroupId(groupId: string): void {
  if (groupId === '') throw new HoldfastError('INVALID_GROUP_ID', 'The group id is empty; name the group to join.')
  requireStorableGroupId(groupId)
}

/** Whether a group can be called so that members join. */
export function isGroupId(groupId: string): boolean {
  return groupId !== '' && Buffer.byteLength(groupId) <= longestStringBytes
}

/** Offsets may be committed under the empty group id, as they always could be in Kafka. */
export function requireStorableGroupId(groupId: string): void {
  if (Buffer.byteLength(groupId) <= longestStringBytes) return
  throw new HoldfastError('INVALID_GROUP_ID', `The group id is longer than ${longestStringBytes} bytes.`)
}

/** Newer clients repeat the protocol that they were told, so that a mix-up is noticed. */
export function requireProtocol(group: Group, { protocolType, protocolName }: SyncRequest): void {
  const isSame =
    (protocolType ?? group.protocolType) === group.protocolType &&
    (protocolName ?? group.protocolName) === group.protocolName
  if (isSame) return
  throw new HoldfastError(
    'INCONSISTENT_GROUP_PROTOCOL',
    `Group ${group.groupId} uses ${group.protocolType}/${group.protocolName}, not ${protocolType}/${protocolName}.`,
  )
}

export function unknownMember(groupId: string, memberId: string): HoldfastError {
  return new HoldfastError('UNKNOWN_MEMBER_ID', `There is no group ${groupId}, so it has no member "${memberId}".`)
}

export function requireSessionTimeout(sessionTimeoutMs: number, settings: Settings): void {
  const least = settings['group.min.session.timeout.ms']
  const most = settings['group.max.session.timeout.ms']
  if (sessionTimeoutMs >= least && sessionTimeoutMs <= most) return
  throw new HoldfastError(
    'INVALID_SESSION_TIMEOUT',
    `A session timeout of ${sessionTimeoutMs} ms is refused; ${least} to ${most} ms are allowed.`,
  )
}

/** @throws NON_EMPTY_GROUP, COORDINATOR_NOT_AVAILABLE */
export function requireDeletable(group: Group): void {
  requireAlive(group)
  const { groupId } = group
  if (!group.pendingOffsets.isEmpty) {
    throw new HoldfastError('NON_EMPTY_GROUP', `An open transaction has offsets of group ${groupId}; end it first.`)
  }
  if (group.state === 'Empty') return
  throw new HoldfastError('NON_EMPTY_GROUP', `Group ${groupId} has ${group.size} members; they have to leave first.`)
}
