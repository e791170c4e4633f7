/**
 * `store/config/topics.json`: which topics RocketMQ's broker knows, with how many queues. Entries of other topics, and what
 * an entry says beside its queues, stay as they are.
 *
 * Source: Apache RocketMQ 5.3, TopicConfigManager and TopicConfig; docs/formats.md, "RocketMQ's layout".
 */

import { join } from 'node:path'
import type { Clock } from '../../core/clock.js'
import type { Disk } from '../../files/disk.js'
import { storeNames } from './format.js'
import { JsonConfig } from './json-config.js'
import type { JsonObject, JsonValue } from './lenient-json.js'

/** Readable and writable. */
const readWrite = 6

export class TopicsConfig {
  readonly #file: JsonConfig
  readonly #clock: Clock

  private constructor(file: JsonConfig, clock: Clock) {
    this.#file = file
    this.#clock = clock
  }

  /** @throws DATA_DIR_DAMAGED where neither the file nor the one before it can be read */
  static async open(disk: Disk, storeDirectory: string, clock: Clock): Promise<TopicsConfig> {
    return new TopicsConfig(await JsonConfig.open(disk, join(storeDirectory, storeNames.config, 'topics.json')), clock)
  }

  /** How many queues a topic has there, for readers or writers; undefined where there is no such topic. */
  queuesOf(topic: string): number | undefined {
    const entry = this.#topics.get(topic)
    if (!(entry instanceof Map)) return undefined
    return Math.max(countIn(entry.get('readQueueNums')), countIn(entry.get('writeQueueNums')))
  }

  /**
   * Lets topics have so many queues, for readers and writers; durable when it resolves, with one write for all. One that has
   * them already stays as it is: whoever takes queues away in RocketMQ lets readers keep theirs for a while.
   */
  async set(wanted: readonly { readonly topic: string; readonly queues: number }[]): Promise<void> {
    const changed = wanted.filter(({ topic, queues }) => this.queuesOf(topic) !== queues)
    if (changed.length === 0) return
    const topics = this.#topics
    const before = changed.map(({ topic }) => ({ topic, found: topics.get(topic) }))
    for (const [i, { topic, queues }] of changed.entries()) {
      const { found } = before[i]
      const entry = found instanceof Map ? found : newEntry(topic)
      topics.set(topic, new Map([...entry, ['readQueueNums', queues], ['writeQueueNums', queues]]))
    }
    await this.#saveOr(() => {
      for (const { topic, found } of before) {
        if (found === undefined) topics.delete(topic)
        else topics.set(topic, found)
      }
    })
  }

  /** Durable when it resolves. */
  async remove(topic: string): Promise<void> {
    const topics = this.#topics
    const found = topics.get(topic)
    if (found === undefined) return
    topics.delete(topic)
    await this.#saveOr(() => void topics.set(topic, found))
  }

  get #topics(): JsonObject {
    const { root } = this.#file
    const found = root.get('topicConfigTable')
    if (found instanceof Map) return found
    const made: JsonObject = new Map()
    root.set('topicConfigTable', made)
    return made
  }

  /** What the file does not hold is not to be taken for what it holds. */
  async #saveOr(takeBack: () => void): Promise<void> {
    await this.#file.save(this.#clock.now()).catch((error: unknown) => {
      takeBack()
      throw error
    })
  }
}

function newEntry(topicName: string): JsonObject {
  return new Map<string, JsonValue>([
    ['attributes', new Map()],
    ['order', false],
    ['perm', readWrite],
    ['readQueueNums', 0],
    ['topicFilterType', 'SINGLE_TAG'],
    ['topicName', topicName],
    ['topicSysFlag', 0],
    ['writeQueueNums', 0],
  ])
}

function countIn(value: JsonValue | undefined): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : 0
}
