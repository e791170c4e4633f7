/**
 * Compaction of a store: looks from time to time for the log that has most to gain, cleans it, and looks again until
 * none is worth it. When a log is, and what is left of it, is Kafka's rule (LogCleanerManager in LogCleanerManager.scala).
 */

import type { Clock } from '../core/clock.js'
import { HoldfastError } from '../core/errors.js'
import type { Logger } from '../core/logger.js'
import type { Metrics } from '../core/metrics/metrics.js'
import type { Randomness } from '../core/randomness.js'
import type { Settings } from '../core/settings.js'
import type { Disk } from '../files/disk.js'
import { InFlight } from '../files/in-flight.js'
import type { Chore } from './chores.js'
import { type Candidate, candidateOf, isWorthCleaning } from './cleaning-candidates.js'
import type { PartitionLogs } from './partition-logs.js'
import type { CleaningReport } from './segments/compaction/clean-log.js'
import { type CleanableStretch, dirtyRatio } from './segments/compaction/plan.js'
import { runCleaning } from './segments/compaction/run-cleaning.js'
import type { SegmentLog } from './segments/segment-log.js'
import type { Topic } from './topic-catalog.js'

interface Tools {
  readonly settings: Settings
  readonly disk: Disk
  readonly clock: Clock
  readonly randomness: Randomness
  readonly logger: Logger
  readonly metrics: Metrics
  /** Below it nothing of a log is cut off any more. */
  readonly settledEnd: (log: SegmentLog) => number
}

/** What a compaction of a partition has saved. */
export interface CompactedPartition {
  readonly partition: number
  readonly bytesBefore: number
  readonly bytesAfter: number
}

const seedBytes = 16
/** What says that the log itself is not what it should be: nobody cleans over it. */
const damageCodes: ReadonlySet<string> = new Set(['LOG_DAMAGED', 'CORRUPT_MESSAGE', 'INVALID_RECORD'])

export class LogCleaner {
  readonly #tools: Tools
  readonly #logs: PartitionLogs
  readonly #checkpoints: { write(): Promise<void> }
  readonly #inProgress = new Set<SegmentLog>()
  readonly #running = new InFlight()
  /** Until the next start, since what is on the disk is not what it should be. */
  readonly #uncleanable = new WeakSet<SegmentLog>()

  /** @param checkpoints writes down, among others, how far each log is cleaned */
  constructor(tools: Tools, logs: PartitionLogs, checkpoints: { write(): Promise<void> }) {
    this.#tools = tools
    this.#logs = logs
    this.#checkpoints = checkpoints
  }

  chores(): Chore[] {
    const { settings } = this.#tools
    if (!settings['log.cleaner.enable']) return []
    const run = (signal: AbortSignal) => this.#cleanAll(signal)
    return [{ name: 'compaction', intervalMs: settings['log.cleaner.backoff.ms'], run }]
  }

  /**
   * Compacts the logs of a topic now, however little of them is new, as far as the compaction lag allows it. The active
   * segments are sealed for it.
   * @throws INVALID_REQUEST for a topic that is not compacted, or is just being; what stands in the way otherwise
   */
  async cleanTopic({ name, partitions, layout }: Topic, signal: AbortSignal): Promise<CompactedPartition[]> {
    if (layout !== undefined)
      throw new HoldfastError('INVALID_REQUEST', `Topic ${name} is not compacted: its storage.layout is ${layout}.`)
    const logs = Array.from({ length: partitions }, (_, partition) => this.#logs.get(name, partition))
    const compacted: CompactedPartition[] = []
    for (const log of logs) {
      if (log === undefined) continue
      if (!isCompacted(log)) {
        const policy = log.settings['log.cleanup.policy'].join(',')
        throw new HoldfastError('INVALID_REQUEST', `Topic ${name} is not compacted: its cleanup.policy is ${policy}.`)
      }
      const bytesBefore = log.sizeInBytes
      await log.rollAt(log.logEndOffset)
      await log.compaction.settled()
      // Where the keys do not fit into memory at once, a part is cleaned at a time.
      for (;;) {
        const { stretch } = await this.#candidateOf(log)
        if (stretch.dirtyBytes === 0) break
        await this.#clean(log, stretch, signal)
      }
      compacted.push({ partition: log.partition, bytesBefore, bytesAfter: log.sizeInBytes })
    }
    return compacted
  }

  /** Resolves when nothing is being cleaned. To be called once no cleaning begins any more. */
  async ended(): Promise<void> {
    await this.#running.ended()
  }

  /** As many logs at a time as there may be threads, the dirtiest first. */
  async #cleanAll(signal: AbortSignal): Promise<void> {
    // What failed is tried again when the next run comes.
    const failed = new Set<SegmentLog>()
    const cleanOneByOne = async (): Promise<void> => {
      while (!signal.aborted) {
        const next = await this.#dirtiest(failed)
        if (next === undefined) return
        const { log, stretch } = next
        await this.#clean(log, stretch, signal).catch((err: unknown) => {
          failed.add(log)
          if (signal.aborted || log.isClosed) return
          const { topic, partition } = log
          this.#tools.logger.warn({ topic, partition, err }, 'A log could not be compacted; it is as it was.')
        })
      }
    }
    await Promise.all(Array.from({ length: this.#tools.settings['log.cleaner.threads'] }, cleanOneByOne))
  }

  async #dirtiest(
    failed: ReadonlySet<SegmentLog>,
  ): Promise<{ log: SegmentLog; stretch: CleanableStretch } | undefined> {
    let best: { log: SegmentLog; stretch: CleanableStretch; ratio: number } | undefined
    for (const log of [...this.#logs.all()]) {
      if (!isCompacted(log) || failed.has(log) || !this.#isFree(log)) continue
      const candidate = await this.#candidateOf(log).catch((err: unknown) => {
        const { topic, partition } = log
        if (!log.isClosed)
          this.#tools.logger.warn({ topic, partition, err }, 'Could not see what a log has to compact.')
      })
      if (candidate === undefined || !isWorthCleaning(log, candidate)) continue
      const ratio = dirtyRatio(candidate.stretch)
      if (ratio > (best?.ratio ?? -1)) best = { log, stretch: candidate.stretch, ratio }
    }
    // Another thread may have taken it while the others were looked at.
    return best !== undefined && this.#isFree(best.log) ? best : undefined
  }

  #candidateOf(log: SegmentLog): Promise<Candidate> {
    return candidateOf(log, this.#tools.clock.now(), this.#tools.settledEnd(log))
  }

  #isFree(log: SegmentLog): boolean {
    return !this.#inProgress.has(log) && !this.#uncleanable.has(log) && !log.isClosed && log.failure === undefined
  }

  async #clean(log: SegmentLog, stretch: CleanableStretch, signal: AbortSignal): Promise<CleaningReport> {
    if (!this.#isFree(log)) {
      throw new HoldfastError('INVALID_REQUEST', `The log ${log.topic}-${log.partition} cannot be compacted now.`)
    }
    const { metrics } = this.#tools
    this.#inProgress.add(log)
    try {
      const report = await this.#running.run(() => this.#run(log, stretch, signal))
      metrics.counter('mq_compaction_runs_total', { result: 'ok' }).add(1)
      metrics.counter('mq_compaction_bytes_total', { direction: 'read' }).add(report.readBytes)
      metrics.counter('mq_compaction_bytes_total', { direction: 'written' }).add(report.writtenBytes)
      log.compaction.cleanedUpTo = report.cleanUpTo
      await this.#checkpoints.write()
      const { topic, partition } = log
      this.#tools.logger.info({ topic, partition, from: stretch.firstDirtyOffset, ...report }, 'Compacted a log.')
      return report
    } catch (error) {
      if (!signal.aborted) metrics.counter('mq_compaction_runs_total', { result: 'failed' }).add(1)
      if (error instanceof HoldfastError && damageCodes.has(error.code)) this.#uncleanable.add(log)
      // What is left under a name that means something to a start must not meet a later attempt.
      if (!log.isClosed) await log.compaction.clearAway().catch(() => this.#uncleanable.add(log))
      throw error
    } finally {
      this.#inProgress.delete(log)
    }
  }

  async #run(log: SegmentLog, stretch: CleanableStretch, signal: AbortSignal): Promise<CleaningReport> {
    const { settings, disk, clock, randomness, logger } = this.#tools
    const threads = settings['log.cleaner.threads']
    await this.#checkRoom(log, stretch)
    const held = log.compaction.hold(stretch.endOffset)
    try {
      const job = {
        directory: log.compaction.directory,
        segments: held.segments,
        producers: held.producers,
        aborted: held.aborted,
        firstDirtyOffset: stretch.firstDirtyOffset,
        endOffset: stretch.endOffset,
        nowMs: clock.now(),
        deleteRetentionMs: log.settings['log.cleaner.delete.retention.ms'],
        segmentBytes: log.settings['log.segment.bytes'],
        segmentIndexBytes: log.settings['log.index.size.max.bytes'],
        indexIntervalBytes: log.settings['log.index.interval.bytes'],
        dedupeBufferBytes: Math.floor(settings['log.cleaner.dedupe.buffer.size'] / threads),
        loadFactor: settings['log.cleaner.io.buffer.load.factor'],
        ioBufferBytes: Math.floor(settings['log.cleaner.io.buffer.size'] / threads / 2),
        seed: randomness.bytes(seedBytes),
      }
      const bytesPerSecond = settings['log.cleaner.io.max.bytes.per.second'] / threads
      const onCleaned = async (group: Parameters<typeof held.replace>[0]) => {
        await held.replace(group)
      }
      return await runCleaning({ job, bytesPerSecond, signal, onCleaned }, { disk, clock, logger })
    } finally {
      held.release()
    }
  }

  /** Old and new segments are there at the same time, and the last room of a disk belongs to messages. */
  async #checkRoom(log: SegmentLog, { cleanBytes, dirtyBytes }: CleanableStretch): Promise<void> {
    const needed = Math.min(cleanBytes + dirtyBytes, log.settings['log.segment.bytes'])
    const space = await this.#tools.disk.space(log.compaction.directory)
    if (space === undefined || space.freeBytes >= 2 * needed) return
    const why = `Compaction of ${log.topic}-${log.partition} writes up to ${needed} bytes before it frees any; ${space.freeBytes} are free.`
    throw new HoldfastError('DISK_FULL', why)
  }
}

function isCompacted(log: SegmentLog): boolean {
  return log.settings['log.cleanup.policy'].includes('compact')
}
