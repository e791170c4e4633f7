/** One file of the key index as its readers see it: in the file what it holds for good, in its tail what is still to come. */

import { join } from 'node:path'
import { HoldfastError } from '../../core/errors.js'
import type { OpenFiles } from '../../files/open-files.js'
import {
  type IndexHeader,
  type IndexShape,
  indexEntryBytes,
  indexEntryPlace,
  indexSlotBytes,
  indexSlotPlace,
} from './index-format.js'
import type { IndexTail } from './index-tail.js'

export class IndexFile {
  readonly name: string
  readonly path: string
  readonly header: IndexHeader
  /** As long as it takes entries. */
  tail: IndexTail | undefined
  /** Removed, since the commit log holds nothing any more of what it leads to. */
  isGone = false
  /** `broken`: a search has met a broken chain. `damaged`: its entries are not sound either, so that nothing can be mended. */
  state: 'sound' | 'broken' | 'damaged' = 'sound'

  constructor(directory: string, name: string, header: IndexHeader) {
    this.name = name
    this.path = join(directory, name)
    this.header = header
  }
}

/** A chain whose entries lie far from each other is read with few bytes, one that runs through its neighbours in large pieces. */
const fewestEntries = 32
const mostEntries = 4096

/** Reads the entries of a file for one search, which goes from the newest to the oldest. */
export class IndexReader {
  readonly #file: IndexFile
  readonly #shape: IndexShape
  readonly #files: OpenFiles
  #first = 0
  #count = 0
  #bytes: Buffer = Buffer.alloc(0)
  #wanted = fewestEntries

  constructor(file: IndexFile, shape: IndexShape, files: OpenFiles) {
    this.#file = file
    this.#shape = shape
    this.#files = files
  }

  /** The newest entry of a slot; 0 where there is none. */
  async newestOf(slot: number): Promise<number> {
    const { tail } = this.#file
    if (tail !== undefined) return tail.newestOf(slot)
    return (await this.#read(indexSlotPlace(slot), indexSlotBytes)).readInt32BE()
  }

  /** The bytes of an entry below the header's `next`. */
  async entry(entry: number): Promise<Buffer> {
    const { tail } = this.#file
    if (tail !== undefined && entry >= tail.firstInMemory) return tail.bytesOf(entry)
    if (entry < this.#first || entry >= this.#first + this.#count) await this.#load(entry)
    const at = (entry - this.#first) * indexEntryBytes
    return this.#bytes.subarray(at, at + indexEntryBytes)
  }

  /** Reads the entries up to this one. */
  async #load(entry: number): Promise<void> {
    const isNear = entry < this.#first && entry >= this.#first - this.#wanted
    this.#wanted = isNear ? Math.min(this.#wanted * 2, mostEntries) : fewestEntries
    const first = Math.max(entry - this.#wanted + 1, 1)
    const count = entry - first + 1
    this.#bytes = await this.#read(indexEntryPlace(this.#shape, first), count * indexEntryBytes)
    this.#first = first
    this.#count = count
  }

  async #read(place: number, length: number): Promise<Buffer> {
    const { path } = this.#file
    const bytes = Buffer.allocUnsafe(length)
    const count = await this.#files.use(path, (file) => file.read(bytes, place))
    if (count < length) {
      throw new HoldfastError('DATA_DIR_DAMAGED', `The key index file ${path} was shortened; start anew to rebuild it.`)
    }
    return bytes
  }
}
