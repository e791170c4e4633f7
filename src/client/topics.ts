/** Topics, as the library shows and looks them up. */

import type { BrokerService, ConfigEntry, PartitionDescription, TopicDescription } from '../broker/contract.js'
import { HoldfastError } from '../core/errors.js'
import { uuidText } from '../core/randomness.js'
import type { ConfigAlteration } from '../core/settings-altering.js'
import type { CompactedPartition } from '../storage/log-cleaner.js'
import { checkName, checkOptions, refuse } from './arguments.js'
import { type Flush, withFlush } from './flush-option.js'
import { shown } from './message.js'
import { measureSpace, type TopicSpace } from './space.js'

export interface TopicSummary {
  readonly name: string
  readonly partitions: number
  /** Kept by the broker for itself. */
  readonly isInternal: boolean
}

export interface TopicDetails {
  readonly name: string
  /** The topic's id in Kafka's text form. */
  readonly id: string
  readonly isInternal: boolean
  readonly partitions: readonly PartitionDescription[]
  /** The settings that hold for the topic, each with its origin. */
  readonly config: readonly ConfigEntry[]
}

export interface CreateTopicOptions {
  /** The setting `num.partitions` where absent. */
  readonly partitions?: number
  /** By topic-level name, for example `{ 'max.message.bytes': '2000000' }`. */
  readonly config?: Readonly<Record<string, string>>
  /** Short for the configuration `flush.disk.type`: when a message to this topic counts as sent. */
  readonly flush?: Flush
}

export interface AlterTopicOptions {
  /**
   * By topic-level name, for example `{ 'max.message.bytes': 2_000_000, 'segment.bytes': null }`: null takes away what the
   * topic says for itself, and what holds for all topics holds for it again. What is not named stays.
   */
  readonly config: Readonly<Record<string, string | number | boolean | readonly string[] | null>>
  /** Check everything, change nothing. */
  readonly validateOnly?: boolean
}

/**
 * The topics of a queue.
 *
 *     await mq.topics.create('orders', { partitions: 4 })
 *     for (const { name, partitions } of await mq.topics.list()) console.log(name, partitions)
 */
export class TopicsClient {
  readonly #service: BrokerService
  readonly #onChanged: (topic: string) => void

  constructor(service: BrokerService, onChanged: (topic: string) => void) {
    this.#service = service
    this.#onChanged = onChanged
  }

  /** All topics, in the order of their names. */
  async list(): Promise<TopicSummary[]> {
    const topics = await this.#service.describeTopics(null)
    const summaries = topics.map(({ name, partitions, isInternal }) => ({
      name,
      partitions: partitions.length,
      isInternal,
    }))
    return summaries.sort((one, other) => (one.name < other.name ? -1 : 1))
  }

  /**
   * Creates a topic; it is durable when this resolves.
   * @throws TOPIC_ALREADY_EXISTS, INVALID_TOPIC_EXCEPTION, INVALID_PARTITIONS, INVALID_CONFIG, INVALID_ARGUMENT
   */
  async create(name: string, options: CreateTopicOptions = {}): Promise<TopicDetails> {
    checkName('topics.create', 'topic', name)
    checkOptions('topics.create', options, ['partitions', 'config', 'flush'])
    const { partitions, flush } = options
    const config = withFlush('topics.create', flush, options.config ?? {})
    const topic = await this.#service.createTopic({ name, partitions, config })
    return this.#details(topic)
  }

  /**
   * Changes what a topic says for itself, all of it or nothing: durable when this resolves, and in force from then on.
   * @throws UNKNOWN_TOPIC_OR_PARTITION, INVALID_CONFIG, POLICY_VIOLATION, INVALID_ARGUMENT
   */
  async alter(name: string, options: AlterTopicOptions): Promise<TopicDetails> {
    checkName('topics.alter', 'topic', name)
    checkOptions('topics.alter', options, ['config', 'validateOnly'])
    const config: unknown = options?.config
    if (typeof config !== 'object' || config === null) {
      return refuse(`topics.alter: config is ${shown(config)}; it must be an object.`)
    }
    const alterations = Object.entries(options.config).map(([entry, value]) => alterationOf(entry, value))
    await this.#service.alterTopic(name, { alterations, validateOnly: options.validateOnly })
    this.#onChanged(name)
    return this.describe(name)
  }

  /** Deletes a topic, its messages, and what groups have committed for it. @throws UNKNOWN_TOPIC_OR_PARTITION */
  async delete(name: string): Promise<void> {
    checkName('topics.delete', 'topic', name)
    await this.#service.deleteTopic(name)
    this.#onChanged(name)
  }

  /** @throws UNKNOWN_TOPIC_OR_PARTITION */
  async describe(name: string): Promise<TopicDetails> {
    checkName('topics.describe', 'topic', name)
    return this.#details(await describeTopic(this.#service, name, false))
  }

  /**
   * What compression saves in a topic: its bytes as they are stored and as they would be unpacked, by a look at up to 16
   * batches of each partition and 128 in all.
   * @throws UNKNOWN_TOPIC_OR_PARTITION
   */
  async space(name: string): Promise<TopicSpace> {
    checkName('topics.space', 'topic', name)
    return measureSpace(this.#service, await describeTopic(this.#service, name, false))
  }

  /**
   * Compacts a topic whose cleanup.policy says so now, instead of when enough of it is new.
   * @throws UNKNOWN_TOPIC_OR_PARTITION; INVALID_REQUEST for a topic that is not compacted; INVALID_ARGUMENT across a wire
   */
  async compact(name: string): Promise<readonly CompactedPartition[]> {
    checkName('topics.compact', 'topic', name)
    if (this.#service.compactTopic === undefined)
      refuse(
        'topics.compact: a broker elsewhere compacts when its settings say so; nothing in its protocol asks for it.',
      )
    return this.#service.compactTopic(name)
  }

  async #details({ name, id, isInternal, partitions }: TopicDescription): Promise<TopicDetails> {
    const config = await this.#service.describeConfig(name)
    return { name, id: uuidText(id), isInternal, partitions, config }
  }
}

/** The topic of that name; with `create` it is made where the settings allow it. @throws UNKNOWN_TOPIC_OR_PARTITION */
export async function describeTopic(
  service: Pick<BrokerService, 'describeTopics'>,
  name: string,
  create: boolean,
): Promise<TopicDescription> {
  const [topic] = await service.describeTopics([name], { create })
  if (topic !== undefined) return topic
  const hint = create ? ', and auto.create.topics.enable does not allow to create it by naming it' : ''
  throw new HoldfastError('UNKNOWN_TOPIC_OR_PARTITION', `There is no topic ${JSON.stringify(name)}${hint}.`)
}

function alterationOf(name: string, value: unknown): ConfigAlteration {
  if (value === null) return { name, operation: 'delete' }
  const isText = ['string', 'number', 'boolean'].includes(typeof value) || Array.isArray(value)
  return isText ? { name, operation: 'set', value: String(value) } : refuse(`topics.alter: ${name} is ${shown(value)}.`)
}
