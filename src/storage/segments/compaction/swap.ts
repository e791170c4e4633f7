/**
 * Puts a cleaned segment in the place of those it was made from, so that a crash at any step leaves the old ones or the
 * new one. The names and their order are Kafka's (LocalLog.replaceSegments), and what `finishStagedFiles` does at a start
 * is the other half: a `.swap` beside a `.cleaned` is nothing yet, a `.swap` alone is finished.
 *
 * Kafka syncs the directory once, at the end. We do so between the steps too: after a power failure any part of what was
 * renamed since the last sync may be there, and not in the order in which it was done.
 */

import { basename, join } from 'node:path'
import type { Disk } from '../../../files/disk.js'
import { makeSurely } from '../../../files/sure-names.js'
import { segmentFileName, stage, suffix } from '../format.js'
import { segmentFiles } from '../staged-files.js'

/** Where the files of one log lie. */
export interface SwapPlace {
  readonly disk: Disk
  readonly directory: string
}

/** Of a segment, in the order in which they get their names. */
const fileSuffixes = [suffix.log, suffix.offsetIndex, suffix.timeIndex, suffix.transactionIndex] as const

/** Gives the files of a cleaned segment the names under which a start would finish the swap. Durable when it resolves. */
export async function stageSwap({ disk, directory }: SwapPlace, baseOffset: number): Promise<void> {
  const present = await namesOf({ disk, directory })
  const staged = fileSuffixes
    .map((one) => join(directory, segmentFileName(baseOffset, one)))
    .filter((path) => present.has(basename(path) + stage.cleaned))
  const rename = async (from: string, to: string): Promise<void> => {
    for (const path of staged) await disk.rename(path + from, path + to)
  }
  const make = async (): Promise<void> => {
    await rename(stage.cleaned, stage.swap)
    await disk.syncDirectory(directory)
  }
  await makeSurely(disk, directory, make, () => rename(stage.swap, stage.cleaned))
}

/**
 * Moves the old files away and the new ones to their names; meanwhile no name can be relied on. Not durable before the
 * directory is synced; then {@link removeReplaced} may follow.
 */
export async function completeSwap(
  { disk, directory }: SwapPlace,
  baseOffset: number,
  sources: readonly number[],
): Promise<void> {
  const present = await namesOf({ disk, directory })
  const old = sources
    .flatMap((source) => oldNames(source, baseOffset))
    .filter((name) => present.has(name))
    .map((name) => join(directory, name))
  const moveAway = async (): Promise<void> => {
    for (const path of old) await disk.rename(path, path + stage.deleted)
    // Before the last sign of the swap goes: else a segment whose records are in the new one could come back beside it.
    if (sources.length > 1) await disk.syncDirectory(directory)
  }
  // An old name that a failed sync has given up is taken by an empty file, for the next sync to carry its going.
  await makeSurely(disk, directory, moveAway, async () => {
    for (const path of old) await (await disk.open(path, { mode: 'create' })).close()
  })
  for (const name of fileSuffixes.map((one) => segmentFileName(baseOffset, one))) {
    if (!present.has(name + stage.swap)) continue
    await disk.rename(join(directory, name + stage.swap), join(directory, name))
  }
}

export async function removeReplaced(
  { disk, directory }: SwapPlace,
  baseOffset: number,
  sources: readonly number[],
): Promise<void> {
  for (const source of sources) {
    for (const name of oldNames(source, baseOffset)) await disk.remove(join(directory, name + stage.deleted))
  }
}

/** Removes what was written for swaps that are not to be; durable when it resolves. */
export async function removeStaged({ disk, directory }: SwapPlace): Promise<void> {
  const files = await segmentFiles(disk, directory)
  const inStage = (wanted: string) => files.filter((file) => file.suffix.endsWith(wanted))
  // In this order: a `.swap` that is alone would be finished.
  for (const wanted of [stage.swap, stage.cleaned]) {
    const doomed = inStage(wanted)
    for (const file of doomed) await disk.remove(join(directory, file.name))
    if (doomed.length > 0) await disk.syncDirectory(directory)
  }
}

/** The files of a segment that is replaced. The producer state at the new segment's base is right as it is. */
function oldNames(source: number, baseOffset: number): string[] {
  const suffixes = source === baseOffset ? fileSuffixes : [...fileSuffixes, suffix.snapshot]
  return suffixes.map((one) => segmentFileName(source, one))
}

async function namesOf({ disk, directory }: SwapPlace): Promise<ReadonlySet<string>> {
  return new Set((await disk.list(directory))?.map(({ name }) => name))
}
