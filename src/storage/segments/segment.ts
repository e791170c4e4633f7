/**
 * One segment: a file of record batches and the two indexes that find one in it. The active segment holds its file open
 * for writing and its indexes in memory; a sealed one opens its file for each reader through the shared table and loads
 * its indexes when they are asked for.
 */

import { join } from 'node:path'
import { readInt64 } from '../../core/codec/int64.js'
import { invariant } from '../../core/invariant.js'
import { ActiveFile, type FileSizes, writing } from '../../files/active-file.js'
import type { DiskFile } from '../../files/disk.js'
import { makeSurely } from '../../files/sure-names.js'
import type { RecordBatch } from '../../records/batch.js'
import { at as field } from '../../records/format.js'
import type { LogSlice, ReadOptions, TimestampedOffset } from '../partition-log.js'
import { maxRelativeOffset, segmentFileName, suffix } from './format.js'
import { LazyIndex, type SegmentFile } from './lazy-index.js'
import { SegmentIndex } from './segment-index.js'
import type { SegmentPlace } from './segment-place.js'
import { SegmentReader } from './segment-reader.js'
import { TransactionIndex } from './transaction-index.js'

export class Segment implements SegmentFile {
  readonly baseOffset: number
  /** The transactions that were aborted by markers in this segment. */
  readonly transactions: TransactionIndex
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
  readonly #index: LazyIndex
  #holders = 0
  readonly #reader: SegmentReader

  constructor(
    place: SegmentPlace,
    baseOffset: number,
    sizeInBytes: number,
    transactions: TransactionIndex,
    active?: { file: ActiveFile; index: SegmentIndex },
  ) {
    this.transactions = transactions
    this.#place = place
    this.baseOffset = baseOffset
    this.#sizeInBytes = sizeInBytes
    this.#writtenBytes = sizeInBytes
    this.#active = active?.file
    this.#index = new LazyIndex(place, this, active?.index)
    this.#reader = new SegmentReader(place, this, this.#index)
    this.#maxTimestamp = active?.index.maxTimestamp
    this.#writtenMaxTimestamp = active?.index.maxTimestamp ?? -1
  }

  /** Makes an empty segment, durable in its directory when this resolves. */
  static async create(place: SegmentPlace, baseOffset: number, writtenBefore = 0): Promise<Segment> {
    const { disk, directory } = place
    const path = join(directory, segmentFileName(baseOffset, suffix.log))
    const make = async (): Promise<DiskFile> => {
      // What a crash or a failed attempt left under this name was never acknowledged from; and where the sync of that name
      // failed, no later one says that it is on the disk, unless the name is made anew.
      await disk.remove(path)
      const file = await disk.open(path, { ...writing(place), mode: 'create' })
      try {
        await disk.syncDirectory(directory)
      } catch (error) {
        await file.close()
        throw error
      }
      return file
    }
    const file = await makeSurely(disk, directory, make, (made) => made.close())
    return Segment.empty(place, baseOffset, file, { written: 0, fileBytes: 0, writtenBefore })
  }

  /** A segment over a file that holds zeros, or nothing. */
  static async empty(place: SegmentPlace, baseOffset: number, file: DiskFile, sizes: FileSizes): Promise<Segment> {
    // Nobody is to be served from a file that had this name before.
    await place.openFiles.drop(file.path)
    place.maps.drop(file.path)
    const index = new SegmentIndex(baseOffset, place.indexIntervalBytes)
    const active = { file: new ActiveFile(place, file, sizes), index }
    return new Segment(place, baseOffset, 0, TransactionIndex.empty(), active)
  }

  get sizeInBytes(): number {
    return this.#sizeInBytes
  }

  get writtenBytes(): number {
    return this.#writtenBytes
  }

  get isEmpty(): boolean {
    return this.#writtenBytes === 0
  }

  get isBeingWritten(): boolean {
    return this.#active !== undefined
  }

  path(fileSuffix: string): string {
    return join(this.#place.directory, segmentFileName(this.baseOffset, fileSuffix))
  }

  /** Whether `bytes` more, of so many batches that end with `lastOffset`, fit behind what is there. */
  hasRoomFor(bytes: number, lastOffset: number, segmentBytes: number, batches = 1): boolean {
    if (!this.#index.active.hasRoomFor(batches, this.#place.indexBytes)) return false
    return this.#writtenBytes + bytes <= segmentBytes && lastOffset - this.baseOffset <= maxRelativeOffset
  }

  /** Writes batches behind the last one; when this resolves they are durable on a dsync file, else in the page cache. */
  async append(batches: readonly RecordBatch[]): Promise<void> {
    invariant(this.#active, 'only the active segment is appended to')
    const buffers = batches.map((batch) => batch.bytes)
    const sizeInBytes = buffers.reduce((sum, { length }) => sum + length, 0)
    await this.#active.write(buffers, this.#writtenBytes, sizeInBytes)
    const index = this.#index.active
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
    await this.#index.seal()
    await this.sealTransactions()
  }

  /** The indexes as they are now, as files of this segment: what a later start may use of them, while it is still written. */
  mark(): { path: string; bytes: Buffer }[] {
    const { offsets, times } = this.#index.active
    const files = [
      { path: this.path(suffix.offsetIndex), bytes: offsets.bytes },
      { path: this.path(suffix.timeIndex), bytes: times.bytes },
    ]
    const { count, isChanged, bytes } = this.transactions
    // What a file tells that lies there from before a cut is not so any more: an empty one takes its place until the segment is sealed.
    if (count === 0 && !isChanged) return files
    return [...files, { path: this.path(suffix.transactionIndex), bytes }]
  }

  /** Puts the index of aborted transactions on the disk; a segment without any has none. */
  async sealTransactions(): Promise<void> {
    const { transactions } = this
    if (!transactions.isChanged) return
    const path = this.path(suffix.transactionIndex)
    if (transactions.count > 0) await this.#place.disk.replaceFile(path, transactions.bytes)
    else await this.#place.disk.remove(path)
    transactions.written()
  }

  /** Ends the writing, once those who read or sync through the same file are done. The segment can be read on. */
  closeWriter(): Promise<void> {
    this.#closing ??= this.#active?.close()
    this.#active = undefined
    return this.#closing ?? Promise.resolve()
  }

  /** Keeps the file from being used again for another segment once this one is removed, until the returned call. */
  hold(): () => void {
    this.#holders++
    return () => {
      this.#holders--
    }
  }

  get isHeld(): boolean {
    return this.#holders > 0
  }

  /** Lets go of what the segment holds open and keeps in memory. What was lent stays readable. */
  async release(): Promise<void> {
    this.#index.drop()
    this.#place.maps.drop(this.path(suffix.log))
    await this.#place.openFiles.drop(this.path(suffix.log))
    await this.closeWriter()
  }

  /** Whole batches from the one that holds `offset`, or the first after it, on. @throws LOG_DAMAGED */
  read(offset: number, maxBytes: number, options?: ReadOptions): Promise<LogSlice> {
    return this.#reader.read(offset, maxBytes, options)
  }

  /** Where the first batch begins that ends at `offset` or later; the end where there is none. */
  positionOf(offset: number): Promise<number> {
    return this.#reader.positionOf(offset)
  }

  /** The first record at `minOffset` or behind it whose timestamp is `timestamp` or later. */
  offsetForTimestamp(timestamp: number, minOffset: number): Promise<TimestampedOffset | undefined> {
    return this.#reader.offsetForTimestamp(timestamp, minOffset)
  }

  /** Of what readers may see; -1 where no record has a timestamp. */
  async maxTimestamp(): Promise<number> {
    this.#maxTimestamp ??= (await this.#index.get()).maxTimestamp
    return this.#maxTimestamp
  }

  /** The greatest timestamp of its first batch; -1 where it holds none. */
  async firstTimestamp(): Promise<number> {
    const [bytes] = (await this.read(this.baseOffset, 0)).records
    return bytes === undefined ? -1 : readInt64(bytes, field.maxTimestamp)
  }

  /** Every batch from `minOffset` on, its CRC checked, in order. @throws LOG_DAMAGED */
  scan(minOffset: number, visit: (batch: RecordBatch) => void): Promise<void> {
    return this.#reader.scan(minOffset, visit)
  }

  /** Runs `work` on the file, which stays open until it is done. */
  use<T>(work: (file: DiskFile) => Promise<T>): Promise<T> {
    return this.#active?.use(work) ?? this.#place.openFiles.use(this.path(suffix.log), work)
  }
}
