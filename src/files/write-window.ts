/**
 * A part of a file mapped for writing. It remembers which of its bytes were copied in since they were last taken to be
 * synced.
 *
 * What must hold: the mapped part of the file has blocks of its own (else a full disk is a signal and not an error), and
 * no byte of a window is touched once it is unmapped.
 */

import { invariant } from '../core/invariant.js'
import { durableCalls } from './gate.js'
import { type Libc, pageBytes } from './libc.js'

export interface Range {
  readonly from: number
  readonly to: number
}

/** Ranges kept apart; with more of them, everything between the first and the last is synced. */
const mostRanges = 64

export class WriteWindow {
  /** Of the file, in bytes; `start` lies on a page. */
  readonly start: number
  readonly end: number
  readonly #system: Libc
  readonly #address: number
  #bytes: Buffer | undefined
  #dirty: Range[] = []
  /** Syncs, populates and locks under way: it stays mapped for as long. */
  readonly #calls = new Set<Promise<void>>()
  #locked = false

  /** @throws the system's error where there is no address space or too many mappings */
  constructor(system: Libc, fd: number, start: number, end: number) {
    invariant(start % pageBytes === 0 && start < end, 'a window begins on a page and is not empty')
    this.#system = system
    this.start = start
    this.end = end
    this.#address = system.map(fd, start, end - start, 'write')
    this.#bytes = system.view(this.#address, end - start)
  }

  /** Whether unmapping it would take nothing from anybody. */
  get isIdle(): boolean {
    return this.#calls.size === 0 && !this.#locked && this.#dirty.length === 0
  }

  holds(position: number): boolean {
    return position >= this.start && position < this.end
  }

  /** Copies what fits of `source` to `position`; the number of bytes copied. */
  copy(source: Buffer, position: number): number {
    invariant(this.#bytes !== undefined && this.holds(position), 'a window is written only where it is mapped')
    const count = source.copy(this.#bytes, position - this.start)
    const last = this.#dirty.at(-1)
    if (last !== undefined && position >= last.from && position <= last.to) {
      this.#dirty[this.#dirty.length - 1] = { from: last.from, to: Math.max(last.to, position + count) }
    } else {
      this.#dirty.push({ from: position, to: position + count })
      if (this.#dirty.length > mostRanges) this.#dirty = [spanOf(this.#dirty)]
    }
    return count
  }

  /** What was copied since the last time, whole pages in order, which the caller has to sync. */
  takeDirty(): readonly Range[] {
    const pages = this.#dirty
      .map(({ from, to }) => ({ from: from - (from % pageBytes), to }))
      .sort((one, other) => one.from - other.from)
    this.#dirty = []
    const merged: Range[] = []
    for (const range of pages) {
      const last = merged.at(-1)
      if (last === undefined || range.from > last.to) merged.push(range)
      else merged[merged.length - 1] = { from: last.from, to: Math.max(last.to, range.to) }
    }
    return merged
  }

  sync({ from, to }: Range): Promise<void> {
    // Held while it waits for its turn, too: nobody unmaps it meanwhile.
    return this.#use(() => durableCalls().run(() => this.#system.sync(this.#address + from - this.start, to - from)))
  }

  /** Makes the pages of a range writable without a fault. @throws as the kernel likes; nothing is lost by it */
  touch({ from, to }: Range): Promise<void> {
    const start = from - (from % pageBytes)
    return this.#use(() => this.#system.populate(this.#address + start - this.start, to - start, 'write'))
  }

  /** Keeps the pages of a range in memory, and the window mapped. @throws above the limit of the process */
  async lock({ from, to }: Range): Promise<void> {
    const start = from - (from % pageBytes)
    await this.#use(() => this.#system.lockMemory(this.#address + start - this.start, to - start))
    this.#locked = true
  }

  /** Nothing is copied into it from now on; resolves when the calls under way have ended and it is unmapped. */
  async unmap(): Promise<void> {
    if (this.#bytes === undefined) return
    this.#bytes = undefined
    await Promise.allSettled(this.#calls)
    await this.#system.unmap(this.#address, this.end - this.start)
  }

  async #use(start: () => Promise<void>): Promise<void> {
    invariant(this.#bytes !== undefined, 'a window is used only while it is mapped')
    const call = start()
    this.#calls.add(call)
    try {
      await call
    } finally {
      this.#calls.delete(call)
    }
  }
}

function spanOf(ranges: readonly Range[]): Range {
  return {
    from: Math.min(...ranges.map((range) => range.from)),
    to: Math.max(...ranges.map((range) => range.to)),
  }
}
