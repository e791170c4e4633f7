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
import { CheckpointWriter } from './checkpoint-writer.js'
import { checkpointFile, leaveCleanShutdownMark, readCheckpoint, takeCleanShutdownMark } from './checkpoints.js'
import { type DataDirectory, openDataDirectory } from './data-directory.js'
import { Healer } from './healer.js'
import { adoptTopics, removeDeletedDirectories, removePartitionDirectories } from './partition-directories.js'
import type { PartitionLog } from './partition-log.js'
import { partitionDirectoryName } from './segments/format.js'
import { checkEngine } from './segments/opening.js'
import { SegmentLog } from './segments/segment-log.js'
import type { SharedTables } from './segments/segment-place.js'
import { encodePartitionMetadata } from './segments/text-files.js'
import { sharedTables } from './shared-tables.js'
import { checkTopicName, type Topic, TopicCatalog } from './topic-catalog.js'

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
/** As many as a partition directory's name has room for behind the longest topic name. */
const mostPartitions = 100_000

export class MessageStore {
  readonly #directory: DataDirectory
  readonly #tools: Required<StoreOptions>
  readonly #catalog: TopicCatalog
  readonly #tables: SharedTables
  readonly #healer: Healer
  readonly #lifecycle = new Lifecycle('message store')
  /** Topics are created, grown and deleted one at a time. */
  readonly #changes = new Mutex()
  readonly #logs = new Map<string, SegmentLog>()
  readonly #checkpoints: CheckpointWriter
  /** Topics whose creation failed, and whose removal then failed too: the next attempt to create them clears them away. */
  readonly #unfinished = new Set<string>()
  #closed: Promise<void> | undefined

  private constructor(directory: DataDirectory, catalog: TopicCatalog, tools: Required<StoreOptions>) {
    this.#directory = directory
    this.#catalog = catalog
    this.#tools = tools
    this.#tables = sharedTables(tools)
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
    if (path === '') throw new HoldfastError('INVALID_ARGUMENT', 'The path of the data directory is empty.')
    checkEngine(tools.settings, tools.disk)
    const directory = await openDataDirectory(path, tools)
    try {
      const catalog = await TopicCatalog.load(tools.disk, directory.configPath)
      if (!directory.hasLogs && catalog.all().some((topic) => !topic.deleting)) {
        const why = `${directory.logPath} is empty, but config/topics.json lists topics. Is its volume not mounted, or store.path.commitlog wrong? No log was touched.`
        throw new HoldfastError('DATA_DIR_DAMAGED', why)
      }
      await directory.claimLogs()
      const store = new MessageStore(directory, catalog, tools)
      await store.#openOrLetGo()
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
    return this.#catalog.all().filter(({ name, deleting }) => !deleting && !this.#unfinished.has(name))
  }

  topicOfId(id: Uint8Array): Topic | undefined {
    const topic = this.#catalog.ofId(id)
    return topic?.deleting ? undefined : topic
  }

  topic(name: string): Topic | undefined {
    const topic = this.#catalog.get(name)
    return topic?.deleting || this.#unfinished.has(name) ? undefined : topic
  }

  log(topic: string, partition: number): PartitionLog | undefined {
    return this.#logs.get(partitionDirectoryName(topic, partition))
  }

  /**
   * Creates a topic with all its partitions; durable when this resolves.
   * @throws INVALID_TOPIC_EXCEPTION, TOPIC_ALREADY_EXISTS, INVALID_PARTITIONS, INVALID_CONFIG, DISK_FULL
   */
  createTopic({ name, partitions, config = {} }: NewTopic): Promise<Topic> {
    return this.#change(async () => {
      checkTopicName(name)
      if (this.topic(name) !== undefined) {
        throw new HoldfastError('TOPIC_ALREADY_EXISTS', `There is already a topic ${name}.`)
      }
      refusePartitionsUnless(Number.isInteger(partitions) && partitions > 0 && partitions <= mostPartitions, partitions)
      checkEngine(topicSettings(this.#tools.settings, config), this.#tools.disk)
      // One whose removal failed half-way is not to be built upon.
      const leftOver = this.#catalog.get(name)
      if (leftOver !== undefined) await this.#removeTopic(leftOver)
      const topic: Topic = { name, id: randomUuid(this.#tools.randomness), partitions, config }
      await this.#catalog.put(topic)
      try {
        await this.#createPartitions(topic, 0)
      } catch (error) {
        await this.#removeTopic(topic).catch((err: unknown) => {
          this.#unfinished.add(name)
          this.#tools.logger.warn(
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
      const topic = this.#existing(name)
      if (partitions <= topic.partitions) {
        throw new HoldfastError(
          'INVALID_PARTITIONS',
          `Topic ${name} has ${topic.partitions} partitions already; ${partitions} are not more.`,
        )
      }
      refusePartitionsUnless(Number.isInteger(partitions) && partitions <= mostPartitions, partitions)
      const grown: Topic = { ...topic, partitions }
      try {
        await this.#createPartitions(grown, topic.partitions)
        // Last, so that there is nothing to take back in it: a directory that it does not count is nobody's partition.
        await this.#catalog.put(grown)
      } catch (error) {
        await this.#removePartitions(grown, topic.partitions).catch((err: unknown) => {
          this.#tools.logger.warn(
            { topic: name, err },
            'Partitions that could not be added could not be removed either.',
          )
        })
        throw error
      }
      return grown
    })
  }

  /** Deletes a topic and its messages. @throws UNKNOWN_TOPIC_OR_PARTITION */
  deleteTopic(name: string): Promise<void> {
    return this.#change(() => this.#removeTopic(this.#existing(name)))
  }

  /** Makes every log durable, whatever its flush policy. Rejects with the first failure, after all were tried. */
  async flush(): Promise<void> {
    this.#lifecycle.assertOpen()
    const errors = await this.#onEveryLog((log) => log.flush())
    if (errors.length > 0) throw errors[0]
  }

  /** Flushes and closes every log; the next opening needs no recovery unless one of them had failed. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#lifecycle.to('closing')
    try {
      await this.#changes.run(async () => {})
      await this.#checkpoints.stop()
      await this.#healer.stop()
      let inOrder = true
      const errors = await this.#onEveryLog(async (log) => {
        if (!(await log.close())) inOrder = false
      })
      await this.#checkpoints.write()
      if (errors.length > 0) throw errors[0]
      if (inOrder) await leaveCleanShutdownMark(this.#tools.disk, this.#directory.logPath)
    } finally {
      await this.#letGo()
      this.#lifecycle.to('closed')
    }
  }

  /** Does something to every log, whatever happens to the others; resolves with what went wrong. */
  async #onEveryLog(work: (log: SegmentLog) => Promise<unknown>): Promise<unknown[]> {
    const errors: unknown[] = []
    await mapParallel([...this.#logs.values()], parallelLogs, (log) =>
      work(log).catch((error: unknown) => errors.push(error)),
    )
    return errors
  }

  async #letGo(): Promise<void> {
    await this.#dropFiles()
    await this.#directory.release()
  }

  async #dropFiles(): Promise<void> {
    this.#tables.maps.dropAll()
    await this.#tables.openFiles.dropAll()
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

  async #openOrLetGo(): Promise<void> {
    try {
      await this.#openLogs()
      await this.#checkpoints.write()
    } catch (error) {
      await this.#onEveryLog((log) => log.close())
      await this.#dropFiles()
      throw error
    }
    this.#lifecycle.to('open')
    this.#checkpoints.start()
  }

  async #openLogs(): Promise<void> {
    const { disk, logger } = this.#tools
    const { path, logPath, configPath } = this.#directory
    await removeDeletedDirectories(disk, logPath)
    for (const topic of this.#catalog.all()) if (topic.deleting) await this.#removeTopic(topic)
    for (const topic of await adoptTopics(disk, logPath, this.#catalog.all(), this.#tools)) {
      logger.info(
        { topic: topic.name, partitions: topic.partitions },
        'Took over a topic that lay in the log directory.',
      )
      await this.#catalog.put(topic)
    }
    const clean = await takeCleanShutdownMark(disk, logPath)
    // Names that the process before this one made and did not live to make durable are built upon from here on.
    if (!clean) for (const directory of [path, configPath, logPath]) await disk.syncDirectory(directory)
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
    const settings = this.#settingsOf(topic)
    const log = await SegmentLog.open({
      topic: topic.name,
      partition,
      directory,
      disk,
      tables: this.#tables,
      clock,
      logger,
      settings,
      ...point,
      mayHaveHoles: topic.adopted,
      onStartMoved: () => this.#checkpoints.write(),
      onFailure: (failed) => this.#healer.watch(failed),
    })
    this.#logs.set(name, log)
  }

  /** @throws INVALID_CONFIG where what the topic asks for does not go with the store's settings of this time */
  #settingsOf({ name, config }: Topic): Settings {
    try {
      return topicSettings(this.#tools.settings, config)
    } catch (error) {
      throw new HoldfastError('INVALID_CONFIG', `Topic ${name}: ${(error as Error).message}`, { cause: error })
    }
  }

  /** Marked first, so that a crash in the middle is finished at the next start instead of half a topic coming back. */
  async #removeTopic(topic: Topic): Promise<void> {
    await this.#catalog.put({ ...topic, deleting: true })
    await this.#removePartitions(topic, 0)
    await this.#catalog.remove(topic.name)
    this.#unfinished.delete(topic.name)
  }

  /** Closes and removes a topic's partitions from `from` on, with all that is known of them. */
  async #removePartitions(topic: Topic, from: number): Promise<void> {
    for (let partition = from; partition < topic.partitions; partition++) {
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
    const { disk, randomness } = this.#tools
    await removePartitionDirectories(disk, this.#directory.logPath, topic, from, randomness)
    // While the store opens, the checkpoints on the disk are still to be read; they are written when it is open.
    if (this.#lifecycle.state !== 'opening') await this.#checkpoints.write()
  }
}

function refusePartitionsUnless(acceptable: boolean, partitions: number): void {
  if (acceptable) return
  throw new HoldfastError('INVALID_PARTITIONS', `A topic has 1 to ${mostPartitions} partitions, not ${partitions}.`)
}
