/** CreatePartitions, versions 0-3: more partitions for topics; manual assignments must name this node alone. */

import { HoldfastError } from '../../core/errors.js'
import { type CreatePartitionsRequest, createPartitions } from '../schemas/index.js'
import { requireThisNode } from './assignments.js'
import { type Call, endpoint } from './handler.js'
import { duplicatesOf, noError, refusalOf } from './refusals.js'

type Topic = CreatePartitionsRequest['topics'][number]

export const createPartitionsEndpoint = endpoint({
  api: createPartitions,
  order: 'alone',
  async handle({ topics, validateOnly }, call) {
    const twice = duplicatesOf(topics.map((topic) => topic.name))
    const results: ({ name: string } & ReturnType<typeof refusalOf>)[] = []
    for (const topic of topics) {
      const { name, count } = topic
      try {
        if (twice.has(name)) throw new HoldfastError('INVALID_REQUEST', `The request names ${name} more than once.`)
        await checkAssignments(topic, call)
        await call.broker.createPartitions(name, count, { validateOnly })
        results.push({ name, ...noError })
      } catch (error) {
        results.push({ name, ...refusalOf(error) })
      }
    }
    return { results }
  },
  refuse: ({ topics }, error) => ({ results: topics.map(({ name }) => ({ name, ...refusalOf(error) })) }),
})

/** The number of partitions itself is the broker's to judge. */
async function checkAssignments({ name, count, assignments }: Topic, { broker }: Call): Promise<void> {
  if (assignments === null) return
  const [topic] = await broker.describeTopics([name])
  const added = count - (topic?.partitions.length ?? 0)
  if (topic !== undefined && added > 0 && assignments.length !== added) {
    throw new HoldfastError(
      'INVALID_REPLICA_ASSIGNMENT',
      `${added} partitions are to be added, and ${assignments.length} are assigned.`,
    )
  }
  for (const { brokerIds } of assignments) requireThisNode(brokerIds, broker.nodeId)
}
