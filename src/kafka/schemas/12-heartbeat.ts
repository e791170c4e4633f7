/**
 * Heartbeat: a member of a classic group is still there. Versions 0-4.
 *
 *  1 throttle time     3 group instance id     4 flexible
 */

import { int16, int32, nullable, since, string, struct } from '../../core/codec/index.js'
import { api } from './api.js'
import { throttleTimeMs } from './shared.js'

export const heartbeatRequest = struct({
  groupId: string,
  generationId: int32,
  memberId: string,
  groupInstanceId: since(3, nullable(string)),
})

export const heartbeatResponse = struct({
  throttleTimeMs: since(1, throttleTimeMs),
  errorCode: int16,
})

export const heartbeat = api({
  key: 12,
  name: 'Heartbeat',
  versions: [0, 4],
  flexibleFrom: 4,
  request: heartbeatRequest,
  response: heartbeatResponse,
})
