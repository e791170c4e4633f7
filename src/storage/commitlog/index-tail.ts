/**
 * The end of an index file that still takes entries: its slots in memory, and its newest entries.
 *
 * What is on the disk: entries and slots first, synced, then the header that counts them, synced. So the header never counts
 * an entry that a power failure could take back; the slots may lead to entries that it does not count, which opening after
 * an unclean stop puts right from the entries (src/storage/commitlog/index-relinking.ts).
 */

import { dirname } from 'node:path'
import type { Disk, DiskFile } from '../../files/disk.js'
import { IndexEntries } from './index-entries.js'
import {
  encodeIndexHeader,
  type IndexHeader,
  type IndexShape,
  indexEntryPlace,
  indexFileBytes,
  indexSlotBytes,
  indexSlotPlace,
} from './index-format.js'

/** What is tracked as changed together. */
const pageSlots = 1024
/** The most that is encoded without giving others their turn: 256 KiB. */
const pagesPerWrite = 64
const longestTimeDiff = 2 ** 31 - 1

export interface IndexTailOptions {
  readonly disk: Disk
  readonly path: string
  readonly shape: IndexShape
  /** Changed by every entry. */
  readonly header: IndexHeader
  readonly pieceEntries?: number
  /** Undefined where the file is to be made. */
  readonly found?: FoundSlots
}

export interface FoundSlots {
  /** The newest entry of each slot. */
  readonly table: Int32Array
  /** Whether the table is also what the file holds. */
  readonly isWritten: boolean
}

export class IndexTail {
  readonly #options: IndexTailOptions
  readonly #table: Int32Array
  readonly #entries: IndexEntries
  /** One for each page of slots: whether the file has an older one. */
  readonly #changed: Uint8Array
  #isMade: boolean
  #file: DiskFile | undefined
  /** The header as it is on the disk; undefined where that may be another. */
  #durable: IndexHeader | undefined
  #hasChangedSlots: boolean

  constructor(options: IndexTailOptions) {
    const { shape, header, found, pieceEntries } = options
    this.#options = options
    this.#table = found?.table ?? new Int32Array(shape.slots)
    this.#entries = new IndexEntries(header.next, pieceEntries)
    this.#changed = new Uint8Array(Math.ceil(shape.slots / pageSlots))
    this.#isMade = found !== undefined
    const isWritten = found === undefined || found.isWritten
    if (!isWritten) this.#changed.fill(1)
    this.#hasChangedSlots = !isWritten
    if (found?.isWritten) this.#durable = { ...header }
  }

  get isFull(): boolean {
    return this.#options.header.next >= this.#options.shape.entries
  }

  /** Whether `flush` has something to do. */
  get isBehind(): boolean {
    return this.#hasChangedSlots || this.#durable?.next !== this.#options.header.next
  }

  /** Full pieces of entries that `write` would write. */
  get fullPieces(): number {
    return this.#entries.fullPieces
  }

  /** Entries from this number on are in memory. */
  get firstInMemory(): number {
    return this.#entries.first
  }

  /** The newest entry of a slot; 0 where there is none. */
  newestOf(slot: number): number {
    return this.#table[slot]
  }

  bytesOf(entry: number): Buffer {
    return this.#entries.bytesOf(entry)
  }

  /** `storeTimestamp`: ms since 1970. Must not be full. */
  add(keyHash: number, position: number, storeTimestamp: number): void {
    const { header, shape } = this.#options
    const slot = keyHash % shape.slots
    const previous = this.#table[slot]
    const entry = header.next
    if (entry === 1) {
      header.beginPosition = position
      header.beginTimestamp = storeTimestamp
    }
    this.#entries.add(keyHash, position, timeDiff(storeTimestamp, header.beginTimestamp), previous)
    this.#table[slot] = entry
    this.#changed[Math.floor(slot / pageSlots)] = 1
    this.#hasChangedSlots = true
    if (previous === 0) header.slotsInUse++
    header.next = entry + 1
    header.endPosition = position
    header.endTimestamp = storeTimestamp
  }

  /** Writes the entries that wait. Not to be called beside itself or `flush`. */
  async write(): Promise<void> {
    const file = await this.#open()
    await this.#entries.writeTo((entry, bytes) => file.write([bytes], indexEntryPlace(this.#options.shape, entry)))
  }

  /** Resolves with the header on the disk, when all that was added before the call is durable and counted by it. */
  async flush(): Promise<IndexHeader> {
    if (this.#durable !== undefined && !this.isBehind) return this.#durable
    const file = await this.#open()
    // Before the entries: what a slot leads to by now is written and counted below.
    await this.#writeSlots(file)
    const header = { ...this.#options.header }
    await this.write()
    await file.sync()
    await file.write([encodeIndexHeader(header)], 0)
    await file.sync()
    this.#durable = header
    return header
  }

  async close(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close()
  }

  async #open(): Promise<DiskFile> {
    const { disk, path, shape } = this.#options
    this.#file ??= await disk.open(path, { mode: this.#isMade ? 'write' : 'create' })
    if (!this.#isMade) {
      await this.#file.truncate(indexFileBytes(shape))
      await disk.syncDirectory(dirname(path))
      this.#isMade = true
    }
    return this.#file
  }

  async #writeSlots(file: DiskFile): Promise<void> {
    this.#hasChangedSlots = false
    let from = this.#changed.indexOf(1)
    while (from >= 0) {
      let to = from
      while (to - from < pagesPerWrite && this.#changed[to] === 1) this.#changed[to++] = 0
      await this.#writeSlotsOf(file, from * pageSlots, Math.min(to * pageSlots, this.#table.length))
      from = this.#changed.indexOf(1, to)
    }
  }

  async #writeSlotsOf(file: DiskFile, from: number, to: number): Promise<void> {
    const bytes = Buffer.allocUnsafe((to - from) * indexSlotBytes)
    for (let slot = from; slot < to; slot++) bytes.writeInt32BE(this.#table[slot], (slot - from) * indexSlotBytes)
    await file.write([bytes], indexSlotPlace(from))
  }
}

/** In whole seconds. RocketMQ counts those of a file's first entry from the end of the file before; here they are 0. */
function timeDiff(storeTimestamp: number, beginTimestamp: number): number {
  if (beginTimestamp <= 0) return 0
  return Math.min(Math.max(Math.floor((storeTimestamp - beginTimestamp) / 1000), 0), longestTimeDiff)
}
