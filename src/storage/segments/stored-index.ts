/**
 * Index files as hints: what lies beside a log file is believed only as far as it can be checked against the log, and
 * where it cannot be right the caller rebuilds it.
 */

import { join } from 'node:path'
import type { DiskFile } from '../../files/disk.js'
import { BatchScanner, type ScannedBatch } from './batch-scanner.js'
import { maxRelativeOffset, segmentFileName, suffix } from './format.js'
import { OffsetIndex, type TimeEntry, TimeIndex } from './index-entries.js'
import { SegmentIndex } from './segment-index.js'
import type { SegmentPlace } from './segment-place.js'

/** The segment that an index belongs to. */
export interface IndexedLog {
  readonly file: DiskFile
  readonly baseOffset: number
  readonly sizeInBytes: number
}

/** A look at a batch or two does not read a megabyte. */
const chunkBytes = 16 * 1024

/**
 * The indexes that lie beside a log file, or undefined where one is missing or is no index of that file. With `below` only
 * their entries for offsets below it: what they say of others was not known to be on the disk.
 */
export async function loadStoredIndex(
  place: SegmentPlace,
  log: IndexedLog,
  below?: number,
): Promise<SegmentIndex | undefined> {
  const { baseOffset, sizeInBytes } = log
  const read = (fileSuffix: string) =>
    place.disk.readFile(join(place.directory, segmentFileName(baseOffset, fileSuffix)))
  const [offsets, times] = await Promise.all([read(suffix.offsetIndex), read(suffix.timeIndex)])
  if (offsets === undefined || times === undefined) return undefined
  if (!new OffsetIndex(baseOffset, offsets).isSound(offsets.length, sizeInBytes)) return undefined
  if (!new TimeIndex(baseOffset, times).isSound(times.length)) return undefined
  // A sealed segment that holds records has its closing time entry; without one its greatest timestamp is unknown.
  if (times.length === 0 && sizeInBytes > 0) return undefined
  const stored = below === undefined ? { offsets, times } : entriesBelow(baseOffset, below, offsets, times)
  if (stored === undefined) return undefined
  const index = new SegmentIndex(baseOffset, place.indexIntervalBytes, stored)
  return (await endsLeadToTheirBatches(index, log)) ? index : undefined
}

/** Undefined where none is left: then there is no need of an index. */
function entriesBelow(
  base: number,
  below: number,
  offsets: Buffer,
  times: Buffer,
): { offsets: Buffer; times: Buffer } | undefined {
  const known = new OffsetIndex(base, offsets).bytesBelow(below)
  return known.length === 0 ? undefined : { offsets: known, times: new TimeIndex(base, times).bytesBelow(below) }
}

/** Where the batch begins that a time entry names, or undefined where the log holds another thing there. */
export async function positionOfTimeEntry(
  index: SegmentIndex,
  entry: TimeEntry,
  log: IndexedLog,
): Promise<number | undefined> {
  const start = index.offsets.floor(entry.offset)?.position ?? 0
  const found = await firstBatch(log, start, entry.offset)
  const isNamed = found?.batch.lastOffset === entry.offset && found.batch.maxTimestamp === entry.timestamp
  return isNamed ? found.position : undefined
}

/** The last entries are the ones that the most depends on: the end of the log and its greatest timestamp. */
async function endsLeadToTheirBatches(index: SegmentIndex, log: IndexedLog): Promise<boolean> {
  const lastOffset = index.offsets.last
  if (lastOffset !== undefined) {
    const found = await firstBatch(log, lastOffset.position, log.baseOffset)
    if (found?.batch.lastOffset !== lastOffset.offset) return false
  }
  const lastTime = index.times.last
  return lastTime === undefined || (await positionOfTimeEntry(index, lastTime, log)) !== undefined
}

/** The first batch from `start` on that ends at `offset` or later. */
async function firstBatch(log: IndexedLog, start: number, offset: number): Promise<ScannedBatch | undefined> {
  const { baseOffset, sizeInBytes } = log
  const range = { start, end: sizeInBytes, minOffset: baseOffset, maxOffset: baseOffset + maxRelativeOffset }
  const scanner = new BatchScanner(log.file, range, { verify: false, chunkBytes })
  for (let found = await scanner.next(); found !== undefined; found = await scanner.next()) {
    if (found.batch.lastOffset >= offset) return found
  }
  return undefined
}
