/**
 * One file of the key index, for reading: finds the offsets under a hash with one page read where the filter lets it
 * pass, and none where it does not. The header is checked when the file is opened, filter and fences when they are
 * first needed, every other page each time that it is read.
 */

import type { MappedFiles } from '../../files/mapped-files.js'
import type { OpenFiles } from '../../files/open-files.js'
import { filterPageOf, mayHold } from './filter.js'
import {
  belongsTo,
  decodeHeader,
  entriesPerPage,
  entryBytes,
  fencesPerPage,
  fileBytes,
  isSound,
  type Owner,
  pageBytes,
  type RunHeader,
} from './format.js'
import { compareHashes } from './hash.js'
import type { KeyIndexMemory } from './memory.js'

/** Bytes that are not what was written. The file is worth nothing; the log has it all. */
export class DamagedRun extends Error {
  readonly run: Run

  constructor(run: Run) {
    super(`${run.path} is damaged`)
    this.run = run
  }
}

export interface RunTools {
  readonly files: OpenFiles
  readonly maps: MappedFiles
  readonly memory: KeyIndexMemory
  readonly owner: Owner
}

export class Run {
  readonly path: string
  readonly header: RunHeader
  readonly #files: OpenFiles
  readonly #maps: MappedFiles
  readonly #memory: KeyIndexMemory
  #fences: Promise<Uint32Array> | undefined
  /** Undefined until it is asked for; null where memory has no room for it. */
  #filter: Promise<Buffer> | null | undefined
  #users = 0
  #whenUnused: (() => void) | undefined

  private constructor(path: string, header: RunHeader, { files, maps, memory }: RunTools) {
    this.path = path
    this.header = header
    this.#files = files
    this.#maps = maps
    this.#memory = memory
  }

  /** Undefined where the file is not whole, or not of this index. */
  static async open(
    path: string,
    range: { readonly from: number; readonly to: number },
    tools: RunTools,
  ): Promise<Run | undefined> {
    const page = Buffer.alloc(pageBytes)
    // Another file may have had this name.
    tools.maps.drop(path)
    await tools.files.drop(path)
    const { read, size } = await tools.files.use(path, async (file) => ({
      read: await file.read(page, 0),
      size: await file.size(),
    }))
    const header = read === pageBytes ? decodeHeader(page) : undefined
    if (header === undefined || !belongsTo(page, tools.owner)) return undefined
    if (header.from !== range.from || header.to !== range.to) return undefined
    return size === fileBytes(header) ? new Run(path, header, tools) : undefined
  }

  get from(): number {
    return this.header.from
  }

  get to(): number {
    return this.header.to
  }

  get sizeInBytes(): number {
    return fileBytes(this.header)
  }

  /** The offsets under a hash, the newest first. @throws DamagedRun */
  async *offsetsOf(hi: number, lo: number): AsyncGenerator<number> {
    const { base, dataPages } = this.header
    if (dataPages === 0 || !(await this.#passesFilter(hi, lo))) return
    const fences = await this.#loadedFences()
    for (let page = lastAtMost(fences, hi); page >= 0; page--) {
      const bytes = await this.#pages(this.#dataPage(page), 1)
      const count = Math.min(entriesPerPage, this.header.entries - page * entriesPerPage)
      let entry = upperBound(bytes, count, hi, lo)
      for (; entry > 0 && compareAt(bytes, entry - 1, hi, lo) === 0; entry--) {
        yield base + bytes.readUInt32BE((entry - 1) * entryBytes + 8)
      }
      // Something smaller stands before it in this page, so that no earlier page holds it.
      if (entry > 0) return
    }
  }

  /** All data pages from `page` on, `count` at most, one after the other; checked. @throws DamagedRun */
  dataPages(page: number, count: number): Promise<Buffer> {
    return this.#pages(this.#dataPage(page), Math.min(count, this.header.dataPages - page))
  }

  /** Keeps the file until as many calls of {@link release}. */
  retain(): void {
    this.#users++
  }

  release(): void {
    this.#users--
    if (this.#users === 0) this.#whenUnused?.()
  }

  /** Lets go of memory and descriptor, when the last user is done. The file stays. */
  async dispose(): Promise<void> {
    if (this.#users > 0) {
      await new Promise<void>((resolve) => {
        this.#whenUnused = resolve
      })
    }
    const filter = this.#filter
    this.#filter = null
    if (filter) this.#memory.giveFromFilter(this.#filterBytes)
    this.#maps.drop(this.path)
    await this.#files.drop(this.path)
  }

  get #filterBytes(): number {
    return this.header.filterPages * pageBytes
  }

  #dataPage(page: number): number {
    return 1 + this.header.filterPages + page
  }

  async #passesFilter(hi: number, lo: number): Promise<boolean> {
    const page = filterPageOf(hi, this.header.filterPages)
    if (this.#filter === undefined) this.#filter = this.#loadFilter()
    if (this.#filter === null) return mayHold(await this.#pages(1 + page, 1), 0, hi, lo)
    return mayHold(await this.#filter, page * pageBytes, hi, lo)
  }

  #loadFilter(): Promise<Buffer> | null {
    if (!this.#memory.takeForFilter(this.#filterBytes)) return null
    return this.#pages(1, this.header.filterPages).catch((error: unknown) => {
      // Where the file was let go of meanwhile, that has given the memory back.
      if (this.#filter !== null) this.#memory.giveFromFilter(this.#filterBytes)
      this.#filter = undefined
      throw error
    })
  }

  #loadedFences(): Promise<Uint32Array> {
    this.#fences ??= this.#loadFences().catch((error: unknown) => {
      this.#fences = undefined
      throw error
    })
    return this.#fences
  }

  async #loadFences(): Promise<Uint32Array> {
    const { dataPages, fencePages } = this.header
    const bytes = await this.#pages(this.#dataPage(dataPages), fencePages)
    const fences = new Uint32Array(dataPages)
    for (let i = 0; i < dataPages; i++) {
      fences[i] = bytes.readUInt32BE(Math.floor(i / fencesPerPage) * pageBytes + (i % fencesPerPage) * 4)
    }
    return fences
  }

  async #pages(first: number, count: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(count * pageBytes)
    const start = first * pageBytes
    const isThere = (await this.#copyMapped(bytes, start)) || (await this.#read(bytes, start)) === bytes.length
    if (!isThere) throw new DamagedRun(this)
    for (let page = 0; page < count; page++) if (!isSound(bytes, page * pageBytes)) throw new DamagedRun(this)
    return bytes
  }

  /** Without a way through the thread pool where the pages are in memory; false where the file is not mapped. */
  async #copyMapped(bytes: Buffer, start: number): Promise<boolean> {
    const loan = await this.#maps.borrow(this.path)
    if (loan === undefined) return false
    try {
      const end = start + bytes.length
      if (end > loan.bytes.length || !(await loan.populate(start, end))) return false
      loan.bytes.copy(bytes, 0, start, end)
      return true
    } finally {
      loan.release()
    }
  }

  #read(bytes: Buffer, start: number): Promise<number> {
    return this.#files.use(this.path, (file) => file.read(bytes, start))
  }
}

function compareAt(bytes: Buffer, entry: number, hi: number, lo: number): number {
  const at = entry * entryBytes
  return compareHashes(bytes.readUInt32BE(at), bytes.readUInt32BE(at + 4), hi, lo)
}

/** How many of the first `count` entries are not greater than the hash. */
function upperBound(bytes: Buffer, count: number, hi: number, lo: number): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareAt(bytes, middle, hi, lo) <= 0) low = middle + 1
    else high = middle
  }
  return low
}

/** The last index whose value is at most `value`; -1 where there is none. */
function lastAtMost(values: Uint32Array, value: number): number {
  let low = 0
  let high = values.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (values[middle] <= value) low = middle + 1
    else high = middle
  }
  return low - 1
}
