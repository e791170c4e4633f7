/**
 * Indexes a range of a log anew into one file: after compaction, whose removals the index is not told of one by one. As
 * much is in memory as of a table that grows by appends; the pieces lie aside until they are one.
 */

import { join } from 'node:path'
import { batchesIn } from '../../records/batch.js'
import { prepareCodec } from '../../records/compression/index.js'
import type { BatchKeys } from './batch-keys.js'
import { type Owner, runFileName } from './format.js'
import { mergeRuns } from './merging.js'
import { type KeyIndexOptions, usualTableEntries } from './options.js'
import { Run, type RunTools } from './run.js'
import { writeTableTo } from './run-writer.js'
import { KeyTable } from './table.js'

export interface Thinning {
  readonly from: number
  readonly to: number
  /** Where the file is to lie. */
  readonly path: string
  readonly owner: Owner
  readonly keys: BatchKeys
  readonly tools: RunTools
  /** Awaited now and then; where it rejects, the work is given up. */
  readonly turn: () => Promise<void>
}

const sliceBytes = 512 * 1024
/** Inside the index's own directory; whatever is in it at a start is left over. */
export const stagingName = 'thinning'

export async function thin(options: KeyIndexOptions, thinning: Thinning): Promise<void> {
  const { disk, directory } = options
  const staging = join(directory, stagingName)
  await disk.remove(staging)
  await disk.makeDirectory(staging)
  const pieces: Run[] = []
  try {
    for (let from = thinning.from; from < thinning.to; from = pieces[pieces.length - 1].to) {
      pieces.push(await piece(options, thinning, from, staging))
    }
    await mergeRuns(pieces, { disk, path: thinning.path, owner: thinning.owner, from: thinning.from }, thinning.turn)
  } finally {
    for (const each of pieces) await each.dispose()
    await disk.remove(staging)
  }
}

/** One table full from `from` on, or what there is up to the end. */
async function piece(options: KeyIndexOptions, thinning: Thinning, from: number, staging: string): Promise<Run> {
  const { memory, disk, tableEntries = usualTableEntries } = options
  const { turn, owner, tools } = thinning
  const table = new KeyTable(from)
  let counted = 0
  try {
    let to = from
    while (to < thinning.to && table.count < tableEntries) {
      to = await addSlice(options, thinning, table, to)
      await memory.takeForTable(table.sizeInBytes - counted)
      counted = table.sizeInBytes
      await turn()
    }
    const path = join(staging, runFileName(from, to))
    await writeTableTo(disk, path, table, to, owner, turn)
    const run = await Run.open(path, { from, to }, tools)
    if (run === undefined) throw new Error(`${path} does not hold what was written`)
    return run
  } finally {
    memory.giveFromTable(counted)
  }
}

/** Adds the next slice of the log; returns where the one behind it begins. */
async function addSlice(
  { log }: KeyIndexOptions,
  { to, keys }: Thinning,
  table: KeyTable,
  position: number,
): Promise<number> {
  const start = Math.max(position, log.logStartOffset)
  if (start >= to) return to
  const slice = await log.read(start, sliceBytes, { lend: true })
  try {
    let next = position
    for (const bytes of slice.records) {
      for (const batch of batchesIn(bytes)) {
        if (batch.baseOffset >= to) return to
        await prepareCodec(batch.codec)
        if (!batch.isControl) keys.addTo(table, batch, start)
        next = batch.nextOffset
      }
    }
    // Nothing is left between here and the end.
    return slice.records.length === 0 ? to : Math.min(next, to)
  } finally {
    slice.release?.()
  }
}
