/**
 * The topics of a store: which there are, and what changes them. They are created, grown, altered and deleted one at a
 * time; the catalog is the point at which each change holds, and what a crash leaves half done is finished from it.
 */

import { HoldfastError } from '../core/errors.js'
import type { Lifecycle } from '../core/lifecycle.js'
import type { Logger } from '../core/logger.js'
import { Mutex } from '../core/mutex.js'
import { type Randomness, randomUuid } from '../core/randomness.js'
import { type Settings, topicSettings } from '../core/settings.js'
import { refuseFixedChanges } from '../core/settings-altering.js'
import type { Disk } from '../files/disk.js'
import type { CopiesElsewhere } from './copies-elsewhere.js'
import { isInternalTopic } from './internal-topics.js'
import type { KeyIndexes } from './key-indexes.js'
import { checkEngine } from './segments/opening.js'
import { checkPartitionCount, checkTopicName, type Topic, type TopicCatalog } from './topic-catalog.js'

export interface NewTopic {
  readonly name: string
  readonly partitions: number
  readonly config?: Readonly<Record<string, string>>
  /** What it has elsewhere, where it is a copy. */
  readonly copyOf?: Pick<Topic, 'id' | 'largestBatchBytes'>
}

export type ConfigChange = (config: Topic['config'], settings: Settings) => Topic['config']

/** The logs of all partitions, as far as the topics make, alter and remove them. */
export interface TopicLogs {
  /** Makes the empty logs of a topic from partition `from` on. */
  create(topic: Topic, from: number): Promise<void>
  /** Closes and removes a topic's partitions from `from` on. */
  remove(topic: Topic, from: number): Promise<void>
  alter(topic: Topic, settings: Settings): void
  settingsOf(topic: Topic): Settings
  /** What the catalog is to say of a new topic that these settings hold for: where its logs are. */
  placeFor(name: string, settings: Settings): Promise<Pick<Topic, 'layout' | 'since'>>
}

export interface StoreTopicsOptions {
  readonly catalog: TopicCatalog
  readonly logs: TopicLogs
  readonly indexes: KeyIndexes
  readonly checkpoints: { write(): Promise<void> }
  readonly lifecycle: Lifecycle
  readonly settings: Settings
  readonly disk: Disk
  readonly randomness: Randomness
  readonly logger: Logger
  readonly elsewhere?: CopiesElsewhere
}

export class StoreTopics {
  readonly #options: StoreTopicsOptions
  readonly #changes = new Mutex()
  /** Topics whose creation failed, and whose removal then failed too: the next attempt to create them clears them away. */
  readonly #unfinished = new Set<string>()

  constructor(options: StoreTopicsOptions) {
    this.#options = options
  }

  all(): Topic[] {
    return this.#options.catalog.all().filter(({ name, deleting }) => !deleting && !this.#unfinished.has(name))
  }

  get(name: string): Topic | undefined {
    const topic = this.#options.catalog.get(name)
    return topic?.deleting || this.#unfinished.has(name) ? undefined : topic
  }

  ofId(id: Uint8Array): Topic | undefined {
    const topic = this.#options.catalog.ofId(id)
    return topic?.deleting ? undefined : topic
  }

  /** @throws UNKNOWN_TOPIC_OR_PARTITION */
  existing(name: string): Topic {
    const topic = this.get(name)
    if (topic === undefined)
      throw new HoldfastError('UNKNOWN_TOPIC_OR_PARTITION', `There is no topic ${JSON.stringify(name)}.`)
    return topic
  }

  /** Does something while no topic is being changed; it is given {@link existing}. */
  whileUnchanged<T>(step: (topicOf: (name: string) => Topic) => Promise<T>): Promise<T> {
    return this.#changes.run(async () => {
      this.#options.lifecycle.assertOpen()
      return step((name) => this.existing(name))
    })
  }

  /** Resolves when no change is under way any more. */
  async settled(): Promise<void> {
    await this.#changes.run(async () => {})
  }

  /**
   * Creates a topic with all its partitions; durable when this resolves.
   * @throws INVALID_TOPIC_EXCEPTION, TOPIC_ALREADY_EXISTS, INVALID_PARTITIONS, INVALID_CONFIG, DISK_FULL
   */
  create({ name, partitions, config = {}, copyOf }: NewTopic): Promise<Topic> {
    return this.#change(async () => {
      checkTopicName(name)
      if (this.get(name) !== undefined) {
        throw new HoldfastError('TOPIC_ALREADY_EXISTS', `There is already a topic ${name}.`)
      }
      checkPartitionCount(partitions)
      const settings = topicSettings(this.#options.settings, config)
      checkEngine(settings, this.#options.disk)
      checkLayout(name, settings)
      // One whose removal failed half-way is not to be built upon.
      const leftOver = this.#options.catalog.get(name)
      if (leftOver !== undefined) await this.#removeTopic(leftOver)
      const place = await this.#options.logs.placeFor(name, settings)
      const identity = copyOf ?? { id: randomUuid(this.#options.randomness) }
      const topic: Topic = { name, ...identity, partitions, config, ...place }
      await this.#options.catalog.put(topic)
      try {
        await this.#options.logs.create(topic, 0)
        await this.#applyIndexes(topic)
      } catch (error) {
        await this.#removeTopic(topic).catch((err: unknown) => {
          this.#unfinished.add(name)
          this.#options.logger.warn(
            { topic: name, err },
            'A topic that could not be created could not be removed either.',
          )
        })
        throw error
      }
      return topic
    })
  }

  /**
   * Adds partitions to a topic until it has `partitions`.
   * @throws UNKNOWN_TOPIC_OR_PARTITION, INVALID_PARTITIONS
   */
  addPartitions(name: string, partitions: number): Promise<Topic> {
    return this.#change(async () => {
      const topic = this.existing(name)
      if (partitions <= topic.partitions) {
        throw new HoldfastError(
          'INVALID_PARTITIONS',
          `Topic ${name} has ${topic.partitions} partitions already; ${partitions} are not more.`,
        )
      }
      checkPartitionCount(partitions)
      const grown: Topic = { ...topic, partitions }
      try {
        await this.#options.logs.create(grown, topic.partitions)
        // Last, so that there is nothing to take back in it: a directory that it does not count is nobody's partition.
        await this.#options.catalog.put(grown)
        await this.#applyIndexes(grown)
      } catch (error) {
        await this.#removePartitions(grown, topic.partitions).catch((err: unknown) => {
          this.#options.logger.warn(
            { topic: name, err },
            'Partitions that could not be added could not be removed either.',
          )
        })
        throw error
      }
      return grown
    })
  }

  /**
   * Gives a topic another configuration of its own: what `change` makes of the present one and of the settings that hold.
   * It is durable when this resolves, and the topic's logs hold to it from then on.
   * @throws UNKNOWN_TOPIC_OR_PARTITION, INVALID_CONFIG, and what `change` throws
   */
  alter(name: string, change: ConfigChange, options: { validateOnly?: boolean } = {}): Promise<void> {
    return this.#change(async () => {
      const topic = this.existing(name)
      const before = this.#options.logs.settingsOf(topic)
      const config = change(topic.config, before)
      const settings = this.#options.logs.settingsOf({ ...topic, config })
      refuseFixedChanges(before, settings)
      const largestBatchBytes = Math.max(topic.largestBatchBytes ?? 0, before['message.max.bytes'])
      const isLess = settings['message.max.bytes'] < largestBatchBytes
      const altered: Topic = { ...topic, config, largestBatchBytes: isLess ? largestBatchBytes : undefined }
      if (options.validateOnly) return
      await this.#options.catalog.put(altered)
      this.#options.logs.alter(altered, settings)
      await this.#applyIndexes(altered)
    })
  }

  /** Deletes a topic and its messages. @throws UNKNOWN_TOPIC_OR_PARTITION */
  delete(name: string): Promise<void> {
    return this.#change(() => this.#removeTopic(this.existing(name)))
  }

  /** Also where it failed half-way there may be something to tell. */
  async #change<T>(step: () => Promise<T>): Promise<T> {
    try {
      return await this.whileUnchanged(step)
    } finally {
      await this.#options.elsewhere?.topicsChanged()
    }
  }

  #applyIndexes(topic: Topic): Promise<void> {
    return this.#options.indexes.apply({ topic, settings: this.#options.logs.settingsOf(topic) })
  }

  /** Written down before compaction makes the first hole: to a log that was never compacted a hole is damage. */
  noteHoles(name: string): Promise<void> {
    return this.whileUnchanged(async () => {
      await this.#options.catalog.put({ ...this.existing(name), compacted: true })
    })
  }

  /** Finishes the deletions that the process before this one did not live to finish. */
  async finishDeletions(layout: Topic['layout']): Promise<void> {
    for (const topic of this.#options.catalog.all()) {
      if (topic.deleting && topic.layout === layout) await this.#removeTopic(topic)
    }
  }

  /** Marked first, so that a crash in the middle is finished at the next start instead of half a topic coming back. */
  async #removeTopic(topic: Topic): Promise<void> {
    await this.#options.catalog.put({ ...topic, deleting: true })
    await this.#removePartitions(topic, 0)
    await this.#options.catalog.remove(topic.name)
    this.#unfinished.delete(topic.name)
  }

  /** Removes a topic's partitions from `from` on, with all that is known of them. */
  async #removePartitions(topic: Topic, from: number): Promise<void> {
    await this.#options.indexes.remove(topic.name, from)
    await this.#options.logs.remove(topic, from)
    // While the store opens, the checkpoints on the disk are still to be read; they are written when it is open.
    if (this.#options.lifecycle.state !== 'opening') await this.#options.checkpoints.write()
  }
}

/** @throws INVALID_CONFIG */
function checkLayout(name: string, settings: Settings): void {
  if (settings['storage.layout'] === 'segments' || !isInternalTopic(name)) return
  throw new HoldfastError('INVALID_CONFIG', `${name} is compacted, and so needs storage.layout = segments.`)
}
