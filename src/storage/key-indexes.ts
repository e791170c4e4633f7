/**
 * The key indexes of a store: one for each partition of a topic that wants it, in `index/` beside the logs; what they
 * share, when they are opened, and when they go.
 */

import { join } from 'node:path'
import type { Clock } from '../core/clock.js'
import type { Logger } from '../core/logger.js'
import { mapParallel } from '../core/parallel.js'
import type { Settings } from '../core/settings.js'
import type { Disk } from '../files/disk.js'
import { Gate } from '../files/gate.js'
import { MappedFiles } from '../files/mapped-files.js'
import { OpenFiles } from '../files/open-files.js'
import type { Chore } from './chores.js'
import { KeyIndex } from './key-index/key-index.js'
import { KeyIndexMemory } from './key-index/memory.js'
import type { SharedByIndexes } from './key-index/options.js'
import type { PartitionLog } from './partition-log.js'
import { partitionDirectoryName } from './segments/format.js'
import type { Topic } from './topic-catalog.js'

/** A log that may be compacted. */
type CompactedLog = PartitionLog & { readonly compaction: { readonly cleanedUpTo: number | undefined } }

/** A topic, and the settings that hold for it. */
export interface IndexedTopic {
  readonly topic: Topic
  readonly settings: Settings
}

const openFiles = 64
/** Address space, and what of it is in memory the system takes back when it needs it. */
const mappings = { count: 64, bytes: 64 * 2 ** 30, idleMs: 60_000 }
const closedAtOnce = 8
const tidyMs = 60_000

/** Where the key indexes of a data directory lie. */
export function indexPathOf(dataPath: string): string {
  return join(dataPath, 'index')
}

export class KeyIndexes {
  readonly #path: string
  readonly #idHeader: string
  readonly #logOf: (topic: string, partition: number) => CompactedLog | undefined
  readonly #shared: SharedByIndexes
  readonly #indexes = new Map<string, { readonly index: KeyIndex; readonly log: CompactedLog }>()

  constructor(
    dataPath: string,
    tools: {
      readonly settings: Settings
      readonly disk: Disk
      readonly clock: Clock
      readonly logger: Logger
    },
    logOf: (topic: string, partition: number) => CompactedLog | undefined,
  ) {
    const { settings, disk, clock, logger } = tools
    this.#path = indexPathOf(dataPath)
    this.#idHeader = settings['key.index.id.header']
    this.#logOf = logOf
    this.#shared = {
      disk,
      clock,
      logger,
      files: new OpenFiles(disk, openFiles),
      maps: new MappedFiles(disk, clock, mappings),
      memory: new KeyIndexMemory(settings['key.index.memory.bytes']),
      merging: new Gate(1),
    }
  }

  get(topic: string, partition: number): KeyIndex | undefined {
    return this.#indexes.get(partitionDirectoryName(topic, partition))?.index
  }

  /** Resolves when what a topic's indexes hold is known. */
  async ready({ name, partitions }: Topic): Promise<void> {
    if (this.#indexes.size === 0) return
    for (let partition = 0; partition < partitions; partition++) await this.get(name, partition)?.ready()
  }

  chore(): Chore {
    const run = async (signal: AbortSignal): Promise<void> => {
      for (const { index, log } of [...this.#indexes.values()]) {
        if (signal.aborted) return
        await index.tidy()
        await index.thin(log.compaction.cleanedUpTo ?? 0)
      }
    }
    return { name: 'key indexes', intervalMs: tidyMs, run }
  }

  /** Opens what the topics want, and removes what none of them does: a topic that is gone, or that has none any more. */
  async start(topics: readonly IndexedTopic[]): Promise<void> {
    for (const topic of topics) await this.apply(topic)
    const { disk } = this.#shared
    for (const { name, isDirectory } of (await disk.list(this.#path)) ?? []) {
      if (isDirectory && !this.#indexes.has(name)) await disk.remove(join(this.#path, name))
    }
  }

  /** Opens the indexes that a topic wants and has not; closes and removes those that it has and does not want. */
  async apply({ topic, settings }: IndexedTopic): Promise<void> {
    if (!settings['key.index.enable']) return this.remove(topic.name, 0)
    for (let partition = 0; partition < topic.partitions; partition++) {
      const name = partitionDirectoryName(topic.name, partition)
      const log = this.#logOf(topic.name, partition)
      if (log === undefined || this.#indexes.has(name)) continue
      const directory = join(this.#path, name)
      const options = { ...this.#shared, log, directory, topicId: topic.id, idHeader: this.#idHeader }
      const index = new KeyIndex(options)
      await index.thin(log.compaction.cleanedUpTo ?? 0)
      this.#indexes.set(name, { index, log })
    }
  }

  /** Closes and removes the indexes of a topic's partitions from `from` on. */
  async remove(topic: string, from: number): Promise<void> {
    for (let partition = from; ; partition++) {
      const name = partitionDirectoryName(topic, partition)
      const open = this.#indexes.get(name)
      if (open === undefined) return
      this.#indexes.delete(name)
      await open.index.close({ keep: false })
      // One that was never looked into has no files.
      const path = join(this.#path, name)
      if ((await this.#shared.disk.list(path)) !== undefined) await this.#shared.disk.remove(path)
    }
  }

  /**
   * Closes and removes the index of one partition, durably, before its log is cut: a file that came back after a loss of
   * power would say of what is appended later that it had covered it. {@link apply} makes another one.
   */
  async removeBeforeCut(topic: string, partition: number): Promise<void> {
    const name = partitionDirectoryName(topic, partition)
    await this.#indexes.get(name)?.index.close({ keep: false })
    this.#indexes.delete(name)
    const { disk } = this.#shared
    if ((await disk.list(join(this.#path, name))) === undefined) return
    await disk.remove(join(this.#path, name))
    await disk.syncDirectory(this.#path)
  }

  /** Leaves files that hold all that was indexed. Never rejects. */
  async close(): Promise<void> {
    await mapParallel([...this.#indexes.values()], closedAtOnce, ({ index }) => index.close())
    this.#shared.maps.dropAll()
    await this.#shared.files.dropAll()
  }
}
