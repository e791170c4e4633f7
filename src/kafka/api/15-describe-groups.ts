/**
 * DescribeGroups, versions 0-6. A group that does not exist is described as Dead; from version 6 on it is an error
 * (GROUP_ID_NOT_FOUND).
 */

import { HoldfastError } from '../../core/errors.js'
import { describeGroups } from '../schemas/index.js'
import { type Call, endpoint } from './handler.js'
import { noError, refusalOf } from './refusals.js'

export const describeGroupsEndpoint = endpoint({
  api: describeGroups,
  order: 'group',
  async handle({ groups }, call) {
    return { groups: await Promise.all(groups.map((groupId) => ofGroup(groupId, call))) }
  },
  refuse: ({ groups }, error) => ({ groups: groups.map((groupId) => withoutGroup(groupId, error)) }),
})

async function ofGroup(groupId: string, { broker, version }: Call) {
  try {
    const group = await broker.describeGroup(groupId)
    if (group.state === 'Dead' && version >= 6) {
      throw new HoldfastError('GROUP_ID_NOT_FOUND', `There is no group ${JSON.stringify(groupId)}.`)
    }
    const { state, protocolType, protocolName, members } = group
    return { ...noError, groupId, groupState: state, protocolType, protocolName, members }
  } catch (error) {
    return withoutGroup(groupId, error)
  }
}

function withoutGroup(groupId: string, error: unknown) {
  return { ...refusalOf(error), groupId, groupState: 'Dead', protocolType: '', protocolName: '', members: [] }
}
