/**
 * Where a consume queue ends: files have their full length from the start, so the end is found by reading entries.
 *
 * Source: Apache RocketMQ 5.3, ConsumeQueue.recover. Beyond it, an entry is believed only where its message lies behind
 * that of the entry before. Of entries that no sync covers a power failure may still leave half of one that looks whole,
 * so after an unclean end the caller drops what is younger than the last sync (ConsumeQueue.truncateFrom).
 */

import type { DiskFile } from '../../files/disk.js'
import type { OpenFiles } from '../../files/open-files.js'
import type { FileSequence } from './file-sequence.js'
import { queueEntryBytes } from './format.js'
import { entryEnd, entryPosition, entrySize } from './queue-entries.js'

/** How many files from the last one back are read after an unclean end. */
const recoveredFiles = 3
const chunkEntries = 3276

export interface QueueEnd {
  /** The queue offset behind the last entry. */
  readonly offset: number
  /** Behind the last entry's message in the commit log. */
  readonly position: number
  /** Whether the slot behind it is known to be empty. */
  readonly isFollowedByEmpty: boolean
}

export interface RecoveredEnd {
  /** Undefined where the queue holds no entry. */
  readonly end: QueueEnd | undefined
  /** Files that were removed, since they lie behind a hole or behind the last entry. */
  readonly removed: readonly string[]
}

/** After a clean end only the last file is looked at, and not all of it. */
export async function recoverEnd(
  sequence: FileSequence,
  files: OpenFiles,
  wasClosedCleanly: boolean,
): Promise<RecoveredEnd> {
  const hole = sequence.findings.holes.at(0)
  const removed = hole === undefined ? [] : await removeFrom(sequence, files, hole.to)
  const end = await findEnd(sequence, files, wasClosedCleanly)
  removed.push(...(await removeFrom(sequence, files, end === undefined ? 0 : end.offset * queueEntryBytes)))
  return { end, removed }
}

async function removeFrom(sequence: FileSequence, files: OpenFiles, position: number): Promise<string[]> {
  const removed: string[] = []
  for (let { last } = sequence; last !== undefined && last >= position; last = sequence.last) {
    removed.push(sequence.pathOf(last))
    await files.drop(sequence.pathOf(last))
    await sequence.removeLast()
  }
  return removed
}

async function findEnd(sequence: FileSequence, files: OpenFiles, isClean: boolean): Promise<QueueEnd | undefined> {
  const { starts, fileBytes } = sequence
  const endIn = (start: number, after: number): Promise<QueueEnd | undefined> =>
    files.use(sequence.pathOf(start), async (file) => {
      const found = await scan(file, fileBytes, after, isClean)
      const holdsEntries = found.offset > 0 && found.position > 0
      return holdsEntries ? { ...found, offset: start / queueEntryBytes + found.offset } : undefined
    })
  const from = Math.max(0, starts.length - (isClean ? 1 : recoveredFiles))
  let end: QueueEnd | undefined
  for (let i = from; i < starts.length; i++) {
    const found = await endIn(starts[i], end?.position ?? 0)
    end = found ?? end
    if (found === undefined || found.offset * queueEntryBytes < starts[i] + fileBytes) break
  }
  for (let i = from - 1; i >= 0 && end === undefined; i--) end = await endIn(starts[i], 0)
  return end
}

/** The end of the entries that a file begins with, `offset` counted from its start; `after`: where the file before ended. */
async function scan(file: DiskFile, fileBytes: number, after: number, isClean: boolean): Promise<QueueEnd> {
  const entries = fileBytes / queueEntryBytes
  const read = async (from: number, count: number): Promise<Buffer> => {
    const bytes = Buffer.alloc(Math.min(count, entries - from) * queueEntryBytes)
    await file.read(bytes, from * queueEntryBytes)
    return bytes
  }
  let offset = isClean
    ? await startOfLastUsedChunk(entries, async (entry) => entrySize(await read(entry, 1), 0) > 0)
    : 0
  let position = offset === 0 ? after : 0
  while (offset < entries) {
    const bytes = await read(offset, chunkEntries)
    let at = 0
    for (; at < bytes.length; at += queueEntryBytes) {
      if (entrySize(bytes, at) <= 0 || entryPosition(bytes, at) < position) break
      position = entryEnd(bytes, at)
    }
    offset += at / queueEntryBytes
    if (at < bytes.length) {
      const slot = bytes.subarray(at, at + queueEntryBytes)
      return { offset, position, isFollowedByEmpty: isClean && slot.every((byte) => byte === 0) }
    }
  }
  return { offset, position, isFollowedByEmpty: true }
}

/** By halving: before the end every slot is used, behind it none. */
async function startOfLastUsedChunk(entries: number, isUsed: (entry: number) => Promise<boolean>): Promise<number> {
  let low = 0
  let high = Math.ceil(entries / chunkEntries)
  while (high - low > 1) {
    const middle = (low + high) >>> 1
    if (await isUsed(middle * chunkEntries)) low = middle
    else high = middle
  }
  return low * chunkEntries
}
