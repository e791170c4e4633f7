/** Reads the entries of all files of the key index from the oldest to the newest, and checks the chains on the way. */

import { readInt64 } from '../../../core/codec/int64.js'
import type { Disk } from '../../../files/disk.js'
import {
  type IndexHeader,
  type IndexShape,
  indexEntryAt,
  indexEntryBytes,
  indexEntryPlace,
  indexSlotBytes,
  indexSlotPlace,
} from '../../commitlog/index-format.js'
import type { Findings } from '../findings.js'
import { withFile } from '../open-file.js'
import { rowsIn } from './fixed-rows.js'

export interface ReadableIndexFile {
  readonly path: string
  readonly header: IndexHeader
  /** Its chains are on the disk; after an unclean end those of a file that still takes entries are made anew. */
  readonly hasChains: boolean
}

const entriesAtOnce = 16_384

export class IndexCursor {
  readonly #disk: Disk
  readonly #files: readonly ReadableIndexFile[]
  readonly #shape: IndexShape
  readonly #findings: Findings
  readonly #piece = Buffer.allocUnsafeSlow(entriesAtOnce * indexEntryBytes)
  /** The newest entry of each slot, as the entries themselves tell. */
  readonly #newest: Int32Array
  #slotsInUse = 0
  #file = -1
  /** The number of the entry that is next, and behind the last one in the piece. */
  #entry = 0
  #loaded = 0
  #first = 0

  constructor(disk: Disk, files: readonly ReadableIndexFile[], shape: IndexShape, findings: Findings) {
    this.#disk = disk
    this.#files = files
    this.#shape = shape
    this.#findings = findings
    this.#newest = new Int32Array(files.length === 0 ? 0 : shape.slots)
  }

  get mustLoad(): boolean {
    return this.#entry === this.#loaded && !this.isAtEnd
  }

  get isAtEnd(): boolean {
    return this.#file >= this.#files.length || (this.#file < 0 && this.#files.length === 0)
  }

  /** Of the file that the entry lies in. */
  get file(): ReadableIndexFile {
    return this.#files[this.#file]
  }

  get number(): number {
    return this.#entry
  }

  /** Of the entry that is next, as its bytes say; valid where nothing has to be loaded. */
  keyHash = 0
  position = 0
  seconds = 0
  #previous = 0

  /** It can be an entry. */
  get isSound(): boolean {
    return this.keyHash >= 0 && this.seconds >= 0 && this.position >= 0 && Number.isSafeInteger(this.position)
  }

  next(): void {
    const { hasChains, header, path } = this.file
    if (hasChains && this.isSound) this.#link()
    const claims = this.#entry === 1 ? header.beginPosition : this.position
    const ends = this.#entry === header.next - 1 ? header.endPosition : this.position
    if (hasChains && (claims !== this.position || ends !== this.position)) {
      const what = `Its header says positions ${header.beginPosition} to ${header.endPosition}; entry ${this.#entry} has ${this.position}`
      this.#findings.add('message-index-wrong', path, what, this.#place)
    }
    this.#entry++
    this.#look()
  }

  /** Once for each entry: it is asked for its fields again and again. */
  #look(): void {
    if (this.#entry === this.#loaded) return
    const piece = this.#piece
    const at = (this.#entry - this.#first) * indexEntryBytes
    this.keyHash = piece.readInt32BE(at + indexEntryAt.keyHash)
    this.position = readInt64(piece, at + indexEntryAt.position)
    this.seconds = piece.readInt32BE(at + indexEntryAt.timeDiff)
    this.#previous = piece.readInt32BE(at + indexEntryAt.previous)
  }

  /** Reads on, in the next file where this one has no more. */
  async load(): Promise<void> {
    while (this.#file < 0 || this.#entry >= this.file.header.next) {
      if (this.#file >= 0) await this.#endFile()
      this.#file++
      this.#entry = 1
      this.#loaded = 1
      this.#newest.fill(0)
      this.#slotsInUse = 0
      if (this.isAtEnd) return
    }
    const { path, header } = this.file
    const count = Math.min(entriesAtOnce, header.next - this.#entry)
    const bytes = this.#piece.subarray(0, count * indexEntryBytes)
    const read = await withFile(this.#disk, path, (file) => file.read(bytes, indexEntryPlace(this.#shape, this.#entry)))
    bytes.fill(0, read)
    this.#first = this.#entry
    this.#loaded = this.#entry + count
    this.#look()
  }

  /** Each entry leads to the one before it in its slot. */
  #link(): void {
    const slot = this.keyHash % this.#shape.slots
    const before = this.#newest[slot]
    if (this.#previous !== before) {
      const what = `Entry ${this.#entry} leads to entry ${this.#previous} of its slot, and ${before} is the one before it`
      this.#findings.add('message-index-wrong', this.file.path, what, this.#place)
    }
    if (before === 0) this.#slotsInUse++
    this.#newest[slot] = this.#entry
  }

  get #place(): { position: number } {
    return { position: indexEntryPlace(this.#shape, this.#entry) }
  }

  async #endFile(): Promise<void> {
    const { path, header, hasChains } = this.file
    if (!hasChains) return
    if (header.slotsInUse !== this.#slotsInUse) {
      const what = `Its header says that ${header.slotsInUse} slots are in use, and ${this.#slotsInUse} are`
      this.#findings.add('message-index-wrong', path, what, { position: 0 })
    }
    const first = indexSlotPlace(0)
    const end = indexSlotPlace(this.#shape.slots)
    for await (const { bytes, at, position } of rowsIn(this.#disk, path, first, end, indexSlotBytes)) {
      const newest = bytes.readInt32BE(at)
      const slot = (position - first) / indexSlotBytes
      if (newest === this.#newest[slot]) continue
      const what = `Slot ${slot} leads to entry ${newest}, and the newest of it is ${this.#newest[slot]}`
      this.#findings.add('message-index-wrong', path, what, { position })
    }
  }
}
