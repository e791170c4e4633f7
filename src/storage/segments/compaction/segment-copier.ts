/**
 * Writes the segment that takes the place of a group: `<base>.log.cleaned` and its indexes, complete and durable before
 * anything else changes. Batches that stay as they are and lie side by side in their source are copied by the kernel; the
 * file is made only once something differs from the source, so that a segment in which nothing changes is not written.
 */

import { join } from 'node:path'
import { invariant } from '../../../core/invariant.js'
import type { Disk, DiskFile } from '../../../files/disk.js'
import { segmentFileName, stage, suffix } from '../format.js'
import { type IndexedBatch, SegmentIndex } from '../segment-index.js'
import type { Piece } from './piece-reader.js'

/** Shorter runs (or such as are no longer than a buffer) are cheaper to copy out of the memory they were read into. */
const longRunBytes = 256 * 1024
/** What is written is made durable in pieces: one sync of a gibibyte would be felt by everybody who waits for the disk. */
const syncEveryBytes = 16 * 1024 * 1024

export interface CopierOptions {
  readonly disk: Disk
  readonly directory: string
  readonly indexIntervalBytes: number
  readonly bufferBytes: number
  /** Told of bytes that were written. */
  readonly spent: (bytes: number) => Promise<void>
}

/** Batches that were kept side by side, of which nothing was written yet. */
interface Run {
  readonly source: DiskFile
  readonly start: number
  length: number
}

export interface KeptBatch extends IndexedBatch {
  readonly sizeInBytes: number
}

export class SegmentCopier {
  readonly #options: CopierOptions
  readonly #baseOffset: number
  readonly #index: SegmentIndex
  readonly #buffer: Buffer
  /** From so many bytes on a run is copied by the kernel. */
  readonly #longRunBytes: number
  #file: DiskFile | undefined
  /** The bytes of the new segment lie in the file, behind them in the buffer, behind them in the run. */
  #flushed = 0
  #buffered = 0
  #run: Run | undefined
  #size = 0
  #unsynced = 0
  #firstSource: DiskFile | undefined
  #isCopy = true

  constructor(options: CopierOptions, baseOffset: number) {
    this.#options = options
    this.#baseOffset = baseOffset
    this.#index = new SegmentIndex(baseOffset, options.indexIntervalBytes)
    this.#buffer = Buffer.allocUnsafeSlow(options.bufferBytes)
    this.#longRunBytes = Math.min(longRunBytes, options.bufferBytes)
  }

  /** Bytes of batches so far. */
  get sizeInBytes(): number {
    return this.#size
  }

  /** Whether what was kept is one source from its start on, as it was. */
  get isCopy(): boolean {
    return this.#isCopy
  }

  /** Takes over a batch that lies at `position` of `source`, in `piece`. */
  keep(source: DiskFile, position: number, batch: KeptBatch, piece: Piece): Promise<void> | undefined {
    this.#firstSource ??= source
    if (source !== this.#firstSource || position !== this.#size) this.#isCopy = false
    this.#note(batch, batch.sizeInBytes)
    const run = this.#run
    if (run?.source === source && run.start + run.length === position) {
      run.length += batch.sizeInBytes
      return undefined
    }
    const ended = this.#endRun(piece)
    this.#run = { source, start: position, length: batch.sizeInBytes }
    return ended
  }

  /** Writes a batch that is not as it was; `bytes` are free again when this has resolved, or is undefined. */
  write(bytes: Buffer, batch: IndexedBatch, piece: Piece): Promise<void> | undefined {
    this.#isCopy = false
    this.#note(batch, bytes.length)
    const ended = this.#endRun(piece)
    return ended === undefined ? this.#put(bytes) : ended.then(() => this.#put(bytes))
  }

  /** To be called before the bytes of a piece go: a short run is copied out of them. */
  endPiece(piece: Piece): Promise<void> | undefined {
    return this.#run !== undefined && this.#run.length < this.#longRunBytes ? this.#endRun(piece) : undefined
  }

  /** To be called before the file of a source is closed, unless nothing is to come of it: a long run is copied from it. */
  async endSource(): Promise<void> {
    await this.#endRun(undefined)
  }

  /** Makes the new segment whole and durable under the names that end in `.cleaned`. */
  async finish(): Promise<void> {
    invariant(this.#run === undefined, 'what was kept of a source is written before its file is closed')
    await this.#flush()
    const file = await this.#opened()
    await file.sync()
    await this.#close()
    this.#index.seal()
    await this.writeBeside(suffix.offsetIndex, this.#index.offsets.bytes)
    await this.writeBeside(suffix.timeIndex, this.#index.times.bytes)
  }

  /** A file of the new segment beside its log, whole and durable. */
  async writeBeside(fileSuffix: string, bytes: Buffer): Promise<void> {
    const file = await this.#created(fileSuffix)
    try {
      if (bytes.length > 0) await file.write([bytes], 0)
      await file.sync()
    } finally {
      await file.close()
    }
  }

  /** Lets go of the file, whatever is in it. */
  async abandon(): Promise<void> {
    await this.#close().catch(() => {})
  }

  #note(batch: IndexedBatch, sizeInBytes: number): void {
    this.#index.add(this.#size, batch)
    this.#size += sizeInBytes
  }

  #endRun(piece: Piece | undefined): Promise<void> | undefined {
    const run = this.#run
    if (run === undefined) return undefined
    this.#run = undefined
    if (piece === undefined || run.length >= this.#longRunBytes) return this.#copy(run)
    const start = run.start - piece.position
    return this.#put(piece.bytes.subarray(start, start + run.length))
  }

  async #copy(run: Run): Promise<void> {
    await this.#flush()
    const file = await this.#opened()
    for (let done = 0; done < run.length; ) {
      const length = Math.min(syncEveryBytes, run.length - done)
      await this.#options.disk.copyRange(run.source, run.start + done, file, this.#flushed, length)
      done += length
      await this.#wrote(file, length)
    }
  }

  #put(bytes: Buffer): Promise<void> | undefined {
    if (this.#buffered + bytes.length <= this.#buffer.length) {
      bytes.copy(this.#buffer, this.#buffered)
      this.#buffered += bytes.length
      return undefined
    }
    return this.#putSlowly(bytes)
  }

  async #putSlowly(bytes: Buffer): Promise<void> {
    await this.#flush()
    if (bytes.length <= this.#buffer.length) {
      await this.#put(bytes)
      return
    }
    const file = await this.#opened()
    await file.write([bytes], this.#flushed)
    await this.#wrote(file, bytes.length)
  }

  async #flush(): Promise<void> {
    if (this.#buffered === 0) return
    const file = await this.#opened()
    const length = this.#buffered
    await file.write([this.#buffer.subarray(0, length)], this.#flushed)
    this.#buffered = 0
    await this.#wrote(file, length)
  }

  async #wrote(file: DiskFile, bytes: number): Promise<void> {
    this.#flushed += bytes
    this.#unsynced += bytes
    if (this.#unsynced >= syncEveryBytes) {
      this.#unsynced = 0
      await file.sync()
    }
    await this.#options.spent(bytes)
  }

  async #opened(): Promise<DiskFile> {
    this.#file ??= await this.#created(suffix.log)
    return this.#file
  }

  /** An empty file, also where an attempt that failed left one. */
  async #created(fileSuffix: string): Promise<DiskFile> {
    const { disk, directory } = this.#options
    const path = join(directory, segmentFileName(this.#baseOffset, fileSuffix + stage.cleaned))
    const file = await disk.open(path, { mode: 'create' })
    try {
      if ((await file.size()) > 0) await file.truncate(0)
      return file
    } catch (error) {
      await file.close()
      throw error
    }
  }

  async #close(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close()
  }
}
