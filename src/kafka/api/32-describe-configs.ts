/**
 * DescribeConfigs, versions 1-4: the settings of topics and of this broker, straight from the settings table.
 *
 * Read-only is what AlterConfigs and IncrementalAlterConfigs refuse: of the broker's what waits for a start, and a topic's
 * where it keeps them. What was altered on the broker comes from DYNAMIC_BROKER_CONFIG.
 * The broker resource with an empty name means the dynamic defaults of the cluster, of which there are none.
 */

import type { ConfigEntry } from '../../broker/contract.js'
import { HoldfastError } from '../../core/errors.js'
import { type DescribeConfigsRequest, describeConfigs } from '../schemas/index.js'
import { brokerResource, sourceOf, topicResource, typeOf } from './config-numbers.js'
import { type Call, endpoint } from './handler.js'
import { noError, refusalOf } from './refusals.js'

type Resource = DescribeConfigsRequest['resources'][number]

export const describeConfigsEndpoint = endpoint({
  api: describeConfigs,
  order: 'alone',
  async handle(request, call) {
    return { results: await Promise.all(request.resources.map((resource) => describe(resource, request, call))) }
  },
  refuse: ({ resources }, error) => ({ results: resources.map((resource) => refused(resource, error)) }),
})

async function describe(resource: Resource, request: DescribeConfigsRequest, call: Call) {
  const { resourceType, resourceName, configurationKeys } = resource
  try {
    const entries = await entriesOf(resource, call)
    const wanted = new Set(configurationKeys ?? [])
    const needsSynonyms = request.includeSynonyms && resourceType === topicResource
    const atBroker = new Map(
      (needsSynonyms ? await call.broker.describeConfig(null) : []).map((each) => [each.name, each]),
    )
    return {
      ...noError,
      resourceType,
      resourceName,
      configs: entries
        .filter(({ name }) => wanted.size === 0 || wanted.has(name))
        .map((entry) => ({
          name: entry.name,
          value: entry.value,
          readOnly: entry.isReadOnly,
          configSource: sourceOf(entry),
          isSensitive: false,
          synonyms: request.includeSynonyms ? synonymsOf(entry, atBroker) : [],
          configType: typeOf(entry),
          documentation: request.includeDocumentation ? entry.help : null,
        })),
    }
  } catch (error) {
    return refused(resource, error)
  }
}

async function entriesOf({ resourceType, resourceName }: Resource, { broker }: Call): Promise<readonly ConfigEntry[]> {
  if (resourceType === topicResource) return broker.describeConfig(resourceName)
  if (resourceType !== brokerResource) {
    throw new HoldfastError('INVALID_REQUEST', `There is no configuration of resources of type ${resourceType}.`)
  }
  if (resourceName === '') return []
  if (resourceName === String(broker.nodeId)) return broker.describeConfig(null)
  throw new HoldfastError('INVALID_REQUEST', `There is broker ${broker.nodeId} alone, not ${resourceName}.`)
}

/** Where the value comes from first, and what would hold without it. */
function synonymsOf(entry: ConfigEntry, atBroker: ReadonlyMap<string, ConfigEntry>) {
  const own = { name: entry.name, value: entry.value, source: sourceOf(entry) }
  const fallback = atBroker.get(entry.synonym ?? '')
  if (fallback === undefined) return [own]
  const below = { name: fallback.name, value: fallback.value, source: sourceOf(fallback) }
  return entry.origin === 'topic' ? [own, below] : [below]
}

function refused({ resourceType, resourceName }: Resource, error: unknown) {
  return { ...refusalOf(error), resourceType, resourceName, configs: [] }
}
