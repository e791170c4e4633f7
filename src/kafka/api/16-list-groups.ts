/** ListGroups, versions 0-5: filters by state (v4) and by type (v5), upper and lower case alike. All groups are classic. */

import { kafkaCodeOf } from '../../core/errors.js'
import { listGroups } from '../schemas/index.js'
import { endpoint } from './handler.js'

const groupType = 'classic'

export const listGroupsEndpoint = endpoint({
  api: listGroups,
  order: 'group',
  async handle({ statesFilter, typesFilter }, { broker }) {
    const isWanted = (filter: readonly string[], value: string): boolean =>
      filter.length === 0 || filter.some((wanted) => wanted.toLowerCase() === value.toLowerCase())
    const groups = isWanted(typesFilter, groupType) ? await broker.listGroups() : []
    return {
      errorCode: 0,
      groups: groups
        .filter(({ state }) => isWanted(statesFilter, state))
        .map(({ groupId, protocolType, state }) => ({ groupId, protocolType, groupState: state, groupType })),
    }
  },
  refuse: (_request, error) => ({ errorCode: kafkaCodeOf(error), groups: [] }),
})
