/** That the commit log in a generation is whole: every message sound, each queue's offsets one after the other, and the end where the manifest says. */

import { join } from 'node:path'
import { HoldfastError } from '../../core/errors.js'
import { placeKey } from '../../core/place-key.js'
import type { Disk } from '../../files/disk.js'
import { OpenFiles } from '../../files/open-files.js'
import { dispatchOf } from '../commitlog/dispatching.js'
import { positionOfFileName, sysFlag } from '../commitlog/format.js'
import type { MessageView } from '../commitlog/message.js'
import { scanMessages } from '../commitlog/scanning.js'
import { commitLogPath } from './commit-log-backup.js'
import type { BackedUpCommitLog, BackedUpFile, BackedUpQueue } from './manifest.js'

export interface CommitLogFileInBackup extends BackedUpFile {
  /** Of its first byte in the commit log. */
  readonly position: number
}

/** In the order of their positions. */
export function commitLogFiles(files: readonly BackedUpFile[]): CommitLogFileInBackup[] {
  const found = files.flatMap((file) => {
    const [, name = ''] = file.path.split(`${commitLogPath}/`)
    const position = positionOfFileName(name)
    return position === undefined ? [] : [{ ...file, position }]
  })
  return found.sort((one, other) => one.position - other.position)
}

/**
 * @param isToRead false of files that were verified when they were copied
 * @throws BACKUP_DAMAGED with the first fault that is found
 */
export async function verifyCommitLog(
  disk: Disk,
  generation: string,
  { endPosition, queues }: BackedUpCommitLog,
  files: readonly CommitLogFileInBackup[],
  isToRead: (file: BackedUpFile) => boolean,
  onScanned: (bytes: number) => void,
): Promise<void> {
  const openFiles = new OpenFiles(disk, 1)
  const offsets = new QueueOffsets(queues)
  const fault = (path: string, why: string) =>
    new HoldfastError('BACKUP_DAMAGED', `${join(generation, path)} of the commit log ${why}.`)
  let expected = files[0]?.position ?? endPosition
  try {
    for (const file of files) {
      const { path, position, sizeInBytes } = file
      if (position !== expected) throw fault(path, `begins at ${position}, and the file before it ends at ${expected}`)
      expected = position + sizeInBytes
      const end = Math.min(expected, endPosition)
      if (!isToRead(file)) offsets.forget()
      else {
        const found = await scanFile(openFiles, join(generation, path), file, (view) => offsets.take(view), onScanned)
        if (offsets.fault !== undefined) throw fault(path, offsets.fault)
        if (found !== end) throw fault(path, `holds sound messages up to position ${found}, not ${end}`)
      }
    }
  } finally {
    await openFiles.dropAll()
  }
  if (expected < endPosition) throw fault(commitLogPath, `ends at ${expected}, not ${endPosition}`)
  const short = offsets.wrongEnd()
  if (short !== undefined) throw fault(commitLogPath, short)
}

/** The position behind the last sound message, or behind the file where a blank follows that. */
async function scanFile(
  openFiles: OpenFiles,
  path: string,
  { position: start, sizeInBytes: fileBytes }: CommitLogFileInBackup,
  visit: (view: MessageView) => undefined,
  onScanned: (bytes: number) => void,
): Promise<number> {
  const locate = (position: number) =>
    position >= start && position < start + fileBytes ? { path, start, offsetInFile: position - start } : undefined
  const scan = { files: { fileBytes, locate }, openFiles, onScanned }
  return (await scanMessages(scan, start, visit)).position
}

interface KnownQueue extends BackedUpQueue {
  /** Undefined before its first message, and behind files that were not read. */
  next: number | undefined
}

/** Where each queue is while the log is read. */
class QueueOffsets {
  readonly #queues = new Map<string, KnownQueue>()
  fault: string | undefined

  constructor(queues: readonly BackedUpQueue[]) {
    for (const queue of queues) this.#queues.set(placeKey(queue), { ...queue, next: undefined })
  }

  forget(): void {
    for (const queue of this.#queues.values()) queue.next = undefined
  }

  take(view: MessageView): undefined {
    const { topic, queueId, queueOffset, position, hasQueueEntry } = dispatchOf(view)
    const queue = this.#queues.get(placeKey({ topic, partition: queueId }))
    const isDue = queue !== undefined && hasQueueEntry && position >= queue.since
    if (!isDue || (view.sysFlag & sysFlag.innerBatch) !== 0) return
    if (queue.next !== undefined && queue.next !== queueOffset) {
      this.fault ??= `has offset ${queueOffset} of ${topic}-${queueId} at position ${position}, not ${queue.next}`
    }
    queue.next = queueOffset + 1
  }

  /** What is wrong with the end of a queue; undefined where nothing is. */
  wrongEnd(): string | undefined {
    for (const { topic, partition, endOffset, next } of this.#queues.values()) {
      if (next !== undefined && next !== endOffset)
        return `ends at offset ${next} of ${topic}-${partition}, not ${endOffset}`
    }
    return undefined
  }
}
