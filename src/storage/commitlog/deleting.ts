/** The files of the commit log as who deletes them sees them, and their deletion. */

import type { Disk } from '../../files/disk.js'
import type { OpenFiles } from '../../files/open-files.js'
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
}

/** The oldest first. */
export async function listFiles(disk: Disk, files: FileSequence): Promise<CommitLogFile[]> {
  const found = files.starts.map(async (position) => {
    const stat = await disk.stat(files.pathOf(position))
    return stat === undefined ? [] : [{ position, sizeInBytes: files.fileBytes, modifiedMs: stat.modifiedMs }]
  })
  return (await Promise.all(found)).flat()
}

export interface FilesToDelete {
  readonly files: FileSequence
  readonly entries: ConsumeQueues
  readonly index: MessageIndex
  readonly openFiles: OpenFiles
  queues(): Iterable<QueueLog>
}

/**
 * Removes the files that end at `limit` or before it, the oldest first, and what leads to them from queues and index.
 * Returns how many. Whoever calls keeps `limit` below the file that is written.
 */
export async function deleteFilesBefore(store: FilesToDelete, limit: number): Promise<number> {
  const { files, entries, index, openFiles, queues } = store
  let removed = 0
  for (let { first } = files; first !== undefined && first + files.fileBytes <= limit; first = files.first) {
    const next = first + files.fileBytes
    for (const queue of queues()) await queue.noteRemovalBefore(next)
    // Readers are led there no more when the file goes.
    await entries.removeBefore(next)
    await openFiles.drop(files.pathOf(first))
    if (!(await files.removeFirst())) break
    removed++
  }
  if (removed > 0) await index.removeBefore(files.first ?? 0)
  return removed
}
