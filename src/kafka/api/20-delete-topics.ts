/** DeleteTopics, versions 1-6: by name, from version 6 on by name or id. What is named twice is refused for both. */

import { zeroUuid } from '../../core/codec/index.js'
import { HoldfastError } from '../../core/errors.js'
import { uuidText } from '../../core/randomness.js'
import { type DeleteTopicsRequest, deleteTopics } from '../schemas/index.js'
import { type Call, endpoint } from './handler.js'
import { duplicatesOf, noError, refusalOf } from './refusals.js'

interface Topic {
  readonly name: string | null
  readonly topicId: Buffer
}

export const deleteTopicsEndpoint = endpoint({
  api: deleteTopics,
  order: 'alone',
  async handle(request, call) {
    const asked = topicsOf(request)
    const names = asked.map(({ name, topicId }) => name ?? call.broker.topicName(topicId))
    const twice = duplicatesOf(names.filter((name) => name !== undefined))
    const topics: (Topic & ReturnType<typeof refusalOf>)[] = []
    for (const [at, topic] of asked.entries()) {
      const name = names[at]
      try {
        check(topic, name, twice)
        topics.push({ name, topicId: await remove(name, topic, call), ...noError })
      } catch (error) {
        topics.push({ ...topic, ...refusalOf(error) })
      }
    }
    return { topics }
  },
  refuse: (request, error) => ({ topics: topicsOf(request).map((topic) => ({ ...topic, ...refusalOf(error) })) }),
})

/** Versions 1-5 have a list of names, version 6 has topics. */
function topicsOf({ topics, topicNames }: DeleteTopicsRequest): readonly Topic[] {
  return [...topics, ...topicNames.map((name) => ({ name, topicId: zeroUuid }))]
}

function check(topic: Topic, name: string | undefined, twice: ReadonlySet<string>): asserts name is string {
  const hasId = !topic.topicId.equals(zeroUuid)
  if (topic.name === null && !hasId) throw new HoldfastError('INVALID_REQUEST', 'A topic has neither name nor id.')
  if (topic.name !== null && hasId) {
    throw new HoldfastError('INVALID_REQUEST', 'A topic is named by its name or by its id, not by both.')
  }
  if (name === undefined) {
    throw new HoldfastError('UNKNOWN_TOPIC_ID', `There is no topic of the id ${uuidText(topic.topicId)}.`)
  }
  if (twice.has(name)) throw new HoldfastError('INVALID_REQUEST', `The request names ${name} more than once.`)
}

/** Deletes and returns the id it had. */
async function remove(name: string, topic: Topic, { broker, version }: Call): Promise<Buffer> {
  const id = version >= 6 && topic.name !== null ? broker.topicId(name) : undefined
  await broker.deleteTopic(name)
  return id ?? topic.topicId
}
