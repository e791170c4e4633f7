/** The newest entries of an index file, in memory until they are written, and the rest of a piece as long as it fills. */

import { indexEntryAt, indexEntryBytes, writeLong } from './index-format.js'

interface Piece {
  /** The number of its first entry. */
  readonly first: number
  readonly bytes: Buffer
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
      piece = { first: this.#next, bytes, filled: 0, written: 0 }
      this.#pieces.push(piece)
    }
    const { bytes } = piece
    const at = piece.filled * indexEntryBytes
    bytes.writeInt32BE(keyHash, at + indexEntryAt.keyHash)
    writeLong(bytes, position, at + indexEntryAt.position)
    bytes.writeInt32BE(timeDiff, at + indexEntryAt.timeDiff)
    bytes.writeInt32BE(previous, at + indexEntryAt.previous)
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
