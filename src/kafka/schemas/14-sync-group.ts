/**
 * SyncGroup: the leader of a classic group hands in the assignment, every member gets its own. Versions 0-5.
 *
 *  1 throttle time     3 group instance id     4 flexible     5 protocol type and name, to be checked (KIP-559)
 */

import { array, bytes, int16, int32, nullable, since, string, struct } from '../../core/codec/index.js'
import { api } from './api.js'
import { throttleTimeMs } from './shared.js'

export const syncGroupRequest = struct({
  groupId: string,
  generationId: int32,
  memberId: string,
  groupInstanceId: since(3, nullable(string)),
  protocolType: since(5, nullable(string)),
  protocolName: since(5, nullable(string)),
  assignments: array(struct({ memberId: string, assignment: bytes })),
})

export const syncGroupResponse = struct({
  throttleTimeMs: since(1, throttleTimeMs),
  errorCode: int16,
  protocolType: since(5, nullable(string)),
  protocolName: since(5, nullable(string)),
  assignment: bytes,
})

export const syncGroup = api({
  key: 14,
  name: 'SyncGroup',
  versions: [0, 5],
  flexibleFrom: 4,
  request: syncGroupRequest,
  response: syncGroupResponse,
})
