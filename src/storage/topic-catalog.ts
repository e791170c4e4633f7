/** Which topics there are: `config/topics.json`, the point at which a topic is created or deleted. */

import { join } from 'node:path'
import { HoldfastError } from '../core/errors.js'
import { uuidFromText, uuidText } from '../core/randomness.js'
import { type Settings, topicSettings } from '../core/settings.js'
import type { Disk } from '../files/disk.js'
import { parseJson } from './data-directory.js'

export interface Topic {
  readonly name: string
  /** 16 bytes. */
  readonly id: Buffer
  readonly partitions: number
  /** By the names that topics use, e.g. "segment.bytes". */
  readonly config: Readonly<Record<string, string>>
  /** Its directories are being removed; it is gone for everyone but the removal. */
  readonly deleting?: boolean
  /** It took batches as large as this before its configuration was altered: where one is torn, a start has to know. */
  readonly largestBatchBytes?: number
  /** Its log came from Kafka, whose compaction may have left holes in it. */
  readonly adopted?: boolean
  /** Compaction has worked on its logs, and may have left holes in them, whatever its cleanup.policy says now. */
  readonly compacted?: boolean
  /** Absent where each partition has a log of its own: what the settings said when it was created does not change it. */
  readonly layout?: 'commitlog'
  /** Where the commit log ended when the topic was created: what lies before is an earlier topic's of that name. */
  readonly since?: number
}

/**
 * The settings that hold for a topic that there is, under those of the store.
 * @throws INVALID_CONFIG where what it asks for does not go with the store's settings of this time
 */
export function settingsOf({ name, config, layout }: Topic, store: Settings): Settings {
  const kept: Settings['storage.layout'] = layout ?? 'segments'
  try {
    return topicSettings(store, kept === store['storage.layout'] ? config : { 'storage.layout': kept, ...config })
  } catch (error) {
    throw new HoldfastError('INVALID_CONFIG', `Topic ${name}: ${(error as Error).message}`, { cause: error })
  }
}

const catalogVersion = 1

/** Letters, digits, '.', '_' and '-', 249 at most, so that a partition directory's name fits every file system. */
export function isTopicName(name: string): boolean {
  return /^[A-Za-z0-9._-]{1,249}$/.test(name) && name !== '.' && name !== '..'
}

/** @throws INVALID_TOPIC_EXCEPTION where {@link isTopicName} says no */
export function checkTopicName(name: string): void {
  if (isTopicName(name)) return
  const why = `${JSON.stringify(name)} is no topic name: 1 to 249 letters, digits, '.', '_' and '-'.`
  throw new HoldfastError('INVALID_TOPIC_EXCEPTION', why)
}

/** As many as a partition directory's name has room for behind the longest topic name. */
const mostPartitions = 100_000

/** @throws INVALID_PARTITIONS */
export function checkPartitionCount(partitions: number): void {
  if (Number.isInteger(partitions) && partitions > 0 && partitions <= mostPartitions) return
  throw new HoldfastError('INVALID_PARTITIONS', `A topic has 1 to ${mostPartitions} partitions, not ${partitions}.`)
}

/** An id as the key of a map. */
function idKey(id: Uint8Array): string {
  return Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('latin1')
}

export class TopicCatalog {
  readonly #disk: Disk
  readonly #path: string
  readonly #topics: Map<string, Topic>
  readonly #byId = new Map<string, Topic>()

  private constructor(disk: Disk, path: string, topics: Map<string, Topic>) {
    this.#disk = disk
    this.#path = path
    this.#topics = topics
    this.#index()
  }

  /** @throws DATA_DIR_DAMAGED where the file cannot be understood */
  static async load(disk: Disk, configPath: string): Promise<TopicCatalog> {
    const path = join(configPath, 'topics.json')
    const bytes = await disk.readFile(path)
    const topics = new Map<string, Topic>()
    if (bytes !== undefined) {
      for (const topic of decodeCatalog(bytes, path)) topics.set(topic.name, topic)
    }
    return new TopicCatalog(disk, path, topics)
  }

  /** Those being deleted included. */
  get(name: string): Topic | undefined {
    return this.#topics.get(name)
  }

  ofId(id: Uint8Array): Topic | undefined {
    return this.#byId.get(idKey(id))
  }

  all(): Topic[] {
    return [...this.#topics.values()]
  }

  /** Adds or replaces topics; durable when this resolves, with one write for all. */
  async put(...topics: readonly Topic[]): Promise<void> {
    if (topics.length === 0) return
    const all = new Map(this.#topics)
    for (const topic of topics) all.set(topic.name, topic)
    await this.#write(all)
  }

  async remove(name: string): Promise<void> {
    const topics = new Map(this.#topics)
    topics.delete(name)
    await this.#write(topics)
  }

  async #write(topics: ReadonlyMap<string, Topic>): Promise<void> {
    await this.#disk.replaceFile(this.#path, encodeCatalog(topics.values()))
    this.#topics.clear()
    for (const [name, topic] of topics) this.#topics.set(name, topic)
    this.#index()
  }

  #index(): void {
    this.#byId.clear()
    for (const topic of this.#topics.values()) this.#byId.set(idKey(topic.id), topic)
  }
}

/** The content of `config/topics.json`. */
export function encodeCatalog(topics: Iterable<Topic>): Buffer {
  const rows = [...topics].map((topic) => ({ ...topic, id: uuidText(topic.id) }))
  return Buffer.from(`${JSON.stringify({ version: catalogVersion, topics: rows }, null, 2)}\n`)
}

function decodeCatalog(bytes: Buffer, path: string): Topic[] {
  const { version, topics } = parseJson(bytes, path)
  const damaged = (why: string) => new HoldfastError('DATA_DIR_DAMAGED', `${path}: ${why}. Restore it from a backup.`)
  if (version !== catalogVersion) throw damaged(`version ${String(version)} is not ${catalogVersion}`)
  if (!Array.isArray(topics)) throw damaged('there is no list of topics')
  return topics.map((found: unknown) => {
    const row = (found ?? {}) as Record<string, unknown>
    const id = typeof row['id'] === 'string' ? uuidFromText(row['id']) : undefined
    const { name, partitions, config } = row
    const isSound =
      typeof name === 'string' && isTopicName(name) && Number.isInteger(partitions) && Number(partitions) > 0
    if (!isSound || id === undefined || typeof config !== 'object' || config === null) {
      throw damaged(`the entry ${JSON.stringify(found)} is no topic`)
    }
    return {
      name,
      id,
      partitions: Number(partitions),
      config: config as Record<string, string>,
      ...(row['deleting'] === true && { deleting: true }),
      ...(row['adopted'] === true && { adopted: true }),
      ...(row['compacted'] === true && { compacted: true }),
      ...(row['layout'] === 'commitlog' && { layout: 'commitlog' }),
      ...(typeof row['since'] === 'number' && { since: row['since'] }),
      ...(typeof row['largestBatchBytes'] === 'number' && { largestBatchBytes: row['largestBatchBytes'] }),
    }
  })
}
