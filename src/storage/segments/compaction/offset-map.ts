/**
 * The latest offset of every key in a stretch of log: by the key's hash, in one block of memory outside the heap whose
 * size is given, 24 bytes an entry as in Kafka's SkimpyOffsetMap. Open addressing with linear probing: at the load that
 * is allowed a search looks at many entries, but they lie side by side.
 */

import type { KeyHash } from './key-hash.js'

/** Four words of hash, two of offset. */
const entryWords = 6
export const entryBytes = 4 * entryWords

const twoTo32 = 2 ** 32

export class OffsetMap {
  readonly #hash: KeyHash
  readonly #words: Int32Array
  readonly #slots: number
  readonly #most: number
  #size = 0
  #latestOffset = -1

  /** @param loadFactor the part of the slots that is filled at most, above 0 and below 1 */
  constructor(hash: KeyHash, sizeInBytes: number, loadFactor: number) {
    this.#hash = hash
    this.#slots = Math.max(2, Math.floor(sizeInBytes / entryBytes))
    this.#most = Math.min(this.#slots - 1, Math.max(1, Math.floor(this.#slots * loadFactor)))
    this.#words = new Int32Array(this.#slots * entryWords)
  }

  get size(): number {
    return this.#size
  }

  get isFull(): boolean {
    return this.#size >= this.#most
  }

  /** The stretch that the map covers ends with this offset; -1 where nothing was put. */
  get latestOffset(): number {
    return this.#latestOffset
  }

  /** Widens the stretch over offsets that hold no key. */
  coverUpTo(offset: number): void {
    this.#latestOffset = offset
  }

  /** Notes that the key bytes[start, end) is at `offset`, greater than all before. The map must not be full. */
  put(bytes: Uint8Array, start: number, end: number, offset: number): void {
    this.#hash.update(bytes, start, end)
    const words = this.#words
    const at = this.#find()
    if ((words[at + 4] | words[at + 5]) === 0) {
      words[at] = this.#hash.h0
      words[at + 1] = this.#hash.h1
      words[at + 2] = this.#hash.h2
      words[at + 3] = this.#hash.h3
      this.#size++
    }
    // One more, so that zeros mean an empty slot.
    words[at + 4] = Math.floor((offset + 1) / twoTo32)
    words[at + 5] = offset + 1
    this.#latestOffset = offset
  }

  /** The latest offset of the key bytes[start, end), or -1. */
  get(bytes: Uint8Array, start: number, end: number): number {
    this.#hash.update(bytes, start, end)
    const at = this.#find()
    return this.#words[at + 4] * twoTo32 + (this.#words[at + 5] >>> 0) - 1
  }

  /** The slot of the key that was hashed last, or the empty one where it belongs. */
  #find(): number {
    const { h0, h1, h2, h3 } = this.#hash
    const words = this.#words
    let slot = Math.floor(((h0 >>> 0) / twoTo32) * this.#slots)
    for (;;) {
      const at = slot * entryWords
      if ((words[at + 4] | words[at + 5]) === 0) return at
      if (words[at] === h0 && words[at + 1] === h1 && words[at + 2] === h2 && words[at + 3] === h3) return at
      slot = slot + 1 === this.#slots ? 0 : slot + 1
    }
  }
}
