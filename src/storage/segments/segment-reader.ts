/**
 * The reading side of a segment: finds whole batches by offset or by time, and walks them. The indexes are hints; what
 * they say is checked against the log, and what is no batch is told as damage.
 */

import { readInt64 } from '../../core/codec/int64.js'
import { HoldfastError } from '../../core/errors.js'
import type { RecordBatch } from '../../records/batch.js'
import { prepareCodec } from '../../records/compression/index.js'
import { batchOverheadBytes, currentMagic, at as field, logOverheadBytes } from '../../records/format.js'
import { readRecords } from '../../records/reader.js'
import type { LogSlice, ReadOptions, TimestampedOffset } from '../partition-log.js'
import type { BatchScanner } from './batch-scanner.js'
import { suffix } from './format.js'
import { type LazyIndex, type SegmentFile, scannerOf } from './lazy-index.js'
import type { SegmentPlace } from './segment-place.js'
import { positionOfTimeEntry } from './stored-index.js'

/** Gives bytes of the file, from a position on: copied, or lent by a mapping. */
type BytesAt = (position: number, length: number) => Promise<Buffer>

export class SegmentReader {
  readonly #place: SegmentPlace
  readonly #segment: SegmentFile
  readonly #index: LazyIndex

  constructor(place: SegmentPlace, segment: SegmentFile, index: LazyIndex) {
    this.#place = place
    this.#segment = segment
    this.#index = index
  }

  /**
   * Whole batches from the one that holds `offset` (or the first after it) on, `maxBytes` at most but the first batch
   * in any case. Empty where the segment holds no such offset.
   * @throws LOG_DAMAGED where bytes below the end are no batch
   */
  async read(offset: number, maxBytes: number, { lend = false }: ReadOptions = {}): Promise<LogSlice> {
    const copied: BytesAt = (position, length) => this.#bytes(position, length)
    // What is being written is never mapped for reading: only a sealed file keeps its length.
    const loan =
      lend && !this.#segment.isBeingWritten ? await this.#place.maps.borrow(this.#segment.path(suffix.log)) : undefined
    if (loan === undefined) return sliceOf(await this.#find(offset, maxBytes, copied))
    const lent: BytesAt = async (position, length) => {
      const isThere = position + length <= loan.bytes.length && (await loan.populate(position, position + length))
      return isThere ? loan.bytes.subarray(position, position + length) : copied(position, length)
    }
    try {
      const found = await this.#find(offset, maxBytes, lent)
      if (found.length > 0 && found.buffer === loan.bytes.buffer) return { ...sliceOf(found), release: loan.release }
      loan.release()
      return sliceOf(found)
    } catch (error) {
      loan.release()
      throw error
    }
  }

  async #find(offset: number, maxBytes: number, bytesAt: BytesAt): Promise<Buffer> {
    const end = this.#segment.sizeInBytes
    const entry = (await this.#index.get()).offsets.floor(offset)
    const start = entry?.position ?? 0
    // Written, but not for readers yet: as if the segment ended before it.
    if (start >= end) return Buffer.alloc(0)
    // One read that, nearly always, holds the way from the index entry to the batch and all that is wanted behind it.
    const wanted = Math.max(batchOverheadBytes, maxBytes + this.#place.indexIntervalBytes)
    const around = await bytesAt(start, Math.min(end - start, wanted))
    if (entry !== undefined && (around.length < batchOverheadBytes || lastOffsetAt(around, 0) !== entry.offset)) {
      // The index points at something else than the batch it names: it is only a hint, the log is the truth.
      await this.#index.rebuild()
      return this.#find(offset, maxBytes, bytesAt)
    }
    let at = 0
    while (at + batchOverheadBytes <= around.length && lastOffsetAt(around, at) < offset)
      at += this.#sizeAt(around, at, start)
    if (at + batchOverheadBytes <= around.length) {
      const size = this.#sizeAt(around, at, start)
      if (at + size > around.length) return bytesAt(start + at, size)
      return wholeBatches(around.subarray(at, at + Math.max(size, maxBytes)))
    }
    const found = await this.#firstFrom(start + at, end, offset)
    return found === undefined ? Buffer.alloc(0) : bytesAt(found.position, found.size)
  }

  async positionOf(offset: number): Promise<number> {
    const end = this.#segment.sizeInBytes
    const entry = (await this.#index.get()).offsets.floor(offset)
    // Of an index that leads astray nothing is believed; the way from the start is long, and right.
    const leadsThere =
      entry !== undefined &&
      entry.position + batchOverheadBytes <= end &&
      lastOffsetAt(await this.#bytes(entry.position, batchOverheadBytes), 0) === entry.offset
    const found = await this.#firstFrom(leadsThere ? entry.position : 0, end, offset)
    return found?.position ?? end
  }

  /** The first record at `minOffset` or behind it whose timestamp is `timestamp` or later. */
  async offsetForTimestamp(timestamp: number, minOffset: number): Promise<TimestampedOffset | undefined> {
    const index = await this.#index.get()
    const before = index.times.below(timestamp)
    return this.#segment.use(async (file) => {
      const log = { file, baseOffset: this.#segment.baseOffset, sizeInBytes: this.#segment.sizeInBytes }
      // An entry that leads to another batch than it names is no hint; the way from the start is long, and right.
      const start = before === undefined ? 0 : ((await positionOfTimeEntry(index, before, log)) ?? 0)
      const scanner = scannerOf(this.#segment, file, { start, end: this.#segment.sizeInBytes })
      for (let found = await scanner.next(); found !== undefined; found = await scanner.next()) {
        if (found.batch.maxTimestamp < timestamp || found.batch.lastOffset < minOffset) continue
        await prepareCodec(found.batch.codec)
        const record = readRecords(found.batch).find((one) => one.timestamp >= timestamp && one.offset >= minOffset)
        if (record !== undefined) return { offset: record.offset, timestamp: record.timestamp }
      }
      this.#assertWhole(scanner)
      return undefined
    })
  }

  /** Every batch from `minOffset` on, its CRC checked, in order. @throws LOG_DAMAGED */
  async scan(minOffset: number, visit: (batch: RecordBatch) => void): Promise<void> {
    await this.#segment.use(async (file) => {
      const scanner = scannerOf(this.#segment, file, { start: 0, end: this.#segment.sizeInBytes }, { verify: true })
      for (let found = await scanner.next(); found !== undefined; found = await scanner.next()) {
        if (found.batch.lastOffset >= minOffset) visit(found.batch)
      }
      this.#assertWhole(scanner)
    })
  }

  /** The first batch in [start, end) that ends at `offset` or later. */
  #firstFrom(start: number, end: number, offset: number): Promise<{ position: number; size: number } | undefined> {
    if (start >= end) return Promise.resolve(undefined)
    return this.#segment.use(async (file) => {
      const scanner = scannerOf(this.#segment, file, { start, end })
      for (let found = await scanner.next(); found !== undefined; found = await scanner.next()) {
        if (found.batch.lastOffset >= offset) return { position: found.position, size: found.batch.sizeInBytes }
      }
      this.#assertWhole(scanner)
      return undefined
    })
  }

  async #bytes(position: number, length: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafeSlow(length)
    const read = await this.#segment.use((file) => file.read(bytes, position))
    if (read < length) throw this.#damaged(position + read, 'the file ends early')
    return bytes
  }

  /** Total size of the batch that starts `at` bytes into `bytes`, which start at `start` of the file. */
  #sizeAt(bytes: Buffer, at: number, start: number): number {
    const size = logOverheadBytes + bytes.readInt32BE(at + field.batchLength)
    const fits = size >= batchOverheadBytes && start + at + size <= this.#segment.sizeInBytes
    if (!fits || bytes[at + field.magic] !== currentMagic) throw this.#damaged(start + at, 'there is no record batch')
    return size
  }

  /** What is skipped without a word would be lost to its reader. */
  #assertWhole(scanner: BatchScanner): void {
    if (scanner.stop !== 'end') throw this.#damaged(scanner.position, 'there is no record batch')
  }

  #damaged(position: number, why: string): HoldfastError {
    return new HoldfastError('LOG_DAMAGED', `${this.#segment.path(suffix.log)} is damaged at byte ${position}: ${why}.`)
  }
}

function sliceOf(bytes: Buffer): LogSlice {
  return { records: bytes.length === 0 ? [] : [bytes], sizeInBytes: bytes.length }
}

function lastOffsetAt(bytes: Buffer, at: number): number {
  return readInt64(bytes, at) + bytes.readInt32BE(at + field.lastOffsetDelta)
}

/** `bytes` without a batch at its end that is cut off. */
function wholeBatches(bytes: Buffer): Buffer {
  let end = 0
  while (end + logOverheadBytes <= bytes.length) {
    const size = logOverheadBytes + bytes.readInt32BE(end + field.batchLength)
    if (size < batchOverheadBytes || end + size > bytes.length) break
    end += size
  }
  return bytes.subarray(0, end)
}
