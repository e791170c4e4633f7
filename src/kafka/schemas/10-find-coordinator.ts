/**
 * FindCoordinator: the broker that looks after a group or a transaction. Versions 0-6.
 *
 *  1 kind of the key, throttle time, error message     5 transactions may be told to abort (KIP-890)
 *  3 flexible                                          6 share groups (KIP-932)
 *  4 several keys at once (KIP-699)
 */

import {
  array,
  between,
  type Infer,
  int8,
  int16,
  int32,
  nullable,
  since,
  string,
  struct,
  until,
} from '../../core/codec/index.js'
import { api } from './api.js'
import { throttleTimeMs } from './shared.js'

export const findCoordinatorRequest = struct({
  key: until(3, string),
  /** 0 group, 1 transaction, 2 share group. */
  keyType: since(1, int8),
  coordinatorKeys: since(4, array(string)),
})

export const findCoordinatorResponse = struct({
  throttleTimeMs: since(1, throttleTimeMs),
  errorCode: until(3, int16),
  errorMessage: between(1, 3, nullable(string)),
  nodeId: until(3, int32),
  host: until(3, string),
  port: until(3, int32),
  coordinators: since(
    4,
    array(
      struct({
        key: string,
        nodeId: int32,
        host: string,
        port: int32,
        errorCode: int16,
        errorMessage: nullable(string),
      }),
    ),
  ),
})

export const findCoordinator = api({
  key: 10,
  name: 'FindCoordinator',
  versions: [0, 6],
  flexibleFrom: 3,
  request: findCoordinatorRequest,
  response: findCoordinatorResponse,
})

export type FindCoordinatorRequest = Infer<typeof findCoordinatorRequest>
