/**
 * Sealed files mapped for reading, few at a time, sister of the table of open files. A mapping is lent to readers, who
 * may hold it for as long as a slow socket takes; it is unmapped when nobody holds it and it is dropped, idle for long,
 * or in the way of another one.
 *
 * What must hold: a mapping that is lent is never unmapped, also not when its file is deleted or replaced; the limits
 * count every mapping that lives, and are passed by none: a reader that finds no room reads through a descriptor.
 */

import type { Clock, Timer } from '../core/clock.js'
import { invariant } from '../core/invariant.js'
import type { Disk, Mapping } from './disk.js'
import { Tally } from './tally.js'

/** A reader's right to the bytes of a mapping, until it is released. */
export interface Loan {
  readonly bytes: Buffer
  /** Brings [from, to) into memory, so that touching it neither waits nor faults; false where the disk could not. */
  populate(from: number, to: number): Promise<boolean>
  /** Once it was called, nobody touches the bytes for this loan. A second call does nothing. */
  release(): void
}

export interface MappingLimits {
  /** Mappings at a time; 0 maps nothing. */
  readonly count: number
  /** Bytes of address space of all mappings. */
  readonly bytes: number
  /** For how long a mapping that nobody uses is kept. */
  readonly idleMs: number
}

interface Entry {
  readonly path: string
  /** Undefined while it is being mapped, and again where that failed. */
  mapping: Mapping | undefined
  /** Settles, without failing, when it is known whether the file can be mapped. */
  ready: Promise<void>
  /** Bytes that it counts for, from before it is mapped. */
  bytes: number
  loans: number
  dropped: boolean
  usedAt: number
}

export class MappedFiles {
  readonly #disk: Disk
  readonly #clock: Clock
  readonly #limits: MappingLimits
  /** What new readers find, in order of use, the least recent first. */
  readonly #entries = new Map<string, Entry>()
  /** How many are out for each name, of dropped mappings too. */
  readonly #loans = new Tally()
  #timer: Timer | undefined
  #count = 0
  #bytes = 0

  constructor(disk: Disk, clock: Clock, limits: MappingLimits) {
    this.#disk = disk
    this.#clock = clock
    this.#limits = limits
  }

  /** Mappings that live, dropped ones included that somebody still holds. */
  get count(): number {
    return this.#count
  }

  /** Their address space. */
  get bytes(): number {
    return this.#bytes
  }

  /**
   * Lends the mapping of a file that nobody writes any more. Undefined where files cannot be mapped, where the limits are
   * used up by what others hold, or where this one cannot be: it is empty or gone, or the system has no room for it.
   */
  async borrow(path: string): Promise<Loan | undefined> {
    if (!this.#disk.supportsMapping || this.#limits.count === 0) return undefined
    const entry = this.#entries.get(path) ?? this.#begin(path)
    if (entry === undefined) return undefined
    this.#entries.delete(path)
    this.#entries.set(path, entry)
    // Held from here on, so that it is not taken away while it is being mapped.
    entry.loans++
    this.#loans.add(path)
    await entry.ready
    if (entry.mapping === undefined) {
      this.#release(entry)
      return undefined
    }
    return this.#lend(entry, entry.mapping)
  }

  /** Whether readers find the file mapped now. */
  isMapped(path: string): boolean {
    return this.#entries.get(path)?.mapping !== undefined
  }

  /** Whether somebody holds a mapping that was borrowed by that name, also one that was dropped meanwhile. */
  isBorrowed(path: string): boolean {
    return this.#loans.has(path)
  }

  /** Forgets a file, e.g. before it is removed or its name goes to another one; those who hold it read on. */
  drop(path: string): void {
    const entry = this.#entries.get(path)
    if (entry === undefined) return
    this.#entries.delete(path)
    entry.dropped = true
    this.#settle(entry)
    this.#watchIdle()
  }

  dropAll(): void {
    for (const path of [...this.#entries.keys()]) this.drop(path)
  }

  /** Begins to map a file, where there is room for one more. */
  #begin(path: string): Entry | undefined {
    if (!this.#makeRoom(1, 0)) return undefined
    this.#count++
    const entry: Entry = {
      path,
      mapping: undefined,
      ready: Promise.resolve(),
      bytes: 0,
      loans: 0,
      dropped: false,
      usedAt: this.#clock.monotonic(),
    }
    entry.ready = this.#map(entry)
    return entry
  }

  async #map(entry: Entry): Promise<void> {
    const mapping = await this.#disk.map(entry.path).catch(() => undefined)
    // Only now its size is known: mapping is cheap, keeping is what the limit is about. Where the file was dropped under
    // it, another one may have had its name.
    if (mapping !== undefined && !entry.dropped && this.#makeRoom(0, mapping.bytes.length)) {
      entry.mapping = mapping
      entry.bytes = mapping.bytes.length
      this.#bytes += entry.bytes
      return
    }
    mapping?.unmap()
    // Tried afresh by the next reader.
    if (this.#entries.get(entry.path) === entry) this.#entries.delete(entry.path)
    entry.dropped = true
  }

  #lend(entry: Entry, mapping: Mapping): Loan {
    let released = false
    return {
      bytes: mapping.bytes,
      populate: async (from, to) => !released && (await mapping.populate(from, to)),
      release: () => {
        if (released) return
        released = true
        this.#release(entry)
      },
    }
  }

  #release(entry: Entry): void {
    entry.loans--
    this.#loans.remove(entry.path)
    invariant(entry.loans >= 0, 'a mapping is given back as often as it was lent')
    entry.usedAt = this.#clock.monotonic()
    this.#settle(entry)
    this.#watchIdle()
  }

  /** Unmaps what was dropped, by the last who held it. */
  #settle(entry: Entry): void {
    if (!entry.dropped || entry.loans > 0) return
    this.#count--
    this.#bytes -= entry.bytes
    entry.mapping?.unmap()
    entry.mapping = undefined
  }

  /** Drops what nobody holds, the least recently used first, until so much more fits; whether it does. */
  #makeRoom(count: number, bytes: number): boolean {
    const fits = () => this.#count + count <= this.#limits.count && this.#bytes + bytes <= this.#limits.bytes
    if (bytes > this.#limits.bytes) return false
    for (const entry of [...this.#entries.values()]) {
      if (fits()) return true
      if (entry.loans === 0) this.drop(entry.path)
    }
    return fits()
  }

  /** One timer for all, while there is something that it could drop. */
  #watchIdle(): void {
    if (this.#entries.size === 0) {
      this.#timer?.cancel()
      this.#timer = undefined
      return
    }
    this.#timer ??= this.#clock.schedule(this.#limits.idleMs, () => this.#dropIdle(), { background: true })
  }

  #dropIdle(): void {
    this.#timer = undefined
    const since = this.#clock.monotonic() - this.#limits.idleMs
    for (const entry of [...this.#entries.values()]) {
      if (entry.loans === 0 && entry.usedAt <= since) this.drop(entry.path)
    }
    this.#watchIdle()
  }
}
