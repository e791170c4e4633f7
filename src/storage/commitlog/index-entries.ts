/** The newest entries of an index file, in memory until they are written, and the rest of a piece as long as it fills. */

import { indexEntryAt, indexEntryBytes } from './index-format.js'

interface Piece {
  /** The number of its first entry. */
  readonly first: number
  readonly bytes: Buffer
  /** Of the bytes; several times as fast as their own methods. */
  readonly view: DataView
  filled: number
  written: number
}

/** 256 KiB. */
export const usualPieceEntries = 13_107

export class IndexEntries {
  readonly #pieceEntries: number
  /** Oldest first; only the last takes entries. */
  #pieces: Piece[] = []
  /** The number of the next entry. */
  #next: number

  constructor(next: number, pieceEntries = usualPieceEntries) {
    this.#next = next
    this.#pieceEntries = pieceEntries
  }

  /** Entries from this number on are here, those before it only in the file. */
  get first(): number {
    return this.#pieces.length === 0 ? this.#next : this.#pieces[0].first
  }

  /** How many pieces are full, and wait to be written. */
  get fullPieces(): number {
    const last = this.#pieces.at(-1)
    return last === undefined || last.filled === this.#pieceEntries ? this.#pieces.length : this.#pieces.length - 1
  }

  add(keyHash: number, position: number, timeDiff: number, previous: number): void {
    let piece = this.#pieces.at(-1)
    if (piece === undefined || piece.filled === this.#pieceEntries) {
      const bytes = Buffer.allocUnsafe(this.#pieceEntries * indexEntryBytes)
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
      piece = { first: this.#next, bytes, view, filled: 0, written: 0 }
      this.#pieces.push(piece)
    }
    const { view } = piece
    const at = piece.filled * indexEntryBytes
    view.setInt32(at + indexEntryAt.keyHash, keyHash)
    view.setInt32(at + indexEntryAt.position, Math.floor(position / 2 ** 32))
    view.setUint32(at + indexEntryAt.position + 4, position)
    view.setInt32(at + indexEntryAt.timeDiff, timeDiff)
    view.setInt32(at + indexEntryAt.previous, previous)
    piece.filled++
    this.#next++
  }

  /** The bytes of an entry that is here; valid until the caller gives others their turn. */
  bytesOf(entry: number): Buffer {
    let piece = this.#pieces.length - 1
    while (this.#pieces[piece].first > entry) piece--
    const { bytes, first } = this.#pieces[piece]
    const at = (entry - first) * indexEntryBytes
    return bytes.subarray(at, at + indexEntryBytes)
  }

  /** Shows `write` what is not written, in order, and lets go of pieces that are full and written. */
  async writeTo(write: (entry: number, bytes: Buffer) => Promise<void>): Promise<void> {
    const end = this.#next
    for (let piece = this.#pieces[0]; piece !== undefined && piece.first < end; piece = this.#pieces[0]) {
      const { filled, written } = piece
      if (filled > written) {
        await write(piece.first + written, piece.bytes.subarray(written * indexEntryBytes, filled * indexEntryBytes))
        piece.written = filled
      }
      if (piece.written < this.#pieceEntries) return
      this.#pieces.shift()
    }
  }
}
