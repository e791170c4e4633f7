/**
 * The commit log in a backup: its files up to where it ended at the moment of the backup. Files that are full do not change
 * any more; of the one that is being written only the part up to that place is taken, and zeros follow, as in the original.
 */

import { join } from 'node:path'
import type { CommitLogFile } from '../commitlog/deleting.js'
import { positionFileName, storeNames } from '../commitlog/format.js'
import type { CutFile } from './files-of-log.js'
import type { BackedUpCommitLog, BackedUpQueue } from './manifest.js'

/** What the backup has to know of the commit log at its moment. */
export interface CommitLogMoment {
  /** Behind the last message that readers see. */
  readonly endPosition: number
  /** `store-state/queues` for a copy. */
  readonly snapshot: Buffer
  /** `config/commit-log.json`. */
  readonly state: Buffer
  readonly queues: readonly BackedUpQueue[]
  readonly damage?: string
}

/** A commit log as the backup needs it. */
export interface CommitLogToBackUp {
  /** To be called in the turn of the event loop that is the moment. */
  now(): CommitLogMoment
  /** The oldest first. */
  files(): Promise<readonly CommitLogFile[]>
  /** Runs `work` while no file is removed. */
  withFiles<T>(work: (directory: string) => Promise<T>): Promise<T>
}

export interface CutCommitLog {
  readonly log: CommitLogToBackUp
  readonly moment: CommitLogMoment
}

/** Where its files lie, relative to the generation. */
export const commitLogPath = `store/${storeNames.commitLog}`

export function cutCommitLog(log: CommitLogToBackUp | undefined): CutCommitLog | undefined {
  return log && { log, moment: log.now() }
}

export function takeCommitLog(
  { log, moment: { endPosition } }: CutCommitLog,
  take: (from: string, path: string, file: CutFile) => Promise<void>,
): Promise<void> {
  return log.withFiles(async (directory) => {
    for (const { position, sizeInBytes: fileBytes, version } of await log.files()) {
      if (position >= endPosition) break
      const name = positionFileName(position)
      const isFull = position + fileBytes <= endPosition
      const file = isFull
        ? { name, sizeInBytes: fileBytes, version }
        : { name, sizeInBytes: endPosition - position, fileBytes }
      await take(join(directory, storeNames.commitLog, name), `${commitLogPath}/${name}`, file)
    }
  })
}

/** What the manifest says of it. */
export function rowOf({ endPosition, queues, damage }: CommitLogMoment): BackedUpCommitLog {
  return { endPosition, queues, ...(damage !== undefined && { damage }) }
}
