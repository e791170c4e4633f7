/** DeleteGroups, versions 0-2: groups without members, and what they committed. Each answers for itself. */

import { kafkaCodeOf } from '../../core/errors.js'
import { deleteGroups } from '../schemas/index.js'
import { endpoint } from './handler.js'

export const deleteGroupsEndpoint = endpoint({
  api: deleteGroups,
  order: 'group',
  async handle({ groupIds }, { broker }) {
    const outcomes = await Promise.allSettled([...new Set(groupIds)].map((groupId) => broker.deleteGroup(groupId)))
    return {
      results: [...new Set(groupIds)].map((groupId, at) => {
        const outcome = outcomes[at]
        return { groupId, errorCode: outcome.status === 'rejected' ? kafkaCodeOf(outcome.reason) : 0 }
      }),
    }
  },
  refuse: ({ groupIds }, error) => ({
    results: groupIds.map((groupId) => ({ groupId, errorCode: kafkaCodeOf(error) })),
  }),
})
