/**
 * The consume queue of one topic and queue id: for each message, by queue offset, where it lies in the commit log. New
 * entries are kept in memory and written when their messages are durable; whatever is lost of them is in the commit log.
 *
 * Source of the rules: Apache RocketMQ 5.3, ConsumeQueue; docs/formats.md, "RocketMQ's layout".
 */

import { HoldfastError } from '../../core/errors.js'
import { Mutex } from '../../core/mutex.js'
import { queueEntryBytes } from './format.js'
import { entryEnd, QueueEntries } from './queue-entries.js'
import { QueueFiles, type QueueFilesOptions, type QueueFindings } from './queue-files.js'
import { QueueTail } from './queue-tail.js'

export type { QueueFindings } from './queue-files.js'
export type ConsumeQueueOptions = QueueFilesOptions

/** Entries that are summed up together. */
const entriesAtOnce = 4096

/** The length of a queue's files for a setting of `mapped.file.size.consumequeue`: up to the next whole entry. */
export function queueFileBytes(setting: number): number {
  return Math.ceil(setting / queueEntryBytes) * queueEntryBytes
}

export class ConsumeQueue {
  readonly directory: string
  readonly #files: QueueFiles
  readonly #tail = new QueueTail()
  /** One change of the files at a time. */
  readonly #changes = new Mutex()
  #maxPosition: number
  #minOffset: number
  /** The message at `minOffset` is known not to begin before this. */
  #minPosition = -1
  /** How often entries that lay in the files have been taken into memory again. */
  #takenBack = 0
  #isClosed = false

  private constructor(directory: string, files: QueueFiles) {
    this.directory = directory
    this.#files = files
    this.#maxPosition = files.endPosition
    this.#minOffset = files.firstOffset
    this.#tail.restart(files.endOffset ?? 0)
  }

  /**
   * Opens `consumequeue/<topic>/<queueId>/`, which may be missing, and finds where its entries end. After an unclean end
   * the caller drops what no sync covered (`truncateFrom`), since of that anything may be left.
   * @throws DATA_DIR_DAMAGED for a file of a wrong size or a stray one
   */
  static async open(options: ConsumeQueueOptions): Promise<ConsumeQueue> {
    return new ConsumeQueue(options.directory, await QueueFiles.open(options))
  }

  /** One that is known to have no files. */
  static empty(options: ConsumeQueueOptions): ConsumeQueue {
    return new ConsumeQueue(options.directory, QueueFiles.empty(options))
  }

  get findings(): QueueFindings {
    return this.#files.findings
  }

  /** The queue offset of the first message that the commit log held at the last `startAt`. */
  get minOffset(): number {
    return this.#minOffset
  }

  /** The queue offset of the next message; of a queue that holds none 0, or where it was told to begin. */
  get maxOffset(): number {
    return this.#tail.firstOffset + this.#tail.count
  }

  /** Behind the last message of the queue in the commit log; 0 where the queue holds none. */
  get maxPosition(): number {
    return this.#maxPosition
  }

  /** Whether it holds no entry; the next one may then have any offset. */
  get isEmpty(): boolean {
    return this.#tail.count === 0 && this.#files.endOffset === undefined
  }

  /** The queue offset of the first entry that is in memory alone, or of the next one. */
  get unflushedOffset(): number {
    return this.#tail.firstOffset
  }

  /** Entries in memory alone. */
  get unflushedEntries(): number {
    return this.#tail.count
  }

  /** The sync that failed, after which it is written no more; undefined where none did. */
  get failure(): unknown {
    return this.#files.failure
  }

  /** Whether `sync` has anything to do. */
  get needsSync(): boolean {
    return this.#files.needsSync
  }

  /**
   * Adds the entry of a message, in memory. False where the queue has it already, or one that lies behind it: the commit
   * log is dispatched again from a place before its end.
   * @throws LOG_DAMAGED where `queueOffset` does not follow the last one; CLOSED
   */
  append(queueOffset: number, position: number, size: number, tagsCode: number): boolean {
    this.#refuseClosed()
    const end = position + size
    if (end <= this.#maxPosition) return false
    if (this.isEmpty) {
      this.#tail.restart(queueOffset)
      this.#minOffset = queueOffset
      this.#minPosition = position
    }
    if (queueOffset !== this.maxOffset) {
      throw new HoldfastError(
        'LOG_DAMAGED',
        `The message at ${position} of the commit log has offset ${queueOffset}, and the next of ${this.directory} is ${this.maxOffset}.`,
      )
    }
    this.#tail.push(position, size, tagsCode)
    this.#maxPosition = end
    return true
  }

  /**
   * Lets a queue without entries go on at `offset`: what was before it is gone.
   * @throws COPY_IMPOSSIBLE where it has some: their messages lie in the commit log, and a start would find them again
   */
  beginAt(offset: number): void {
    if (!this.isEmpty) {
      const why = `${this.directory} has entries up to ${this.maxOffset}, and a queue of a commit log has no holes: it cannot go on at ${offset}. Begin with an empty data directory.`
      throw new HoldfastError('COPY_IMPOSSIBLE', why)
    }
    this.#tail.restart(offset)
    this.#minOffset = offset
  }

  /**
   * Writes the entries of messages that end at `maxPosition` or before, the durable end of the commit log: one write a
   * file. They are durable after `sync`. Returns how many; those that a call could not write are kept for the next.
   */
  async flush(maxPosition: number): Promise<number> {
    if (this.#tail.countEndingBy(maxPosition) === 0) return 0
    return this.#changes.run(async () => {
      this.#refuseClosed()
      const count = this.#tail.countEndingBy(maxPosition)
      if (count === 0) return 0
      await this.#files.write(this.#tail.bytes(0, count), this.#tail.firstOffset)
      this.#tail.drop(count)
      return count
    })
  }

  /** Makes what was flushed durable. @throws what the disk says; from then on the queue is written no more, up to `writeAgain` */
  async sync(): Promise<void> {
    if (!this.#files.needsSync) return
    await this.#changes.run(async () => {
      this.#refuseClosed()
      await this.#files.sync()
    })
  }

  /**
   * Lets a queue whose sync failed go on. `entries` are those that no sync covers, in place of the ones in its files: they
   * are in memory until the next `flush`, and what lies before them is durable. False, with nothing changed, where they do not
   * lead up to the entries that were not written yet.
   */
  async writeAgain(entries: QueueTail): Promise<boolean> {
    return this.#changes.run(async () => {
      this.#refuseClosed()
      const { firstOffset } = this.#tail
      const from = entries.count > 0 ? entries.firstOffset : firstOffset
      if (from + entries.count !== firstOffset) return false
      // What is older than the commit log nobody looks for.
      await this.#files.goOnFrom(from <= this.#minOffset ? 0 : from)
      this.#tail.prepend(entries)
      this.#takenBack++
      return true
    })
  }

  /**
   * Up to `count` entries from `fromOffset` on; fewer, or none, at the end of the queue.
   * @throws OFFSET_OUT_OF_RANGE before `minOffset` and behind `maxOffset`
   */
  async read(fromOffset: number, count: number): Promise<QueueEntries> {
    this.#refuseClosed()
    const { minOffset, maxOffset } = this
    if (fromOffset < minOffset || fromOffset > maxOffset) {
      throw new HoldfastError(
        'OFFSET_OUT_OF_RANGE',
        `${this.directory} holds offsets ${minOffset} to ${maxOffset}, and not ${fromOffset}.`,
      )
    }
    const toOffset = Math.min(fromOffset + count, maxOffset)
    const bytes = Buffer.allocUnsafe((toOffset - fromOffset) * queueEntryBytes)
    // The tail first: by the time the files were read it may have moved into them.
    const tailOffset = Math.max(fromOffset, Math.min(this.#tail.firstOffset, toOffset))
    const storedBytes = (tailOffset - fromOffset) * queueEntryBytes
    this.#tail.bytes(tailOffset - this.#tail.firstOffset, toOffset - tailOffset).copy(bytes, storedBytes)
    if (storedBytes === 0) return new QueueEntries(fromOffset, bytes)
    const takenBack = this.#takenBack
    try {
      await this.#files.readInto(bytes.subarray(0, storedBytes), fromOffset)
    } catch (error) {
      if (takenBack === this.#takenBack) throw error
    }
    // What was read may have been cut meanwhile, and is in memory now.
    if (takenBack !== this.#takenBack) return this.read(fromOffset, count)
    return new QueueEntries(fromOffset, bytes)
  }

  /** Bytes of the messages at [from, to). @throws as `read` */
  async bytesBetween(from: number, to: number): Promise<number> {
    let bytes = 0
    for (let offset = from; offset < to; offset += entriesAtOnce) {
      const entries = await this.read(offset, Math.min(entriesAtOnce, to - offset))
      for (let i = 0; i < entries.count; i++) bytes += entries.size(i)
    }
    return bytes
  }

  /** The offset of the first message that does not begin before `position` of the commit log; `maxOffset` where there is none. */
  offsetAtOrAfter(position: number): Promise<number> {
    return this.#changes.run(() => this.#search(position))
  }

  /**
   * Drops the entries of messages that begin at `position` or behind it, after the commit log has lost them. Returns how
   * many. They are gone durably. Nothing is read or appended meanwhile.
   */
  async truncateFrom(position: number): Promise<number> {
    if (this.#maxPosition <= position) return 0
    return this.#changes.run(async () => {
      const { maxOffset } = this
      const keep = await this.#search(position)
      this.#tail.truncate(Math.max(0, keep - this.#tail.firstOffset))
      const { count } = this.#tail
      if (count > 0) this.#maxPosition = entryEnd(this.#tail.bytes(count - 1, 1), 0)
      else await this.#truncateFiles(keep)
      return maxOffset - keep
    })
  }

  /** The queue offset of the first slot in its files. */
  get firstOffset(): number {
    return this.#files.firstOffset
  }

  /** Takes notice that the commit log begins at `minPosition` now: moves `minOffset`. */
  async startAt(minPosition: number): Promise<void> {
    if (this.isEmpty || this.#minPosition >= minPosition) return
    await this.#changes.run(async () => {
      this.#minOffset = await this.#search(minPosition)
      this.#minPosition = minPosition
    })
  }

  /** As `startAt`, and removes the files that hold older messages only, never the last. Returns how many. */
  async removeBefore(minPosition: number): Promise<number> {
    if (this.isEmpty) return 0
    // Readers are told first, and then lose the file.
    await this.startAt(minPosition)
    return this.#changes.run(() => this.#files.removeBefore(minPosition))
  }

  /** Drops all entries with their files; the queue may begin anew at any offset. */
  clear(): Promise<void> {
    return this.#changes.run(() => this.#truncateFiles(0))
  }

  /** Ends its use; entries that were not flushed are forgotten. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#changes.run(() => this.#files.close())
  }

  async #truncateFiles(endOffset: number): Promise<void> {
    await this.#files.truncate(endOffset)
    this.#tail.restart(this.#files.endOffset ?? 0)
    this.#maxPosition = this.#files.endPosition
    this.#minOffset = Math.min(this.#minOffset, this.maxOffset)
    this.#minPosition = -1
  }

  async #search(position: number): Promise<number> {
    const before = this.#tail.countBefore(position)
    if (before > 0 || this.#files.endOffset === undefined) return this.#tail.firstOffset + before
    return this.#files.search(position, this.#minOffset)
  }

  #refuseClosed(): void {
    if (this.#isClosed) throw new HoldfastError('CLOSED', `${this.directory} was closed.`)
  }
}
