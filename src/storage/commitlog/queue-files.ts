/**
 * The part of a consume queue that lies in its files: written behind the end, read by queue offset, cut from both sides.
 * Its owner lets one change run at a time; reading may run beside it.
 *
 * The open files are shared with all other queues, and closed at any time in between. A file is made without a sync and
 * becomes durable with its entries, since ten thousand queues may get their first file at once; but a file is whole and
 * durable before the next one is begun, so that only the last can be torn.
 */

import { HoldfastError } from '../../core/errors.js'
import { invariant } from '../../core/invariant.js'
import type { Disk } from '../../files/disk.js'
import type { OpenFiles } from '../../files/open-files.js'
import { FileSequence, type FileSequenceOptions, type SequenceFindings } from './file-sequence.js'
import { queueEntryBytes } from './format.js'
import { entryEnd, isBefore, preBlankEntries } from './queue-entries.js'
import { type RecoveredEnd, recoverEnd } from './queue-recovery.js'

/** A search reads so many entries at once when it has come close. */
const searchedEntries = 200

export interface QueueFilesOptions {
  readonly disk: Disk
  /** Opened for writing, `{ mode: 'write' }`. */
  readonly files: OpenFiles
  readonly directory: string
  /** A multiple of 20 (`queueFileBytes`). */
  readonly fileBytes: number
  /** After any other end more is read to find where the entries end, and a last file that is short is made whole. */
  readonly wasClosedCleanly: boolean
}

/** What opening a queue came upon. */
export interface QueueFindings extends SequenceFindings {
  /** Files that were removed: behind a hole, or behind the last entry. What they held is in the commit log. */
  readonly removed: readonly string[]
}

function sequenceOptions({ disk, directory, fileBytes, wasClosedCleanly }: QueueFilesOptions): FileSequenceOptions {
  invariant(fileBytes % queueEntryBytes === 0, 'a file of a consume queue holds whole entries')
  const setting = 'mapped.file.size.consumequeue'
  return { disk, directory, fileBytes, setting, extendShortLast: !wasClosedCleanly }
}

export class QueueFiles {
  readonly findings: QueueFindings
  readonly #disk: Disk
  readonly #files: OpenFiles
  readonly #sequence: FileSequence
  /** The queue offset behind the last entry; undefined where there is none. */
  #endOffset: number | undefined
  #endPosition: number
  /** Behind the last entry there may be remains of others. */
  #hasRemains: boolean
  /** The starts of files with entries that no sync covers. */
  readonly #unsynced = new Set<number>()
  #hasUnsyncedName = false
  #failure: unknown

  private constructor({ disk, files }: QueueFilesOptions, sequence: FileSequence, { end, removed }: RecoveredEnd) {
    this.#disk = disk
    this.#files = files
    this.#sequence = sequence
    this.findings = { ...sequence.findings, removed }
    this.#endOffset = end?.offset
    this.#endPosition = end?.position ?? 0
    this.#hasRemains = end !== undefined && !end.isFollowedByEmpty
  }

  /** @throws DATA_DIR_DAMAGED as `FileSequence.open` */
  static async open(options: QueueFilesOptions): Promise<QueueFiles> {
    const sequence = await FileSequence.open(sequenceOptions(options))
    return new QueueFiles(options, sequence, await recoverEnd(sequence, options.files, options.wasClosedCleanly))
  }

  /** Of a queue that is known to have no files. */
  static empty(options: QueueFilesOptions): QueueFiles {
    return new QueueFiles(options, FileSequence.empty(sequenceOptions(options)), { end: undefined, removed: [] })
  }

  /** The offset of the first slot that there is; 0 where there is none. */
  get firstOffset(): number {
    return (this.#sequence.first ?? 0) / queueEntryBytes
  }

  /** The offset behind the last entry; undefined where there is none. */
  get endOffset(): number | undefined {
    return this.#endOffset
  }

  /** Behind the last entry's message in the commit log; 0 where there is none. */
  get endPosition(): number {
    return this.#endPosition
  }

  /** Why nothing is written any more; undefined where it is. */
  get failure(): unknown {
    return this.#failure
  }

  /** Whether `sync` has anything to do. */
  get needsSync(): boolean {
    return this.#unsynced.size > 0 || this.#hasUnsyncedName || this.#hasRemains
  }

  /** Writes `entries`, the first of which has `offset`, the end or, in an empty queue, any. A call that failed may be repeated. */
  async write(entries: Buffer, offset: number): Promise<void> {
    this.#refuseFailed()
    await this.#clearRemains()
    const { fileBytes } = this.#sequence
    let at = offset * queueEntryBytes
    // What the queue never held, in the file that it begins in.
    let blankBytes = this.#endOffset === undefined ? at % fileBytes : 0
    for (let rest = entries; rest.length > 0; blankBytes = 0) {
      const start = this.#sequence.startFor(at)
      if (start >= this.#sequence.end) await this.#addFile(start)
      const piece = rest.subarray(0, start + fileBytes - at)
      const buffers = blankBytes > 0 ? [preBlankEntries(blankBytes), piece] : [piece]
      this.#unsynced.add(start)
      // Until the write is known to have succeeded.
      this.#hasRemains = true
      await this.#files.use(this.#sequence.pathOf(start), (file) => file.write(buffers, at - start - blankBytes))
      rest = rest.subarray(piece.length)
      at += piece.length
    }
    this.#endOffset = at / queueEntryBytes
    this.#endPosition = entryEnd(entries, entries.length - queueEntryBytes)
    this.#hasRemains = false
  }

  /** Makes everything that was written or cut durable. Once it has failed, nothing is written any more, up to `goOnFrom`. */
  async sync(): Promise<void> {
    this.#refuseFailed()
    await this.#clearRemains()
    await this.#syncWritten()
  }

  /**
   * Fills `bytes` with the entries from `offset` on, all of which are in the files.
   * @throws OFFSET_OUT_OF_RANGE where their file was removed, DATA_DIR_DAMAGED where a file is shorter than it was
   */
  async readInto(bytes: Buffer, offset: number): Promise<void> {
    const { fileBytes } = this.#sequence
    let at = offset * queueEntryBytes
    for (let rest = bytes; rest.length > 0; ) {
      const start = this.#sequence.startFor(at)
      const piece = rest.subarray(0, start + fileBytes - at)
      await this.#readFrom(start, piece, at - start)
      rest = rest.subarray(piece.length)
      at += piece.length
    }
  }

  /** The offset of the first entry from `from` on whose message does not lie before `position`; the end where there is none. */
  async search(position: number, from: number): Promise<number> {
    let low = Math.max(from, this.firstOffset)
    let high = Math.max(low, this.#endOffset ?? 0)
    const one = Buffer.allocUnsafe(queueEntryBytes)
    while (high - low > searchedEntries) {
      const middle = Math.floor((low + high) / 2)
      await this.readInto(one, middle)
      if (isBefore(one, 0, position)) low = middle + 1
      else high = middle
    }
    const near = Buffer.allocUnsafe((high - low) * queueEntryBytes)
    await this.readInto(near, low)
    let at = 0
    while (at < near.length && isBefore(near, at, position)) at += queueEntryBytes
    return low + at / queueEntryBytes
  }

  /** Drops the entries from `endOffset` on, durably; all of them where nothing but what the queue never held would be left. */
  async truncate(endOffset: number): Promise<void> {
    this.#refuseFailed()
    if (endOffset > 0 && endOffset >= (this.#endOffset ?? 0)) return
    const keep = endOffset === 0 || endOffset <= (await this.search(0, 0)) ? 0 : endOffset
    await this.#endAt(keep)
    await this.#clearRemains()
  }

  /**
   * Lets what failed go on, with `endOffset` as its end, or without entries where that is 0: what lies before is durable,
   * what lies behind is cut before anything is written. Until then readers find all of it.
   */
  async goOnFrom(endOffset: number): Promise<void> {
    await this.#endAt(endOffset)
    this.#unsynced.clear()
    this.#hasUnsyncedName = false
    this.#failure = undefined
  }

  /** Removes the files of whose entries the last is of a message before `position`, never the last file. Returns how many. */
  async removeBefore(position: number): Promise<number> {
    let removed = 0
    for (let { first } = this.#sequence; first !== undefined; first = this.#sequence.first) {
      const next = first + this.#sequence.fileBytes
      // The last file with an entry stays, whether or not another was begun behind it.
      if (next >= (this.#endOffset ?? 0) * queueEntryBytes) break
      const last = Buffer.allocUnsafe(queueEntryBytes)
      await this.readInto(last, next / queueEntryBytes - 1)
      if (!isBefore(last, 0, position)) break
      await this.#let(first)
      await this.#sequence.removeFirst()
      removed++
    }
    return removed
  }

  /** Gives the open files back. */
  async close(): Promise<void> {
    for (const start of this.#sequence.starts) await this.#files.drop(this.#sequence.pathOf(start))
  }

  async #syncWritten(): Promise<void> {
    try {
      for (const start of this.#unsynced) {
        await this.#files.use(this.#sequence.pathOf(start), (file) => file.sync())
        this.#unsynced.delete(start)
      }
      if (this.#hasUnsyncedName) await this.#disk.syncDirectory(this.#sequence.directory)
      this.#hasUnsyncedName = false
    } catch (error) {
      // A later sync that succeeds would say nothing about the entries of this one.
      this.#failure = error
      throw error
    }
  }

  async #addFile(start: number): Promise<void> {
    // A crash must not find this one's entries behind gaps in those before.
    if (this.#sequence.last !== undefined) await this.#syncWritten()
    await this.#sequence.create(start, { durably: false })
    this.#hasUnsyncedName = true
  }

  /** Removes the files behind the end, and what is behind it in its own, which gets its length again. */
  async #clearRemains(): Promise<void> {
    if (!this.#hasRemains) return
    const end = (this.#endOffset ?? 0) * queueEntryBytes
    await this.#sequence.removeBegun()
    for (let { last } = this.#sequence; last !== undefined && last >= end; last = this.#sequence.last) {
      await this.#let(last)
      await this.#sequence.removeLast()
    }
    const place = this.#sequence.locate(end)
    if (place !== undefined) {
      await this.#files.use(place.path, async (file) => {
        await file.truncate(place.offsetInFile)
        await file.truncate(this.#sequence.fileBytes)
      })
    }
    this.#hasRemains = false
  }

  /** Before a file is removed. */
  async #let(start: number): Promise<void> {
    this.#unsynced.delete(start)
    await this.#files.drop(this.#sequence.pathOf(start))
  }

  /** Makes `offset` the end, 0 for none; what is behind it is remains. */
  async #endAt(offset: number): Promise<void> {
    const last = Buffer.alloc(queueEntryBytes)
    if (offset > 0) await this.readInto(last, offset - 1)
    this.#endPosition = entryEnd(last, 0)
    this.#endOffset = offset === 0 ? undefined : offset
    this.#hasRemains = true
  }

  async #readFrom(start: number, bytes: Buffer, offsetInFile: number): Promise<void> {
    const path = this.#sequence.pathOf(start)
    const isThere = () => this.#sequence.locate(start) !== undefined
    const gone = () => new HoldfastError('OFFSET_OUT_OF_RANGE', `${path} was removed with the oldest messages.`)
    if (!isThere()) throw gone()
    const count = await this.#files
      .use(path, (file) => file.read(bytes, offsetInFile))
      .catch((error: unknown) => {
        throw isThere() ? error : gone()
      })
    if (count === bytes.length) return
    throw new HoldfastError('DATA_DIR_DAMAGED', `${path} ends at byte ${offsetInFile + count}, before its entries do.`)
  }

  #refuseFailed(): void {
    if (this.#failure !== undefined) throw this.#failure
  }
}
