/**
 * A file that is written through memory: `write` copies into windows of a mapping, `sync` is msync in the pool. Reading
 * goes past the mapping, by calls that answer with an error where touching a page would be a signal.
 *
 * What must hold:
 * - A byte is copied only where the file has blocks. They are reserved in pieces that double, before the copy; a full
 *   disk is DISK_FULL then. The file is therefore longer than what was written, by zeros.
 * - No file is shortened while it is mapped, and no window is touched after it was unmapped.
 * - Syncs of one file run one after the other, and a failed one fails all that come later: the kernel reports an error
 *   once to each descriptor, whoever asks first, and what it reported to one sync may be what another one waited for.
 * - After the file grew, or something came into it past the windows, the next sync is fdatasync of all of it: POSIX lets
 *   msync leave the file's length behind. Growing happens rarely enough that nobody sees the difference.
 */

import { Mutex } from '../core/mutex.js'
import { diskError } from './disk-error.js'
import { type Libc, pageBytes } from './libc.js'
import { NodeFile } from './node-file.js'
import { type Range, WriteWindow } from './write-window.js'

const mebibyte = 1_048_576
const smallestPieceBytes = mebibyte
const largestPieceBytes = 64 * mebibyte
const windowBytes = 64 * mebibyte
/** Windows that stay mapped though nothing in them waits for a sync. */
const windowsKept = 4
/** What one call locks: the limit of the process may end in the middle of a window. */
const lockPieceBytes = mebibyte

export class MappedFile extends NodeFile {
  readonly #system: Libc
  readonly #dsync: boolean
  readonly #mostBytes: number
  /** Reserving, syncing and shortening, one at a time. */
  readonly #turns = new Mutex()
  /** The part of the file that has blocks of its own for certain. */
  #reserved: Range = { from: 0, to: 0 }
  #pieceBytes = smallestPieceBytes
  /** In order of use, the least recent first. They may overlap: they show the same pages. */
  #windows: WriteWindow[] = []
  /** What the file held when it was opened may be as little durable as its length. */
  #syncWhole = true
  #failure: Error | undefined

  /** @param mostBytes nothing is reserved beyond this length, a multiple of a page */
  constructor(system: Libc, path: string, fd: number, dsync: boolean, mostBytes = Number.POSITIVE_INFINITY) {
    super(path, fd)
    this.#system = system
    this.#dsync = dsync
    this.#mostBytes = mostBytes
  }

  override async write(buffers: readonly Buffer[], position: number): Promise<void> {
    const end = buffers.reduce((at, buffer) => at + buffer.length, position)
    this.refuseClosed()
    if (end === position) return
    // A truncate may have taken its turn between the reservation and here.
    while (!this.#isReserved(position, end))
      await this.#reserve(position, pageOf(end + pageBytes - 1), this.#pieceBytes)
    this.refuseClosed()
    try {
      let at = position
      for (const buffer of buffers) {
        for (let done = 0; done < buffer.length; ) {
          const count = this.#windowAt(at).copy(buffer.subarray(done), at)
          done += count
          at += count
        }
      }
    } catch (error) {
      throw diskError(error, 'write', this.path)
    }
    if (this.#dsync) await this.sync()
  }

  override sync(): Promise<void> {
    return this.beside(() => this.#turns.run(() => this.#orFail('sync', () => this.#sync())))
  }

  override truncate(length: number): Promise<void> {
    return this.beside(() =>
      this.#turns.run(() =>
        // Also after a sync failed: what was refused is cut, so that nobody finds it, whatever became of the rest.
        this.#failing('truncate', async () => {
          // First, so that nobody who comes in between maps anything behind the cut.
          const { from, to } = this.#reserved
          this.#reserved = wholePages(Math.min(from, length), Math.min(to, length))
          await this.#unmapAll()
          await super.truncate(length)
        }),
      ),
    )
  }

  override async prepare(from: number, to: number, how: 'fallocate' | 'zero'): Promise<void> {
    if (from >= to) return
    if (how === 'fallocate') return this.#reserve(from, to)
    await super.prepare(from, to, how)
    this.#hasBlocks(from, to)
  }

  /** Touches no more than the windows that may stay mapped, and locks what the limit of the process allows. */
  override async warm(from: number, to: number, how: 'touch' | 'lock' = 'touch'): Promise<void> {
    await this.beside(async () => {
      const end = Math.min(to, await this.size(), from + windowsKept * windowBytes)
      if (from >= end) return
      await this.#reserve(from, end)
      const step = how === 'lock' ? lockPieceBytes : windowBytes
      for (let at = from; at < end && this.#isReserved(at, at + 1) && !this.isClosed; ) {
        const window = this.#windowAt(at)
        const part = { from: at, to: Math.min(end, window.end, at + step) }
        await (how === 'lock' ? window.lock(part) : window.touch(part))
        at = part.to
      }
    }).catch(() => {})
  }

  /** Syncs nothing. */
  override async close(): Promise<void> {
    const closing = super.close()
    // No call is begun any more, and those under way have ended when their turn has come.
    await closing
    await this.#unmapAll()
  }

  override changedBeside(): void {
    this.#syncWhole = true
  }

  #isReserved(from: number, to: number): boolean {
    return from >= this.#reserved.from && to <= this.#reserved.to
  }

  /**
   * Blocks for [from, to) and everything between it and what is reserved already, and `ahead` bytes more for what comes
   * next, where the disk has them.
   */
  #reserve(from: number, to: number, ahead = 0): Promise<void> {
    return this.beside(() =>
      this.#turns.run(async () => {
        const { from: first, to: last } = this.#reserved
        const start = pageOf(from)
        const isFirst = first === last
        if (!isFirst && start < first) await this.#allocate(start, first)
        const rest = isFirst ? start : last
        if (to <= rest) return
        const aheadTo = Math.max(to, Math.min(rest + ahead, this.#mostBytes))
        if (ahead > 0 && (await this.#allocateAhead(rest, aheadTo))) return
        await this.#allocate(rest, to)
      }),
    )
  }

  /** False where the disk is too full for a whole piece: what is needed now may still fit. */
  async #allocateAhead(from: number, to: number): Promise<boolean> {
    try {
      await this.#allocate(from, to)
      this.#pieceBytes = Math.min(2 * this.#pieceBytes, largestPieceBytes)
      return true
    } catch {
      return false
    }
  }

  async #allocate(from: number, to: number): Promise<void> {
    try {
      await this.#system.reserve(this.fd, from, to - from)
    } catch (error) {
      throw diskError(error, 'reserve space in', this.path)
    }
    this.#hasBlocks(from, to)
    this.#syncWhole = true
  }

  #hasBlocks(from: number, to: number): void {
    const reserved = this.#reserved
    if (reserved.from === reserved.to) this.#reserved = wholePages(from, to)
    else if (from <= reserved.to && to >= reserved.from) {
      this.#reserved = wholePages(Math.min(from, reserved.from), Math.max(to, reserved.to))
    }
  }

  #windowAt(position: number): WriteWindow {
    const index = this.#windows.findLastIndex((window) => window.holds(position))
    if (index >= 0 && index === this.#windows.length - 1) return this.#windows[index]
    const [window] =
      index >= 0
        ? this.#windows.splice(index, 1)
        : [new WriteWindow(this.#system, this.fd, pageOf(position), this.#endOfWindow(position))]
    this.#windows.push(window)
    this.#dropIdle()
    return window
  }

  #endOfWindow(position: number): number {
    return Math.min(this.#reserved.to, pageOf(position) + windowBytes)
  }

  #dropIdle(): void {
    // The last one is about to be written.
    for (let i = 0; i < this.#windows.length - 1 && this.#windows.length > windowsKept; ) {
      if (!this.#windows[i].isIdle) i++
      else
        this.#windows
          .splice(i, 1)[0]
          .unmap()
          .catch(() => {})
    }
  }

  async #sync(): Promise<void> {
    // What is copied from here on belongs to the next sync.
    const whole = this.#syncWhole
    this.#syncWhole = false
    const dirty = this.#windows.flatMap((window) => window.takeDirty().map((range) => ({ window, range })))
    if (whole) await super.sync()
    else await Promise.all(dirty.map(({ window, range }) => window.sync(range)))
  }

  async #orFail(doing: string, work: () => Promise<void>): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    await this.#failing(doing, work)
  }

  /** What fails once is not believed any more. */
  async #failing(doing: string, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.#failure = diskError(error, doing, this.path)
      throw this.#failure
    }
  }

  async #unmapAll(): Promise<void> {
    await Promise.all(this.#windows.splice(0).map((window) => window.unmap()))
  }
}

const pageOf = (position: number): number => position - (position % pageBytes)

/** The pages that lie in [from, to) from end to end. */
function wholePages(from: number, to: number): Range {
  const start = pageOf(from + pageBytes - 1)
  return { from: start, to: Math.max(start, pageOf(to)) }
}
