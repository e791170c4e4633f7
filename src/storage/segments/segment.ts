/**
 * One segment: a file of record batches and the two indexes that find one in it. The active segment holds its file open
 * for writing and its indexes in memory; a sealed one opens its file for each reader through the shared table and loads
 * its indexes when they are first asked for.
 */

import { join } from 'node:path'
import { readInt64 } from '../../core/codec/int64.js'
import { HoldfastError } from '../../core/errors.js'
import { invariant } from '../../core/invariant.js'
import type { Disk, DiskFile } from '../../files/disk.js'
import type { OpenFiles } from '../../files/open-files.js'
import { RecordBatch } from '../../records/batch.js'
import { batchOverheadBytes, at as field, logOverheadBytes } from '../../records/format.js'
import { readRecords } from '../../records/reader.js'
import type { TimestampedOffset } from '../partition-log.js'
import { BatchScanner } from './batch-scanner.js'
import { maxRelativeOffset, segmentFileName, suffix } from './format.js'
import { OffsetIndex, TimeIndex } from './index-entries.js'
import { SegmentIndex } from './segment-index.js'

/** What all segments of a log share. */
export interface SegmentPlace {
  readonly directory: string
  readonly disk: Disk
  readonly openFiles: OpenFiles
  readonly indexIntervalBytes: number
}

export class Segment {
  readonly baseOffset: number
  readonly #place: SegmentPlace
  /** Bytes of whole batches that readers may see. */
  #sizeInBytes: number
  /** Bytes of whole batches in the file; past `sizeInBytes` they are not acknowledged yet. */
  #writtenBytes: number
  /** Set while this is the active segment. */
  #writer: DiskFile | undefined
  /** Reads that go through the writer's file now, and who waits for their end. */
  #readers = 0
  readonly #whenUnread: (() => void)[] = []
  #index: SegmentIndex | undefined
  #loading: Promise<SegmentIndex> | undefined

  constructor(
    place: SegmentPlace,
    baseOffset: number,
    sizeInBytes: number,
    active?: { writer: DiskFile; index: SegmentIndex },
  ) {
    this.#place = place
    this.baseOffset = baseOffset
    this.#sizeInBytes = sizeInBytes
    this.#writtenBytes = sizeInBytes
    this.#writer = active?.writer
    this.#index = active?.index
  }

  /** Makes an empty segment, durable in its directory when this resolves. */
  static async create(place: SegmentPlace, baseOffset: number, options: { dsync: boolean }): Promise<Segment> {
    const path = join(place.directory, segmentFileName(baseOffset, suffix.log))
    const writer = await place.disk.open(path, { mode: 'create', dsync: options.dsync })
    // A file that a crash left behind under this name was never acknowledged from.
    if ((await writer.size()) > 0) await writer.truncate(0)
    await place.disk.syncDirectory(place.directory)
    return new Segment(place, baseOffset, 0, { writer, index: new SegmentIndex(baseOffset, place.indexIntervalBytes) })
  }

  get sizeInBytes(): number {
    return this.#sizeInBytes
  }

  path(fileSuffix: string): string {
    return join(this.#place.directory, segmentFileName(this.baseOffset, fileSuffix))
  }

  /** Whether a batch of `bytes` that ends with `lastOffset` still fits; the first one always does. */
  hasRoomFor(bytes: number, lastOffset: number, segmentBytes: number): boolean {
    if (this.#writtenBytes === 0) return true
    if (this.#activeIndex().isFull) return false
    return this.#writtenBytes + bytes <= segmentBytes && lastOffset - this.baseOffset <= maxRelativeOffset
  }

  /** Writes batches behind the last one; when this resolves they are durable on a dsync file, else in the page cache. */
  async append(batches: readonly RecordBatch[]): Promise<void> {
    invariant(this.#writer, 'only the active segment is appended to')
    await this.#writer.write(
      batches.map((batch) => batch.bytes),
      this.#writtenBytes,
    )
    const index = this.#activeIndex()
    for (const batch of batches) {
      index.add(this.#writtenBytes, batch)
      this.#writtenBytes += batch.sizeInBytes
    }
  }

  /** Lets readers see what has been written. */
  publish(): void {
    this.#sizeInBytes = this.#writtenBytes
  }

  /** Makes what has been written durable. A sealed segment whose writer is closed is durable already. */
  async sync(): Promise<void> {
    if (this.#writer !== undefined) await this.#withFile((file) => file.sync())
  }

  /** Puts the indexes on disk as they are now, trimmed; with `sealed`, closing time entry included. */
  async writeIndexes(options: { sealed: boolean }): Promise<void> {
    const index = this.#activeIndex()
    if (options.sealed) index.seal()
    await this.#place.disk.replaceFile(this.path(suffix.offsetIndex), index.offsets.bytes)
    await this.#place.disk.replaceFile(this.path(suffix.timeIndex), index.times.bytes)
  }

  /** Ends the writing, once those who read or sync through the same file are done. The segment can be read on. */
  async closeWriter(): Promise<void> {
    const writer = this.#writer
    if (writer === undefined) return
    this.#writer = undefined
    if (this.#readers > 0) await new Promise<void>((resolve) => this.#whenUnread.push(resolve))
    await writer.close()
  }

  /** Lets go of what a sealed segment keeps in memory. */
  async release(): Promise<void> {
    await this.closeWriter()
    await this.#place.openFiles.drop(this.path(suffix.log))
  }

  /**
   * Whole batches from the one that holds `offset` (or the first after it) on, `maxBytes` at most but the first batch
   * in any case. Empty where the segment holds no such offset.
   * @throws LOG_DAMAGED where bytes below the end are no batch
   */
  async read(offset: number, maxBytes: number): Promise<Buffer> {
    const end = this.#sizeInBytes
    const entry = (await this.#loadedIndex()).offsets.floor(offset)
    const start = entry?.position ?? 0
    // One read that, nearly always, holds the way from the index entry to the batch and all that is wanted behind it.
    const around = await this.#bytes(start, Math.min(end - start, maxBytes + this.#place.indexIntervalBytes))
    if (entry !== undefined && (around.length < batchOverheadBytes || lastOffsetAt(around, 0) !== entry.offset)) {
      // The index points at something else than the batch it names: it is only a hint, the log is the truth.
      this.#index = await this.#rebuiltIndex()
      return this.read(offset, maxBytes)
    }
    let at = 0
    while (at + batchOverheadBytes <= around.length && lastOffsetAt(around, at) < offset)
      at += this.#sizeAt(around, at, start)
    if (at + batchOverheadBytes <= around.length) {
      const size = this.#sizeAt(around, at, start)
      if (at + size > around.length) return this.#bytes(start + at, size)
      return wholeBatches(around.subarray(at, at + Math.max(size, maxBytes)))
    }
    const found = await this.#firstFrom(start + at, end, (batch) => batch.lastOffset >= offset)
    return found === undefined ? Buffer.alloc(0) : this.#bytes(found.position, found.size)
  }

  /** The first record whose timestamp is `timestamp` or later. */
  async offsetForTimestamp(timestamp: number): Promise<TimestampedOffset | undefined> {
    const index = await this.#loadedIndex()
    const before = index.times.below(timestamp)
    const start = before === undefined ? 0 : await this.#positionFor(before.offset)
    const found = await this.#firstFrom(start, this.#sizeInBytes, (batch) => batch.maxTimestamp >= timestamp)
    if (found === undefined) return undefined
    const batch = new RecordBatch(await this.#bytes(found.position, found.size))
    const record = readRecords(batch).find((candidate) => candidate.timestamp >= timestamp)
    return record && { offset: record.offset, timestamp: record.timestamp }
  }

  /** -1 where no record has a timestamp. */
  async maxTimestamp(): Promise<number> {
    return (await this.#loadedIndex()).maxTimestamp
  }

  /** Every batch from `minOffset` on, its CRC checked, in order. */
  async scan(minOffset: number, visit: (batch: RecordBatch) => void): Promise<void> {
    await this.#withFile(async (file) => {
      const scanner = this.#scanner(file, 0, { verify: true })
      for (let found = await scanner.next(); found !== undefined; found = await scanner.next()) {
        if (found.batch.lastOffset >= minOffset) visit(found.batch)
      }
    })
  }

  #scanner(file: DiskFile, start: number, options: { verify: boolean }): BatchScanner {
    const { baseOffset } = this
    const range = { start, end: this.#sizeInBytes, minOffset: baseOffset, maxOffset: baseOffset + maxRelativeOffset }
    return new BatchScanner(file, range, options)
  }

  /** Where to begin looking for `offset`: the start of a batch at or before it. */
  async #positionFor(offset: number): Promise<number> {
    return (await this.#loadedIndex()).offsets.floor(offset)?.position ?? 0
  }

  /** The first batch in [start, end) that satisfies `wanted`. */
  #firstFrom(
    start: number,
    end: number,
    wanted: (batch: RecordBatch) => boolean,
  ): Promise<{ position: number; size: number } | undefined> {
    if (start >= end) return Promise.resolve(undefined)
    return this.#withFile(async (file) => {
      const scanner = this.#scanner(file, start, { verify: false })
      for (let found = await scanner.next(); found !== undefined; found = await scanner.next()) {
        if (wanted(found.batch)) return { position: found.position, size: found.batch.sizeInBytes }
      }
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
    if (size < batchOverheadBytes || start + at + size > this.#sizeInBytes)
      throw this.#damaged(start + at, 'there is no record batch')
    return size
  }

  #damaged(position: number, why: string): HoldfastError {
    return new HoldfastError('LOG_DAMAGED', `${this.path(suffix.log)} is damaged at byte ${position}: ${why}.`)
  }

  async #withFile<T>(work: (file: DiskFile) => Promise<T>): Promise<T> {
    const writer = this.#writer
    if (writer === undefined) return this.#place.openFiles.use(this.path(suffix.log), work)
    this.#readers++
    try {
      return await work(writer)
    } finally {
      this.#readers--
      if (this.#readers === 0) for (const resolve of this.#whenUnread.splice(0)) resolve()
    }
  }

  #activeIndex(): SegmentIndex {
    invariant(this.#index, 'the active segment has its index in memory')
    return this.#index
  }

  async #loadedIndex(): Promise<SegmentIndex> {
    if (this.#index !== undefined) return this.#index
    this.#loading ??= this.#loadIndex().finally(() => {
      this.#loading = undefined
    })
    this.#index = await this.#loading
    return this.#index
  }

  /** Reads the index files, and rebuilds them from the log where one is missing or cannot be right. */
  async #loadIndex(): Promise<SegmentIndex> {
    return (await loadStoredIndex(this.#place, this.baseOffset, this.#sizeInBytes)) ?? (await this.#rebuiltIndex())
  }

  async #rebuiltIndex(): Promise<SegmentIndex> {
    const index = new SegmentIndex(this.baseOffset, this.#place.indexIntervalBytes)
    await this.#withFile(async (file) => {
      const scanner = this.#scanner(file, 0, { verify: false })
      for (let found = await scanner.next(); found !== undefined; found = await scanner.next()) {
        index.add(found.position, found.batch)
      }
    })
    index.seal()
    return index
  }
}

/** The indexes that lie beside a log file, or undefined where one is missing or is no index of that file. */
export async function loadStoredIndex(
  place: SegmentPlace,
  baseOffset: number,
  logBytes: number,
): Promise<SegmentIndex | undefined> {
  const read = (fileSuffix: string) =>
    place.disk.readFile(join(place.directory, segmentFileName(baseOffset, fileSuffix)))
  const [offsets, times] = await Promise.all([read(suffix.offsetIndex), read(suffix.timeIndex)])
  if (offsets === undefined || times === undefined) return undefined
  if (!new OffsetIndex(baseOffset, offsets).isSound(offsets.length, logBytes)) return undefined
  if (!new TimeIndex(baseOffset, times).isSound(times.length)) return undefined
  // A sealed segment that holds records has its closing time entry; without one its greatest timestamp is unknown.
  if (times.length === 0 && logBytes > 0) return undefined
  return new SegmentIndex(baseOffset, place.indexIntervalBytes, { offsets, times })
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
