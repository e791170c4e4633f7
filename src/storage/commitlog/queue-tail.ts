/**
 * The entries of a consume queue that are not in its files yet. There may be ten thousand queues, so an idle tail has no
 * memory of its own. Bytes that were handed out stay as they are until `drop`: growing copies, it moves nothing.
 */

import { queueEntryBytes } from './format.js'
import { entryEnd, isBefore, writeEntry } from './queue-entries.js'

const smallestEntries = 8
/** More than this is given back when the tail was written; a steady writer keeps the rest from flush to flush. */
const keptBytes = 4096
const noBytes = Buffer.alloc(0)

export class QueueTail {
  #bytes = noBytes
  /** Of the entries in `#bytes`, those before this one are gone. */
  #from = 0
  #count = 0
  #firstOffset = 0

  /** The queue offset of its first entry, or of the next one where it is empty. */
  get firstOffset(): number {
    return this.#firstOffset
  }

  get count(): number {
    return this.#count
  }

  /** Empties it; it goes on at `offset`. */
  restart(offset: number): void {
    this.#bytes = noBytes
    this.#from = 0
    this.#count = 0
    this.#firstOffset = offset
  }

  push(position: number, size: number, tagsCode: number): void {
    let at = (this.#from + this.#count) * queueEntryBytes
    if (at === this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(smallestEntries, this.#count * 2) * queueEntryBytes)
      at = this.bytes(0, this.#count).copy(grown)
      this.#bytes = grown
      this.#from = 0
    }
    writeEntry(this.#bytes, at, position, size, tagsCode)
    this.#count++
  }

  /** Puts the entries of another, which lead up to its first, before it. */
  prepend(other: QueueTail): void {
    this.#bytes = Buffer.concat([other.bytes(0, other.count), this.bytes(0, this.#count)])
    this.#from = 0
    this.#firstOffset -= other.count
    this.#count += other.count
  }

  /** `count` entries from the `index`th on, not copied. */
  bytes(index: number, count: number): Buffer {
    const from = (this.#from + index) * queueEntryBytes
    return this.#bytes.subarray(from, from + count * queueEntryBytes)
  }

  /** Forgets the first `count` entries; nobody reads the bytes of these any more. */
  drop(count: number): void {
    this.#firstOffset += count
    this.#from += count
    this.#count -= count
    if (this.#count > 0) return
    this.#from = 0
    if (this.#bytes.length > keptBytes) this.#bytes = noBytes
  }

  /** Keeps the first `count` entries. */
  truncate(count: number): void {
    this.#count = Math.min(this.#count, count)
  }

  /** How many entries are of messages that end at `position` or before. */
  countEndingBy(position: number): number {
    return this.#prefix((bytes, at) => entryEnd(bytes, at) <= position)
  }

  /** How many entries are of messages that begin before `position`. */
  countBefore(position: number): number {
    return this.#prefix((bytes, at) => isBefore(bytes, at, position))
  }

  /** How many entries satisfy a condition that holds for a prefix of them. */
  #prefix(holds: (bytes: Buffer, at: number) => boolean): number {
    let low = 0
    let high = this.#count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (holds(this.#bytes, (this.#from + middle) * queueEntryBytes)) low = middle + 1
      else high = middle
    }
    return low
  }
}
