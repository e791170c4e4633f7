/**
 * The face of the engine: opens a data directory, keeps its topics, and hands out the logs of their partitions.
 *
 * Opening: lock, identity, checkpoints, then every log in parallel, recovered where the last close was not in order.
 * Closing in order flushes every log and leaves Kafka's mark of a clean shutdown.
 */

import { join } from 'node:path'
import { type Clock, systemClock } from '../core/clock.js'
import { HoldfastError } from '../core/errors.js'
import { Lifecycle } from '../core/lifecycle.js'
import { type Logger, silentLogger } from '../core/logger.js'
import { Mutex } from '../core/mutex.js'
import { mapParallel } from '../core/parallel.js'
import { type Randomness, randomUuid, systemRandomness } from '../core/randomness.js'
import { resolveSettings, type Settings, topicSettings } from '../core/settings.js'
import type { Disk } from '../files/disk.js'
import { nodeDisk } from '../files/node-disk.js'
import { OpenFiles } from '../files/open-files.js'
import { CheckpointWriter } from './checkpoint-writer.js'
import { checkpointFile, leaveCleanShutdownMark, readCheckpoint, takeCleanShutdownMark } from './checkpoints.js'
import { type DataDirectory, openDataDirectory } from './data-directory.js'
import { Healer } from './healer.js'
import { adoptTopics, removeDeletedDirectories, removePartitionDirectories } from './partition-directories.js'
import type { PartitionLog } from './partition-log.js'
import { partitionDirectoryName } from './segments/format.js'
import { SegmentLog } from './segments/segment-log.js'
import { encodePartitionMetadata } from './segments/text-files.js'
import { isTopicName, type Topic, TopicCatalog } from './topic-catalog.js'

export interface StoreOptions {
  readonly settings?: Settings
  readonly disk?: Disk
  readonly clock?: Clock
  readonly randomness?: Randomness
  readonly logger?: Logger
}

export interface NewTopic {
  readonly name: string
  readonly partitions: number
  readonly config?: Readonly<Record<string, string>>
}

/** Logs that are opened or closed at the same time; each waits for the disk most of its time. */
const parallelLogs = 8
/** Sealed segments that are open for reading at the same time, in all logs together. */
const openSegmentFiles = 256

export class MessageStore {
  readonly #directory: DataDirectory
  readonly #tools: Required<StoreOptions>
  readonly #catalog: TopicCatalog
  readonly #openFiles: OpenFiles
  readonly #healer: Healer
  readonly #lifecycle = new Lifecycle('message store')
  /** Topics are created, grown and deleted one at a time. */
  readonly #changes = new Mutex()
  readonly #logs = new Map<string, SegmentLog>()
  readonly #checkpoints: CheckpointWriter

  private constructor(directory: DataDirectory, catalog: TopicCatalog, tools: Required<StoreOptions>) {
    this.#directory = directory
    this.#catalog = catalog
    this.#tools = tools
    this.#openFiles = new OpenFiles(tools.disk, openSegmentFiles)
    this.#healer = new Healer(tools.clock, tools.logger)
    this.#checkpoints = new CheckpointWriter(directory.logPath, tools, () => this.#logs.values())
  }

  /** @throws DATA_DIR_LOCKED, DATA_DIR_NEWER, DATA_DIR_DAMAGED, DATA_DIR_READ_ONLY */
  static async open(path: string, options: StoreOptions = {}): Promise<MessageStore> {
    const tools: Required<StoreOptions> = {
      settings: options.settings ?? resolveSettings(),
      disk: options.disk ?? nodeDisk,
      clock: options.clock ?? systemClock,
      randomness: options.randomness ?? systemRandomness,
      logger: options.logger ?? silentLogger,
    }
    const directory = await openDataDirectory(path, tools)
    try {
      const catalog = await TopicCatalog.load(tools.disk, directory.configPath)
      const store = new MessageStore(directory, catalog, tools)
      await store.#openLogs()
      store.#lifecycle.to('open')
      store.#checkpoints.start()
      return store
    } catch (error) {
      await directory.release()
      throw error
    }
  }

  get path(): string {
    return this.#directory.path
  }

  get clusterId(): string {
    return this.#directory.clusterId
  }

  get nodeId(): number {
    return this.#directory.nodeId
  }

  get configPath(): string {
    return this.#directory.configPath
  }

  get settings(): Settings {
    return this.#tools.settings
  }

  topics(): Topic[] {
    return this.#catalog.all().filter((topic) => !topic.deleting)
  }

  topic(name: string): Topic | undefined {
    const topic = this.#catalog.get(name)
    return topic?.deleting ? undefined : topic
  }

  log(topic: string, partition: number): PartitionLog | undefined {
    return this.#logs.get(partitionDirectoryName(topic, partition))
  }

  /**
   * Creates a topic with all its partitions; durable when this resolves.
   * @throws INVALID_TOPIC_EXCEPTION, TOPIC_ALREADY_EXISTS, INVALID_CONFIG, DISK_FULL
   */
  createTopic({ name, partitions, config = {} }: NewTopic): Promise<Topic> {
    return this.#change(async () => {
      if (!isTopicName(name)) {
        throw new HoldfastError(
          'INVALID_TOPIC_EXCEPTION',
          `${JSON.stringify(name)} is no topic name: 1 to 249 letters, digits, '.', '_' and '-'.`,
        )
      }
      if (this.#catalog.get(name) !== undefined) {
        throw new HoldfastError('TOPIC_ALREADY_EXISTS', `There is already a topic ${name}.`)
      }
      topicSettings(this.#tools.settings, config)
      const topic: Topic = { name, id: randomUuid(this.#tools.randomness), partitions, config }
      await this.#catalog.put(topic)
      try {
        await this.#createPartitions(topic, 0)
      } catch (error) {
        await this.#removeTopic(topic)
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
      const topic = this.#existing(name)
      if (partitions <= topic.partitions) {
        throw new HoldfastError(
          'INVALID_PARTITIONS',
          `Topic ${name} has ${topic.partitions} partitions already; ${partitions} are not more.`,
        )
      }
      const grown: Topic = { ...topic, partitions }
      await this.#catalog.put(grown)
      await this.#createPartitions(grown, topic.partitions)
      return grown
    })
  }

  /** Deletes a topic and its messages. @throws UNKNOWN_TOPIC_OR_PARTITION */
  deleteTopic(name: string): Promise<void> {
    return this.#change(() => this.#removeTopic(this.#existing(name)))
  }

  /** Makes every log durable, whatever its flush policy. */
  async flush(): Promise<void> {
    this.#lifecycle.assertOpen()
    await mapParallel([...this.#logs.values()], parallelLogs, (log) => log.flush())
  }

  /** Flushes and closes every log; the next opening needs no recovery unless one of them had failed. */
  async close(): Promise<void> {
    if (this.#lifecycle.state !== 'open') return
    this.#lifecycle.to('closing')
    try {
      await this.#changes.run(async () => {})
      await this.#checkpoints.stop()
      await this.#healer.stop()
      const logs = [...this.#logs.values()]
      const allSound = logs.every((log) => log.failure === undefined)
      await mapParallel(logs, parallelLogs, (log) => log.close())
      await this.#checkpoints.write()
      if (allSound) await leaveCleanShutdownMark(this.#tools.disk, this.#directory.logPath)
    } finally {
      await this.#openFiles.dropAll()
      await this.#directory.release()
      this.#lifecycle.to('closed')
    }
  }

  #change<T>(step: () => Promise<T>): Promise<T> {
    return this.#changes.run(async () => {
      this.#lifecycle.assertOpen()
      return step()
    })
  }

  #existing(name: string): Topic {
    const topic = this.topic(name)
    if (topic === undefined)
      throw new HoldfastError('UNKNOWN_TOPIC_OR_PARTITION', `There is no topic ${JSON.stringify(name)}.`)
    return topic
  }

  async #openLogs(): Promise<void> {
    const { disk, logger } = this.#tools
    const { logPath } = this.#directory
    await removeDeletedDirectories(disk, logPath)
    for (const topic of this.#catalog.all()) if (topic.deleting) await this.#removeTopic(topic)
    for (const topic of await adoptTopics(disk, logPath, this.#catalog.all(), this.#tools.randomness)) {
      logger.info(
        { topic: topic.name, partitions: topic.partitions },
        'Took over a topic that lay in the log directory.',
      )
      await this.#catalog.put(topic)
    }
    const clean = await takeCleanShutdownMark(disk, logPath)
    const recoveryPoints = await readCheckpoint(disk, logPath, checkpointFile.recoveryPoint, logger)
    const logStarts = await readCheckpoint(disk, logPath, checkpointFile.logStart, logger)
    const partitions = this.topics().flatMap((topic) =>
      Array.from({ length: topic.partitions }, (_, partition) => ({ topic, partition })),
    )
    await mapParallel(partitions, parallelLogs, async ({ topic, partition }) => {
      const name = partitionDirectoryName(topic.name, partition)
      const recoveryPoint = recoveryPoints.get(name) ?? 0
      await this.#openLog(topic, partition, { clean, recoveryPoint, logStartOffset: logStarts.get(name) ?? 0 })
    })
  }

  async #createPartitions(topic: Topic, from: number): Promise<void> {
    const partitions = Array.from({ length: topic.partitions - from }, (_, index) => from + index)
    await mapParallel(partitions, parallelLogs, (partition) =>
      this.#openLog(topic, partition, { clean: true, recoveryPoint: 0, logStartOffset: 0 }),
    )
  }

  async #openLog(
    topic: Topic,
    partition: number,
    point: { clean: boolean; recoveryPoint: number; logStartOffset: number },
  ): Promise<void> {
    const { disk, clock, logger } = this.#tools
    const name = partitionDirectoryName(topic.name, partition)
    const directory = join(this.#directory.logPath, name)
    await disk.makeDirectory(directory)
    const metadataPath = join(directory, 'partition.metadata')
    if ((await disk.readFile(metadataPath)) === undefined) {
      await disk.replaceFile(metadataPath, encodePartitionMetadata(topic.id))
    }
    const settings = topicSettings(this.#tools.settings, topic.config)
    const log = await SegmentLog.open({
      topic: topic.name,
      partition,
      directory,
      disk,
      openFiles: this.#openFiles,
      clock,
      logger,
      settings,
      ...point,
      onFailure: (failed) => this.#healer.watch(failed),
    })
    this.#logs.set(name, log)
  }

  /** Marked first, so that a crash in the middle is finished at the next start instead of half a topic coming back. */
  async #removeTopic(topic: Topic): Promise<void> {
    await this.#catalog.put({ ...topic, deleting: true })
    for (let partition = 0; partition < topic.partitions; partition++) {
      const name = partitionDirectoryName(topic.name, partition)
      const log = this.#logs.get(name)
      if (log === undefined) continue
      this.#logs.delete(name)
      this.#healer.forget(log)
      // What a log that is thrown away fails to flush is no loss.
      await log
        .close()
        .catch((err: unknown) =>
          this.#tools.logger.warn({ topic: topic.name, partition, err }, 'Closing a deleted log failed.'),
        )
    }
    await removePartitionDirectories(this.#tools.disk, this.#directory.logPath, topic, this.#tools.randomness)
    await this.#catalog.remove(topic.name)
  }
}
