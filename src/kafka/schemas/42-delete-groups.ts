/**
 * DeleteGroups: groups without members, and what they committed. Versions 0-2.
 *
 *  1 the answer is delayed after the quota, not before     2 flexible
 */

import { array, int16, string, struct } from '../../core/codec/index.js'
import { api } from './api.js'
import { throttleTimeMs } from './shared.js'

export const deleteGroupsRequest = struct({ groupIds: array(string) })

export const deleteGroupsResponse = struct({
  throttleTimeMs,
  results: array(struct({ groupId: string, errorCode: int16 })),
})

export const deleteGroups = api({
  key: 42,
  name: 'DeleteGroups',
  versions: [0, 2],
  flexibleFrom: 2,
  request: deleteGroupsRequest,
  response: deleteGroupsResponse,
})
