/**
 * AlterConfigs: all that a topic says for itself, said anew. Versions 0-2.
 *
 *  1 throttled answers     2 flexible
 */

import { array, bool, type Infer, int8, int16, nullable, string, struct } from '../../core/codec/index.js'
import { api } from './api.js'
import { throttleTimeMs } from './shared.js'

export const alterConfigsRequest = struct({
  resources: array(
    struct({
      resourceType: int8,
      resourceName: string,
      configs: array(struct({ name: string, value: nullable(string) })),
    }),
  ),
  validateOnly: bool,
})

export const alterConfigsResponse = struct({
  throttleTimeMs,
  responses: array(
    struct({ errorCode: int16, errorMessage: nullable(string), resourceType: int8, resourceName: string }),
  ),
})

export const alterConfigs = api({
  key: 33,
  name: 'AlterConfigs',
  versions: [0, 2],
  flexibleFrom: 2,
  request: alterConfigsRequest,
  response: alterConfigsResponse,
})

export type AlterConfigsRequest = Infer<typeof alterConfigsRequest>
