/**
 * Hands our logs to a stopped Kafka broker, which takes them for its own. Nothing in the data directory is changed; a
 * move takes the topics out of it when all the rest is done.
 *
 * The order, so that a crash at any step leaves both sides usable and the next run does what is left:
 * 1. Each partition's new directory is put together beside Kafka's own, under a name that Kafka clears away at a start.
 * 2. The checkpoints get their lines.
 * 3. One partition after the other: Kafka's directory goes aside and ours takes its name. In between neither has it; the
 *    next run gives it back to Kafka's, and Kafka itself would make an empty one with the same topic id.
 * 4. What was put aside is removed.
 */

import { join, resolve } from 'node:path'
import { HoldfastError } from '../../core/errors.js'
import type { Disk, DiskLock } from '../../files/disk.js'
import { lockTarget } from '../inspect/target.js'
import { offsetsTopicName } from '../internal-topics.js'
import { partitionDirectoryName } from '../segments/format.js'
import type { CarriedGroup, ExportedPartition, ExportOptions, ExportReport, GroupCarrier } from './contract.js'
import { type GroupLog, planGroups, stageGroups } from './group-logs.js'
import { type TakenOver, writeKafkaCheckpoints } from './kafka-checkpoints.js'
import { type KafkaPartition, nameAside, partitionsOf, settleLeftovers, whyNotReady } from './kafka-directory.js'
import { takeOut } from './move-out.js'
import { match, type PlannedPartition } from './plan.js'
import {
  type ExportableTopics,
  exportableTopics,
  type SourceDirectory,
  sourceDirectory,
  sourceLogs,
  storedGroups,
} from './source.js'
import { stageLog } from './staging.js'

/**
 * @throws INVALID_ARGUMENT for something that is no data directory; DATA_DIR_LOCKED where Holdfast or Kafka runs on either
 * side; EXPORT_REFUSED with all that speaks against it; LOG_DAMAGED, DISK_FULL, DISK_FAILED
 */
export async function exportToKafka(dataPath: string, options: ExportOptions): Promise<ExportReport> {
  const { disk, settings } = options
  const source = await sourceDirectory(disk, dataPath, settings)
  const logDirs = [...new Set(options.kafkaLogDirs.map((path) => resolve(path)))]
  const locks: DiskLock[] = []
  try {
    locks.push(await lockTarget(disk, source))
    for (const path of logDirs) {
      if (path === source.logPath)
        throw new HoldfastError('INVALID_ARGUMENT', `${path} is the log directory of ${dataPath} itself.`)
      if ((await disk.list(path)) === undefined) throw new HoldfastError('INVALID_ARGUMENT', `There is no ${path}.`)
      locks.push(await disk.lock(join(path, '.lock')))
    }
    return await new KafkaExport(source, logDirs, options).run()
  } finally {
    for (const lock of locks.reverse()) await lock.release()
  }
}

interface Plan {
  readonly topics: ExportableTopics
  readonly partitions: readonly PlannedPartition[]
  readonly groups: readonly CarriedGroup[]
  readonly groupLogs: readonly GroupLog[]
}

/** A directory of ours that is ready to become one of Kafka's. */
interface Staged {
  readonly target: KafkaPartition
  readonly name: string
  readonly line: TakenOver
}

class KafkaExport {
  readonly #source: SourceDirectory
  readonly #logDirs: readonly string[]
  readonly #options: ExportOptions
  readonly #disk: Disk
  readonly #copied = new Map<PlannedPartition, number>()

  constructor(source: SourceDirectory, logDirs: readonly string[], options: ExportOptions) {
    this.#source = source
    this.#logDirs = logDirs
    this.#options = options
    this.#disk = options.disk
  }

  async run(): Promise<ExportReport> {
    const { dryRun = false, how } = this.#options
    const plan = await this.#plan()
    if (!dryRun) {
      await this.#export(plan)
      if (how === 'move') await takeOut(this.#disk, this.#source, plan.topics, this.#options.randomness)
    }
    const partitions = plan.partitions.map((one) => this.#reportOf(one))
    return { dryRun, partitions, groups: plan.groups.length, moved: how === 'move' && !dryRun }
  }

  /** @throws EXPORT_REFUSED */
  async #plan(): Promise<Plan> {
    const { groups: carrier, clock, dryRun = false } = this.#options
    const problems = await this.#whyNotNow(dryRun)
    refuse(problems)
    const topics = await exportableTopics(this.#disk, this.#source, this.#options.topics)
    const names = new Set(topics.topics.map(({ name }) => name))
    const found: KafkaPartition[] = []
    for (const path of this.#logDirs)
      found.push(...(await partitionsOf(this.#disk, path, new Set([...names, offsetsTopicName]))))
    const inSegments = topics.topics.filter(({ layout }) => layout !== 'commitlog')
    const logs = await sourceLogs(this.#disk, this.#source.logPath, inSegments)
    const { partitions, problems: ofLogs } = match(topics.topics, logs, found)
    const nowMs = clock.now()
    const groups = carrier === undefined ? [] : await this.#readGroups(carrier, topics, nowMs)
    const planned = carrier === undefined ? undefined : planGroups(groups, found, carrier, nowMs)
    refuse([
      ...topics.unknown.map((name) => `there is no topic ${name} in ${this.#source.dataPath}`),
      ...ofLogs,
      ...(planned?.problems ?? []),
    ])
    return { topics, partitions, groups, groupLogs: planned?.logs ?? [] }
  }

  async #readGroups(
    carrier: GroupCarrier,
    { catalog, topics }: ExportableTopics,
    nowMs: number,
  ): Promise<readonly CarriedGroup[]> {
    const stored = await storedGroups(this.#disk, this.#source.logPath, catalog)
    return stored === undefined ? [] : carrier.read(stored, new Set(topics.map(({ name }) => name)), nowMs)
  }

  /** What speaks against both directories as they are. */
  async #whyNotNow(dryRun: boolean): Promise<string[]> {
    const { dataPath, logPath } = this.#source
    const problems: string[] = []
    if ((await this.#disk.readFile(join(logPath, '.kafka_cleanshutdown'))) === undefined) {
      problems.push(
        `${dataPath} was not closed in order: "holdfast topics list --data ${dataPath}" recovers and closes it`,
      )
    }
    for (const path of this.#logDirs) {
      const why = await whyNotReady(this.#disk, path)
      if (why !== undefined) {
        problems.push(why)
        continue
      }
      const { isBetween } = await settleLeftovers(this.#disk, path, dryRun)
      if (isBetween)
        problems.push(`an export into ${path} was interrupted: run it without --dry-run, which takes that back first`)
    }
    return problems
  }

  async #export({ partitions, groupLogs }: Plan): Promise<void> {
    const staged: Staged[] = []
    try {
      await this.#stage(partitions, groupLogs, staged)
    } catch (error) {
      // So that a disk that is full has its room back; what stays is cleared away by the next run, or by Kafka.
      for (const { target, name } of staged) await this.#disk.remove(join(target.logDir, name)).catch(() => {})
      throw error
    }
    for (const logDir of this.#logDirs) {
      const here = staged.filter(({ target }) => target.logDir === logDir)
      await writeKafkaCheckpoints(
        this.#disk,
        logDir,
        here.map(({ line }) => line),
      )
      for (const one of here) await this.#swap(one)
    }
    for (const logDir of this.#logDirs) await settleLeftovers(this.#disk, logDir, false)
  }

  async #stage(
    partitions: readonly PlannedPartition[],
    groupLogs: readonly GroupLog[],
    staged: Staged[],
  ): Promise<void> {
    const { how, onProgress } = this.#options
    const waiting = partitions.filter(({ state }) => state === 'exported')
    const totalBytes = waiting.reduce((sum, { source }) => sum + source.sizeInBytes, 0)
    let doneBytes = 0
    for (const one of waiting) {
      const { source, target } = one
      const { logStartOffset, endOffset, cleanedUpTo, segments } = source
      const firstBase = segments[0]?.baseOffset ?? endOffset
      const at = this.#begin(staged, target, { logStartOffset, endOffset, cleanedUpTo, firstBase })
      const onStaged = (bytes: number) => {
        doneBytes += bytes
        onProgress?.(doneBytes, totalBytes)
      }
      this.#copied.set(one, await stageLog(this.#disk, at, one, { how, onStaged }))
    }
    for (const log of groupLogs) {
      if (log.state === 'there') continue
      const { endOffset } = log
      const line = { logStartOffset: 0, endOffset, cleanedUpTo: undefined, firstBase: 0 }
      await stageGroups(this.#disk, this.#begin(staged, log.target, line), log)
    }
    for (const logDir of this.#logDirs) await this.#disk.syncDirectory(logDir)
  }

  /** Notes a directory that is put together from now on; where. */
  #begin(staged: Staged[], target: KafkaPartition, line: Omit<TakenOver, 'topic' | 'partition'>): string {
    const { topic, partition, logDir, directory } = target
    const name = nameAside(directory, 'staged', this.#options.randomness)
    staged.push({ target, name, line: { topic, partition, ...line } })
    return join(logDir, name)
  }

  async #swap({ target, name }: Staged): Promise<void> {
    const { logDir, directory } = target
    const aside = nameAside(directory, 'aside', this.#options.randomness)
    await this.#disk.rename(join(logDir, directory), join(logDir, aside))
    await this.#disk.rename(join(logDir, name), join(logDir, directory))
    await this.#disk.syncDirectory(logDir)
  }

  #reportOf(planned: PlannedPartition): ExportedPartition {
    const { source, target, state, lowerTo } = planned
    const { topic, partition, logStartOffset, endOffset, sizeInBytes } = source
    return {
      topic,
      partition,
      directory: join(target.logDir, partitionDirectoryName(topic, partition)),
      logStartOffset,
      endOffset,
      sizeInBytes,
      state,
      copiedBytes: this.#copied.get(planned) ?? 0,
      loweredEpochs: lowerTo !== undefined && state === 'exported',
    }
  }
}

function refuse(problems: readonly string[]): void {
  if (problems.length === 0) return
  throw new HoldfastError('EXPORT_REFUSED', `Nothing was exported:${problems.map((one) => `\n  - ${one}`).join('')}`)
}
