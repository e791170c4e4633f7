/**
 * Removes from a partition directory what does not belong to its log: segments that hold only what was refused, and what
 * a crash interrupted, which are files that were being deleted, or being replaced by compacted ones. The steps of the
 * latter and their order are Kafka's (docs/formats.md, "Loading a partition"), so that either program can finish what the
 * other began.
 */

import { dirname, join } from 'node:path'
import type { Disk } from '../../files/disk.js'
import type { OpenFiles } from '../../files/open-files.js'
import { makeSurely } from '../../files/sure-names.js'
import { parseSegmentFileName, quarantined, segmentFileName, stage, suffix } from './format.js'
import type { Segment } from './segment.js'
import type { SegmentPlace } from './segment-place.js'

interface Staged {
  readonly name: string
  readonly offset: number
  readonly suffix: string
}

/** `nextOffsetOf` tells the offset behind the last record of a log file, by path. */
export async function finishStagedFiles(
  disk: Disk,
  directory: string,
  nextOffsetOf: (path: string, baseOffset: number) => Promise<number>,
): Promise<void> {
  const files = await segmentFiles(disk, directory)
  const inStage = (stageSuffix: string) => files.filter((file) => file.suffix.endsWith(stageSuffix))
  const remove = (file: Staged) => disk.remove(join(directory, file.name))

  for (const file of inStage(stage.deleted)) await remove(file)
  const cleaned = inStage(stage.cleaned)
  // A swap is complete only if no file was still being written for it or for a later one.
  const firstCleaned = Math.min(...cleaned.map((file) => file.offset))
  const swaps = inStage(stage.swap).filter((file) => file.offset < firstCleaned)
  const incomplete = inStage(stage.swap).filter((file) => file.offset >= firstCleaned)
  for (const file of incomplete) await remove(file)
  // Each step is durable before the next: without the sign that makes them incomplete, these would be taken for complete.
  if (incomplete.length > 0) await disk.syncDirectory(directory)
  for (const file of cleaned) await remove(file)
  if (swaps.length === 0) return

  const swappedLogs = swaps.filter((file) => file.suffix === suffix.log + stage.swap)
  if (swappedLogs.length > 0) {
    const from = Math.min(...swappedLogs.map((file) => file.offset))
    const ends = await Promise.all(swappedLogs.map((file) => nextOffsetOf(join(directory, file.name), file.offset)))
    const to = Math.max(...ends)
    const replaced = files.filter(
      (file) => !/\.(swap|cleaned|deleted)$/.test(file.name) && file.offset >= from && file.offset < to,
    )
    for (const file of replaced) await remove(file)
    await disk.syncDirectory(directory)
  }
  for (const file of swaps) {
    await disk.rename(join(directory, file.name), join(directory, file.name.slice(0, -stage.swap.length)))
  }
  await disk.syncDirectory(directory)
}

/**
 * Removes the segments that were begun behind `offset`, durably: one that came back after a power failure would lie in
 * the way of what is appended next. From the end on, each before the one in front of it, so that a crash in between
 * leaves no hole.
 */
export async function removeSegmentsBeyond(
  { disk, directory, openFiles }: { disk: Disk; directory: string; openFiles: OpenFiles },
  offset: number,
): Promise<void> {
  const doomed = (await segmentFiles(disk, directory)).filter((file) => file.offset > offset).reverse()
  for (const [index, file] of doomed.entries()) {
    const path = join(directory, file.name)
    await openFiles.drop(path)
    if (file.suffix !== suffix.log) await disk.remove(path)
    const isLastOfSegment = doomed[index + 1]?.offset !== file.offset
    if (isLastOfSegment) await removeSurely(disk, join(directory, segmentFileName(file.offset, suffix.log)))
  }
}

/**
 * Removes a log file if it is there, durably. Where a sync of its directory fails meanwhile, this one or somebody else's, an
 * empty file takes its place: of a name whose sync failed no later sync says that it is gone, so whoever tries again is to
 * have something to remove.
 */
export async function removeSurely(disk: Disk, path: string): Promise<void> {
  const directory = dirname(path)
  const putEmpty = async (): Promise<void> => (await disk.open(path, { mode: 'create' })).close()
  const remove = async (): Promise<void> => {
    await disk.remove(path)
    try {
      await disk.syncDirectory(directory)
    } catch (error) {
      await putEmpty().catch(() => {})
      throw error
    }
  }
  await makeSurely(disk, directory, remove, putEmpty)
}

/** Takes files that nobody needs any more, to make new segments of them. */
export interface Recycler {
  readonly takesRecycled: boolean
  recycle(path: string): void
}

/**
 * Removes segments that the log does not have any more, the oldest first, durably; each when it is `ready`. Where that
 * fails in the middle, nobody comes back to the others before the next start, so they are let go of too.
 */
export async function removeSegments(
  place: SegmentPlace,
  segments: readonly Segment[],
  recycler: Recycler,
  ready: (segment: Segment) => Promise<void>,
): Promise<void> {
  try {
    for (const segment of segments) {
      await ready(segment)
      await removeSegment(place, segment, recycler)
    }
  } finally {
    await Promise.allSettled(segments.map((segment) => segment.release()))
  }
  if (segments.length > 0) await place.disk.syncDirectory(place.directory)
}

/**
 * Removes one segment with its indexes and its producer snapshot. Its file goes through the name that Kafka gives to what
 * it deletes; it may be recycled from there, unless somebody still reads from it.
 */
async function removeSegment(
  { disk, directory, openFiles, maps }: SegmentPlace,
  segment: Segment,
  recycler: Recycler,
): Promise<void> {
  const path = segment.path(suffix.log)
  const doomed = path + stage.deleted
  // After this nobody can open it any more; and who did before is seen.
  await disk.rename(path, doomed)
  const isRead = openFiles.isUsed(path) || maps.isBorrowed(path) || segment.isHeld
  await segment.release()
  // A backup may have given the file a second name; its bytes are to stay what they are.
  const found = recycler.takesRecycled ? await disk.stat(doomed).catch(() => undefined) : undefined
  const isWanted = !isRead && found?.names === 1
  // Else a crash could bring the name of a segment back over a file that is being zeroed.
  if (isWanted) await disk.syncDirectory(directory)
  // The writer, who goes on meanwhile, may have begun another spare.
  if (isWanted && recycler.takesRecycled) recycler.recycle(doomed)
  else await disk.remove(doomed)
  for (const other of [suffix.offsetIndex, suffix.timeIndex, suffix.transactionIndex, suffix.snapshot]) {
    await disk.remove(join(directory, segmentFileName(segment.baseOffset, other)))
  }
}

/**
 * Removes the segments that hold nothing at `offset` or behind it. A crash while they were being removed may have kept
 * any of them, which would look like a hole in the log.
 */
export async function removeSegmentsBefore({ disk, directory }: SegmentPlace, offset: number): Promise<void> {
  const files = await segmentFiles(disk, directory)
  const bases = files.filter((file) => file.suffix === suffix.log).map((file) => file.offset)
  const first = bases.findLast((base) => base <= offset)
  if (first === undefined || first === bases[0]) return
  for (const file of files) if (file.offset < first) await disk.remove(join(directory, file.name))
  await disk.syncDirectory(directory)
}

/** Index files without a log, and files that were being written aside when the process died. */
export async function removeLeftovers(
  { disk, directory }: SegmentPlace,
  files: readonly Staged[],
  bases: ReadonlySet<number>,
): Promise<void> {
  const indexes: ReadonlySet<string> = new Set([suffix.offsetIndex, suffix.timeIndex, suffix.transactionIndex])
  for (const file of files) {
    const isOrphan = indexes.has(file.suffix) && !bases.has(file.offset)
    if (isOrphan || file.suffix.endsWith('.tmp')) await disk.remove(join(directory, file.name))
  }
}

/** Renames the files of a segment that lies beyond the end of the log; they stay on the disk until somebody removes them. */
export async function setSegmentAside(
  { disk, directory, openFiles, logger }: SegmentPlace,
  base: number,
): Promise<void> {
  const taken = new Set((await disk.list(directory))?.map((entry) => entry.name))
  for (const file of await segmentFiles(disk, directory)) {
    if (file.offset !== base) continue
    let aside = file.name + quarantined
    while (taken.has(aside)) aside += quarantined
    await openFiles.drop(join(directory, file.name))
    await disk.rename(join(directory, file.name), join(directory, aside))
  }
  logger.warn({ directory, baseOffset: base }, 'Set aside a segment beyond the end of its log.')
  await disk.syncDirectory(directory)
}

/** All files of a partition directory whose names are `<offset><suffix>`, staged ones included and quarantined ones not, in offset order. */
export async function segmentFiles(disk: Disk, directory: string): Promise<Staged[]> {
  const files: Staged[] = []
  for (const entry of (await disk.list(directory)) ?? []) {
    const parsed = entry.isDirectory ? undefined : parseSegmentFileName(entry.name)
    if (parsed !== undefined && !parsed.suffix.endsWith(quarantined)) files.push({ name: entry.name, ...parsed })
  }
  return files.sort((a, b) => a.offset - b.offset)
}
