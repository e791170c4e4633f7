/**
 * DescribeGroups: state and members of classic groups. Versions 0-6.
 *
 *  1 throttle time     3 authorized operations     4 group instance id     5 flexible
 *  6 error message; an unknown group is an error instead of a dead group (KIP-1043)
 */

import { array, bool, bytes, int16, nullable, since, string, struct } from '../../core/codec/index.js'
import { api } from './api.js'
import { authorizedOperations, throttleTimeMs } from './shared.js'

export const describeGroupsRequest = struct({
  groups: array(string),
  includeAuthorizedOperations: since(3, bool),
})

export const describeGroupsResponse = struct({
  throttleTimeMs: since(1, throttleTimeMs),
  groups: array(
    struct({
      errorCode: int16,
      errorMessage: since(6, nullable(string)),
      groupId: string,
      groupState: string,
      protocolType: string,
      /** The name of the assignment protocol, empty while none is chosen. */
      protocolName: string,
      members: array(
        struct({
          memberId: string,
          groupInstanceId: since(4, nullable(string)),
          clientId: string,
          clientHost: string,
          metadata: bytes,
          assignment: bytes,
        }),
      ),
      authorizedOperations: since(3, authorizedOperations),
    }),
  ),
})

export const describeGroups = api({
  key: 15,
  name: 'DescribeGroups',
  versions: [0, 6],
  flexibleFrom: 5,
  request: describeGroupsRequest,
  response: describeGroupsResponse,
})
