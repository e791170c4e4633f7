/**
 * IncrementalAlterConfigs: single entries of what a topic says for itself, changed (KIP-339). Versions 0-1.
 *
 *  1 flexible
 */

import { array, bool, type Infer, int8, nullable, string, struct } from '../../core/codec/index.js'
import { alterConfigsResponse } from './33-alter-configs.js'
import { api } from './api.js'

export const incrementalAlterConfigsRequest = struct({
  resources: array(
    struct({
      resourceType: int8,
      resourceName: string,
      /** Operations: 0 set, 1 delete, 2 append, 3 subtract. */
      configs: array(struct({ name: string, configOperation: int8, value: nullable(string) })),
    }),
  ),
  validateOnly: bool,
})

export const incrementalAlterConfigs = api({
  key: 44,
  name: 'IncrementalAlterConfigs',
  versions: [0, 1],
  flexibleFrom: 1,
  request: incrementalAlterConfigsRequest,
  response: alterConfigsResponse,
})

export type IncrementalAlterConfigsRequest = Infer<typeof incrementalAlterConfigsRequest>
