/**
 * Walks the record batches of a segment file in order, with reads of a megabyte. It stops at the first bytes that are
 * no whole, sensible batch and says why; what that means (a torn tail, or damage) is for the caller to decide.
 */

import type { DiskFile } from '../../files/disk.js'
import { batchAt, type RecordBatch } from '../../records/batch.js'
import { at, batchOverheadBytes, logOverheadBytes } from '../../records/format.js'

export type ScanStop = 'end' | 'torn' | 'corrupt'

export interface ScannedBatch {
  readonly position: number
  /** Valid until the next call. */
  readonly batch: RecordBatch
}

export interface ScanRange {
  /** First byte, where a batch begins. */
  readonly start: number
  /** End of the bytes to scan. */
  readonly end: number
  /** No offset is below this; they rise from batch to batch. */
  readonly minOffset: number
  /** No offset is above this. */
  readonly maxOffset: number
  /**
   * Each batch begins where the one before it ends, and the first of a file at `minOffset`: the base offset lies outside
   * the checksum, so that this is what tells a wrong one.
   */
  readonly contiguous?: boolean
}

export interface ScanOptions {
  /** Each batch's CRC is checked. */
  readonly verify: boolean
  /** Bytes read at once, a megabyte unless given: less where only a few batches are looked at. */
  readonly chunkBytes?: number
}

const defaultChunkBytes = 1024 * 1024

export class BatchScanner {
  readonly #file: DiskFile
  readonly #end: number
  readonly #verify: boolean
  readonly #chunkBytes: number
  /** Where the next batch is expected; after the last one, the length of the valid part. */
  position: number
  /** Why `next` returned nothing. */
  stop: ScanStop | undefined
  #chunk: Buffer = Buffer.alloc(0)
  #chunkStart = 0
  #expectedOffset: number
  readonly #maxOffset: number
  readonly #contiguous: boolean
  /** Whether `#expectedOffset` is the very one that comes next. */
  #knowsNext: boolean

  constructor(file: DiskFile, range: ScanRange, options: ScanOptions) {
    this.#file = file
    this.#end = range.end
    this.position = range.start
    this.#expectedOffset = range.minOffset
    this.#maxOffset = range.maxOffset
    this.#contiguous = range.contiguous ?? false
    this.#knowsNext = range.start === 0
    this.#verify = options.verify
    this.#chunkBytes = options.chunkBytes ?? defaultChunkBytes
  }

  async next(): Promise<ScannedBatch | undefined> {
    if (this.stop !== undefined) return undefined
    if (this.position === this.#end) return this.#stopAs('end')
    if (this.#end - this.position < batchOverheadBytes) return this.#stopAs('torn')
    const head = await this.#bytes(batchOverheadBytes)
    if (head === undefined) return this.#stopAs('torn')
    // The length is compared with what is left of the file before anything is allocated by it.
    const size = head.readInt32BE(at.batchLength) + logOverheadBytes
    if (size < batchOverheadBytes || head[at.magic] !== 2) return this.#stopAs('corrupt')
    if (size > this.#end - this.position) return this.#stopAs('torn')
    const bytes = await this.#bytes(size)
    if (bytes === undefined) return this.#stopAs('torn')
    const batch = batchAt(bytes, 0)
    if (batch === undefined || !this.#isSensible(batch)) return this.#stopAs('corrupt')
    const { position } = this
    this.position += size
    this.#expectedOffset = batch.nextOffset
    this.#knowsNext = true
    return { position, batch }
  }

  #isSensible(batch: RecordBatch): boolean {
    if (batch.baseOffset < this.#expectedOffset || batch.lastOffsetDelta < 0 || batch.lastOffset > this.#maxOffset)
      return false
    if (this.#contiguous && this.#knowsNext && batch.baseOffset !== this.#expectedOffset) return false
    return !this.#verify || batch.crcMatches()
  }

  #stopAs(stop: ScanStop): undefined {
    this.stop = stop
    return undefined
  }

  /** The `length` bytes at `position`, or undefined where somebody has shortened the file since. */
  async #bytes(length: number): Promise<Buffer | undefined> {
    const offset = this.position - this.#chunkStart
    if (offset < 0 || offset + length > this.#chunk.length) {
      const want = Math.min(this.#end - this.position, Math.max(this.#chunkBytes, length))
      const chunk = Buffer.allocUnsafeSlow(want)
      const read = await this.#file.read(chunk, this.position)
      this.#chunk = chunk.subarray(0, read)
      this.#chunkStart = this.position
      return read < length ? undefined : this.#chunk.subarray(0, length)
    }
    return this.#chunk.subarray(offset, offset + length)
  }
}
