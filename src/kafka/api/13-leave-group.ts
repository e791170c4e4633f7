/** LeaveGroup, versions 0-5: one member leaves, from version 3 on several, each with an error of its own. */

import { kafkaCodeOf } from '../../core/errors.js'
import { leaveGroup } from '../schemas/index.js'
import { endpoint } from './handler.js'

export const leaveGroupEndpoint = endpoint({
  api: leaveGroup,
  order: 'group',
  async handle({ groupId, memberId, members }, { broker, version }) {
    const leaving = version >= 3 ? members : [{ memberId, groupInstanceId: null }]
    const errors = await broker.leaveGroup(groupId, leaving)
    const codes = errors.map((error) => (error === undefined ? 0 : kafkaCodeOf(error)))
    if (version < 3) return { errorCode: codes[0] }
    return {
      errorCode: 0,
      members: leaving.map((member, at) => ({
        memberId: member.memberId,
        groupInstanceId: member.groupInstanceId,
        errorCode: codes[at],
      })),
    }
  },
  refuse: (_request, error) => ({ errorCode: kafkaCodeOf(error), members: [] }),
})
