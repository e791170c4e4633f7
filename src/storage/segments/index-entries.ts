/**
 * The two indexes of a segment as arrays of fixed-size entries, in memory the same bytes as on disk
 * (docs/formats.md, "Offset index" and "Time index"). Offsets are kept relative to the segment's base.
 */

import { readInt64, writeInt64 } from '../../core/codec/int64.js'
import { invariant } from '../../core/invariant.js'
import { EntryArray } from './entry-array.js'

export interface OffsetEntry {
  /** The last offset of the batch that starts at `position`. */
  readonly offset: number
  readonly position: number
}

const offsetEntryBytes = 8

export class OffsetIndex {
  readonly #base: number
  readonly #entries: EntryArray

  /** `stored` is the content of an `.index` file. */
  constructor(baseOffset: number, stored?: Buffer) {
    this.#base = baseOffset
    this.#entries = new EntryArray(offsetEntryBytes, stored)
  }

  /** Whether one more entry, and `more` behind it, fit into a file of `maxBytes`. */
  hasRoom(maxBytes: number, more: number): boolean {
    return this.#entries.count + more < Math.floor(maxBytes / offsetEntryBytes)
  }

  get bytes(): Buffer {
    return this.#entries.bytes
  }

  get last(): OffsetEntry | undefined {
    return this.#entries.count === 0 ? undefined : this.#entry(this.#entries.count - 1)
  }

  append(offset: number, position: number): void {
    invariant(offset > (this.last?.offset ?? -1), 'offset index entries grow')
    const { bytes, at } = this.#entries.push()
    bytes.writeInt32BE(offset - this.#base, at)
    bytes.writeInt32BE(position, at + 4)
  }

  /** The entry with the greatest offset that is `offset` or less. */
  floor(offset: number): OffsetEntry | undefined {
    const count = this.#entries.prefix((bytes, at) => this.#base + bytes.readInt32BE(at) <= offset)
    return count === 0 ? undefined : this.#entry(count - 1)
  }

  /** The entries for offsets below `offset`. */
  bytesBelow(offset: number): Buffer {
    const count = this.#entries.prefix((bytes, at) => this.#base + bytes.readInt32BE(at) < offset)
    return this.#entries.bytes.subarray(0, this.#entries.at(count))
  }

  /** Whether stored entries can be an index of this segment: whole, rising, inside the log. */
  isSound(storedBytes: number, logBytes: number): boolean {
    if (storedBytes % offsetEntryBytes !== 0) return false
    let previous: OffsetEntry = { offset: this.#base - 1, position: -1 }
    for (let i = 0; i < this.#entries.count; i++) {
      const entry = this.#entry(i)
      if (entry.offset <= previous.offset || entry.position <= previous.position || entry.position >= logBytes)
        return false
      previous = entry
    }
    return true
  }

  #entry(index: number): OffsetEntry {
    const at = this.#entries.at(index)
    const { bytes } = this.#entries
    return { offset: this.#base + bytes.readInt32BE(at), position: bytes.readInt32BE(at + 4) }
  }
}

export interface TimeEntry {
  /** The greatest timestamp seen up to and including the batch that ends with `offset`. */
  readonly timestamp: number
  readonly offset: number
}

const timeEntryBytes = 12

export class TimeIndex {
  readonly #base: number
  readonly #entries: EntryArray

  /** `stored` is the content of a `.timeindex` file. */
  constructor(baseOffset: number, stored?: Buffer) {
    this.#base = baseOffset
    this.#entries = new EntryArray(timeEntryBytes, stored)
  }

  /** The same; one place is kept free for the entry that sealing adds. */
  hasRoom(maxBytes: number, more: number): boolean {
    return this.#entries.count + more < Math.floor(maxBytes / timeEntryBytes) - 1
  }

  get bytes(): Buffer {
    return this.#entries.bytes
  }

  get last(): TimeEntry | undefined {
    return this.#entries.count === 0 ? undefined : this.#entry(this.#entries.count - 1)
  }

  /** Adds an entry unless the time has not advanced past the last one. */
  appendIfLater(timestamp: number, offset: number): void {
    const { last } = this
    if (timestamp <= (last?.timestamp ?? -1)) return
    invariant(offset >= (last?.offset ?? this.#base), 'time index offsets do not go back')
    const { bytes, at } = this.#entries.push()
    writeInt64(bytes, timestamp, at)
    bytes.writeInt32BE(offset - this.#base, at + 8)
  }

  /** The entry with the greatest timestamp that is below `timestamp`. */
  below(timestamp: number): TimeEntry | undefined {
    const count = this.#entries.prefix((bytes, at) => readInt64(bytes, at) < timestamp)
    return count === 0 ? undefined : this.#entry(count - 1)
  }

  /** The entries for offsets below `offset`. */
  bytesBelow(offset: number): Buffer {
    const count = this.#entries.prefix((bytes, at) => this.#base + bytes.readInt32BE(at + 8) < offset)
    return this.#entries.bytes.subarray(0, this.#entries.at(count))
  }

  isSound(storedBytes: number): boolean {
    if (storedBytes % timeEntryBytes !== 0) return false
    let previous: TimeEntry = { timestamp: -1, offset: this.#base }
    for (let i = 0; i < this.#entries.count; i++) {
      const entry = this.#entry(i)
      if (entry.timestamp <= previous.timestamp || entry.offset < previous.offset) return false
      previous = entry
    }
    return true
  }

  #entry(index: number): TimeEntry {
    const at = this.#entries.at(index)
    const { bytes } = this.#entries
    return { timestamp: readInt64(bytes, at), offset: this.#base + bytes.readInt32BE(at + 8) }
  }
}
