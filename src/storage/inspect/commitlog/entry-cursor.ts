/**
 * Reads the entries of one consume queue from its first to its last, a piece at a time: there may be ten thousand queues
 * that are read side by side.
 */

import type { OpenFiles } from '../../../files/open-files.js'
import { queueEntryBytes } from '../../commitlog/format.js'
import { entryPosition, entrySize, entryTagsCode, isPreBlank } from '../../commitlog/queue-entries.js'
import type { FixedFile } from './fixed-files.js'

export class EntryCursor {
  readonly #files: readonly FixedFile[]
  readonly #openFiles: OpenFiles
  readonly #pieceBytes: number
  #piece: Buffer = Buffer.alloc(0)
  #at = 0
  /** The file that the next piece is read from, and from which byte. */
  #file = 0
  #fileAt = 0
  #offset: number
  /** Behind an empty slot. */
  #isOver = false
  /** Something lies behind the first empty slot. */
  hasMoreBehind = false

  /** @param pieceBytes the most that is held in memory; a multiple of an entry */
  constructor(files: readonly FixedFile[], openFiles: OpenFiles, pieceBytes: number) {
    this.#files = files
    this.#openFiles = openFiles
    this.#pieceBytes = pieceBytes
    this.#offset = (files[0]?.start ?? 0) / queueEntryBytes
  }

  /** Whether the entry that is next has to be read first, by `load`. */
  get mustLoad(): boolean {
    return this.#at === this.#piece.length && !this.isAtEnd
  }

  /** No entry is left. Known when nothing has to be loaded. */
  get isAtEnd(): boolean {
    return this.#isOver || (this.#at === this.#piece.length && this.#file >= this.#files.length)
  }

  /** The queue offset of the entry that is next, or of the one that would be. */
  get offset(): number {
    return this.#offset
  }

  get position(): number {
    return entryPosition(this.#piece, this.#at)
  }

  get size(): number {
    return entrySize(this.#piece, this.#at)
  }

  get tagsCode(): number {
    return entryTagsCode(this.#piece, this.#at)
  }

  /** It stands for what the queue never held. */
  get isPreBlank(): boolean {
    return isPreBlank(this.#piece, this.#at)
  }

  next(): void {
    this.#at += queueEntryBytes
    this.#offset++
    this.#look()
  }

  async load(): Promise<void> {
    const file = this.#files[this.#file]
    if (this.#fileAt === 0) this.#offset = file.start / queueEntryBytes
    const whole = file.sizeInBytes - (file.sizeInBytes % queueEntryBytes)
    const piece = Buffer.allocUnsafe(Math.min(this.#pieceBytes, whole - this.#fileAt))
    const read = await this.#openFiles.use(file.path, (open) => open.read(piece, this.#fileAt))
    this.#piece = piece.subarray(0, read - (read % queueEntryBytes))
    this.#at = 0
    this.#fileAt += this.#piece.length
    if (this.#fileAt >= whole || this.#piece.length === 0) {
      this.#file++
      this.#fileAt = 0
    }
    this.#look()
  }

  /** A slot without a size ends the queue. */
  #look(): void {
    if (this.#at >= this.#piece.length || this.size > 0) return
    this.#isOver = true
    this.hasMoreBehind = this.#piece.subarray(this.#at).some((byte) => byte !== 0)
  }
}
