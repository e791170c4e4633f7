/**
 * AlterConfigs, versions 0-2: a topic says for itself what the request names, and nothing else; what it said before and is
 * not named goes back to what holds for all topics. Newer tools use IncrementalAlterConfigs, which leaves the rest alone.
 */

import { alterConfigs } from '../schemas/index.js'
import { alterEach, refuseEach, requireValue } from './altering.js'
import { endpoint } from './handler.js'

export const alterConfigsEndpoint = endpoint({
  api: alterConfigs,
  order: 'alone',
  handle: ({ resources, validateOnly }, call) =>
    alterEach(resources, validateOnly, call, ({ configs }) => ({
      replaceAll: true,
      alterations: configs.map(({ name, value }) => ({ name, operation: 'set', value: requireValue(name, value) })),
    })),
  refuse: ({ resources }, error) => refuseEach(resources, error),
})
