/** What AlterConfigs and IncrementalAlterConfigs share: each resource answers for itself. */

import type { TopicAlteration } from '../../broker/contract.js'
import { HoldfastError } from '../../core/errors.js'
import { brokerResource, topicResource } from './config-numbers.js'
import type { Call } from './handler.js'
import { duplicatesOf, noError, refusalOf } from './refusals.js'

interface Resource {
  readonly resourceType: number
  readonly resourceName: string
}

/** One resource after the other, in the order of the request. A resource that occurs twice is refused for both. */
export async function alterEach<R extends Resource>(
  resources: readonly R[],
  validateOnly: boolean,
  { broker }: Call,
  alterationOf: (resource: R) => Omit<TopicAlteration, 'validateOnly'>,
) {
  const twice = duplicatesOf(resources.map(keyOf))
  const responses = []
  for (const resource of resources) {
    try {
      if (twice.has(keyOf(resource))) {
        throw new HoldfastError('INVALID_REQUEST', `The request names ${resource.resourceName} more than once.`)
      }
      const alteration = { ...alterationOf(resource), validateOnly }
      if (isThisBroker(resource, broker)) await broker.alterBroker(alteration)
      else await broker.alterTopic(resource.resourceName, alteration)
      responses.push(answer(resource, noError))
    } catch (error) {
      responses.push(answer(resource, refusalOf(error)))
    }
  }
  return { responses }
}

export function refuseEach(resources: readonly Resource[], error: unknown) {
  return { responses: resources.map((resource) => answer(resource, refusalOf(error))) }
}

/** @throws INVALID_REQUEST, where Kafka refuses it as well */
export function requireValue(name: string, value: string | null): string {
  if (value !== null) return value
  throw new HoldfastError('INVALID_REQUEST', `${name} has no value; to take it away, delete it.`)
}

/** Whether the broker is meant, rather than a topic. @throws INVALID_REQUEST for anything else */
function isThisBroker({ resourceType, resourceName }: Resource, { nodeId }: Call['broker']): boolean {
  if (resourceType === topicResource) return false
  if (resourceType === brokerResource && resourceName === String(nodeId)) return true
  throw new HoldfastError(
    'INVALID_REQUEST',
    resourceType === brokerResource
      ? `There is broker ${nodeId} alone, whose settings can be altered under that name; not ${JSON.stringify(resourceName)}.`
      : `There is no configuration of resources of type ${resourceType}.`,
  )
}

function answer({ resourceType, resourceName }: Resource, refusal: ReturnType<typeof refusalOf>) {
  return { ...refusal, resourceType, resourceName }
}

function keyOf({ resourceType, resourceName }: Resource): string {
  return `${resourceType} ${resourceName}`
}
