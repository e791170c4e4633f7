/**
 * The logs of a store, one for each partition: opened with all that they share, found by name, closed and removed. Logs
 * that fail because the disk is full are watched here until they take messages again.
 */

import { join } from 'node:path'
import type { Clock } from '../core/clock.js'
import { HoldfastError } from '../core/errors.js'
import type { Logger } from '../core/logger.js'
import type { Metrics } from '../core/metrics/metrics.js'
import { mapParallel } from '../core/parallel.js'
import type { Randomness } from '../core/randomness.js'
import type { Settings } from '../core/settings.js'
import type { Disk } from '../files/disk.js'
import { FlushMeter } from '../flush/flush-meter.js'
import { checkpointFile, readCheckpoint } from './checkpoints.js'
import type { Healer } from './healer.js'
import { isInternalTopic } from './internal-topics.js'
import { removePartitionDirectories } from './partition-directories.js'
import { type RecoveryReport, RecoveryTally, type WatchRecovery } from './recovery.js'
import { partitionDirectoryName } from './segments/format.js'
import { giveUpBorrowed } from './segments/own-copy.js'
import { SegmentLog } from './segments/segment-log.js'
import type { SharedTables } from './segments/segment-place.js'
import { encodePartitionMetadata } from './segments/text-files.js'
import { settingsOf, type Topic } from './topic-catalog.js'

interface Tools {
  readonly settings: Settings
  readonly disk: Disk
  readonly clock: Clock
  readonly randomness: Randomness
  readonly logger: Logger
  readonly metrics: Metrics
}

/** What is known of a log before it is opened. */
interface LastSeen {
  readonly clean: boolean
  readonly recoveryPoint: number
  readonly logStartOffset: number
  readonly knownStart?: number
  readonly fullScan?: boolean
  readonly onScanned?: (bytes: number) => void
  /** Where its last cleaning ended. */
  readonly cleanedUpTo?: number
  /** What lies there or behind it is cut. */
  readonly cutFrom?: number
}

/** What is written down when a log has something to say. */
interface Checkpoints {
  /** One of the logs was told to start elsewhere. */
  writeLogStarts(): Promise<void>
  /** A start could begin further behind than the last one that was written down. */
  writeAll(): Promise<void>
  /** From now on offsets may be missing in the logs of this topic, since compaction removes messages. */
  noteHoles(topic: string): Promise<void>
}

/** What all logs of a store share, whatever their layout. */
export interface SharedByLogs {
  readonly tables: SharedTables
  readonly healer: Healer
}

/** Logs that are opened or closed at the same time; each waits for the disk most of its time. */
const parallelLogs = 8

export class PartitionLogs {
  readonly #logPath: string
  readonly #tools: Tools
  readonly #checkpoints: Checkpoints
  readonly #tables: SharedTables
  readonly #healer: Healer
  readonly #logs = new Map<string, SegmentLog>()
  /** Of the logs that are being cut: where the segment begins in which the cut lies. */
  readonly #cuts = new Map<string, number>()

  constructor(logPath: string, tools: Tools, shared: SharedByLogs, checkpoints: Checkpoints) {
    this.#logPath = logPath
    this.#tools = tools
    this.#checkpoints = checkpoints
    this.#tables = shared.tables
    this.#healer = shared.healer
  }

  get(topic: string, partition: number): SegmentLog | undefined {
    return this.#logs.get(partitionDirectoryName(topic, partition))
  }

  all(): Iterable<SegmentLog> {
    return this.#logs.values()
  }

  /** Opens the logs of all partitions of `topics` from what the checkpoints tell of them, recovered where the last close was not in order. */
  async open(topics: readonly Topic[], clean: boolean, watch: WatchRecovery): Promise<RecoveryReport> {
    const { disk, clock, logger } = this.#tools
    const recoveryPoints = await readCheckpoint(disk, this.#logPath, checkpointFile.recoveryPoint, logger)
    const logStarts = await readCheckpoint(disk, this.#logPath, checkpointFile.logStart, logger)
    const cleaned = await readCheckpoint(disk, this.#logPath, checkpointFile.cleaner, logger)
    const partitions = topics.flatMap((topic) =>
      Array.from({ length: topic.partitions }, (_, partition) => ({ topic, partition })),
    )
    const { fullScan } = watch
    const tally = new RecoveryTally(clock, partitions.length, watch)
    await mapParallel(partitions, parallelLogs, async ({ topic, partition }) => {
      const name = partitionDirectoryName(topic.name, partition)
      const recoveryPoint = recoveryPoints.get(name) ?? 0
      const knownStart = logStarts.get(name)
      const lastSeen = {
        clean,
        recoveryPoint,
        logStartOffset: knownStart ?? 0,
        knownStart,
        fullScan,
        cleanedUpTo: cleaned.get(name),
      }
      const began = clock.monotonic()
      const log = await this.#open(topic, partition, { ...lastSeen, onScanned: (bytes) => tally.scanned(bytes) })
      tally.opened(log, clock.monotonic() - began)
    })
    return tally.finish(clean, logger)
  }

  /** Makes the empty logs of a topic from partition `from` on. */
  async create(topic: Topic, from: number): Promise<void> {
    const partitions = Array.from({ length: topic.partitions - from }, (_, index) => from + index)
    await mapParallel(
      partitions,
      parallelLogs,
      (partition): Promise<unknown> =>
        this.#open(topic, partition, { clean: true, recoveryPoint: 0, logStartOffset: 0 }),
    )
  }

  /** Closes and removes a topic's partitions from `from` on, with their directories. */
  async remove(topic: Topic, from: number): Promise<void> {
    for (let partition = from; partition < topic.partitions; partition++) await this.#discard(topic, partition)
    const { disk, randomness } = this.#tools
    const range = { from, to: Number.POSITIVE_INFINITY }
    await removePartitionDirectories(disk, this.#logPath, topic, range, randomness)
  }

  /** Closes a log that is to go. */
  async #discard(topic: Topic, partition: number): Promise<void> {
    const name = partitionDirectoryName(topic.name, partition)
    const log = this.#logs.get(name)
    if (log === undefined) return
    this.#logs.delete(name)
    this.#healer.forget(log)
    // What a log that is thrown away fails to flush is no loss.
    await log
      .close()
      .catch((err: unknown) =>
        this.#tools.logger.warn({ topic: topic.name, partition, err }, 'Closing a deleted log failed.'),
      )
  }

  /** What lies before it no cut that is under way takes away. */
  keptTo({ topic, partition }: SegmentLog): number {
    return this.#cuts.get(partitionDirectoryName(topic, partition)) ?? Number.MAX_SAFE_INTEGER
  }

  /**
   * Cuts a log: it holds no batch any more that reaches beyond `offset`. It is closed for that and opened anew. A crash
   * on the way leaves a log that ends between there and where it ended; a failure leaves it closed for the next start.
   */
  async cut(topic: Topic, partition: number, offset: number): Promise<void> {
    const name = partitionDirectoryName(topic.name, partition)
    const log = this.#logs.get(name)
    if (log === undefined) throw new HoldfastError('UNKNOWN_TOPIC_OR_PARTITION', `There is no log ${name}.`)
    if (log.failure !== undefined) throw log.failure
    const { logStartOffset, segments, compaction } = log
    // Of the segment with the cut nothing is believed: where batches end in it is found by reading it.
    const keptTo = segments.findLast(({ baseOffset }) => baseOffset <= offset)?.baseOffset ?? logStartOffset
    this.#cuts.set(name, keptTo)
    if (!(await log.close()))
      throw log.failure ?? new HoldfastError('LOG_FAILED', `The log ${name} could not be closed.`)
    // To a start that still counts on what is cut, the log would look as if files of it were lost.
    await this.#checkpoints.writeAll()
    await giveUpBorrowed(this.#tools.disk, this.#tables, join(this.#logPath, name), keptTo)
    const cleanedUpTo = compaction.cleanedUpTo === undefined ? undefined : Math.min(compaction.cleanedUpTo, keptTo)
    const recovery = { clean: false, recoveryPoint: keptTo, logStartOffset, knownStart: logStartOffset }
    await this.#open(topic, partition, { ...recovery, cleanedUpTo, cutFrom: offset })
    this.#cuts.delete(name)
  }

  /** Puts an empty log in the place of one, of which nothing is left. */
  async empty(topic: Topic, partition: number): Promise<void> {
    await this.#discard(topic, partition)
    // To a start that still counts on what goes, the log would look as if files of it were lost.
    await this.#checkpoints.writeAll()
    const { disk, randomness } = this.#tools
    await removePartitionDirectories(disk, this.#logPath, topic, { from: partition, to: partition + 1 }, randomness)
    await this.#open(topic, partition, { clean: true, recoveryPoint: 0, logStartOffset: 0 })
  }

  /** Lets all logs of a topic hold to other settings. */
  alter(topic: Topic, settings: Settings): void {
    for (let partition = 0; partition < topic.partitions; partition++) this.get(topic.name, partition)?.alter(settings)
  }

  /** The checkpoints are written down again, so that a start can begin at the mark. */
  #noteMark(): void {
    this.#checkpoints.writeAll().catch((err: unknown) => {
      this.#tools.logger.warn({ err }, 'Could not write down how far the logs are; a recovery would read more.')
    })
  }

  /** Does something to every log, whatever happens to the others; resolves with what went wrong. */
  async each(work: (log: SegmentLog) => Promise<unknown>): Promise<unknown[]> {
    const errors: unknown[] = []
    await mapParallel([...this.#logs.values()], parallelLogs, (log) =>
      work(log).catch((error: unknown) => errors.push(error)),
    )
    return errors
  }

  /** Closes every log: whether all of them were in order, and what went wrong. */
  async close(): Promise<{ inOrder: boolean; errors: unknown[] }> {
    // What a cut that failed has left has to be looked at by a start.
    let inOrder = this.#cuts.size === 0
    const errors = await this.each(async (log) => {
      if (!(await log.close())) inOrder = false
    })
    return { inOrder, errors }
  }

  async #open(topic: Topic, partition: number, lastSeen: LastSeen): Promise<SegmentLog> {
    const { disk, clock, logger, metrics } = this.#tools
    const name = partitionDirectoryName(topic.name, partition)
    const directory = join(this.#logPath, name)
    await disk.makeDirectory(directory)
    const metadataPath = join(directory, 'partition.metadata')
    if ((await disk.readFile(metadataPath)) === undefined) {
      await disk.replaceFile(metadataPath, encodePartitionMetadata(topic.id))
    }
    const settings = settingsOf(topic, this.#tools.settings)
    const source = { topic: topic.name, partition, policy: settings['flush.disk.type'] }
    const log = await SegmentLog.open({
      topic: topic.name,
      partition,
      directory,
      disk,
      tables: this.#tables,
      clock,
      logger,
      settings,
      flushes: new FlushMeter(metrics, { layout: 'segments', ...source }),
      ...lastSeen,
      mayHaveHoles: topic.adopted || topic.compacted,
      onHoles: () => this.#checkpoints.noteHoles(topic.name),
      largestBatchBytes: topic.largestBatchBytes,
      onStartMoved: this.#checkpoints.writeLogStarts,
      onMarked: () => this.#noteMark(),
      isVital: isInternalTopic(topic.name),
      onFailure: (failed) => this.#healer.watch(failed, { topic: topic.name, partition }),
    })
    log.compaction.cleanedUpTo = lastSeen.cleanedUpTo
    this.#logs.set(name, log)
    return log
  }
}
