/**
 * `store/config/consumerOffset.json` and `subscriptionGroup.json`: how far RocketMQ's consumer groups are in each queue, and
 * which groups its broker knows. What is not changed by name stays as it is.
 *
 * Whoever wrote the offsets last is known by a field of ours in their file: RocketMQ passes over fields that it does not
 * know and does not write them again, so after it has written, the field is gone.
 *
 * Source: Apache RocketMQ 5.3, ConsumerOffsetManager and SubscriptionGroupManager; docs/formats.md, "RocketMQ's layout".
 */

import { join } from 'node:path'
import type { Clock } from '../../core/clock.js'
import type { Disk } from '../../files/disk.js'
import { storeNames } from './format.js'
import {
  type ConsumerOffset,
  consumerOffsetsIn,
  hasGroup,
  putPlainGroup,
  removePlainGroup,
  setConsumerOffsets,
} from './group-tables.js'
import { JsonConfig } from './json-config.js'

/** The field of ours. */
const writerField = 'holdfast'

/** What RocketMQ lets a group be called (TopicValidator). */
const groupName = /^[%|a-zA-Z0-9_-]{1,120}$/

/** Offsets by topic and queue. */
export type OffsetsOfGroup = ReadonlyMap<string, ReadonlyMap<number, number>>

export class GroupsConfig {
  /** Whether this data directory wrote the offsets last, as they were found. */
  readonly isOwn: boolean
  readonly #offsets: JsonConfig
  readonly #groups: JsonConfig
  readonly #clock: Clock
  /** Which topics each group has offsets in, according to the file. */
  readonly #topics = new Map<string, Set<string>>()
  readonly #unsaved = new Set<JsonConfig>()

  private constructor(offsets: JsonConfig, groups: JsonConfig, writer: string, clock: Clock) {
    this.#offsets = offsets
    this.#groups = groups
    this.#clock = clock
    this.isOwn = offsets.root.get(writerField) === writer
    if (!this.isOwn && offsets.root.size > 0) this.#unsaved.add(offsets)
    offsets.root.set(writerField, writer)
    for (const { topic, group } of consumerOffsetsIn(offsets)) this.#topicsOf(group).add(topic)
  }

  /**
   * `writer` tells this data directory from any other.
   * @throws DATA_DIR_DAMAGED where a file, and the one before it, cannot be read, or holds what is no offset
   */
  static async open(disk: Disk, storeDirectory: string, writer: string, clock: Clock): Promise<GroupsConfig> {
    const pathOf = (name: string): string => join(storeDirectory, storeNames.config, name)
    const offsets = await JsonConfig.open(disk, pathOf('consumerOffset.json'))
    return new GroupsConfig(offsets, await JsonConfig.open(disk, pathOf('subscriptionGroup.json')), writer, clock)
  }

  /** All offsets. */
  offsets(): ConsumerOffset[] {
    return consumerOffsetsIn(this.#offsets)
  }

  /** The groups that have offsets in a topic of which `isWanted` is true. */
  groupsIn(isWanted: (topic: string) => boolean): string[] {
    return [...this.#topics].filter(([, topics]) => [...topics].some(isWanted)).map(([group]) => group)
  }

  /** Whether RocketMQ can know a group of that name, or does. */
  takes(group: string): boolean {
    return groupName.test(group) || this.#topics.has(group)
  }

  /**
   * Lets a group have these offsets and no others in topics of which `isOurs` is true. A group that has some is one that
   * the broker knows; an entry that says no more than that goes with the last of them.
   */
  set(group: string, offsets: OffsetsOfGroup, isOurs: (topic: string) => boolean): void {
    const topics = this.#topicsOf(group)
    const had = topics.size > 0
    for (const topic of new Set([...topics, ...offsets.keys()])) {
      if (!isOurs(topic)) continue
      const ofTopic = offsets.get(topic) ?? new Map<number, number>()
      if (setConsumerOffsets(this.#offsets, topic, group, ofTopic)) this.#unsaved.add(this.#offsets)
      if (ofTopic.size > 0) topics.add(topic)
      else topics.delete(topic)
    }
    if (topics.size === 0) this.#topics.delete(group)
    if (offsets.size > 0 && !hasGroup(this.#groups, group)) {
      putPlainGroup(this.#groups, group)
      this.#unsaved.add(this.#groups)
    }
    if (had && topics.size === 0 && removePlainGroup(this.#groups, group)) this.#unsaved.add(this.#groups)
  }

  /** Writes what has changed; durable when it resolves. What could not be written is still to be. */
  async save(): Promise<void> {
    for (const config of [this.#offsets, this.#groups]) {
      if (!this.#unsaved.delete(config)) continue
      await config.save(this.#clock.now()).catch((error: unknown) => {
        this.#unsaved.add(config)
        throw error
      })
    }
  }

  #topicsOf(group: string): Set<string> {
    const found = this.#topics.get(group) ?? new Set()
    this.#topics.set(group, found)
    return found
  }
}
