/** What requests of groups have to fulfil, whatever the state of the group. */

import { HoldfastError } from '../../core/errors.js'
import type { SyncRequest } from './contract.js'
import { longestStringBytes } from './format-bytes.js'
import type { Group } from './group.js'

export function requireGroupId(groupId: string): void {
  if (groupId === '') throw new HoldfastError('INVALID_GROUP_ID', 'The group id is empty; name the group to join.')
  requireStorableGroupId(groupId)
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
