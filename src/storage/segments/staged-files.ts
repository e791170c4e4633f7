/**
 * Removes from a partition directory what does not belong to its log: segments that hold only what was refused, and what
 * a crash interrupted, which are files that were being deleted, or being replaced by compacted ones. The steps of the
 * latter and their order are Kafka's (docs/formats.md, "Loading a partition"), so that either program can finish what the
 * other began.
 */

import { join } from 'node:path'
import type { Disk } from '../../files/disk.js'
import type { OpenFiles } from '../../files/open-files.js'
import { parseSegmentFileName, quarantined, stage, suffix } from './format.js'

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
  const swaps: Staged[] = []
  for (const file of inStage(stage.swap)) {
    if (file.offset >= firstCleaned) await remove(file)
    else swaps.push(file)
  }
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
    await openFiles.drop(join(directory, file.name))
    await disk.remove(join(directory, file.name))
    if (doomed[index + 1]?.offset !== file.offset) await disk.syncDirectory(directory)
  }
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
