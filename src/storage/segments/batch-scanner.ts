/**
 * Walks the record batches of a segment file in order. It stops at the first bytes that are
 * no whole, sensible batch and says why; what that means (a torn tail, or damage) is for the caller to decide.
 */

import type { DiskFile } from '../../files/disk.js'
import { RecordBatch } from '../../records/batch.js'
import { at, batchOverheadBytes, currentMagic, logOverheadBytes } from '../../records/format.js'
import { type ChunkOptions, ChunkReader } from './chunk-reader.js'

export type ScanStop = 'end' | 'torn' | 'corrupt' | 'cut'

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

export interface ScanOptions extends ChunkOptions {
  /** Each batch's CRC is checked. */
  readonly verify: boolean
}

export class BatchScanner {
  readonly #chunks: ChunkReader
  readonly #end: number
  readonly #verify: boolean
  /** Where the next batch is expected; after the last one, the length of the valid part. */
  position: number
  /** Why `next` returned nothing. */
  stop: ScanStop | undefined
  #expectedOffset: number
  readonly #maxOffset: number
  readonly #contiguous: boolean
  /** Whether `#expectedOffset` is the very one that comes next. */
  #knowsNext: boolean

  constructor(file: DiskFile, range: ScanRange, options: ScanOptions) {
    this.#chunks = new ChunkReader(file, range.end, options)
    this.#end = range.end
    this.position = range.start
    this.#expectedOffset = range.minOffset
    this.#maxOffset = range.maxOffset
    this.#contiguous = range.contiguous ?? false
    this.#knowsNext = range.start === 0
    this.#verify = options.verify
  }

  async next(): Promise<ScannedBatch | undefined> {
    const here = this.nextHere()
    if (here !== undefined || this.stop !== undefined) return here
    if (this.position === this.#end) return this.#stopAs('end')
    if (this.#end - this.position < batchOverheadBytes) return this.#stopAs('torn')
    const head = await this.#chunks.bytes(this.position, batchOverheadBytes)
    if (head === undefined) return this.#stopAs('torn')
    // The length is compared with what is left of the file before anything is allocated by it.
    const size = sizeAt(head)
    if (size === undefined) return this.#stopAs('corrupt')
    if (size > this.#end - this.position) return this.#stopAs('torn')
    const bytes = await this.#chunks.bytes(this.position, size)
    return bytes === undefined ? this.#stopAs('torn') : this.#take(bytes)
  }

  /**
   * The next batch if it is in memory already: to wait for each of many small ones costs more than to check them.
   * Undefined says nothing; `next` has to be asked.
   */
  nextHere(): ScannedBatch | undefined {
    const head = this.stop === undefined ? this.#chunks.bytesHere(this.position, batchOverheadBytes) : undefined
    const size = head && sizeAt(head)
    const bytes = size && this.#chunks.bytesHere(this.position, size)
    return bytes ? this.#take(bytes) : undefined
  }

  #take(bytes: Buffer): ScannedBatch | undefined {
    const batch = new RecordBatch(bytes)
    if (!this.#isSensible(batch)) return this.#stopAs('corrupt')
    const { position } = this
    this.position += bytes.length
    this.#expectedOffset = batch.nextOffset
    this.#knowsNext = true
    return { position, batch }
  }

  /** To be awaited before the file is closed, where the scan reads ahead. */
  settle(): Promise<void> {
    return this.#chunks.settle()
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
}

/** The size of the batch that `head` begins, undefined where no batch begins so. */
function sizeAt(head: Buffer): number | undefined {
  const size = head.readInt32BE(at.batchLength) + logOverheadBytes
  return size < batchOverheadBytes || head[at.magic] !== currentMagic ? undefined : size
}
