/**
 * The file that a log is written into now: keeps it open (or opens it again, where a store with very many logs had to
 * close it), keeps zeros in front of the writer, and cuts them off at the end where its owner wants that.
 */

import type { Logger } from '../core/logger.js'
import type { Disk, DiskFile, OpenOptions } from './disk.js'
import type { Gate } from './gate.js'
import { InFlight } from './in-flight.js'
import type { OpenWriters, Parkable } from './open-writers.js'
import { type Preallocation, Runway } from './runway.js'

/** Where such files lie, what they share with others, and how they are written. */
export interface WritingPlace {
  readonly disk: Disk
  readonly logger: Logger
  readonly writers: OpenWriters
  /** Who may write zeros ahead of a log now. */
  readonly preparing: Gate
  /** Where a file ends at the latest. */
  readonly segmentBytes: number
  /** No file is ever longer, not even by prepared zeros. */
  readonly isFixedLength?: boolean
  /** A write is durable when it returns. */
  readonly dsync: boolean
  readonly engine: 'disk' | 'mmap'
  readonly preallocate: Preallocation
  readonly warmup: 'none' | 'touch' | 'lock'
}

/** How such a file is opened to be written. */
export function writing(place: WritingPlace): OpenOptions {
  const { dsync, engine, isFixedLength, segmentBytes } = place
  return { mode: 'write', dsync, mapped: engine === 'mmap', ...(isFixedLength && { mostBytes: segmentBytes }) }
}

export interface FileSizes {
  /** Bytes of whole batches. */
  readonly written: number
  /** Up to here the file holds prepared zeros behind `written`. */
  readonly fileBytes: number
  /** Bytes that were written into this log's earlier segments since it was opened. */
  readonly writtenBefore: number
}

export class ActiveFile implements Parkable {
  readonly path: string
  readonly #place: WritingPlace
  readonly #runway: Runway
  #file: DiskFile | undefined
  #opening: Promise<DiskFile> | undefined
  #closing: Promise<void> | undefined
  /** Bytes that no sync covers yet; stays false where writes are durable as they return. */
  #isDirty = false
  /** What goes through the file now. */
  readonly #uses = new InFlight()

  constructor(place: WritingPlace, file: DiskFile, sizes: FileSizes) {
    const { disk, preallocate: how, segmentBytes, logger } = place
    this.path = file.path
    this.#place = place
    this.#file = file
    const onPrepared = (from: number, to: number): void => this.#warm(from, to)
    this.#runway = new Runway(
      { gate: place.preparing, disk, path: file.path, how, segmentBytes, logger, onPrepared },
      sizes,
    )
    void place.writers.used(this)
    if (sizes.fileBytes > sizes.written) this.#warm(sizes.written, sizes.fileBytes)
  }

  /** Bytes that were written into this log since it was opened. */
  get writtenInAll(): number {
    return this.#runway.writtenInAll
  }

  /** Calls `then`, once, when the space in front of the writer is prepared to the end of the segment. */
  whenPrepared(then: () => void): void {
    this.#runway.whenComplete(then)
  }

  /** When this resolves the bytes are durable on a dsync file, else in the page cache. */
  async write(buffers: readonly Buffer[], position: number, sizeInBytes: number): Promise<void> {
    await this.#runway.admit(position, position + sizeInBytes)
    await this.use(async (file) => {
      void this.#place.writers.used(this)
      if (!this.#place.dsync) this.#isDirty = true
      await file.write(buffers, position)
    })
    this.#runway.extend()
  }

  /** Runs `work` on the file, which stays open until it is done. */
  use<T>(work: (file: DiskFile) => Promise<T>): Promise<T> {
    return this.#uses.run(async () => work(this.#file ?? (await this.#reopened())))
  }

  sync(): Promise<void> {
    return this.use((file) => {
      // What is written while the sync runs belongs to the next one.
      this.#isDirty = false
      return file.sync().catch((error: unknown) => {
        this.#isDirty = true
        throw error
      })
    })
  }

  stopPreparing(): Promise<void> {
    return this.#runway.stop()
  }

  /** Ends the file at `length`, durably. Nothing is written any more. */
  async end(length: number): Promise<void> {
    await this.#runway.stop()
    await this.use(async (file) => {
      if ((await file.size()) > length) await file.truncate(length)
    })
  }

  /** Waits until nothing touches the file any more, and closes it. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  park(): Promise<void> | undefined {
    if (this.#isDirty || this.#uses.isAny || this.#file === undefined || this.#closing !== undefined) return undefined
    // All that was written through it is durable: the way it closes has nothing to say.
    const closing = this.#file.close().catch(() => {})
    this.#file = undefined
    return closing
  }

  /** Brings a range in front of the writer, or the end of what was written, into memory. */
  #warm(from: number, to: number): void {
    const { warmup, engine } = this.#place
    if (warmup === 'none' || engine !== 'mmap' || this.#file === undefined) return
    void this.use((file) => file.warm(from, to, warmup))
  }

  async #close(): Promise<void> {
    await this.#runway.stop()
    await this.#uses.ended()
    this.#place.writers.forget(this)
    await this.#file?.close()
  }

  #reopened(): Promise<DiskFile> {
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  async #open(): Promise<DiskFile> {
    const { disk, writers } = this.#place
    await writers.used(this)
    try {
      this.#file = await disk.open(this.path, writing(this.#place))
      return this.#file
    } catch (error) {
      writers.forget(this)
      throw error
    }
  }
}
