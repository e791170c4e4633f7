/** The files of the commit log as who deletes them sees them, and their deletion. */

import type { Disk } from '../../files/disk.js'
import type { FileSequence } from './file-sequence.js'
import type { MessageIndex } from './message-index.js'
import type { QueueLog } from './queue-log.js'
import type { ConsumeQueues } from './queue-set.js'

/** A file of the commit log. */
export interface CommitLogFile {
  /** Of its first byte. */
  readonly position: number
  readonly sizeInBytes: number
  /** When it was last written, ms since 1970. */
  readonly modifiedMs: number
  /** As `FileStat` has it. */
  readonly version: string
  readonly path: string
  /** Bytes from its beginning that readers see, and those of them that are on stable storage. */
  readonly writtenBytes: number
  readonly durableBytes: number
}

/** How far a commit log is. */
export interface CommitLogEnds {
  readonly publishedPosition: number
  readonly durablePosition: number
}

/** The oldest first. */
export async function listFiles(disk: Disk, files: FileSequence, ends: CommitLogEnds): Promise<CommitLogFile[]> {
  const { fileBytes: sizeInBytes } = files
  const found = files.starts.map(async (position) => {
    const path = files.pathOf(position)
    const stat = await disk.stat(path)
    if (stat === undefined) return []
    const { modifiedMs, version } = stat
    const upTo = (end: number) => Math.min(sizeInBytes, Math.max(0, end - position))
    const filled = { writtenBytes: upTo(ends.publishedPosition), durableBytes: upTo(ends.durablePosition) }
    return [{ position, sizeInBytes, modifiedMs, version, path, ...filled }]
  })
  return (await Promise.all(found)).flat()
}

/** Where the first message lies that is not below the end which `endOf` says of its queue; infinite where there is none. */
export async function firstBehind(queues: Iterable<QueueLog>, endOf: (queue: QueueLog) => number): Promise<number> {
  let first = Number.POSITIVE_INFINITY
  for (const queue of queues) {
    const position = await queue.positionOf(Math.max(endOf(queue), queue.logStartOffset))
    first = Math.min(first, position ?? first)
  }
  return first
}

export interface FilesToDelete {
  readonly files: FileSequence
  readonly entries: ConsumeQueues
  readonly index: MessageIndex
  /** Behind the last message that is on stable storage. */
  readonly durablePosition: number
  /** Lets those who read forget a file whose name is about to go. */
  dropFile(path: string): Promise<void>
  queues(): Iterable<QueueLog>
  /** Writes a snapshot of the queues; false where it fails. */
  checkpoint(): Promise<boolean>
  /** Of the last snapshot. */
  snapshotPosition(): number
}

/**
 * Removes the files that end at `position` or before it, the oldest first, never the one with the last message, and what
 * leads to them from queues and index. Returns how many.
 *
 * Without any message the last file could be lost to a crash, and with it the position that the log goes on at. What is
 * known of queues outlives the messages that it was learned from; and files of queues go when a snapshot says that these
 * begin later, since an opening takes those that begin later than it knows for damaged.
 */
export async function deleteFilesBefore(store: FilesToDelete, position: number): Promise<number> {
  const { files, entries, index, dropFile, durablePosition, queues, checkpoint, snapshotPosition } = store
  const limit = Math.min(position, files.startFor(Math.max(0, durablePosition - 1)))
  if (limit > snapshotPosition()) await checkpoint()
  const known = Math.min(limit, snapshotPosition())
  let removed = 0
  for (let { first } = files; first !== undefined && first + files.fileBytes <= known; first = files.first) {
    const next = first + files.fileBytes
    // Readers are led there no more when the file goes.
    for (const queue of queues()) await queue.noteRemovalBefore(next)
    await entries.startAt(next)
    await dropFile(files.pathOf(first))
    if (!(await files.removeFirst())) break
    removed++
  }
  if (removed === 0) return 0
  await index.removeBefore(files.first ?? 0)
  if (await checkpoint()) await entries.removeBefore(files.first ?? 0)
  return removed
}
