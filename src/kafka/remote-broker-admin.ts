/** Topics and their configuration, of a remote broker. */

import type * as contract from '../broker/contract.js'
import type { Clock } from '../core/clock.js'
import { HoldfastError } from '../core/errors.js'
import { brokerResource, configSource, configType, operations, topicResource } from './api/config-numbers.js'
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
  metadata,
  type ResponseOf,
} from './schemas/index.js'
import type { WirePool } from './wire-pool.js'

type Topic = ResponseOf<typeof metadata>['topics'][number]

const unknownTopic = 3
const invalidTopicName = 17
/** With {@link retrying} about a second. */
const triesToSeeCreated = 10
/** Topic ids. */
const firstMetadataVersion = 10

export class RemoteAdmin {
  readonly #wire: WirePool
  readonly #nodeId: number
  readonly #clock: Clock
  readonly #timeoutMs: number

  constructor(wire: WirePool, nodeId: number, clock: Clock, timeoutMs: number) {
    this.#wire = wire
    this.#nodeId = nodeId
    this.#clock = clock
    this.#timeoutMs = timeoutMs
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
    const ends = lookups.length === 0 ? [] : await readOffsets(this.#wire, lookups, 'uncommitted')
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
    const { topics } = await this.#wire.send(createTopics, {
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
    })
    const { errorCode, errorMessage, topicId, numPartitions } = topics[0]
    throwIfRefused(errorCode, errorMessage)
    if (validateOnly) return wouldBe(name, topicId, numPartitions)
    // Kafka answers before the new topic can be seen everywhere.
    return retrying(this.#clock, this.#timeoutMs, async () => {
      const [description] = await this.describeTopics([name], false)
      if (description !== undefined) return description
      throw new HoldfastError('UNKNOWN_TOPIC_OR_PARTITION', `Topic ${name} was created and cannot be seen yet.`)
    })
  }

  async deleteTopic(name: string): Promise<void> {
    const body = { topics: [{ name }], topicNames: [name], timeoutMs: this.#timeoutMs }
    const { topics } = await this.#wire.send(deleteTopics, body)
    throwIfRefused(topics[0].errorCode, topics[0].errorMessage)
  }

  async createPartitions(name: string, count: number, validateOnly: boolean): Promise<void> {
    const body = { topics: [{ name, count }], timeoutMs: this.#timeoutMs, validateOnly }
    const { results } = await this.#wire.send(createPartitions, body)
    throwIfRefused(results[0].errorCode, results[0].errorMessage)
  }

  alterTopic(name: string, alteration: contract.TopicAlteration): Promise<void> {
    return this.#alter({ resourceType: topicResource, resourceName: name }, alteration)
  }

  alterBroker(alteration: contract.TopicAlteration): Promise<void> {
    return this.#alter({ resourceType: brokerResource, resourceName: String(this.#nodeId) }, alteration)
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
    const { responses } = await (replaceAll
      ? this.#wire.send(alterConfigs, { resources: [{ ...resource, configs }], validateOnly })
      : this.#wire.send(incrementalAlterConfigs, { resources: [{ ...resource, configs }], validateOnly }))
    throwIfRefused(responses[0].errorCode, responses[0].errorMessage)
  }

  async deleteRecords({ topic, partition }: contract.TopicPartition, offset: number): Promise<number> {
    const body = { topics: [{ name: topic, partitions: [{ index: partition, offset }] }], timeoutMs: this.#timeoutMs }
    const { topics } = await this.#wire.send(deleteRecords, body)
    const [{ lowWatermark, errorCode }] = topics[0].partitions
    throwIfRefused(errorCode, null)
    return lowWatermark
  }

  async describeConfig(topic: string | null): Promise<contract.ConfigEntry[]> {
    const resourceType = topic === null ? brokerResource : topicResource
    const { results } = await this.#wire.send(
      describeConfigs,
      {
        resources: [{ resourceType, resourceName: topic ?? String(this.#nodeId) }],
        includeSynonyms: true,
        includeDocumentation: true,
      },
      { minVersion: 3 },
    )
    throwIfRefused(results[0].errorCode, results[0].errorMessage)
    return results[0].configs.map((config) => ({
      name: config.name,
      value: config.value ?? '',
      origin: originOf(config.configSource),
      type: typeOf(config.configType),
      help: config.documentation ?? '',
      isReadOnly: config.readOnly,
      synonym: topic === null ? undefined : config.synonyms.find(({ source }) => source !== configSource.topic)?.name,
    }))
  }

  /** Those that are there. Kafka creates what it is asked for behind its answer, which says "unknown" or "no leader". */
  #findTopics(names: readonly string[] | null, create: boolean): Promise<readonly Topic[]> {
    let triesLeft = create ? triesToSeeCreated : 0
    return retrying(this.#clock, this.#timeoutMs, async () => {
      const body = { topics: names?.map((name) => ({ name })) ?? null, allowAutoTopicCreation: create }
      const answer = await this.#wire.send(metadata, body, { minVersion: firstMetadataVersion })
      throwIfRefused(answer.errorCode)
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
