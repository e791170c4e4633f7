/**
 * Gives old files of the commit log up, by RocketMQ's rules (CleanCommitLogService): at the hours of `delete.when`, and at
 * any hour while the disk is above `disk.max.used.space.ratio`, those that were written last longer ago than
 * `file.reserved.time`; above `disk.space.clean.forcibly.ratio` the oldest whatever their age, as few as bring the disk
 * below. The oldest go first, up to the first that stays, and the last one never goes, nor one with a message that not all
 * in-sync copies have. What the consume queues and the key index hold of them goes with them.
 */

import type { Clock } from '../core/clock.js'
import type { Logger } from '../core/logger.js'
import type { Metrics } from '../core/metrics/metrics.js'
import type { Settings } from '../core/settings.js'
import type { DiskSpace } from '../files/disk.js'
import type { Chore } from './chores.js'

export const commitLogRetentionChore = 'commit log retention'

const intervalMs = 10_000
/** After a start there is enough to do. */
const firstAfterMs = 60_000
/** A run that removed more would keep the disk from those who wait for it. */
const mostFilesAtOnce = 10
const hourMs = 3_600_000

/** A file of the commit log. */
export interface CommitLogFile {
  /** Of its first byte. */
  readonly position: number
  readonly sizeInBytes: number
  /** Milliseconds since 1970. */
  readonly modifiedMs: number
}

/** The commit log as far as its files are given up. */
export interface DeletableCommitLog {
  readonly failure: Error | undefined
  /** In the order of their positions. */
  files(): Promise<readonly CommitLogFile[]>
  /** No message that begins here or behind it may be given up yet, since readers do not see all of them. */
  heldFrom(): Promise<number>
  /** Removes the files that end at `position` or before it; resolves with how many. */
  deleteFilesBefore(position: number): Promise<number>
}

export interface CommitLogRetentionOptions {
  readonly settings: Settings
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  /** Undefined where no topic is in the commit log. */
  log(): DeletableCommitLog | undefined
  space(): Promise<DiskSpace | undefined>
}

export class CommitLogRetention {
  readonly #options: CommitLogRetentionOptions

  constructor(options: CommitLogRetentionOptions) {
    this.#options = options
  }

  chore(): Chore {
    return { name: commitLogRetentionChore, intervalMs, firstAfterMs, run: () => this.#run() }
  }

  async #run(): Promise<void> {
    const { logger, clock, settings } = this.#options
    const log = this.#options.log()
    if (log === undefined || log.failure !== undefined) return
    const space = await this.#options.space()
    const nowMs = clock.now()
    const isDue = isHourOf(settings['delete.when'], nowMs) || isAbove(space, settings['disk.max.used.space.ratio'])
    const forcedBytes = excessBytes(space, settings['disk.space.clean.forcibly.ratio'])
    if (!isDue && forcedBytes <= 0) return
    const diesBefore = isDue ? nowMs - settings['file.reserved.time'] * hourMs : Number.NEGATIVE_INFINITY
    const going = expired(await log.files(), { diesBefore, forcedBytes, heldFrom: await log.heldFrom() })
    const last = going.at(-1)
    if (last === undefined) return
    const files = await log.deleteFilesBefore(last.position + last.sizeInBytes)
    if (files === 0) return
    const fields = { files, sizeInBytes: files * last.sizeInBytes }
    this.#options.metrics.counter('mq_retention_removed_bytes_total', { layout: 'commitlog' }).add(fields.sizeInBytes)
    logger.info(fields, 'Deleted old files of the commit log.')
  }
}

/** The files that go, the oldest first. */
function expired(
  files: readonly CommitLogFile[],
  { diesBefore, forcedBytes, heldFrom }: { diesBefore: number; forcedBytes: number; heldFrom: number },
): CommitLogFile[] {
  const going: CommitLogFile[] = []
  let leftBytes = forcedBytes
  for (const file of files.slice(0, -1)) {
    const goes = leftBytes > 0 || file.modifiedMs <= diesBefore
    const isHeld = file.position + file.sizeInBytes > heldFrom
    if (!goes || isHeld || going.length === mostFilesAtOnce) break
    going.push(file)
    leftBytes -= file.sizeInBytes
  }
  return going
}

/** Whether it is one of these hours, by this machine's clock. */
function isHourOf(hours: string, nowMs: number): boolean {
  const hour = new Date(nowMs).getHours()
  return hours.split(';').some((one) => Number(one) === hour)
}

function isAbove(space: DiskSpace | undefined, percent: number): boolean {
  return excessBytes(space, percent) > 0
}

/** Bytes by which the disk is fuller than so many percent. */
function excessBytes(space: DiskSpace | undefined, percent: number): number {
  if (space === undefined || space.totalBytes === 0 || percent === 100) return 0
  return space.totalBytes - space.freeBytes - (percent / 100) * space.totalBytes
}
