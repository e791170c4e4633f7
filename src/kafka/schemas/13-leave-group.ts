/**
 * LeaveGroup: members leave a classic group. Versions 0-5.
 *
 *  1 throttle time     3 several members at once, by id or instance id (KIP-345)     4 flexible     5 reason (KIP-800)
 */

import { array, int16, nullable, since, string, struct, until } from '../../core/codec/index.js'
import { api } from './api.js'
import { throttleTimeMs } from './shared.js'

export const leaveGroupRequest = struct({
  groupId: string,
  memberId: until(2, string),
  members: since(
    3,
    array(struct({ memberId: string, groupInstanceId: nullable(string), reason: since(5, nullable(string)) })),
  ),
})

export const leaveGroupResponse = struct({
  throttleTimeMs: since(1, throttleTimeMs),
  errorCode: int16,
  members: since(3, array(struct({ memberId: string, groupInstanceId: nullable(string), errorCode: int16 }))),
})

export const leaveGroup = api({
  key: 13,
  name: 'LeaveGroup',
  versions: [0, 5],
  flexibleFrom: 4,
  request: leaveGroupRequest,
  response: leaveGroupResponse,
})
