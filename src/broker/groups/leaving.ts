/** LeaveGroup: members that go of their own accord, or are sent away by an administrator. */

import { HoldfastError } from '../../core/errors.js'
import type { LeavingMember } from './contract.js'
import type { Group } from './group.js'
import type { Rebalancer } from './rebalance.js'

/** Lets one member go; why it could not, or undefined. */
export function leave(
  group: Group,
  { memberId, groupInstanceId }: LeavingMember,
  rebalancer: Rebalancer,
): HoldfastError | undefined {
  if (group.pending.has(memberId)) {
    rebalancer.removePending(group, memberId)
    return undefined
  }
  try {
    // An administrator removes a static member by its instance id alone.
    const leavingId = memberId === '' && groupInstanceId !== null ? group.memberIdOf(groupInstanceId) : memberId
    const member = group.requireMember(leavingId ?? memberId, groupInstanceId)
    rebalancer.removeMember(group, member, 'left')
    return undefined
  } catch (error) {
    if (error instanceof HoldfastError) return error
    throw error
  }
}
