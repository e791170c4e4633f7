/**
 * JoinGroup, versions 0-9: a member enters a classic group and is answered when the rebalance completes.
 *
 * From version 4 on a new member without an id is given one and told to come back with it. When the server closes, a
 * waiting member is told COORDINATOR_NOT_AVAILABLE, on which clients look for the coordinator and join again.
 */

import { kafkaCodeOf } from '../../core/errors.js'
import { joinGroup } from '../schemas/index.js'
import { endpoint } from './handler.js'
import { untilClosing } from './until-closing.js'

const memberIdRequired = 79

export const joinGroupEndpoint = endpoint({
  api: joinGroup,
  order: 'join',
  async handle(request, { broker, version, clientId, clientHost, signal }) {
    const joining = broker.joinGroup({
      groupId: request.groupId,
      memberId: request.memberId,
      groupInstanceId: request.groupInstanceId,
      protocolType: request.protocolType,
      protocols: request.protocols,
      sessionTimeoutMs: request.sessionTimeoutMs,
      rebalanceTimeoutMs: version === 0 ? request.sessionTimeoutMs : request.rebalanceTimeoutMs,
      clientId,
      clientHost,
      requireKnownMemberId: version >= 4,
      supportsSkippingAssignment: version >= 9,
    })
    const result = await untilClosing(joining, signal)
    if ('memberIdRequired' in result) {
      return { errorCode: memberIdRequired, memberId: result.memberIdRequired, leader: '', members: [] }
    }
    const { generationId, protocolType, protocolName, leaderId, memberId, skipAssignment, members } = result
    return {
      errorCode: 0,
      generationId,
      protocolType,
      protocolName,
      leader: leaderId,
      memberId,
      skipAssignment,
      members,
    }
  },
  refuse: (request, error) => ({
    errorCode: kafkaCodeOf(error),
    leader: '',
    memberId: request.memberId,
    members: [],
  }),
})
