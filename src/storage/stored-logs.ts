/**
 * What lies on the disk, log by log, for those who look at a store and change nothing: files with what of them is written
 * and durable, offsets, and where one message lies to the byte.
 */

import { basename, dirname, join } from 'node:path'
import { mapParallel } from '../core/parallel.js'
import type { Settings } from '../core/settings.js'
import type { Disk } from '../files/disk.js'
import type { MappedFiles } from '../files/mapped-files.js'
import { batchAt, type RecordBatch } from '../records/batch.js'
import { positionFileName, storeNames } from './commitlog/format.js'
import type { PartitionLog } from './partition-log.js'
import { stage, suffix } from './segments/format.js'
import type { SegmentFacts } from './segments/segment-facts.js'
import type { SegmentLog } from './segments/segment-log.js'
import type { StoreLogs } from './store-logs.js'
import type { Topic } from './topic-catalog.js'

export type Layout = 'segments' | 'commitlog'

export interface LogFile {
  readonly name: string
  /** Offset of its first message; in a commit log the position of its first byte. */
  readonly base: number
  /** Length of the file, prepared space included. */
  readonly sizeInBytes: number
  readonly writtenBytes: number
  readonly durableBytes: number
  /** Of the written bytes those that are in the page cache; null where nobody can tell, and of all but the newest files. */
  readonly cachedBytes: number | null
  /** A spare is prepared for what comes next and holds nothing yet. */
  readonly state: 'active' | 'sealed' | 'spare'
  readonly isMapped: boolean
  /** Compaction has not been over it yet, and may go. */
  readonly isCompactable: boolean
  /** When retention may remove it; null where it never does, or where that is not foreseen. */
  readonly removableAtMs: number | null
  /** Null where that is not known without reading. */
  readonly firstTimestamp: number | null
  readonly lastTimestamp: number | null
}

export interface LogFiles {
  readonly layout: Layout
  readonly directory: string
  /** The newest, in the order of their bases. */
  readonly files: readonly LogFile[]
  readonly totalFiles: number
  /** Of index files; of a commit log those of its key index. */
  readonly indexBytes: number
}

export interface LogSize {
  readonly layout: Layout
  /** Null for the commit log, which holds all topics of its layout. */
  readonly topic: string | null
  readonly partition: number | null
  readonly files: number
  readonly sizeInBytes: number
}

/** Where a message lies. */
export interface StoredPlace {
  readonly layout: Layout
  readonly path: string
  /** Of its batch; in a commit log of the message itself. */
  readonly position: number
  readonly sizeInBytes: number
  /** The batch that holds it, as it is stored or as it was appended. */
  readonly batch: RecordBatch
  /** In a commit log: behind the message, in the log as a whole. */
  readonly endPosition: number | null
  readonly removableAtMs: number | null
}

export interface StoredLogsOptions {
  readonly logs: StoreLogs
  readonly topics: () => readonly Topic[]
  readonly maps: MappedFiles
  readonly disk: Disk
  readonly settings: Settings
  /** RocketMQ's directory, where there is one. */
  readonly storePath: string
}

const hourMs = 3_600_000
const parallelLooks = 8
/** Each is a system call over all pages of a file. */
const mostLooksAtCache = 16
const indexSuffixes: readonly string[] = [suffix.offsetIndex, suffix.timeIndex, suffix.transactionIndex]

export class StoredLogs {
  readonly #options: StoredLogsOptions

  constructor(options: StoredLogsOptions) {
    this.#options = options
  }

  /** By name, the broker's own included. */
  get topics(): readonly Topic[] {
    return this.#options.topics()
  }

  log(topic: string, partition: number): PartitionLog | undefined {
    return this.#options.logs.get(topic, partition)
  }

  /** Every partition of every topic, in their order; one that is being made or deleted may have no log. */
  *partitions(): Generator<{ topic: string; partition: number; log: PartitionLog | undefined }> {
    for (const { name, partitions } of this.topics) {
      for (let partition = 0; partition < partitions; partition++) {
        yield { topic: name, partition, log: this.log(name, partition) }
      }
    }
  }

  /** Behind the last message of the commit log that is on stable storage; 0 where there is none. */
  get commitLogDurablePosition(): number {
    return this.#options.logs.commitLog.store?.durablePosition ?? 0
  }

  /** Why queues and index of the commit log could not be brought to the disk the last time it was tried. */
  get checkpointFailure(): unknown {
    return this.#options.logs.commitLog.store?.checkpointFailure
  }

  /** Every log of its own, and the commit log where there is one. */
  async sizes(): Promise<LogSize[]> {
    const commitLog = await this.#options.logs.commitLog.store?.files()
    const sizes: LogSize[] = [...this.#options.logs.segments.all()].map((log) => ({
      layout: 'segments',
      topic: log.topic,
      partition: log.partition,
      files: log.segments.length,
      sizeInBytes: log.sizeInBytes,
    }))
    if (commitLog === undefined) return sizes
    const sizeInBytes = commitLog.reduce((sum, { writtenBytes }) => sum + writtenBytes, 0)
    return [{ layout: 'commitlog', topic: null, partition: null, files: commitLog.length, sizeInBytes }, ...sizes]
  }

  /** The files of a partition that has a log of its own; undefined where it has none. @param most files at most */
  async filesOf(topic: string, partition: number, most: number): Promise<LogFiles | undefined> {
    const log = this.#options.logs.segments.get(topic, partition)
    if (log === undefined) return undefined
    const { segments } = log
    const directory = dirname(segments[0].path)
    const shown = await mapParallel(segments.slice(-most), parallelLooks, (segment, at) =>
      this.#segmentFile(log, segment, Math.min(most, segments.length) - at),
    )
    const names = ((await this.#options.disk.list(directory)) ?? []).map(({ name }) => name)
    const spares = names.filter((name) => name.endsWith(stage.deleted))
    return {
      layout: 'segments',
      directory,
      files: [...shown.flat(), ...(await this.#spareFiles(directory, spares, log.logEndOffset))],
      totalFiles: segments.length + spares.length,
      indexBytes: await this.#sizeOf(
        directory,
        names.filter((name) => indexSuffixes.some((end) => name.endsWith(end))),
        2 * most,
      ),
    }
  }

  /** The files of the commit log; undefined where there is none. */
  async filesOfCommitLog(most: number): Promise<LogFiles | undefined> {
    const { logs, maps } = this.#options
    const { store } = logs.commitLog
    if (store === undefined) return undefined
    const files = await store.files()
    const keptMs = this.#options.settings['file.reserved.time'] * hourMs
    const active = files.findLast(({ writtenBytes }) => writtenBytes > 0) ?? files[0]
    const shown = await mapParallel(files.slice(-most), parallelLooks, async (file, at): Promise<LogFile> => {
      const { position, path, sizeInBytes, writtenBytes, durableBytes, modifiedMs } = file
      const state = file === active ? 'active' : position > active.position ? 'spare' : 'sealed'
      return {
        name: basename(path),
        base: position,
        sizeInBytes,
        writtenBytes,
        durableBytes,
        cachedBytes: await this.#cachedOf(path, writtenBytes, Math.min(most, files.length) - at),
        state,
        isMapped: maps.isMapped(path),
        isCompactable: false,
        removableAtMs: state === 'sealed' ? modifiedMs + keptMs : null,
        firstTimestamp: null,
        lastTimestamp: state === 'sealed' ? modifiedMs : null,
      }
    })
    const directory = join(this.#options.storePath, storeNames.commitLog)
    const indexes = join(this.#options.storePath, storeNames.index)
    const names = ((await this.#options.disk.list(indexes)) ?? []).map(({ name }) => name)
    const indexBytes = await this.#sizeOf(indexes, names, most)
    return { layout: 'commitlog', directory, files: shown, totalFiles: files.length, indexBytes }
  }

  /** Undefined where readers see no message there. @throws LOG_DAMAGED, and what reading the disk throws */
  async placeOf(topic: string, partition: number, offset: number): Promise<StoredPlace | undefined> {
    const log = this.log(topic, partition)
    if (log === undefined || offset < log.logStartOffset || offset >= log.highWatermark) return undefined
    const [bytes] = (await log.read(offset, 0)).records
    if (bytes === undefined) return undefined
    const batch = batchAt(bytes, 0)
    if (batch === undefined || batch.baseOffset > offset || batch.lastOffset < offset) return undefined
    const ofItsOwn = this.#options.logs.segments.get(topic, partition)
    return ofItsOwn !== undefined
      ? this.#placeInSegment(ofItsOwn, offset, batch)
      : this.#placeInCommitLog(topic, partition, offset, batch)
  }

  async #placeInSegment(log: SegmentLog, offset: number, batch: RecordBatch): Promise<StoredPlace | undefined> {
    const segment = log.segments.findLast(({ baseOffset }) => baseOffset <= offset)
    if (segment === undefined) return undefined
    return {
      layout: 'segments',
      path: segment.path,
      position: await segment.positionOf(offset),
      sizeInBytes: batch.sizeInBytes,
      batch,
      endPosition: null,
      removableAtMs: await removableAt(log, segment),
    }
  }

  async #placeInCommitLog(
    topic: string,
    partition: number,
    offset: number,
    batch: RecordBatch,
  ): Promise<StoredPlace | undefined> {
    const { commitLog } = this.#options.logs
    const position = await commitLog.get(topic, partition)?.positionOf(offset)
    const message = position === undefined ? undefined : await commitLog.store?.messageAt(position)
    if (position === undefined || message === undefined) return undefined
    const files = await this.filesOfCommitLog(Number.MAX_SAFE_INTEGER)
    const file = files?.files.findLast(({ base }) => base <= position)
    if (files === undefined || file === undefined) return undefined
    return {
      layout: 'commitlog',
      path: join(files.directory, positionFileName(file.base)),
      position: position - file.base,
      sizeInBytes: message.sizeInBytes,
      batch,
      endPosition: position + message.sizeInBytes,
      removableAtMs: file.removableAtMs,
    }
  }

  /** @param fromEnd 1 for the newest */
  async #segmentFile(log: SegmentLog, segment: SegmentFacts, fromEnd: number): Promise<LogFile[]> {
    const { disk, maps } = this.#options
    const stat = await disk.stat(segment.path)
    // Removed meanwhile.
    if (stat === undefined) return []
    const { durableOffset } = log
    const isWhole = segment.endOffset <= durableOffset
    const durableBytes = isWhole
      ? segment.sizeInBytes
      : durableOffset <= segment.baseOffset
        ? 0
        : await segment.positionOf(durableOffset)
    const [first, last] = await Promise.all([segment.firstTimestamp(), segment.largestTimestamp()])
    const cleanedUpTo = log.compaction.cleanedUpTo ?? 0
    const isCompacted = log.settings['log.cleanup.policy'].includes('compact')
    return [
      {
        name: basename(segment.path),
        base: segment.baseOffset,
        sizeInBytes: stat.sizeInBytes,
        writtenBytes: segment.writtenBytes,
        durableBytes,
        cachedBytes: await this.#cachedOf(segment.path, segment.writtenBytes, fromEnd),
        state: segment.isActive ? 'active' : 'sealed',
        isMapped: maps.isMapped(segment.path),
        isCompactable: isCompacted && !segment.isActive && segment.endOffset > cleanedUpTo,
        removableAtMs: await removableAt(log, segment),
        firstTimestamp: first < 0 ? null : first,
        lastTimestamp: segment.writtenBytes === 0 ? null : last,
      },
    ]
  }

  /** The kernel is asked through a mapping that nobody touches. */
  async #cachedOf(path: string, writtenBytes: number, fromEnd: number): Promise<number | null> {
    const { disk } = this.#options
    if (fromEnd > mostLooksAtCache || !disk.supportsMapping || writtenBytes === 0) return null
    const mapping = await disk.map(path).catch(() => undefined)
    try {
      return mapping?.residentBytes?.(writtenBytes) ?? null
    } finally {
      mapping?.unmap()
    }
  }

  async #spareFiles(directory: string, names: readonly string[], base: number): Promise<LogFile[]> {
    const spares = await mapParallel([...names], parallelLooks, async (name) => {
      const stat = await this.#options.disk.stat(join(directory, name))
      return stat === undefined ? [] : [{ name, sizeInBytes: stat.sizeInBytes }]
    })
    return spares.flat().map(({ name, sizeInBytes }) => ({
      name,
      base,
      sizeInBytes,
      writtenBytes: 0,
      durableBytes: 0,
      cachedBytes: null,
      state: 'spare',
      isMapped: false,
      isCompactable: false,
      removableAtMs: null,
      firstTimestamp: null,
      lastTimestamp: null,
    }))
  }

  async #sizeOf(directory: string, names: readonly string[], most: number): Promise<number> {
    const stats = await mapParallel(names.slice(-most), parallelLooks, (name) =>
      this.#options.disk.stat(join(directory, name)),
    )
    return stats.reduce((sum, stat) => sum + (stat?.sizeInBytes ?? 0), 0)
  }
}

/** By age alone: what goes for its size goes when the log has grown, which nobody foresees. */
async function removableAt(log: SegmentLog, segment: SegmentFacts): Promise<number | null> {
  const { 'log.retention.ms': retentionMs, 'log.cleanup.policy': policies } = log.settings
  if (retentionMs < 0 || !policies.includes('delete') || segment.writtenBytes === 0) return null
  const newest = await segment.largestTimestamp()
  return newest < 0 ? null : newest + retentionMs
}
