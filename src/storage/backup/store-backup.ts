/**
 * Takes a backup of a store that is open, while it goes on: a generation, which is a whole data directory as the store
 * was at one moment.
 *
 * The moment is one turn of the event loop in which the end of every log is noted, so that what was committed, produced
 * or part of a transaction together is in the backup together. After that each log is taken up to its end, one after the
 * other: under the log's own lock its files get second names in the log directory (or are copied, where the file system
 * has no such names), and are copied from there without holding anybody up. Those names end in `-delete`, which Kafka and
 * we clear away at a start, should the process die.
 *
 * A topic that is deleted before all of it was taken is left out.
 *
 * A sealed segment that the last generation has already gets a second name there instead of being copied again. So a
 * generation costs what has changed since the one before, and each can be removed by itself.
 */

import { dirname, join, resolve, sep } from 'node:path'
import type { Clock } from '../../core/clock.js'
import { asHoldfastError, HoldfastError } from '../../core/errors.js'
import { type Randomness, randomUuid } from '../../core/randomness.js'
import type { Disk } from '../../files/disk.js'
import { checkpointFile, encodeOffsets } from '../checkpoints.js'
import { stateFile } from '../commit-log-state.js'
import { storeNames } from '../commitlog/format.js'
import type { DataDirectory } from '../data-directory.js'
import { damageOf } from '../log/refusals.js'
import { partitionDirectoryName } from '../segments/format.js'
import type { CutSegment } from '../segments/segment-set.js'
import { storePathOf, storeState } from '../store-places.js'
import { encodeCatalog, type Topic } from '../topic-catalog.js'
import {
  type CommitLogMoment,
  type CommitLogToBackUp,
  commitLogPath,
  cutCommitLog,
  rowOf,
  takeCommitLog,
} from './commit-log-backup.js'
import { copyFiles, type FileCopy, type Watcher } from './file-copies.js'
import { type CutFile, filesOfLog } from './files-of-log.js'
import { type Generation, generationNames, readGeneration, removeOldest, removeUnfinished } from './generations.js'
import {
  type BackedUpFile,
  type BackedUpLog,
  bytesIn,
  encodeManifest,
  generationName,
  manifestFile,
  partial,
} from './manifest.js'
import { verifyGeneration } from './verifying.js'

export interface BackupOptions extends Watcher {
  /**
   * Sealed segments get a second name instead of being copied: at once and for no space, but on the same disk, whose
   * fate they share.
   */
  readonly link?: boolean
  /** How many generations are left, this one included; all where absent. */
  readonly keep?: number
}

export interface BackupReport {
  /** The generation, a directory. */
  readonly path: string
  readonly logs: number
  readonly files: number
  readonly sizeInBytes: number
  /** What was written for it; the rest it shares with the generation before, or with the store. */
  readonly copiedBytes: number
  /** Logs that the store can read only in part, and so the backup too. */
  readonly damaged: readonly string[]
  /** Generations that were removed. */
  readonly removed: readonly string[]
}

/** A log as the backup needs it. */
export interface LogToBackUp {
  readonly topic: string
  readonly partition: number
  readonly logStartOffset: number
  readonly highWatermark: number
  readonly mayHaveHoles: boolean
  readonly failure: HoldfastError | undefined
  withFilesBelow<T>(end: number, work: (directory: string, segments: readonly CutSegment[]) => Promise<T>): Promise<T>
}

export interface StoreToBackUp {
  readonly directory: Pick<DataDirectory, 'path' | 'logPath' | 'configPath' | 'clusterId'>
  readonly disk: Disk
  readonly clock: Clock
  readonly randomness: Randomness
  /** Topics and logs of one moment: `note` is called in the turn of the event loop in which no topic is being changed. */
  atOneMoment<T>(note: (topics: readonly Topic[], logs: readonly LogToBackUp[]) => T): Promise<T>
  /** Undefined while there is none. */
  commitLog(): CommitLogToBackUp | undefined
}

interface CutLog extends BackedUpLog {
  readonly log: LogToBackUp
}

/**
 * @throws INVALID_ARGUMENT for a target inside the store, or of another cluster; BACKUP_DAMAGED where what was written
 * cannot be read again; DISK_FULL, DISK_FAILED; the signal's reason
 */
export async function backUp(store: StoreToBackUp, target: string, options: BackupOptions = {}): Promise<BackupReport> {
  const { disk, directory } = store
  refuseInside(target, [directory.path, directory.logPath])
  if (options.keep !== undefined && !(Number.isSafeInteger(options.keep) && options.keep >= 1))
    throw new HoldfastError('INVALID_ARGUMENT', `keep = ${options.keep}: it must be 1 or more.`)
  await disk.makeDirectory(target)
  const lock = await disk.lock(join(target, 'lock'))
  try {
    await removeUnfinished(disk, target)
    const names = await generationNames(disk, target)
    const newest = names.at(-1)
    const previous = newest === undefined ? undefined : await readGeneration(disk, target, newest)
    if (previous !== undefined && previous.manifest.clusterId !== directory.clusterId) {
      const why = `${target} holds backups of cluster ${previous.manifest.clusterId}; this one is ${directory.clusterId}.`
      throw new HoldfastError('INVALID_ARGUMENT', `${why} Name another directory.`)
    }
    const name = generationName(store.clock.now(), names)
    const made = await new StoreBackup(store, join(target, name + partial), previous, options).take()
    await disk.rename(join(target, name + partial), join(target, name))
    await disk.syncDirectory(target)
    const removed = options.keep === undefined ? [] : await removeOldest(disk, target, options.keep)
    return { path: join(target, name), removed, ...made }
  } finally {
    await lock.release()
  }
}

/** Kafka takes every directory in a log directory for a partition, and a backup in itself would grow without end. */
function refuseInside(target: string, directories: readonly string[]): void {
  const wanted = resolve(target) + sep
  const within = directories.find((directory) => wanted.startsWith(resolve(directory) + sep))
  if (within === undefined) return
  throw new HoldfastError(
    'INVALID_ARGUMENT',
    `${target} lies in ${within}, which is to be backed up. Name one outside.`,
  )
}

class StoreBackup {
  readonly #store: StoreToBackUp
  readonly #path: string
  readonly #previous: Generation | undefined
  readonly #options: BackupOptions
  readonly #known: ReadonlyMap<string, BackedUpFile>
  #files: BackedUpFile[] = []
  #copies: FileCopy[] = []
  /** Paths that were taken over from the generation before, and verified then. */
  readonly #reused = new Set<string>()
  /** Second names of what is to be copied: Kafka and we clear a directory away at a start that is called so. */
  readonly #staging: string
  #staged = 0
  /** Names that were given to files of the store; whether these are on the disk is not known yet. */
  #linked: string[] = []

  constructor(store: StoreToBackUp, path: string, previous: Generation | undefined, options: BackupOptions) {
    this.#store = store
    this.#path = path
    this.#previous = previous
    this.#options = options
    this.#known = new Map(previous?.manifest.files.map((file) => [file.path, file]))
    this.#staging = join(store.directory.logPath, `backup-0.${randomUuid(store.randomness).toString('hex')}-delete`)
  }

  async take(): Promise<Omit<BackupReport, 'path' | 'removed'>> {
    const { disk, clock, directory } = this.#store
    const takenAtMs = clock.now()
    try {
      const { topics, logs, commitLog } = await this.#store.atOneMoment((topicsThen, logsThen) => ({
        topics: topicsThen,
        logs: logsThen.map(cut),
        commitLog: cutCommitLog(this.#store.commitLog()),
      }))
      await disk.makeDirectory(this.#staging)
      await disk.makeDirectory(join(this.#path, 'config'))
      await disk.makeDirectory(join(this.#path, 'log'))
      if (commitLog !== undefined) await disk.makeDirectory(join(this.#path, commitLogPath))
      const lastBases = new Map<string, number>()
      const { taken, deleted } = await this.#takeLogs(logs, lastBases)
      if (commitLog !== undefined)
        await takeCommitLog(commitLog, (from, path, file) => this.#takeFile(from, path, file))
      await this.#refuseUnlessRoom()
      await copyFiles(disk, this.#copies, this.#options)
      for (const linked of this.#linked) await syncFile(disk, linked)
      const left = topics.filter(({ name }) => !deleted.has(name))
      await this.#writeTexts(left, taken, lastBases)
      if (commitLog !== undefined) await this.#writeTextsOf(commitLog.moment)
      const ofCommitLog = commitLog && { commitLog: rowOf(commitLog.moment) }
      const manifest = { takenAtMs, clusterId: directory.clusterId, logs: taken, ...ofCommitLog, files: this.#files }
      await disk.replaceFile(join(this.#path, manifestFile), encodeManifest(manifest))
      for (const { topic, partition } of taken)
        await disk.syncDirectory(join(this.#path, 'log', partitionDirectoryName(topic, partition)))
      if (commitLog !== undefined) await disk.syncDirectory(join(this.#path, commitLogPath))
      await verifyGeneration(disk, this.#path, manifest, this.#options, ({ path }) => this.#reused.has(path))
      const damages = [...taken, commitLog?.moment].map((log) => log?.damage)
      return {
        logs: taken.length + (commitLog?.moment.queues.length ?? 0),
        files: this.#files.length,
        sizeInBytes: this.#files.reduce((sum, file) => sum + bytesIn(file), 0),
        copiedBytes: this.#copies.reduce((sum, { sizeInBytes }) => sum + sizeInBytes, 0),
        damaged: damages.filter((damage) => damage !== undefined),
      }
    } finally {
      await disk.remove(this.#staging).catch(() => {})
    }
  }

  /** Also tells which topics were deleted meanwhile, of which nothing is taken. */
  async #takeLogs(
    logs: readonly CutLog[],
    lastBases: Map<string, number>,
  ): Promise<{ taken: BackedUpLog[]; deleted: ReadonlySet<string> }> {
    const taken: BackedUpLog[] = []
    const deleted = new Set<string>()
    for (const log of logs) {
      this.#options.signal?.throwIfAborted()
      if (deleted.has(log.topic)) continue
      try {
        taken.push(await this.#takeLog(log, lastBases))
      } catch (error) {
        this.#options.signal?.throwIfAborted()
        // The store is not closing, so it is the log's topic that goes.
        if (asHoldfastError(error).code !== 'CLOSED') throw error
        deleted.add(log.topic)
      }
    }
    await this.#leaveOut(logs.filter(({ topic }) => deleted.has(topic)))
    return { taken: taken.filter(({ topic }) => !deleted.has(topic)), deleted }
  }

  async #leaveOut(logs: readonly CutLog[]): Promise<void> {
    if (logs.length === 0) return
    const out = new Set(
      logs.map(({ topic, partition }) => join(this.#path, 'log', partitionDirectoryName(topic, partition))),
    )
    const stays = (path: string) => !out.has(dirname(path))
    this.#files = this.#files.filter(({ path }) => stays(join(this.#path, path)))
    this.#copies = this.#copies.filter(({ to }) => stays(to))
    this.#linked = this.#linked.filter(stays)
    for (const directory of out) await this.#store.disk.remove(directory)
  }

  async #takeLog(log: CutLog, lastBases: Map<string, number>): Promise<BackedUpLog> {
    const { disk } = this.#store
    const { topic, partition, endOffset } = log
    const name = partitionDirectoryName(topic, partition)
    const target = join(this.#path, 'log', name)
    await disk.makeDirectory(target)
    return log.log.withFilesBelow(endOffset, async (source, segments) => {
      for (const file of await filesOfLog(disk, source, segments, endOffset))
        await this.#takeFile(join(source, file.name), `log/${name}/${file.name}`, file)
      const last = segments.at(-1)
      if (last !== undefined) lastBases.set(name, last.baseOffset)
      const { log: opened, ...row } = log
      // Retention may have moved it since, and compaction may have begun.
      const startOffset = Math.min(Math.max(row.startOffset, opened.logStartOffset), endOffset)
      return { ...row, startOffset, mayHaveHoles: opened.mayHaveHoles }
    })
  }

  /** While the log holds still: a second name now, or a copy from one later. */
  async #takeFile(from: string, path: string, { sizeInBytes, fileBytes, version }: CutFile): Promise<void> {
    const { disk } = this.#store
    const to = join(this.#path, path)
    const used = fileBytes !== undefined && { sizeInBytes: fileBytes, usedBytes: sizeInBytes }
    this.#files.push({ path, sizeInBytes, ...used, source: version })
    if (await this.#takeOver(path, version, to)) return
    if (this.#options.link && version !== undefined && (await disk.link(from, to))) {
      this.#linked.push(to)
      return
    }
    const staged = join(this.#staging, String(this.#staged++))
    if (await disk.link(from, staged)) this.#copies.push({ from: staged, to, sizeInBytes, fileBytes })
    else await copyFiles(disk, [{ from, to, sizeInBytes, fileBytes }], { signal: this.#options.signal })
  }

  /** From the generation before, where it has the same file. */
  async #takeOver(path: string, version: string | undefined, to: string): Promise<boolean> {
    const known = this.#known.get(path)
    if (this.#previous === undefined || version === undefined || known?.source !== version) return false
    const isTaken = await this.#store.disk.link(join(this.#previous.path, path), to).catch(() => false)
    if (isTaken) this.#reused.add(path)
    return isTaken
  }

  async #refuseUnlessRoom(): Promise<void> {
    const needed = this.#copies.reduce((sum, { sizeInBytes }) => sum + sizeInBytes, 0)
    const free = (await this.#store.disk.space(this.#path))?.freeBytes
    if (free === undefined || free > needed) return
    throw new HoldfastError(
      'DISK_FULL',
      `The backup needs ${needed} bytes, and ${free} are free where ${this.#path} lies.`,
    )
  }

  /** Identity, topics and checkpoints, as of the moment. The logs are opened as after a crash, from their last segment on. */
  async #writeTexts(
    topics: readonly Topic[],
    logs: readonly BackedUpLog[],
    lastBases: ReadonlyMap<string, number>,
  ): Promise<void> {
    const { disk, directory } = this.#store
    await this.#copyText(join(directory.path, 'holdfast.json'), 'holdfast.json')
    for (const { name, isDirectory } of (await disk.list(directory.configPath)) ?? []) {
      if (!isDirectory && name.endsWith('.json') && name !== 'topics.json' && name !== stateFile)
        await this.#copyText(join(directory.configPath, name), `config/${name}`)
    }
    const holed = new Set(logs.flatMap(({ topic, mayHaveHoles }) => (mayHaveHoles ? [topic] : [])))
    const asTaken = topics.map((topic) => (holed.has(topic.name) ? { ...topic, compacted: true } : topic))
    await this.#writeText('config/topics.json', encodeCatalog(asTaken))
    await this.#copyText(join(directory.logPath, 'meta.properties'), 'log/meta.properties')
    const offsets = (offsetOf: (log: BackedUpLog) => number) =>
      encodeOffsets(logs.map((log) => ({ topic: log.topic, partition: log.partition, offset: offsetOf(log) })))
    const lastBase = ({ topic, partition, startOffset }: BackedUpLog) =>
      lastBases.get(partitionDirectoryName(topic, partition)) ?? startOffset
    await this.#writeText(`log/${checkpointFile.recoveryPoint}`, offsets(lastBase))
    await this.#writeText(
      `log/${checkpointFile.logStart}`,
      offsets(({ startOffset }) => startOffset),
    )
    await this.#writeText(
      `log/${checkpointFile.highWatermark}`,
      offsets(({ endOffset }) => endOffset),
    )
  }

  /** Queues and index are left out: whoever opens it makes them anew, and finds `abort`, as after a crash. */
  async #writeTextsOf({ state, snapshot }: CommitLogMoment): Promise<void> {
    const { disk, directory } = this.#store
    const [store, own] = [storePathOf(directory.path), storeState.directory]
    await disk.makeDirectory(join(this.#path, own))
    await this.#writeText(`${own}/${storeState.snapshot}`, snapshot)
    await this.#writeText(`config/${stateFile}`, state)
    await this.#writeText(`store/${storeNames.abort}`, Buffer.from('0'))
    const configs = (await disk.list(join(store, storeNames.config))) ?? []
    if (configs.length > 0) await disk.makeDirectory(join(this.#path, 'store', storeNames.config))
    for (const { name, isDirectory } of configs) {
      const path = `${storeNames.config}/${name}`
      if (!isDirectory && name.endsWith('.json')) await this.#copyText(join(store, path), `store/${path}`)
    }
  }

  async #copyText(from: string, path: string): Promise<void> {
    const bytes = await this.#store.disk.readFile(from)
    if (bytes !== undefined) await this.#writeText(path, bytes)
  }

  async #writeText(path: string, bytes: Buffer): Promise<void> {
    await this.#store.disk.replaceFile(join(this.#path, path), bytes)
    this.#files.push({ path, sizeInBytes: bytes.length })
  }
}

async function syncFile(disk: Disk, path: string): Promise<void> {
  const file = await disk.open(path, { mode: 'read' })
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

function cut(log: LogToBackUp): CutLog {
  const { topic, partition, logStartOffset, highWatermark, mayHaveHoles, failure } = log
  const damage = damageOf(failure)?.message
  return { log, topic, partition, startOffset: logStartOffset, endOffset: highWatermark, mayHaveHoles, damage }
}
