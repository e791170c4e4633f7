/**
 * One segment: a file of record batches and the two indexes that find one in it. The active segment holds its file open
 * for writing and its indexes in memory; a sealed one opens its file for each reader through the shared table and loads
 * its indexes when they are asked for.
 */

import { join } from 'node:path'
import { readInt64 } from '../../core/codec/int64.js'
import { HoldfastError } from '../../core/errors.js'
import { invariant } from '../../core/invariant.js'
import type { DiskFile } from '../../files/disk.js'
import type { RecordBatch } from '../../records/batch.js'
import { prepareCodec } from '../../records/compression/index.js'
import { batchOverheadBytes, currentMagic, at as field, logOverheadBytes } from '../../records/format.js'
import { readRecords } from '../../records/reader.js'
import type { LogSlice, ReadOptions, TimestampedOffset } from '../partition-log.js'
import { ActiveFile, type FileSizes, writing } from './active-file.js'
import { BatchScanner } from './batch-scanner.js'
import { maxRelativeOffset, segmentFileName, suffix } from './format.js'
import { SegmentIndex } from './segment-index.js'
import type { SegmentPlace } from './segment-place.js'
import { loadStoredIndex, positionOfTimeEntry } from './stored-index.js'

/** Gives bytes of the file, from a position on: copied, or lent by a mapping. */
type BytesAt = (position: number, length: number) => Promise<Buffer>

export class Segment {
  readonly baseOffset: number
  readonly #place: SegmentPlace
  /** Bytes of whole batches that readers may see, and the greatest timestamp in them; -1 where there is none. */
  #sizeInBytes: number
  #maxTimestamp: number | undefined
  /** The same of what is in the file; past what readers may see it is not acknowledged yet. */
  #writtenBytes: number
  #writtenMaxTimestamp = -1
  /** Set while this is the active segment, and until its indexes are written. */
  #active: ActiveFile | undefined
  #closing: Promise<void> | undefined
  /** Until the index files are written; from then on it is in the shared cache, or on the disk alone. */
  #index: SegmentIndex | undefined
  #loading: Promise<SegmentIndex> | undefined

  constructor(
    place: SegmentPlace,
    baseOffset: number,
    sizeInBytes: number,
    active?: { file: ActiveFile; index: SegmentIndex },
  ) {
    this.#place = place
    this.baseOffset = baseOffset
    this.#sizeInBytes = sizeInBytes
    this.#writtenBytes = sizeInBytes
    this.#active = active?.file
    this.#index = active?.index
    this.#maxTimestamp = active?.index.maxTimestamp
    this.#writtenMaxTimestamp = active?.index.maxTimestamp ?? -1
  }

  /** Makes an empty segment, durable in its directory when this resolves. */
  static async create(place: SegmentPlace, baseOffset: number, writtenBefore = 0): Promise<Segment> {
    const path = join(place.directory, segmentFileName(baseOffset, suffix.log))
    const file = await place.disk.open(path, { ...writing(place), mode: 'create' })
    try {
      // A file that a crash left behind under this name was never acknowledged from.
      if ((await file.size()) > 0) await file.truncate(0)
      await place.disk.syncDirectory(place.directory)
    } catch (error) {
      await file.close()
      throw error
    }
    return Segment.empty(place, baseOffset, file, { written: 0, fileBytes: 0, writtenBefore })
  }

  /** A segment over a file that holds zeros, or nothing. */
  static async empty(place: SegmentPlace, baseOffset: number, file: DiskFile, sizes: FileSizes): Promise<Segment> {
    // Nobody is to be served from a file that had this name before.
    await place.openFiles.drop(file.path)
    place.maps.drop(file.path)
    const index = new SegmentIndex(baseOffset, place.indexIntervalBytes)
    return new Segment(place, baseOffset, 0, { file: new ActiveFile(place, file, sizes), index })
  }

  get sizeInBytes(): number {
    return this.#sizeInBytes
  }

  get isEmpty(): boolean {
    return this.#writtenBytes === 0
  }

  path(fileSuffix: string): string {
    return join(this.#place.directory, segmentFileName(this.baseOffset, fileSuffix))
  }

  /** Whether `bytes` more that end with `lastOffset` fit behind what is there. */
  hasRoomFor(bytes: number, lastOffset: number, segmentBytes: number): boolean {
    if (this.#activeIndex().isFull) return false
    return this.#writtenBytes + bytes <= segmentBytes && lastOffset - this.baseOffset <= maxRelativeOffset
  }

  /** Writes batches behind the last one; when this resolves they are durable on a dsync file, else in the page cache. */
  async append(batches: readonly RecordBatch[]): Promise<void> {
    invariant(this.#active, 'only the active segment is appended to')
    const buffers = batches.map((batch) => batch.bytes)
    const sizeInBytes = buffers.reduce((sum, { length }) => sum + length, 0)
    await this.#active.write(buffers, this.#writtenBytes, sizeInBytes)
    const index = this.#activeIndex()
    for (const batch of batches) {
      index.add(this.#writtenBytes, batch)
      this.#writtenBytes += batch.sizeInBytes
    }
    this.#writtenMaxTimestamp = index.maxTimestamp
  }

  /** Lets readers see what has been written. */
  publish(): void {
    this.#sizeInBytes = this.#writtenBytes
    this.#maxTimestamp = this.#writtenMaxTimestamp
  }

  /**
   * Takes away what a failed round left behind the published bytes, durably, so that no later opening finds it. Nothing
   * is appended any more.
   */
  async takeBack(): Promise<void> {
    const { disk, maps } = this.#place
    this.#writtenBytes = this.#sizeInBytes
    this.#writtenMaxTimestamp = this.#maxTimestamp ?? -1
    if (this.#active !== undefined) return this.#active.end(this.#sizeInBytes)
    // No mapped file is shortened; whoever has borrowed it sees published bytes only, which stay.
    maps.drop(this.path(suffix.log))
    const file = await disk.open(this.path(suffix.log), { mode: 'write' })
    try {
      await file.truncate(this.#sizeInBytes)
    } finally {
      await file.close()
    }
  }

  /** Makes what has been written durable. A sealed segment whose writer is closed is durable already. */
  async sync(): Promise<void> {
    await this.#active?.sync()
  }

  /** Bytes that were written into this log through this segment and the ones before it since the log was opened. */
  get writtenInAll(): number {
    return this.#active?.writtenInAll ?? 0
  }

  /** Calls `then`, once, when the space in front of the writer is prepared to the end of the segment. */
  whenPrepared(then: () => void): void {
    this.#active?.whenPrepared(then)
  }

  async stopPreparing(): Promise<void> {
    await this.#active?.stopPreparing()
  }

  /** Brings the end of the file, where readers and the next write go first, into memory. */
  async warm(bytes: number): Promise<void> {
    const { warmup } = this.#place
    if (warmup === 'none' || this.#sizeInBytes === 0) return
    await this.#active?.use((file) => file.warm(Math.max(0, this.#sizeInBytes - bytes), this.#sizeInBytes, warmup))
  }

  /**
   * Ends the file behind the last batch and puts the indexes on disk, trimmed, closing time entry included. Nothing is
   * appended any more.
   */
  async seal(): Promise<void> {
    await this.#active?.end(this.#writtenBytes)
    const index = this.#index
    // They are there already.
    if (index === undefined) return
    index.seal()
    await this.#place.disk.replaceFile(this.path(suffix.offsetIndex), index.offsets.bytes)
    await this.#place.disk.replaceFile(this.path(suffix.timeIndex), index.times.bytes)
    this.#index = undefined
    this.#place.indexes.put(this, index)
  }

  /** Ends the writing, once those who read or sync through the same file are done. The segment can be read on. */
  closeWriter(): Promise<void> {
    this.#closing ??= this.#active?.close()
    this.#active = undefined
    return this.#closing ?? Promise.resolve()
  }

  /** Lets go of what the segment holds open and keeps in memory. What was lent stays readable. */
  async release(): Promise<void> {
    this.#place.indexes.drop(this)
    this.#place.maps.drop(this.path(suffix.log))
    await this.#place.openFiles.drop(this.path(suffix.log))
    await this.closeWriter()
  }

  /**
   * Whole batches from the one that holds `offset` (or the first after it) on, `maxBytes` at most but the first batch
   * in any case. Empty where the segment holds no such offset.
   * @throws LOG_DAMAGED where bytes below the end are no batch
   */
  async read(offset: number, maxBytes: number, { lend = false }: ReadOptions = {}): Promise<LogSlice> {
    const copied: BytesAt = (position, length) => this.#bytes(position, length)
    // What is being written is never mapped for reading: only a sealed file keeps its length.
    const loan = lend && this.#active === undefined ? await this.#place.maps.borrow(this.path(suffix.log)) : undefined
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
    const end = this.#sizeInBytes
    const entry = (await this.#loadedIndex()).offsets.floor(offset)
    const start = entry?.position ?? 0
    // Written, but not for readers yet: as if the segment ended before it.
    if (start >= end) return Buffer.alloc(0)
    // One read that, nearly always, holds the way from the index entry to the batch and all that is wanted behind it.
    const around = await bytesAt(start, Math.min(end - start, maxBytes + this.#place.indexIntervalBytes))
    if (entry !== undefined && (around.length < batchOverheadBytes || lastOffsetAt(around, 0) !== entry.offset)) {
      // The index points at something else than the batch it names: it is only a hint, the log is the truth.
      await this.#rebuildIndex()
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

  /** The first record at `minOffset` or behind it whose timestamp is `timestamp` or later. */
  async offsetForTimestamp(timestamp: number, minOffset: number): Promise<TimestampedOffset | undefined> {
    const index = await this.#loadedIndex()
    const before = index.times.below(timestamp)
    return this.#withFile(async (file) => {
      const log = { file, baseOffset: this.baseOffset, sizeInBytes: this.#sizeInBytes }
      // An entry that leads to another batch than it names is no hint; the way from the start is long, and right.
      const start = before === undefined ? 0 : ((await positionOfTimeEntry(index, before, log)) ?? 0)
      const scanner = this.#scanner(file, { start, end: this.#sizeInBytes })
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

  /** Of what readers may see; -1 where no record has a timestamp. */
  async maxTimestamp(): Promise<number> {
    this.#maxTimestamp ??= (await this.#loadedIndex()).maxTimestamp
    return this.#maxTimestamp
  }

  /** Every batch from `minOffset` on, its CRC checked, in order. @throws LOG_DAMAGED */
  async scan(minOffset: number, visit: (batch: RecordBatch) => void): Promise<void> {
    await this.#withFile(async (file) => {
      const scanner = this.#scanner(file, { start: 0, end: this.#sizeInBytes }, { verify: true })
      for (let found = await scanner.next(); found !== undefined; found = await scanner.next()) {
        if (found.batch.lastOffset >= minOffset) visit(found.batch)
      }
      this.#assertWhole(scanner)
    })
  }

  #scanner(file: DiskFile, { start, end }: { start: number; end: number }, options = { verify: false }): BatchScanner {
    const { baseOffset } = this
    return new BatchScanner(
      file,
      { start, end, minOffset: baseOffset, maxOffset: baseOffset + maxRelativeOffset },
      options,
    )
  }

  /** The first batch in [start, end) that ends at `offset` or later. */
  #firstFrom(start: number, end: number, offset: number): Promise<{ position: number; size: number } | undefined> {
    if (start >= end) return Promise.resolve(undefined)
    return this.#withFile(async (file) => {
      const scanner = this.#scanner(file, { start, end })
      for (let found = await scanner.next(); found !== undefined; found = await scanner.next()) {
        if (found.batch.lastOffset >= offset) return { position: found.position, size: found.batch.sizeInBytes }
      }
      this.#assertWhole(scanner)
      return undefined
    })
  }

  async #bytes(position: number, length: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafeSlow(length)
    const read = await this.#withFile((file) => file.read(bytes, position))
    if (read < length) throw this.#damaged(position + read, 'the file ends early')
    return bytes
  }

  /** Total size of the batch that starts `at` bytes into `bytes`, which start at `start` of the file. */
  #sizeAt(bytes: Buffer, at: number, start: number): number {
    const size = logOverheadBytes + bytes.readInt32BE(at + field.batchLength)
    const fits = size >= batchOverheadBytes && start + at + size <= this.#sizeInBytes
    if (!fits || bytes[at + field.magic] !== currentMagic) throw this.#damaged(start + at, 'there is no record batch')
    return size
  }

  /** What is skipped without a word would be lost to its reader. */
  #assertWhole(scanner: BatchScanner): void {
    if (scanner.stop !== 'end') throw this.#damaged(scanner.position, 'there is no record batch')
  }

  #damaged(position: number, why: string): HoldfastError {
    return new HoldfastError('LOG_DAMAGED', `${this.path(suffix.log)} is damaged at byte ${position}: ${why}.`)
  }

  async #withFile<T>(work: (file: DiskFile) => Promise<T>): Promise<T> {
    return this.#active?.use(work) ?? this.#place.openFiles.use(this.path(suffix.log), work)
  }

  #activeIndex(): SegmentIndex {
    invariant(this.#index, 'the active segment has its index in memory')
    return this.#index
  }

  async #loadedIndex(): Promise<SegmentIndex> {
    const inMemory = this.#index ?? this.#place.indexes.get(this)
    if (inMemory !== undefined) return inMemory
    this.#loading ??= this.#loadIndex().finally(() => {
      this.#loading = undefined
    })
    return this.#loading
  }

  /** Reads the index files, and rebuilds them from the log where one is missing or cannot be right. */
  async #loadIndex(): Promise<SegmentIndex> {
    const { baseOffset } = this
    const stored = await this.#withFile((file) =>
      loadStoredIndex(this.#place, { file, baseOffset, sizeInBytes: this.#sizeInBytes }),
    )
    if (stored === undefined) return this.#rebuildIndex()
    this.#place.indexes.put(this, stored)
    return stored
  }

  async #rebuildIndex(): Promise<SegmentIndex> {
    const index = new SegmentIndex(this.baseOffset, this.#place.indexIntervalBytes)
    await this.#withFile(async (file) => {
      // An active segment grows meanwhile; the new index takes over in the moment in which it has caught up.
      let scanner = this.#scanner(file, { start: 0, end: this.#writtenBytes })
      while (scanner.position < this.#writtenBytes && (scanner.stop ?? 'end') === 'end') {
        scanner = this.#scanner(file, { start: scanner.position, end: this.#writtenBytes })
        for (let found = await scanner.next(); found !== undefined; found = await scanner.next())
          index.add(found.position, found.batch)
      }
      if (this.#index !== undefined) {
        this.#index = index
        return
      }
      index.seal()
      this.#place.indexes.put(this, index)
    })
    return index
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
