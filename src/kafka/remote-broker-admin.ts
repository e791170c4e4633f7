/** Topics and their configuration, of a remote broker. */

import type * as contract from '../broker/contract.js'
import { HoldfastError } from '../core/errors.js'
import { pause } from '../core/pause.js'
import { brokerResource, configSource, configType, operations, topicResource } from './api/config-numbers.js'
import { askLeaders } from './cluster/asking-leaders.js'
import type { Cluster } from './cluster/cluster.js'
import { errorOf, throwIfRefused } from './remote-broker-errors.js'
import { readOffsets } from './remote-broker-offsets.js'
import { retrying } from './retrying.js'
import {
  alterConfigs,
  createPartitions,
  createTopics,
  deleteRecords,
  deleteTopics,
  describeConfigs,
  incrementalAlterConfigs,
  type metadata,
  type ResponseOf,
} from './schemas/index.js'
import type { WirePool } from './wire-pool.js'

type Topic = ResponseOf<typeof metadata>['topics'][number]

const unknownTopic = 3
const invalidTopicName = 17
/** With {@link retrying} about a second. */
const triesToSeeCreated = 10
const triesToSeeDeleted = 50
const pauseToSeeDeletedMs = 20
/** Topic ids. */
const firstMetadataVersion = 10

export class RemoteAdmin {
  readonly #cluster: Cluster

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  async describeTopics(names: readonly string[] | null, create: boolean): Promise<contract.TopicDescription[]> {
    const found = await this.#findTopics(names, create)
    const lookups = found.flatMap(({ name, partitions }) =>
      partitions.flatMap(({ index }) =>
        (['earliest', 'latest'] as const).map((query) => ({
          topic: name ?? '',
          partition: index,
          query,
          currentLeaderEpoch: -1,
        })),
      ),
    )
    const ends = lookups.length === 0 ? [] : await readOffsets(this.#cluster, lookups, 'uncommitted')
    let next = 0
    return found.map(({ name, topicId, isInternal, partitions }) => ({
      name: name ?? '',
      id: topicId,
      isInternal,
      partitions: partitions.map(({ index, leaderEpoch, errorCode }) => {
        const [earliest, latest] = [ends[next++], ends[next++]]
        return {
          partition: index,
          leaderEpoch,
          logStartOffset: earliest.offset,
          highWatermark: latest.offset,
          sizeInBytes: -1,
          failure: errorOf(errorCode) ?? earliest.error ?? latest.error,
        }
      }),
    }))
  }

  async createTopic(topic: contract.TopicToCreate): Promise<contract.TopicDescription> {
    const { name, config = {}, validateOnly = false } = topic
    const body = {
      topics: [
        {
          name,
          numPartitions: topic.partitions ?? -1,
          replicationFactor: topic.replicationFactor ?? -1,
          configs: Object.entries(config).map(([key, value]) => ({ name: key, value })),
        },
      ],
      timeoutMs: this.#timeoutMs,
      validateOnly,
    }
    const { topicId, numPartitions } = await this.#cluster.controller(async (wire, options) => {
      const { topics } = await wire.send(createTopics, body, options)
      throwIfRefused(topics[0].errorCode, topics[0].errorMessage)
      return topics[0]
    })
    if (validateOnly) return wouldBe(name, topicId, numPartitions)
    // Kafka answers before the new topic can be seen everywhere.
    return retrying(this.#cluster.clock, this.#timeoutMs, async () => {
      const [description] = await this.describeTopics([name], false)
      const unseen = description?.partitions.find(({ failure }) => failure !== undefined)?.failure
      if (unseen !== undefined) throw unseen
      if (description !== undefined) return description
      throw new HoldfastError('UNKNOWN_TOPIC_OR_PARTITION', `Topic ${name} was created and cannot be seen yet.`)
    })
  }

  async deleteTopic(name: string): Promise<void> {
    const body = { topics: [{ name }], topicNames: [name], timeoutMs: this.#timeoutMs }
    await this.#cluster.controller(async (wire, options) => {
      const { topics } = await wire.send(deleteTopics, body, options)
      throwIfRefused(topics[0].errorCode, topics[0].errorMessage)
    })
    // Kafka answers before the topic is gone everywhere. One that somebody makes again at once is not waited for.
    for (let triesLeft = triesToSeeDeleted; triesLeft > 0; triesLeft--) {
      const [found] = await this.#findTopics([name], false)
      if (found === undefined) return
      await pause(this.#cluster.clock, pauseToSeeDeletedMs)
    }
  }

  async createPartitions(name: string, count: number, validateOnly: boolean): Promise<void> {
    const body = { topics: [{ name, count }], timeoutMs: this.#timeoutMs, validateOnly }
    await this.#cluster.controller(async (wire, options) => {
      const { results } = await wire.send(createPartitions, body, options)
      throwIfRefused(results[0].errorCode, results[0].errorMessage)
    })
  }

  alterTopic(name: string, alteration: contract.TopicAlteration): Promise<void> {
    return this.#alter({ resourceType: topicResource, resourceName: name }, alteration)
  }

  /** Of the only broker; in a cluster of several, for all of them. */
  alterBroker(alteration: contract.TopicAlteration): Promise<void> {
    const { nodeIds } = this.#cluster
    const resource = { resourceType: brokerResource, resourceName: nodeIds.length === 1 ? String(nodeIds[0]) : '' }
    return this.#alter(resource, alteration)
  }

  async #alter(
    resource: { readonly resourceType: number; readonly resourceName: string },
    { alterations, replaceAll = false, validateOnly = false }: contract.TopicAlteration,
  ): Promise<void> {
    const configs = alterations.map((each) => ({
      name: each.name,
      configOperation: operations.indexOf(each.operation),
      value: each.operation === 'delete' ? null : each.value,
    }))
    const body = { resources: [{ ...resource, configs }], validateOnly }
    await this.#cluster.controller(async (wire, options) => {
      const { responses } = await (replaceAll
        ? wire.send(alterConfigs, body, options)
        : wire.send(incrementalAlterConfigs, body, options))
      throwIfRefused(responses[0].errorCode, responses[0].errorMessage)
    })
  }

  async deleteRecords(place: contract.TopicPartition, offset: number): Promise<number> {
    const [{ error, lowWatermark }] = await askLeaders(this.#cluster, {
      items: [place],
      ask: async (wire) => {
        const { topic, partition } = place
        const topics = [{ name: topic, partitions: [{ index: partition, offset }] }]
        const answer = await wire.send(deleteRecords, { topics, timeoutMs: this.#timeoutMs })
        const [found] = answer.topics[0].partitions
        return [{ topic, partition, error: errorOf(found.errorCode), lowWatermark: found.lowWatermark }]
      },
      refuse: ({ topic, partition }, error) => ({ topic, partition, error, lowWatermark: -1 }),
    })
    if (error !== undefined) throw error
    return lowWatermark
  }

  async describeConfig(topic: string | null): Promise<contract.ConfigEntry[]> {
    const resourceType = topic === null ? brokerResource : topicResource
    const [nodeId] = this.#cluster.nodeIds
    const body = {
      resources: [{ resourceType, resourceName: topic ?? String(nodeId) }],
      includeSynonyms: true,
      includeDocumentation: true,
    }
    const ask = async (wire: WirePool) => {
      const { results } = await wire.send(describeConfigs, body, { minVersion: 3 })
      throwIfRefused(results[0].errorCode, results[0].errorMessage)
      return results[0].configs
    }
    // A broker tells of itself alone; of several the first is asked.
    const wire = topic === null ? this.#cluster.node(nodeId) : undefined
    const configs = await (wire === undefined ? this.#cluster.any(ask) : ask(wire))
    return configs.map((config) => ({
      name: config.name,
      value: config.value ?? '',
      origin: originOf(config.configSource),
      type: typeOf(config.configType),
      help: config.documentation ?? '',
      isReadOnly: config.readOnly,
      synonym: topic === null ? undefined : config.synonyms.find(({ source }) => source !== configSource.topic)?.name,
    }))
  }

  get #timeoutMs(): number {
    return this.#cluster.requestTimeoutMs
  }

  /** Those that are there. Kafka creates what it is asked for behind its answer, which says "unknown" or "no leader". */
  #findTopics(names: readonly string[] | null, create: boolean): Promise<readonly Topic[]> {
    let triesLeft = create ? triesToSeeCreated : 0
    return retrying(this.#cluster.clock, this.#timeoutMs, async () => {
      const body = { topics: names?.map((name) => ({ name })) ?? null, allowAutoTopicCreation: create }
      const answer = await this.#cluster.askMetadata(body, { minVersion: firstMetadataVersion })
      const isMissing = ({ errorCode }: Topic): boolean =>
        errorCode === unknownTopic ? triesLeft-- <= 0 : errorCode === invalidTopicName && !create
      for (const topic of answer.topics) {
        if (topic.errorCode !== 0 && !isMissing(topic))
          throw errorOf(topic.errorCode, `Topic ${topic.name}: not there.`)
      }
      return answer.topics.filter(({ errorCode }) => errorCode === 0)
    })
  }
}

function wouldBe(name: string, id: Buffer, count: number): contract.TopicDescription {
  const nothing = { leaderEpoch: 0, logStartOffset: 0, highWatermark: 0, sizeInBytes: 0 }
  const partitions = Array.from({ length: Math.max(0, count) }, (_, partition) => ({ partition, ...nothing }))
  return { name, id, isInternal: false, partitions }
}

function originOf(source: number): contract.ConfigEntry['origin'] {
  if (source === configSource.topic) return 'topic'
  if (source === configSource.altered) return 'altered'
  return source === configSource.default ? 'default' : 'broker'
}

function typeOf(type: number): contract.ConfigEntry['type'] {
  if (type === configType.boolean) return 'boolean'
  if (type === configType.double) return 'double'
  if (type === configType.list) return 'list'
  return type === configType.int || type === configType.long ? 'int' : 'string'
}
