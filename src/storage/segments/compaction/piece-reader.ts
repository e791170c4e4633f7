/**
 * Reads a segment file from one end to the other in pieces of a given size, into one buffer that is used again, and
 * hands out its batches without a promise for each.
 */

import { HoldfastError } from '../../../core/errors.js'
import type { DiskFile } from '../../../files/disk.js'
import { batchAt, type RecordBatch } from '../../../records/batch.js'
import { batchOverheadBytes, at as field, logOverheadBytes } from '../../../records/format.js'

export interface Piece {
  /** Whole batches, in order; valid until the next piece is asked for. */
  readonly batches: readonly RecordBatch[]
  /** Where the first of them lies in the file. */
  readonly position: number
  readonly bytes: Buffer
}

export class PieceReader {
  #buffer: Buffer

  constructor(pieceBytes: number) {
    this.#buffer = Buffer.allocUnsafeSlow(Math.max(pieceBytes, batchOverheadBytes))
  }

  /** @throws LOG_DAMAGED where [0, sizeInBytes) of the file is anything but whole batches with rising offsets */
  async *pieces(file: DiskFile, sizeInBytes: number): AsyncGenerator<Piece> {
    let nextOffset = 0
    for (let position = 0; position < sizeInBytes; ) {
      const read = await file.read(this.#buffer.subarray(0, sizeInBytes - position), position)
      const bytes = this.#buffer.subarray(0, read)
      const batches: RecordBatch[] = []
      let end = 0
      for (;;) {
        const batch = batchIn(bytes, end, file.path, position)
        if (batch === undefined) break
        if (batch.baseOffset < nextOffset || batch.lastOffsetDelta < 0) throw damaged(file.path, position + end)
        nextOffset = batch.nextOffset
        batches.push(batch)
        end += batch.sizeInBytes
      }
      if (batches.length === 0) {
        this.#growFor(bytes, sizeInBytes - position, file.path, position)
        continue
      }
      yield { batches, position, bytes: bytes.subarray(0, end) }
      position += end
    }
  }

  /** One batch may be larger than a piece. */
  #growFor(bytes: Buffer, left: number, path: string, position: number): void {
    const size = bytes.length < logOverheadBytes ? left + 1 : bytes.readInt32BE(field.batchLength) + logOverheadBytes
    if (size > left || size <= this.#buffer.length) throw damaged(path, position)
    this.#buffer = Buffer.allocUnsafeSlow(size)
  }
}

function batchIn(bytes: Buffer, at: number, path: string, position: number): RecordBatch | undefined {
  try {
    return batchAt(bytes, at)
  } catch {
    throw damaged(path, position + at)
  }
}

function damaged(path: string, position: number): HoldfastError {
  return new HoldfastError('LOG_DAMAGED', `${path} is damaged at byte ${position}: there is no record batch.`)
}
