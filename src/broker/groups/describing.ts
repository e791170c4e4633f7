/** DescribeGroups: a group as others see it. What its members encode is shown while it is stable, as in Kafka. */

import type { GroupDescription } from './contract.js'
import type { Group } from './group.js'
import { noAssignment } from './member.js'

export function describe(group: Group): GroupDescription {
  const isStable = group.state === 'Stable'
  return {
    groupId: group.groupId,
    protocolType: group.protocolType,
    state: group.state,
    protocolName: isStable ? group.protocolName : '',
    members: [...group.members].map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      clientId: member.subscription.clientId,
      clientHost: member.subscription.clientHost,
      metadata: isStable ? member.metadata(group.protocolName) : noAssignment,
      assignment: isStable ? member.assignment : noAssignment,
    })),
  }
}

export function describeDead(groupId: string): GroupDescription {
  return { groupId, protocolType: '', state: 'Dead', protocolName: '', members: [] }
}
