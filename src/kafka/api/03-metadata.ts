/**
 * Metadata, versions 0-13: this broker, or the nodes that copy one another, and the topics with their one leader.
 *
 * All topics are asked for by null, in version 0 by an empty list. From version 12 on topics may be asked for by id.
 * A missing topic is created on the way where the request and the settings allow it, by who leads: another node answers
 * LEADER_NOT_AVAILABLE, on which clients ask again.
 */

import type { TopicDescription } from '../../broker/contract.js'
import { errorTable, HoldfastError, kafkaCodeOf } from '../../core/errors.js'
import { isTopicName } from '../../storage/topic-catalog.js'
import { type MetadataRequest, type MetadataResponse, metadata } from '../schemas/index.js'
import { type Call, endpoint } from './handler.js'
import { type Nodes, nodesOf } from './nodes.js'

type TopicAnswer = MetadataResponse['topics'][number]
type AskedTopic = NonNullable<MetadataRequest['topics']>[number]
type Asked = { readonly topic: TopicDescription } | { readonly error: TopicAnswer }

const noNode = -1
const leaderNotAvailable = errorTable.LEADER_NOT_AVAILABLE.kafka

const foundTopic = (topic: TopicDescription): Asked => ({ topic })

export const metadataEndpoint = endpoint({
  api: metadata,
  order: 'alone',
  async handle(request, call) {
    const { broker, version } = call
    const { topics } = request
    const isAll = topics === null || (version === 0 && topics.length === 0)
    const found = isAll
      ? (await broker.describeTopics(null)).map(foundTopic)
      : await askedFor(topics, request.allowAutoTopicCreation, call)
    // Who leads may have changed meanwhile: one answer tells one state of it.
    const nodes = nodesOf(call)
    return {
      brokers: nodes.brokers,
      clusterId: nodes.clusterId,
      controllerId: nodes.leader?.nodeId ?? noNode,
      topics: found.map((each) => ('error' in each ? each.error : described(each.topic, nodes))),
    }
  },
  refuse: ({ topics }, error) => ({
    brokers: [],
    clusterId: null,
    topics: (topics ?? []).map(({ name, topicId }) => ({
      name,
      topicId,
      errorCode: kafkaCodeOf(error),
      partitions: [],
    })),
    errorCode: kafkaCodeOf(error),
  }),
})

async function askedFor(topics: readonly AskedTopic[], create: boolean, call: Call): Promise<Asked[]> {
  const { broker, version } = call
  for (const { name } of topics) {
    if (name === null && version < 12) {
      throw new HoldfastError('INVALID_REQUEST', `Metadata ${version} names topics; a null name is for version 12.`)
    }
  }
  const nameOf = ({ name, topicId }: AskedTopic) => name ?? broker.topicName(topicId) ?? ''
  const byId = topics.filter((topic) => topic.name === null).map(nameOf)
  const named = new Set<string>()
  for (const { name } of topics) if (name !== null && isTopicName(name)) named.add(name)
  const known = [...named, ...byId].length === 0 ? [] : await broker.describeTopics([...named, ...byId])
  const byName = new Map(known.map((topic) => [topic.name, topic]))
  const refused = create ? await createMissing(named, byName, call) : new Map<string, unknown>()
  return topics.map((topic): Asked => {
    const { name, topicId } = topic
    const found = byName.get(nameOf(topic))
    if (found !== undefined) return foundTopic(found)
    const error = refused.get(name ?? '') ?? new HoldfastError(whyMissing(name))
    return { error: { name, topicId, errorCode: kafkaCodeOf(error), partitions: [] } }
  })
}

/** Adds to `byName` those that could be created; why the others could not, each on its own. */
async function createMissing(
  names: ReadonlySet<string>,
  byName: Map<string, TopicDescription>,
  call: Call,
): Promise<ReadonlyMap<string, unknown>> {
  const { broker, logger } = call
  const refused = new Map<string, unknown>()
  for (const name of names) {
    if (byName.has(name)) continue
    if (!leads(call)) {
      if (broker.settings['auto.create.topics.enable']) refused.set(name, new HoldfastError('LEADER_NOT_AVAILABLE'))
      continue
    }
    try {
      const [created] = await broker.describeTopics([name], { create: true })
      if (created !== undefined) byName.set(name, created)
    } catch (err) {
      // It is about to lead, or has just ceased to.
      if (err instanceof HoldfastError && err.code === 'NOT_CONTROLLER') {
        refused.set(name, new HoldfastError('LEADER_NOT_AVAILABLE'))
        continue
      }
      logger.warn({ topic: name, err }, 'A topic that a client named could not be created.')
      refused.set(name, err)
    }
  }
  return refused
}

/** Topics are made by the leader alone: who asks another node asks again. */
function leads({ broker, replication }: Call): boolean {
  return replication === undefined || replication.describe().leaderId === broker.nodeId
}

function whyMissing(
  name: string | null,
): 'UNKNOWN_TOPIC_ID' | 'UNKNOWN_TOPIC_OR_PARTITION' | 'INVALID_TOPIC_EXCEPTION' {
  if (name === null) return 'UNKNOWN_TOPIC_ID'
  return isTopicName(name) ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'INVALID_TOPIC_EXCEPTION'
}

function described(topic: TopicDescription, { leader, replicas, inSync, offline }: Nodes): TopicAnswer {
  return {
    errorCode: 0,
    name: topic.name,
    topicId: topic.id,
    isInternal: topic.isInternal,
    partitions: topic.partitions.map(({ partition, leaderEpoch }) => ({
      errorCode: leader === undefined ? leaderNotAvailable : 0,
      index: partition,
      leaderId: leader?.nodeId ?? noNode,
      leaderEpoch,
      replicas,
      inSyncReplicas: inSync,
      offlineReplicas: offline,
    })),
  }
}
