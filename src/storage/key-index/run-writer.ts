/**
 * Writes one file of the key index from entries in the order of their hashes: in one pass, with a few pages in memory
 * whatever the size. Written aside, synced, renamed, so that a name that can be seen is a file that is whole.
 */

import { dirname } from 'node:path'
import { invariant } from '../../core/invariant.js'
import type { Disk, DiskFile } from '../../files/disk.js'
import { addToFilter, filterPageOf, filterPagesFor } from './filter.js'
import {
  encodeHeader,
  entriesPerPage,
  entryBytes,
  fencesPerPage,
  maxOffsetDelta,
  type Owner,
  pageBytes,
  pagesFor,
  type RunHeader,
  sealPage,
} from './format.js'
import type { KeyTable } from './table.js'

/** While a file is being written. */
export const asideSuffix = '.tmp'

/** Entries that are added between two calls of `drain`. */
export const entriesBetweenDrains = 8192

/** Writes a file of all that is in `table`, which covers the log up to `to`. */
export async function writeTableTo(
  disk: Disk,
  path: string,
  table: KeyTable,
  to: number,
  owner: Owner,
  turn: () => Promise<void>,
): Promise<void> {
  const order = await table.sorted(turn)
  const writer = await RunWriter.create(disk, path, {
    from: table.from,
    to,
    base: table.base,
    mostEntries: table.count,
  })
  try {
    for (let i = 0; i < order.length; i++) {
      const entry = order[i]
      writer.add(table.hiOf(entry), table.loOf(entry), table.offsetOf(entry))
      if ((i + 1) % entriesBetweenDrains !== 0) continue
      await writer.drain()
      await turn()
    }
    await writer.finish(owner)
  } catch (error) {
    await writer.abandon()
    throw error
  }
}

/** Pages of one kind that follow each other, gathered into larger writes. */
class PageRow {
  readonly #gathered: Buffer[] = []
  #page: Buffer | undefined
  /** Where the next write goes. */
  #position: number

  constructor(position: number) {
    this.#position = position
  }

  /** The page that is being filled. */
  get page(): Buffer {
    this.#page ??= Buffer.alloc(pageBytes)
    return this.#page
  }

  get isBegun(): boolean {
    return this.#page !== undefined
  }

  end(): void {
    sealPage(this.page, 0)
    this.#gathered.push(this.page)
    this.#page = undefined
  }

  async write(file: DiskFile): Promise<void> {
    const pages = this.#gathered.splice(0)
    if (pages.length === 0) return
    await file.write([pages.length === 1 ? pages[0] : Buffer.concat(pages)], this.#position)
    this.#position += pages.length * pageBytes
  }
}

export interface RunPlan {
  readonly from: number
  readonly to: number
  readonly base: number
  /** As many entries at most. */
  readonly mostEntries: number
}

export class RunWriter {
  readonly #disk: Disk
  readonly #file: DiskFile
  readonly #path: string
  readonly #plan: RunPlan
  readonly #filterPages: number
  readonly #filter: PageRow
  readonly #data: PageRow
  readonly #fences: Uint32Array
  #filterPage = 0
  #entries = 0

  private constructor(disk: Disk, file: DiskFile, path: string, plan: RunPlan) {
    this.#disk = disk
    this.#file = file
    this.#path = path
    this.#plan = plan
    this.#filterPages = filterPagesFor(plan.mostEntries)
    this.#filter = new PageRow(pageBytes)
    this.#data = new PageRow((1 + this.#filterPages) * pageBytes)
    this.#fences = new Uint32Array(pagesFor(plan.mostEntries, entriesPerPage))
  }

  static async create(disk: Disk, path: string, plan: RunPlan): Promise<RunWriter> {
    const aside = path + asideSuffix
    // What an attempt that failed has left is not written over: an error on it may have been reported once.
    await disk.remove(aside)
    return new RunWriter(disk, await disk.open(aside, { mode: 'create' }), path, plan)
  }

  /** In the order of the hashes. */
  add(hi: number, lo: number, offset: number): void {
    const filterPage = filterPageOf(hi, this.#filterPages)
    while (this.#filterPage < filterPage) this.#endFilterPage()
    addToFilter(this.#filter.page, 0, hi, lo)
    const within = this.#entries % entriesPerPage
    if (within === 0) this.#fences[this.#entries / entriesPerPage] = hi
    const { page } = this.#data
    const at = within * entryBytes
    putUint32(page, at, hi)
    putUint32(page, at + 4, lo)
    putUint32(page, at + 8, offset - this.#plan.base)
    this.#entries++
    if (within === entriesPerPage - 1) this.#data.end()
  }

  /** Brings what is complete to the file. */
  async drain(): Promise<void> {
    await this.#filter.write(this.#file)
    await this.#data.write(this.#file)
  }

  /** The file under its name, durably. Nothing is left where this rejects but what the next opening clears away. */
  async finish(owner: Owner): Promise<void> {
    const { from, to, base, mostEntries } = this.#plan
    invariant(this.#entries <= mostEntries, 'an index file gets no more entries than were announced')
    while (this.#filterPage < this.#filterPages) this.#endFilterPage()
    if (this.#data.isBegun) this.#data.end()
    await this.drain()
    const dataPages = pagesFor(this.#entries, entriesPerPage)
    const fencePages = pagesFor(dataPages, fencesPerPage)
    const header: RunHeader = {
      from,
      to,
      base,
      entries: this.#entries,
      filterPages: this.#filterPages,
      dataPages,
      fencePages,
    }
    const fences = new PageRow((1 + this.#filterPages + dataPages) * pageBytes)
    for (let first = 0; first < dataPages; first += fencesPerPage) {
      const { page } = fences
      for (let i = 0; i < fencesPerPage && first + i < dataPages; i++)
        page.writeUInt32BE(this.#fences[first + i], i * 4)
      fences.end()
    }
    await fences.write(this.#file)
    await this.#file.write([encodeHeader(header, owner)], 0)
    await this.#file.sync()
    await this.#file.close()
    await this.#disk.rename(this.#path + asideSuffix, this.#path)
    await this.#disk.syncDirectory(dirname(this.#path))
  }

  /** Gives up. */
  async abandon(): Promise<void> {
    await this.#file.close().catch(() => {})
    await this.#disk.remove(this.#path + asideSuffix).catch(() => {})
  }

  #endFilterPage(): void {
    this.#filter.end()
    this.#filterPage++
  }
}

/** As Buffer's method, for a loop over millions. */
function putUint32(bytes: Buffer, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}

/** Whether offsets from `base` to `last` can be kept in one file. */
export function fitsOneRun(base: number, last: number): boolean {
  return last - base <= maxOffsetDelta
}
