/** Topics as the broker sees them: which there are, which rules a new one has to keep, and their configuration. */

import { HoldfastError } from '../core/errors.js'
import {
  originOf,
  type SettingName,
  type Settings,
  settingsTable,
  topicSettingNames,
  topicSettings,
} from '../core/settings.js'
import { alteredConfig } from '../core/settings-altering.js'
import {
  type InternalTopicName,
  isInternalTopic,
  offsetsTopicName,
  transactionsTopicName,
} from '../storage/internal-topics.js'
import type { MessageStore } from '../storage/message-store.js'
import { checkTopicName, settingsOf, type Topic } from '../storage/topic-catalog.js'
import type { ConfigEntry, TopicAlteration, TopicDescription, TopicToCreate } from './contract.js'
import type { BrokerReplication } from './replication.js'

/** More than that in one topic is taken for a slip of the pen. */
const maxPartitions = 10_000

/**
 * Small segments of their own, since each restart reads all of them; of each key the last value counts; the broker's own batches are
 * kept as it makes them.
 */
const ownConfig = {
  'segment.bytes': String(100 * 1024 * 1024),
  'cleanup.policy': 'compact',
  'compression.type': 'producer',
  'key.index.enable': 'false',
  'storage.layout': 'segments',
}

/** Which setting says how many partitions each gets, and its configuration. */
const internalTopics = {
  [offsetsTopicName]: { partitions: 'offsets.topic.num.partitions', config: ownConfig },
  // An outcome that was decided may not get lost, whatever the flush policy of what it decides about.
  [transactionsTopicName]: {
    partitions: 'transaction.state.log.num.partitions',
    config: { ...ownConfig, 'flush.disk.type': 'SYNC_FLUSH' },
  },
} as const satisfies Record<InternalTopicName, { partitions: SettingName; config: object }>

export class Topics {
  readonly #store: MessageStore
  readonly #replication: BrokerReplication | undefined
  /** A topic whose configuration changes is a new object. */
  readonly #settings = new WeakMap<Topic, Settings>()

  constructor(store: MessageStore, replication?: BrokerReplication) {
    this.#store = store
    this.#replication = replication
  }

  describe(topic: Topic): TopicDescription {
    const partitions = Array.from({ length: topic.partitions }, (_, partition) => {
      const log = this.#store.log(topic.name, partition)
      return {
        partition,
        leaderEpoch: this.#replication?.leaderEpoch ?? log?.leaderEpoch ?? 0,
        logStartOffset: log?.logStartOffset ?? -1,
        highWatermark: log?.highWatermark ?? -1,
        sizeInBytes: log?.sizeInBytes ?? 0,
        failure: log?.failure,
        keyIndex: this.#store.keyIndexes.get(topic.name, partition)?.status,
      }
    })
    return { name: topic.name, id: topic.id, isInternal: this.isInternal(topic.name), partitions }
  }

  isInternal(name: string): boolean {
    return isInternalTopic(name)
  }

  /** The named topics that exist, or all; with `create`, missing ones are made where the settings allow it. */
  async find(names: readonly string[] | null, create: boolean): Promise<Topic[]> {
    const found = names === null ? this.#store.topics() : await this.#named(names, create)
    // A description tells what they hold, which is not known before their files have been looked at.
    for (const topic of found) await this.#store.keyIndexes.ready(topic)
    return found
  }

  async #named(names: readonly string[], create: boolean): Promise<Topic[]> {
    const found: Topic[] = []
    for (const name of new Set(names)) {
      const topic = this.#store.topic(name) ?? (create ? await this.#autoCreate(name) : undefined)
      if (topic !== undefined) found.push(topic)
    }
    return found
  }

  /** A topic of the broker's own, made where it is missing and `create` says so. */
  async internalTopic(name: InternalTopicName, create: boolean): Promise<Topic | undefined> {
    const present = this.#store.topic(name)
    if (present !== undefined) return this.#compacted(present)
    if (!create) return undefined
    const { settings } = this.#store
    const { partitions, config } = internalTopics[name]
    const own: Record<string, string> = { ...config }
    if (name === offsetsTopicName) own['segment.bytes'] = String(settings['offsets.topic.segment.bytes'])
    return this.#createOrFind({ name, partitions: settings[partitions], config: own })
  }

  /** One that was made before there was compaction is compacted from now on. */
  async #compacted(topic: Topic): Promise<Topic> {
    if (topic.config['cleanup.policy'] !== undefined) return topic
    await this.#store.alterTopic(topic.name, (config) => ({ ...config, 'cleanup.policy': 'compact' }))
    return this.#store.topic(topic.name) ?? topic
  }

  async create(request: TopicToCreate): Promise<TopicDescription> {
    const topic = this.#checked(request)
    if (request.validateOnly) return this.#wouldBe(topic)
    return this.describe(await this.#store.createTopic(topic))
  }

  async grow(name: string, partitions: number, validateOnly: boolean): Promise<void> {
    const topic = this.#store.topic(name)
    if (topic === undefined) throw unknownTopic(name)
    if (this.isInternal(name)) {
      throw new HoldfastError(
        'INVALID_REQUEST',
        `${name} keeps its number of partitions: it decides where a group's offsets lie.`,
      )
    }
    if (partitions <= topic.partitions || partitions > maxPartitions) {
      const why = `Topic ${name} has ${topic.partitions} partitions; it can grow to more, up to ${maxPartitions}, not to ${partitions}.`
      throw new HoldfastError('INVALID_PARTITIONS', why)
    }
    if (!validateOnly) await this.#store.addPartitions(name, partitions)
  }

  /** @throws UNKNOWN_TOPIC_OR_PARTITION, POLICY_VIOLATION, INVALID_CONFIG, INVALID_REQUEST */
  async alter(name: string, { alterations, replaceAll = false, validateOnly }: TopicAlteration): Promise<void> {
    if (this.#store.topic(name) === undefined) throw unknownTopic(name)
    if (this.isInternal(name)) {
      throw new HoldfastError('POLICY_VIOLATION', `${name} belongs to the broker, which alone says how it is kept.`)
    }
    await this.#store.alterTopic(
      name,
      (config, settings) => alteredConfig(replaceAll ? {} : config, settings, alterations),
      { validateOnly },
    )
  }

  /** @throws UNKNOWN_TOPIC_OR_PARTITION, INVALID_TOPIC_EXCEPTION */
  checkDeletable(name: string): void {
    if (this.isInternal(name)) {
      throw new HoldfastError('INVALID_TOPIC_EXCEPTION', `${name} belongs to the broker and cannot be deleted.`)
    }
    if (this.#store.topic(name) === undefined) throw unknownTopic(name)
  }

  async delete(name: string): Promise<void> {
    this.checkDeletable(name)
    await this.#store.deleteTopic(name)
  }

  /** The settings that hold for a topic. */
  settingsOf(topic: Topic): Settings {
    const known = this.#settings.get(topic)
    if (known !== undefined) return known
    const settings = settingsOf(topic, this.#store.settings)
    this.#settings.set(topic, settings)
    return settings
  }

  config(name: string): ConfigEntry[] {
    const topic = this.#store.topic(name)
    if (topic === undefined) throw unknownTopic(name)
    const settings = this.settingsOf(topic)
    return [...topicSettingNames].map(([topicName, setting]) => ({
      ...entry(setting, settings),
      name: topicName,
      isReadOnly: this.isInternal(name) || settingsTable[setting].fixed === true,
      synonym: setting,
    }))
  }

  brokerConfig(): ConfigEntry[] {
    const { settings } = this.#store
    return (Object.keys(settingsTable) as SettingName[]).map((name) => entry(name, settings))
  }

  /** undefined where topics are not created by being named; throws where the name can never be one. */
  async #autoCreate(name: string): Promise<Topic | undefined> {
    if (isInternalTopic(name)) return this.internalTopic(name, true)
    if (!this.#store.settings['auto.create.topics.enable']) return undefined
    return this.#createOrFind(this.#checked({ name }))
  }

  /** Two that name the same new topic at the same time both get it. */
  async #createOrFind(topic: { name: string; partitions: number; config: Record<string, string> }): Promise<Topic> {
    try {
      return await this.#store.createTopic(topic)
    } catch (error) {
      const present = this.#store.topic(topic.name)
      if (error instanceof HoldfastError && error.code === 'TOPIC_ALREADY_EXISTS' && present !== undefined)
        return present
      throw error
    }
  }

  #checked(request: TopicToCreate): { name: string; partitions: number; config: Record<string, string> } {
    const { name, replicationFactor = -1 } = request
    checkTopicName(name)
    if (this.#store.topic(name) !== undefined) {
      throw new HoldfastError('TOPIC_ALREADY_EXISTS', `There is already a topic ${name}.`)
    }
    const copies = this.#replication?.describe().members.length ?? 1
    if (replicationFactor !== -1 && !(replicationFactor >= 1 && replicationFactor <= copies)) {
      throw new HoldfastError(
        'INVALID_REPLICATION_FACTOR',
        `A replication factor of ${replicationFactor} needs as many brokers; there ${copies === 1 ? 'is' : 'are'} ${copies}.`,
      )
    }
    const asked = request.partitions ?? -1
    const partitions = asked === -1 ? this.#store.settings['num.partitions'] : asked
    if (!Number.isInteger(partitions) || partitions < 1 || partitions > maxPartitions) {
      throw new HoldfastError('INVALID_PARTITIONS', `A topic has 1 to ${maxPartitions} partitions, not ${partitions}.`)
    }
    const config: Record<string, string> = {}
    for (const [key, value] of Object.entries(request.config ?? {})) if (value !== null) config[key] = value
    topicSettings(this.#store.settings, config)
    return { name, partitions, config }
  }

  #wouldBe(topic: { name: string; partitions: number }): TopicDescription {
    const partitions = Array.from({ length: topic.partitions }, (_, partition) => ({
      partition,
      leaderEpoch: 0,
      logStartOffset: 0,
      highWatermark: 0,
      sizeInBytes: 0,
    }))
    return { name: topic.name, id: Buffer.alloc(16), isInternal: this.isInternal(topic.name), partitions }
  }
}

function entry(name: SettingName, settings: Settings): ConfigEntry {
  const { type, help, live = false } = settingsTable[name]
  const { kind } = originOf(settings, name)
  return {
    name,
    value: String(settings[name]),
    origin: kind === 'default' || kind === 'topic' || kind === 'altered' ? kind : 'broker',
    type: type === 'enum' || type === 'path' || type === 'text' ? 'string' : type === 'fraction' ? 'double' : type,
    help,
    isReadOnly: !live,
  }
}

export function unknownTopic(name: string): HoldfastError {
  return new HoldfastError('UNKNOWN_TOPIC_OR_PARTITION', `There is no topic ${JSON.stringify(name)}.`)
}
