/**
 * The writing side of the commit log between two openings: gives each batch its place, takes the rounds of the group
 * commit, writes them into the active file, goes on in the next one where a batch does not fit, and tells how far it got.
 *
 * Files have a fixed length. A batch lies in one file as a whole; where it does not fit, a blank of 8 bytes says that the
 * rest of the file is empty, for which every file keeps room (RocketMQ's CommitLog.doAppend).
 */

import { HoldfastError } from '../../core/errors.js'
import { invariant } from '../../core/invariant.js'
import { Mutex } from '../../core/mutex.js'
import { ActiveFile, type WritingPlace, writing } from '../../files/active-file.js'
import type { DiskFile } from '../../files/disk.js'
import type { RoundTarget } from '../../flush/round-target.js'
import type { FileSequence } from './file-sequence.js'
import { blankBytes, magic } from './format.js'

/** A batch on its way to the disk. */
export interface PlacedBatch {
  /** Its messages, back to back. */
  readonly bytes: Buffer
  readonly position: number
  readonly messageCount: number
}

export interface CommitLogWriterOptions<T> {
  readonly place: WritingPlace
  readonly files: FileSequence
  /** Lets those who read forget a file whose name is about to go. */
  dropFile(path: string): Promise<void>
  /** Whether a round acknowledged from the page cache may be lost with the machine. */
  readonly acknowledgeAfter: 'sync' | 'write'
  /** Called with each round that readers may see, in the order of the log. The next one waits for what it returns. */
  onPublished(round: readonly T[]): Promise<void> | undefined
  /** Called as a sync of all that is published begins; what it returns is called once that has succeeded. */
  onSync(): () => void
  /** Called once, with the first write or sync that failed; returns the error for those who wait. */
  onFailed(cause: unknown): HoldfastError
}

export class CommitLogWriter<T extends PlacedBatch> implements RoundTarget<T> {
  readonly #options: CommitLogWriterOptions<T>
  readonly #files: FileSequence
  /** Where the next batch begins, if it fits. */
  #reserved: number
  #written: number
  #published: number
  #durable: number
  /** Up to where a round that failed may have left something. */
  #attempted: number
  #active: { readonly start: number; readonly file: ActiveFile } | undefined
  #next: Promise<unknown> | undefined
  #isDirty = false
  #syncFailed = false
  readonly #syncs = new Mutex()

  /** @param end where the log ends; behind it the files hold zeros */
  constructor(options: CommitLogWriterOptions<T>, end: number) {
    this.#options = options
    this.#files = options.files
    this.#reserved = end
    this.#written = end
    this.#published = end
    this.#durable = end
    this.#attempted = end
  }

  /** Readers see what lies below. */
  get publishedPosition(): number {
    return this.#published
  }

  /** Behind everything that was given a place. */
  get reservedPosition(): number {
    return this.#reserved
  }

  get durablePosition(): number {
    return this.#durable
  }

  /** A sync failed: what the page cache says of bytes that were not durable yet cannot be believed. */
  get syncFailed(): boolean {
    return this.#syncFailed
  }

  /** The most bytes that the messages of one batch may have. */
  get largestBatchBytes(): number {
    return this.#files.fileBytes - blankBytes
  }

  /** The place of a batch behind all that were given one before. To be submitted in that order. */
  reserve(sizeInBytes: number): number {
    invariant(sizeInBytes <= this.largestBatchBytes, 'a batch fits into a file')
    const { fileBytes } = this.#files
    const left = fileBytes - (this.#reserved % fileBytes)
    const position = sizeInBytes + blankBytes <= left ? this.#reserved : this.#reserved + left
    this.#reserved = position + sizeInBytes
    return position
  }

  sizeOf({ bytes }: T): number {
    return bytes.length
  }

  messagesIn({ messageCount }: T): number {
    return messageCount
  }

  /** Of a round that fails nothing is left in the files, as far as the disk still does what it is told. */
  async writeRound(items: readonly T[], durable: boolean): Promise<void> {
    try {
      await this.#options.place.writers.writing(() => this.#writeRound(items, durable))
    } catch (cause) {
      await this.takeBack().catch((err: unknown) => {
        const fields = { directory: this.#files.directory, position: this.#published, err }
        this.#options.place.logger.error(
          fields,
          'Could not cut what was refused from the commit log; until it is recovered a restart would find it.',
        )
      })
      throw cause
    }
  }

  async #writeRound(items: readonly T[], durable: boolean): Promise<void> {
    invariant(items[0].position >= this.#written, 'a round continues the log where the last one ended')
    for (let start = 0; start < items.length; ) {
      const fileStart = this.#files.startFor(items[start].position)
      let end = start
      while (end < items.length && this.#files.startFor(items[end].position) === fileStart) end++
      await this.#writeRun(items.slice(start, end), fileStart)
      start = end
    }
    if (durable && !this.#options.place.dsync) await this.sync()
    if (this.#syncFailed) throw new HoldfastError('DISK_FAILED', 'An earlier sync of the commit log failed.')
    this.#published = this.#written
    if (this.#options.place.dsync) this.#durable = this.#written
    const patience = this.#options.onPublished(items)
    this.#prepareNext()
    if (patience !== undefined) await patience
  }

  async #writeRun(run: readonly T[], fileStart: number): Promise<void> {
    const first = run[0].position
    const last = run[run.length - 1]
    const end = last.position + last.bytes.length
    const active = this.#active?.start === fileStart ? this.#active.file : await this.#begin(fileStart)
    invariant(this.#written === first, 'nothing is left out between two batches of a file')
    this.#attempted = end
    await this.#put(
      active,
      run.map(({ bytes }) => bytes),
      end,
    )
  }

  /** Goes on in the file that starts at `start`: the one that the log ends in, or the one behind it. */
  async #begin(start: number): Promise<ActiveFile> {
    if (this.#files.startFor(this.#written) !== start || this.#active !== undefined) await this.#endActive(start)
    if (this.#files.locate(start) === undefined) {
      await this.#next
      if (this.#files.locate(start) === undefined) await this.#makeFile(start)
    }
    this.#next = undefined
    const { place } = this.#options
    const path = this.#files.pathOf(start)
    const written = this.#written - start
    const file = new ActiveFile(place, await place.disk.open(path, writing(place)), {
      written,
      fileBytes: written,
      writtenBefore: Math.max(0, start - (this.#files.first ?? start)),
    })
    this.#active = { start, file }
    return file
  }

  /** Says that the rest of the active file is empty, and lets go of it. */
  async #endActive(nextStart: number): Promise<void> {
    const start = this.#files.startFor(this.#written)
    if (start !== nextStart) {
      const active = this.#active?.file ?? (await this.#begin(start))
      this.#attempted = nextStart
      await this.#put(active, [blank(nextStart - this.#written)], this.#written + blankBytes)
    }
    // Nothing follows that could survive what lies before it; a sync that is under way may fail still.
    if (!this.#options.place.dsync) await this.sync()
    const ended = this.#active
    this.#active = undefined
    await ended?.file.close()
    this.#written = nextStart
  }

  /** Writes what lies between the end of what is written and `end`. */
  async #put(active: ActiveFile, buffers: readonly Buffer[], end: number): Promise<void> {
    const position = this.#written
    await active.write(buffers, position % this.#files.fileBytes, end - position)
    // Only now: a sync that began before does not cover it.
    this.#isDirty ||= !this.#options.place.dsync
    this.#written = end
  }

  async #makeFile(start: number): Promise<void> {
    const { place } = this.#options
    const path = await this.#files.create(start)
    if (place.preallocate !== 'fallocate') return
    // Beside the length, which is what counts: where there is no room for it the file grows as it is written.
    const file = await place.disk.open(path, { mode: 'write' })
    await file.prepare(0, this.#files.fileBytes, 'fallocate').finally(() => file.close())
  }

  /** The next file is there before it is needed. */
  #prepareNext(): void {
    const active = this.#active
    if (active === undefined || this.#next !== undefined) return
    const next = active.start + this.#files.fileBytes
    if (this.#written - active.start < this.#files.fileBytes / 2 || this.#files.locate(next) !== undefined) return
    // Where it cannot be made, whoever needs it tries again and is told.
    this.#next = this.#makeFile(next).catch(() => {})
  }

  sync(): Promise<void> {
    return this.#syncs.run(async () => {
      if (this.#syncFailed) throw new HoldfastError('DISK_FAILED', 'An earlier sync of the commit log failed.')
      const upTo = this.#written
      const onSynced = this.#options.onSync()
      if (this.#isDirty) {
        this.#isDirty = false
        await this.#active?.file.sync().catch((error: unknown) => {
          this.#syncFailed = true
          throw error
        })
      }
      this.#durable = Math.max(this.#durable, upTo)
      onSynced()
    })
  }

  failed(cause: unknown): HoldfastError {
    return this.#options.onFailed(cause)
  }

  /**
   * Takes what readers never saw out of the files, durably, so that no start finds it. Nothing is written meanwhile.
   * Behind it the writer can go on.
   */
  async takeBack(): Promise<void> {
    const end = this.#published
    this.#reserved = end
    // What was acknowledged from the page cache is made durable through the file that is told if that fails.
    if (this.#isDirty && !this.#syncFailed) await this.sync().catch(() => {})
    await this.abandon()
    if (this.#attempted > end) {
      await cutFiles(this.#files, this.#options, end).catch((error: unknown) => {
        if (this.#options.acknowledgeAfter === 'write') this.#syncFailed = true
        throw error
      })
    }
    this.#written = end
    this.#attempted = end
    this.#durable = Math.min(this.#durable, end)
  }

  /** Lets go of the active file, whatever it has to say. */
  async abandon(): Promise<void> {
    await this.#next
    this.#next = undefined
    const active = this.#active
    this.#active = undefined
    await active?.file.close().catch(() => {})
  }

  /** Leaves the files as RocketMQ leaves them: none behind the one that the log ends in. After the last flush. */
  async seal(): Promise<void> {
    await this.#next
    this.#next = undefined
    const active = this.#active
    this.#active = undefined
    await active?.file.close()
    const last = this.#files.startFor(this.#written)
    while (this.#files.last !== undefined && this.#files.last > last) await this.#files.removeLast()
  }
}

function blank(sizeInBytes: number): Buffer {
  const bytes = Buffer.alloc(blankBytes)
  bytes.writeInt32BE(sizeInBytes, 0)
  bytes.writeInt32BE(magic.blank, 4)
  return bytes
}

type Cutting = Pick<CommitLogWriterOptions<never>, 'dropFile'> & { readonly place: Pick<WritingPlace, 'disk'> }

/**
 * Lets the files hold nothing at `end` or behind it, durably: those that begin behind it are emptied and removed, and the
 * one that it lies in is cut and gets its length back, so that it reads as zeros. A crash in between leaves it short, or
 * empty ones behind it, which the next opening mends.
 */
export async function cutFiles(files: FileSequence, { place, dropFile }: Cutting, end: number): Promise<void> {
  await files.emptyFrom(end, dropFile)
  try {
    await files.removeBegun()
    while (files.last !== undefined && files.last >= end && files.starts.length > 1) await files.removeLast()
  } finally {
    // Also where a name stays, or may come back with the loss of power: what it leads to holds nothing.
    await inFile(files, place, end, async (file, from) => {
      await file.truncate(from)
      await file.truncate(files.fileBytes)
    })
  }
}

async function inFile(
  files: FileSequence,
  { disk }: Cutting['place'],
  position: number,
  work: (file: DiskFile, offsetInFile: number) => Promise<void>,
): Promise<void> {
  const found = files.locate(position)
  if (found === undefined) return
  const file = await disk.open(found.path, { mode: 'write' })
  try {
    await work(file, found.offsetInFile)
  } finally {
    await file.close()
  }
}
