/**
 * CreateTopics, versions 2-7. Each topic answers for itself; a name that occurs twice is refused for both.
 *
 * A manual assignment of replicas must name this node alone for every partition and leaves the two counts at -1, as in
 * Kafka. From version 5 on the answer tells partitions, replicas and configuration.
 */

import type { TopicDescription } from '../../broker/contract.js'
import { HoldfastError } from '../../core/errors.js'
import { type CreateTopicsRequest, type CreateTopicsResponse, createTopics } from '../schemas/index.js'
import { requireConsecutive, requireThisNode } from './assignments.js'
import { sourceOf } from './config-numbers.js'
import { type Call, endpoint } from './handler.js'
import { nodesOf } from './nodes.js'
import { duplicatesOf, noError, refusalOf } from './refusals.js'

type Topic = CreateTopicsRequest['topics'][number]
type TopicAnswer = CreateTopicsResponse['topics'][number]

export const createTopicsEndpoint = endpoint({
  api: createTopics,
  order: 'alone',
  async handle({ topics, validateOnly }, call) {
    const twice = duplicatesOf(topics.map((topic) => topic.name))
    const answers: TopicAnswer[] = []
    for (const topic of topics) {
      try {
        if (twice.has(topic.name)) {
          throw new HoldfastError('INVALID_REQUEST', `The request names ${topic.name} more than once.`)
        }
        answers.push(await create(topic, validateOnly, call))
      } catch (error) {
        answers.push(refused(topic, error))
      }
    }
    return { topics: answers }
  },
  refuse: ({ topics }, error) => ({ topics: topics.map((topic) => refused(topic, error)) }),
})

async function create(topic: Topic, validateOnly: boolean, call: Call): Promise<TopicAnswer> {
  const { name } = topic
  const created = await call.broker.createTopic({
    name,
    partitions: partitionsOf(topic, call.broker.nodeId),
    replicationFactor: topic.replicationFactor,
    config: Object.fromEntries(topic.configs.map((config) => [config.name, config.value])),
    validateOnly,
  })
  return {
    name,
    topicId: created.id,
    ...noError,
    numPartitions: created.partitions.length,
    replicationFactor: nodesOf(call).replicas.length,
    configs: call.version < 5 || validateOnly ? [] : await configsOf(created, call),
  }
}

function partitionsOf({ numPartitions, replicationFactor, assignments }: Topic, nodeId: number): number {
  if (assignments.length === 0) return numPartitions
  if (numPartitions !== -1 || replicationFactor !== -1) {
    const message = 'With a manual assignment the partitions and the replication factor must be left at -1.'
    throw new HoldfastError('INVALID_REQUEST', message)
  }
  for (const { brokerIds } of assignments) requireThisNode(brokerIds, nodeId)
  requireConsecutive(assignments.map((assignment) => assignment.partitionIndex))
  return assignments.length
}

async function configsOf({ name }: TopicDescription, { broker }: Call) {
  const entries = await broker.describeConfig(name)
  return entries.map((entry) => ({
    name: entry.name,
    value: entry.value,
    readOnly: entry.isReadOnly,
    configSource: sourceOf(entry),
    isSensitive: false,
  }))
}

function refused({ name }: Topic, error: unknown): TopicAnswer {
  return { name, ...refusalOf(error), configs: [] }
}
