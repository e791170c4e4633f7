/**
 * ListGroups: the groups that this broker coordinates. Versions 0-5.
 *
 *  1 throttle time     3 flexible     4 state, and a filter by it (KIP-518)     5 type, and a filter by it (KIP-848)
 */

import { array, int16, since, string, struct } from '../../core/codec/index.js'
import { api } from './api.js'
import { throttleTimeMs } from './shared.js'

export const listGroupsRequest = struct({
  statesFilter: since(4, array(string)),
  typesFilter: since(5, array(string)),
})

export const listGroupsResponse = struct({
  throttleTimeMs: since(1, throttleTimeMs),
  errorCode: int16,
  groups: array(
    struct({ groupId: string, protocolType: string, groupState: since(4, string), groupType: since(5, string) }),
  ),
})

export const listGroups = api({
  key: 16,
  name: 'ListGroups',
  versions: [0, 5],
  flexibleFrom: 3,
  request: listGroupsRequest,
  response: listGroupsResponse,
})
