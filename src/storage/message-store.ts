/**
 * The face of the engine: opens a data directory, keeps its topics, and hands out the logs of their partitions.
 *
 * Opening: lock, identity, checkpoints, then every log in parallel, recovered where the last close was not in order.
 * Closing in order flushes every log and leaves Kafka's mark of a clean shutdown.
 */

import { type Clock, systemClock } from '../core/clock.js'
import { HoldfastError } from '../core/errors.js'
import { invariant } from '../core/invariant.js'
import { Lifecycle } from '../core/lifecycle.js'
import { type Logger, silentLogger } from '../core/logger.js'
import { type Metrics, noMetrics } from '../core/metrics/metrics.js'
import { type Randomness, systemRandomness } from '../core/randomness.js'
import { resolveSettings, type Settings } from '../core/settings.js'
import type { Disk, DiskSpace } from '../files/disk.js'
import { nodeDisk } from '../files/node-disk.js'
import { type SettingsAlteration, StoredSettings } from './altered-settings.js'
import type { BackupOptions, BackupReport, StoreToBackUp } from './backup/store-backup.js'
import { Backups } from './backups.js'
import { CheckpointWriter } from './checkpoint-writer.js'
import { leaveCleanShutdownMark, takeCleanShutdownMark } from './checkpoints.js'
import { type Chore, Chores } from './chores.js'
import { CommitLogs } from './commit-logs.js'
import type { QueuePlace } from './commitlog/message-ids.js'
import type { CopiesElsewhere } from './copies-elsewhere.js'
import { type DataDirectory, openDataDirectory } from './data-directory.js'
import { DiskWatermark } from './disk-watermark.js'
import { Healer } from './healer.js'
import { KeyIndexes } from './key-indexes.js'
import type { HeldBackLog } from './log/held-back-log.js'
import { type CompactedPartition, LogCleaner } from './log-cleaner.js'
import type { MessageFinder } from './message-finder.js'
import { adoptTopics, removeDeletedDirectories } from './partition-directories.js'
import type { PartitionLog } from './partition-log.js'
import { PartitionLogs } from './partition-logs.js'
import type { RecoveryReport, WatchRecovery } from './recovery.js'
import { Retention } from './retention.js'
import { checkEngine } from './segments/opening.js'
import { sharedTables } from './shared-tables.js'
import { type LogCut, type LogPlace, StoreLogs } from './store-logs.js'
import { announceRecovery, measuredDisk, watchStore } from './store-metrics.js'
import { storePathOf } from './store-places.js'
import { type ConfigChange, type NewTopic, StoreTopics } from './store-topics.js'
import { StoredLogs } from './stored-logs.js'
import { type Topic, TopicCatalog } from './topic-catalog.js'

export type { ConfigChange, NewTopic } from './store-topics.js'

export interface StoreOptions extends WatchRecovery {
  readonly settings?: Settings
  readonly disk?: Disk
  readonly clock?: Clock
  readonly randomness?: Randomness
  readonly logger?: Logger
  /** Nothing is counted where absent. */
  readonly metrics?: Metrics
  readonly elsewhere?: CopiesElsewhere
}

type Tools = Required<Omit<StoreOptions, keyof WatchRecovery | 'elsewhere'>> & Pick<StoreOptions, 'elsewhere'>

export class MessageStore {
  /** Its files, to be looked at. */
  readonly stored: StoredLogs
  readonly #directory: DataDirectory
  readonly #tools: Tools
  readonly #catalog: TopicCatalog
  readonly #settings: StoredSettings
  readonly #lifecycle = new Lifecycle('message store')
  readonly #topics: StoreTopics
  readonly #logs: StoreLogs
  readonly #checkpoints: CheckpointWriter
  readonly #chores: Chores
  readonly #indexes: KeyIndexes
  readonly #cleaner: LogCleaner
  /** Aborted when the store closes: what takes long ends. */
  readonly #closing = new AbortController()
  readonly #backups: Backups
  readonly #stopTelling: () => void
  #recovery: RecoveryReport | undefined
  #closed: Promise<void> | undefined

  private constructor(directory: DataDirectory, catalog: TopicCatalog, settings: StoredSettings, tools: Tools) {
    this.#directory = directory
    this.#catalog = catalog
    this.#settings = settings
    this.#tools = tools
    const shared = { tables: sharedTables(tools), healer: new Healer(tools.clock, tools.logger) }
    const segments = new PartitionLogs(directory.logPath, tools, shared, {
      writeLogStarts: () => this.#checkpoints.writeLogStarts(),
      writeAll: () => this.#checkpoints.write(),
      noteHoles: (name) => this.#topics.noteHoles(name),
    })
    const commitLog = new CommitLogs({ ...tools, directory, catalog, shared })
    this.#logs = new StoreLogs(segments, commitLog, shared, tools)
    this.stored = new StoredLogs({
      ...tools,
      logs: this.#logs,
      topics: () => this.topics(),
      maps: shared.tables.maps,
      storePath: storePathOf(directory.path),
    })
    this.#checkpoints = new CheckpointWriter(
      directory.logPath,
      tools,
      () => segments.all(),
      (log) => segments.keptTo(log),
    )
    this.#chores = new Chores(tools)
    const { ends } = this.#logs
    this.#cleaner = new LogCleaner({ ...tools, ...ends }, segments, this.#checkpoints)
    this.#indexes = new KeyIndexes(directory.path, tools, (topic, partition) => segments.get(topic, partition))
    const ofLogs = { ...tools, logs: () => segments.all(), ...ends }
    const retention = new Retention(ofLogs)
    const watermark = new DiskWatermark({ ...ofLogs, logPath: directory.logPath, room: shared.tables.room })
    for (const chore of [
      ...this.#checkpoints.chores(),
      this.#indexes.chore(),
      retention.chore(),
      watermark.chore(),
      ...this.#cleaner.chores(),
      ...commitLog.chores((queue) => this.#logs.shownEnd(queue)),
    ]) {
      this.#chores.add(chore)
    }
    this.#topics = new StoreTopics({
      ...tools,
      catalog,
      logs: this.#logs,
      indexes: this.#indexes,
      checkpoints: this.#checkpoints,
      lifecycle: this.#lifecycle,
    })
    this.#stopTelling = watchStore({
      ...tools,
      path: directory.path,
      logPath: directory.logPath,
      topics: () => this.topics(),
      log: (topic, partition) => this.log(topic, partition),
      commitLogBytes: () => commitLog.sizeInBytes(),
      mappedBytes: () => shared.tables.maps.bytes,
      recovery: () => this.#recovery,
      addChore: (chore) => this.#chores.add(chore),
    })
    this.#backups = new Backups(this.#asToBackUp(), this.#closing.signal)
  }

  /** @throws DATA_DIR_LOCKED, DATA_DIR_NEWER, DATA_DIR_DAMAGED, DATA_DIR_READ_ONLY */
  static async open(path: string, options: StoreOptions = {}): Promise<MessageStore> {
    const tools: Tools = {
      settings: options.settings ?? resolveSettings(),
      disk: options.disk ?? nodeDisk,
      clock: options.clock ?? systemClock,
      randomness: options.randomness ?? systemRandomness,
      logger: options.logger ?? silentLogger,
      metrics: options.metrics ?? noMetrics,
      elsewhere: options.elsewhere,
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
      const disk = measuredDisk(tools, directory.path)
      const settings = await StoredSettings.load(tools.disk, directory.configPath, tools.settings)
      const store = new MessageStore(directory, catalog, settings, { ...tools, settings: settings.settings, disk })
      await store.#openOrLetGo(options)
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

  /** What the opening read, cut and made anew, log by log. */
  get recovery(): RecoveryReport {
    invariant(this.#recovery, 'a store is handed out once its logs are open')
    return this.#recovery
  }

  /** Where the logs lie, and what room there is. */
  async logDirectory(): Promise<{ path: string; space: DiskSpace | undefined }> {
    return { path: this.#directory.logPath, space: await this.#tools.disk.space(this.#directory.logPath) }
  }

  topics(): Topic[] {
    return this.#topics.all()
  }

  topicOfId(id: Uint8Array): Topic | undefined {
    return this.#topics.ofId(id)
  }

  topic(name: string): Topic | undefined {
    return this.#topics.get(name)
  }

  log(topic: string, partition: number): PartitionLog | undefined {
    return this.#logs.get(topic, partition)
  }

  /** Undefined where nobody else holds copies. */
  heldBack(topic: string, partition: number): HeldBackLog | undefined {
    return this.#logs.heldBack(topic, partition)
  }

  /** What finds messages of a partition by key or id; undefined where nothing does. */
  finder(topic: string, partition: number): MessageFinder | undefined {
    const finder = this.#indexes.get(topic, partition) ?? this.#logs.commitLog.finder(topic, partition)
    return finder && (this.heldBack(topic, partition)?.finder(finder) ?? finder)
  }

  /** Where the message lies that an id of RocketMQ's names; undefined where no commit log here holds it. */
  placeOfMessage(id: string): Promise<QueuePlace | undefined> {
    return this.#logs.commitLog.placeOfMessage(id)
  }

  /** RocketMQ's id of the message at a place; undefined where there is none, or its topic is no commit log's. */
  messageIdOf(place: QueuePlace): Promise<string | undefined> {
    return this.#logs.commitLog.messageIdOf(place)
  }

  get keyIndexes(): KeyIndexes {
    return this.#indexes
  }

  /**
   * Creates a topic with all its partitions; durable when this resolves.
   * @throws INVALID_TOPIC_EXCEPTION, TOPIC_ALREADY_EXISTS, INVALID_PARTITIONS, INVALID_CONFIG, DISK_FULL
   */
  createTopic(topic: NewTopic): Promise<Topic> {
    return this.#topics.create(topic)
  }

  /** Adds partitions to a topic until it has `partitions`. @throws UNKNOWN_TOPIC_OR_PARTITION, INVALID_PARTITIONS */
  addPartitions(name: string, partitions: number): Promise<Topic> {
    return this.#topics.addPartitions(name, partitions)
  }

  /** See {@link StoreTopics.alter}. @throws UNKNOWN_TOPIC_OR_PARTITION, INVALID_CONFIG, and what `change` throws */
  alterTopic(name: string, change: ConfigChange, options: { validateOnly?: boolean } = {}): Promise<void> {
    return this.#topics.alter(name, change, options)
  }

  /** See {@link StoredSettings.alter}. @throws INVALID_SETTING, INVALID_CONFIG, INVALID_REQUEST */
  async alterSettings(alteration: SettingsAlteration): Promise<void> {
    this.#lifecycle.assertOpen()
    await this.#settings.alter(alteration)
  }

  /** Deletes a topic and its messages. @throws UNKNOWN_TOPIC_OR_PARTITION */
  deleteTopic(name: string): Promise<void> {
    return this.#topics.delete(name)
  }

  /** Compacts a topic now; see {@link LogCleaner.cleanTopic}. @throws UNKNOWN_TOPIC_OR_PARTITION, INVALID_REQUEST */
  async compactTopic(name: string): Promise<CompactedPartition[]> {
    return this.#cleaner.cleanTopic(this.#topics.existing(name), this.#closing.signal)
  }

  /** Where RocketMQ's directory lies; undefined while there is no commit log. */
  get commitLogPath(): string | undefined {
    return this.#logs.commitLog.store === undefined ? undefined : storePathOf(this.path)
  }

  /** Has something done from time to time until the store closes, or the returned call, by those who stand on it. */
  addChore(chore: Chore): () => void {
    return this.#chores.add(chore)
  }

  /** Runs a chore of this store now, e.g. for a test; see {@link Chores.runNow}. */
  runChore(name: string): Promise<void> {
    return this.#chores.runNow(name)
  }

  /** Takes a backup while the store goes on; see {@link backUp}, which says what it throws. */
  async backup(target: string, options: BackupOptions = {}): Promise<BackupReport> {
    this.#lifecycle.assertOpen()
    return this.#backups.take(target, options)
  }

  /** Takes off the ends of logs what another copy of them does not have; see {@link StoreLogs.cutBack}. */
  cutBack(cuts: readonly LogCut[]): Promise<void> {
    return this.#topics.whileUnchanged((topicOf) => this.#logs.cutBack(cuts, topicOf, this.#indexes))
  }

  /** As {@link cutBack}, of all that logs hold: they are as new ones. A crash on the way leaves each as it was, or empty. */
  emptyLogs(places: readonly LogPlace[]): Promise<void> {
    return this.#topics.whileUnchanged((topicOf) => this.#logs.empty(places, topicOf, this.#indexes))
  }

  /** Makes every log durable, whatever its flush policy. Rejects with the first failure, after all were tried. */
  async flush(): Promise<void> {
    this.#lifecycle.assertOpen()
    const errors = await this.#logs.flush()
    if (errors.length > 0) throw errors[0]
  }

  /** Flushes and closes every log; the next opening needs no recovery unless one of them had failed. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#lifecycle.to('closing')
    this.#stopTelling()
    try {
      this.#closing.abort(new HoldfastError('CLOSED', 'The store is closing.'))
      await this.#backups.ended()
      await this.#topics.settled()
      await this.#chores.stop().then(() => this.#cleaner.ended())
      await this.#indexes.close()
      const { inOrder, errors } = await this.#logs.close()
      await this.#checkpoints.write()
      if (errors.length > 0) throw errors[0]
      if (inOrder) await leaveCleanShutdownMark(this.#tools.disk, this.#directory.logPath)
    } finally {
      await this.#logs.dropFiles()
      await this.#directory.release()
      this.#lifecycle.to('closed')
    }
  }

  async #openOrLetGo(watch: WatchRecovery): Promise<void> {
    try {
      await this.#openLogs(watch)
      await this.#checkpoints.write()
    } catch (error) {
      this.#stopTelling()
      await this.#indexes.close()
      await this.#logs.close()
      await this.#logs.dropFiles()
      throw error
    }
    this.#lifecycle.to('open')
    this.#chores.start()
    announceRecovery(this.path, this.recovery)
  }

  async #openLogs(watch: WatchRecovery): Promise<void> {
    const { disk, logger } = this.#tools
    const { path, logPath, configPath } = this.#directory
    await removeDeletedDirectories(disk, logPath)
    await this.#topics.finishDeletions(undefined)
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
    this.#recovery = await this.#logs.open(this.topics(), clean, watch)
    await this.#topics.finishDeletions('commitlog')
    await this.#indexes.start(this.topics().map((topic) => ({ topic, settings: this.#logs.settingsOf(topic) })))
  }

  #asToBackUp(): StoreToBackUp {
    const { disk, clock, randomness } = this.#tools
    return {
      directory: this.#directory,
      disk,
      clock,
      randomness,
      atOneMoment: (note) =>
        this.#topics.whileUnchanged(async () => note(this.topics(), [...this.#logs.segments.all()])),
      commitLog: () => this.#logs.commitLog.toBackUp(),
    }
  }
}
