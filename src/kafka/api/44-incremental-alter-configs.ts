/**
 * IncrementalAlterConfigs, versions 0-1: entries of what a topic says for itself are set, deleted, and as lists appended to
 * or subtracted from; a change holds for running logs at once and for all entries of a topic or for none.
 */

import { HoldfastError } from '../../core/errors.js'
import type { ConfigAlteration } from '../../core/settings-altering.js'
import { type IncrementalAlterConfigsRequest, incrementalAlterConfigs } from '../schemas/index.js'
import { alterEach, refuseEach, requireValue } from './altering.js'
import { operations } from './config-numbers.js'
import { endpoint } from './handler.js'

type Entry = IncrementalAlterConfigsRequest['resources'][number]['configs'][number]

export const incrementalAlterConfigsEndpoint = endpoint({
  api: incrementalAlterConfigs,
  order: 'alone',
  handle: ({ resources, validateOnly }, call) =>
    alterEach(resources, validateOnly, call, ({ configs }) => ({ alterations: configs.map(alterationOf) })),
  refuse: ({ resources }, error) => refuseEach(resources, error),
})

function alterationOf({ name, configOperation, value }: Entry): ConfigAlteration {
  const operation = operations[configOperation]
  if (operation === undefined) {
    throw new HoldfastError(
      'INVALID_REQUEST',
      `${name} is to be altered by operation ${configOperation}, which is none.`,
    )
  }
  return operation === 'delete' ? { name, operation } : { name, operation, value: requireValue(name, value) }
}
