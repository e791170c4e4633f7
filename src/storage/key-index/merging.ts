/**
 * Fewer, larger files out of many small ones, so that a look-up asks few: which files to merge, and the merge itself,
 * a few pages of each in memory.
 */

import type { Disk } from '../../files/disk.js'
import { entriesPerPage, entryBytes, type Owner, pageBytes } from './format.js'
import { compareHashes } from './hash.js'
import type { Run } from './run.js'
import { entriesBetweenDrains, fitsOneRun, RunWriter } from './run-writer.js'

/** So many files of one size make one of the next. */
const fanOut = 8
/** A file with fewer entries than this counts as the smallest size. */
const smallestEntries = 262_144
const pagesAtOnce = 16

/**
 * How many of the newest files to merge into one; 0 where there are few enough. A level holds files that are eight times
 * as large as those of the one below; the newest files whose levels do not rise above one are merged when they are eight.
 */
export function runsToMerge(runs: readonly Run[]): number {
  const levels = runs.map(({ header: { entries } }) => levelOf(entries))
  const highest = Math.max(0, ...levels)
  for (let level = 0; level <= highest; level++) {
    let count = 0
    while (count < runs.length && levels[runs.length - 1 - count] <= level) count++
    if (count >= fanOut && fitsOneRun(runs[runs.length - count].header.base, runs[runs.length - 1].to)) return count
  }
  return 0
}

function levelOf(entries: number): number {
  let level = 0
  for (let size = smallestEntries * 4; entries > size; size *= fanOut) level++
  return level
}

/**
 * Writes `path` from files that follow each other. Entries below the target's `from` are left out.
 * `turn` is awaited now and then, so that others get theirs; where it rejects the merge is given up.
 */
export async function mergeRuns(
  runs: readonly Run[],
  target: { readonly disk: Disk; readonly path: string; readonly owner: Owner; readonly from: number },
  turn: () => Promise<void>,
): Promise<void> {
  const mostEntries = runs.reduce((sum, { header }) => sum + header.entries, 0)
  const { from } = target
  const plan = { from, to: runs[runs.length - 1].to, base: runs[0].header.base, mostEntries }
  const writer = await RunWriter.create(target.disk, target.path, plan)
  try {
    const cursors = runs.map((run) => new Cursor(run))
    for (const cursor of cursors) await cursor.fill()
    let left = cursors.filter(({ isAtEnd }) => !isAtEnd)
    let sinceDrain = 0
    while (left.length > 0) {
      let least = left[0]
      // Of equal hashes the oldest file's comes first, so that offsets rise.
      for (let i = 1; i < left.length; i++) if (left[i].isBefore(least)) least = left[i]
      if (least.offset >= from) writer.add(least.hi, least.lo, least.offset)
      least.next()
      if (least.isDry) await least.fill()
      if (least.isAtEnd) left = left.filter((cursor) => cursor !== least)
      if (++sinceDrain < entriesBetweenDrains) continue
      sinceDrain = 0
      await writer.drain()
      await turn()
    }
    await writer.finish(target.owner)
  } catch (error) {
    await writer.abandon()
    throw error
  }
}

/** Walks the entries of one file. */
class Cursor {
  readonly #run: Run
  #bytes: Buffer = Buffer.alloc(0)
  #nextPage = 0
  /** Entries that are read, and which of them is looked at. */
  #count = 0
  #entry = 0
  #left: number
  hi = 0
  lo = 0
  offset = 0

  constructor(run: Run) {
    this.#run = run
    this.#left = run.header.entries
  }

  get isAtEnd(): boolean {
    return this.#left === 0
  }

  /** The next entry is not in memory. */
  get isDry(): boolean {
    return this.#left > 0 && this.#entry === this.#count
  }

  isBefore(other: Cursor): boolean {
    return compareHashes(this.hi, this.lo, other.hi, other.lo) < 0
  }

  next(): void {
    this.#left--
    this.#entry++
    if (this.#entry < this.#count) this.#look()
  }

  async fill(): Promise<void> {
    if (this.#left === 0) return
    this.#bytes = await this.#run.dataPages(this.#nextPage, pagesAtOnce)
    this.#nextPage += this.#bytes.length / pageBytes
    this.#count = Math.min(this.#left, (this.#bytes.length / pageBytes) * entriesPerPage)
    this.#entry = 0
    this.#look()
  }

  #look(): void {
    const at = Math.floor(this.#entry / entriesPerPage) * pageBytes + (this.#entry % entriesPerPage) * entryBytes
    this.hi = this.#bytes.readUInt32BE(at)
    this.lo = this.#bytes.readUInt32BE(at + 4)
    this.offset = this.#run.header.base + this.#bytes.readUInt32BE(at + 8)
  }
}
