/**
 * JoinGroup: a member enters or re-enters a classic group. Versions 0-9.
 *
 *  1 rebalance timeout                          6 flexible
 *  2 throttle time                              7 protocol type in the answer; no protocol name on an error
 *  4 a new member is first given an id (79)     8 reason (KIP-800)
 *  5 group instance id                          9 the leader may skip the assignment (KIP-814)
 */

import {
  array,
  bool,
  bytes,
  int16,
  int32,
  nullable,
  since,
  string,
  struct,
  withDefault,
} from '../../core/codec/index.js'
import { api } from './api.js'
import { throttleTimeMs } from './shared.js'

export const joinGroupRequest = struct({
  groupId: string,
  sessionTimeoutMs: int32,
  rebalanceTimeoutMs: since(1, withDefault(-1, int32)),
  memberId: string,
  groupInstanceId: since(5, nullable(string)),
  protocolType: string,
  protocols: array(struct({ name: string, metadata: bytes })),
  reason: since(8, nullable(string)),
})

export const joinGroupResponse = struct({
  throttleTimeMs: since(2, throttleTimeMs),
  errorCode: int16,
  generationId: withDefault(-1, int32),
  protocolType: since(7, nullable(string)),
  protocolName: nullable(string, 7),
  leader: string,
  skipAssignment: since(9, bool),
  memberId: string,
  members: array(struct({ memberId: string, groupInstanceId: since(5, nullable(string)), metadata: bytes })),
})

export const joinGroup = api({
  key: 11,
  name: 'JoinGroup',
  versions: [0, 9],
  flexibleFrom: 6,
  request: joinGroupRequest,
  response: joinGroupResponse,
})
