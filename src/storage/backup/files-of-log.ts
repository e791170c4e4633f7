/**
 * The files of one log up to an offset, as they are to lie in a backup. Sealed segments are taken whole, with their
 * indexes; of the segment that the offset lies in only the batches below it, and its indexes are made anew by whoever
 * opens the backup.
 */

import { join } from 'node:path'
import type { Disk } from '../../files/disk.js'
import { parseSegmentFileName, segmentFileName, suffix } from '../segments/format.js'
import type { CutSegment } from '../segments/segment-set.js'

export interface CutFile {
  readonly name: string
  /** How many bytes of it are taken. */
  readonly sizeInBytes: number
  /** The length that the copy gets, where zeros follow what is taken. */
  readonly fileBytes?: number
  /** Tells whether it is still the same; undefined where only a part of the file is taken. */
  readonly version?: string
}

const indexes = [suffix.offsetIndex, suffix.timeIndex, suffix.transactionIndex]
const texts = ['partition.metadata', 'leader-epoch-checkpoint']

/** To be called while none of them is removed or replaced. */
export async function filesOfLog(
  disk: Disk,
  directory: string,
  segments: readonly CutSegment[],
  endOffset: number,
): Promise<CutFile[]> {
  const files: CutFile[] = []
  const take = async (name: string) => {
    const stat = await disk.stat(join(directory, name))
    if (stat !== undefined) files.push({ name, sizeInBytes: stat.sizeInBytes, version: stat.version })
  }
  for (const { baseOffset, sizeInBytes, isWhole } of segments) {
    const name = segmentFileName(baseOffset, suffix.log)
    const stat = isWhole ? await disk.stat(join(directory, name)) : undefined
    // One that is still being sealed ends in zeros; when they are cut off it will be another version.
    const version = stat?.sizeInBytes === sizeInBytes ? stat.version : undefined
    files.push({ name, sizeInBytes, version })
    if (isWhole) for (const index of indexes) await take(segmentFileName(baseOffset, index))
  }
  for (const { name } of (await disk.list(directory)) ?? []) {
    const parsed = parseSegmentFileName(name)
    if (parsed?.suffix === suffix.snapshot && parsed.offset <= endOffset) await take(name)
    if (texts.includes(name)) await take(name)
  }
  return files
}
