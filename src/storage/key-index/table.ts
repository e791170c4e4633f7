/**
 * What is indexed and not yet in a file: entries in the order of their offsets, in typed arrays with chains by hash, about
 * 20 bytes an entry and no object for any.
 */

import { compareHashes } from './hash.js'

const firstCapacity = 1024
/** Two halves of the hash, the offset, the chain, and a head of a chain. */
const bytesPerEntry = 20
const noEntry = -1
/** Buckets of more than this are sorted by comparing; smaller ones by insertion, which is faster. */
const largeBucket = 64
const entriesPerBucket = 8

export class KeyTable {
  /** Every record from here on is in the table, if it has a key or an id. */
  readonly from: number
  /** What the offsets are kept relative to; that of the first entry. */
  base: number
  #count = 0
  #hi = new Uint32Array(0)
  #lo = new Uint32Array(0)
  #delta = new Uint32Array(0)
  #next = new Int32Array(0)
  #heads = new Int32Array(0)

  constructor(from: number) {
    this.from = from
    this.base = from
  }

  get count(): number {
    return this.#count
  }

  get sizeInBytes(): number {
    return this.#hi.length * bytesPerEntry
  }

  /** Offsets do not go back. */
  add(hi: number, lo: number, offset: number): void {
    if (this.#count === this.#hi.length) this.#grow()
    const entry = this.#count++
    if (entry === 0) this.base = offset
    this.#hi[entry] = hi
    this.#lo[entry] = lo
    this.#delta[entry] = offset - this.base
    this.#chain(entry)
  }

  /** The offsets under a hash, the newest first; entries that are added meanwhile do not disturb. */
  *offsetsOf(hi: number, lo: number): Generator<number> {
    if (this.#count === 0) return
    for (let entry = this.#heads[lo & (this.#heads.length - 1)]; entry !== noEntry; entry = this.#next[entry]) {
      if (this.#hi[entry] === hi && this.#lo[entry] === lo) yield this.base + this.#delta[entry]
    }
  }

  hiOf(entry: number): number {
    return this.#hi[entry]
  }

  loOf(entry: number): number {
    return this.#lo[entry]
  }

  offsetOf(entry: number): number {
    return this.base + this.#delta[entry]
  }

  /**
   * The entries in the order of their hashes, those of one hash in the order of their offsets: spread over buckets by the
   * high bits, then each bucket by itself. `turn` is awaited now and then, so that others get theirs.
   */
  async sorted(turn: () => Promise<void>): Promise<Uint32Array> {
    const count = this.#count
    const bits = Math.min(16, Math.max(1, Math.ceil(Math.log2(Math.max(1, count / entriesPerBucket)))))
    const shift = 32 - bits
    const starts = new Uint32Array(2 ** bits + 1)
    for (let entry = 0; entry < count; entry++) starts[(this.#hi[entry] >>> shift) + 1]++
    for (let bucket = 1; bucket < starts.length; bucket++) starts[bucket] += starts[bucket - 1]
    await turn()
    const order = new Uint32Array(count)
    const filled = starts.slice()
    for (let entry = 0; entry < count; entry++) order[filled[this.#hi[entry] >>> shift]++] = entry
    await turn()
    let sinceTurn = 0
    for (let bucket = 0; bucket + 1 < starts.length; bucket++) {
      const bucketEnd = starts[bucket + 1]
      this.#sortBucket(order, starts[bucket], bucketEnd)
      sinceTurn += bucketEnd - starts[bucket]
      if (sinceTurn < 65_536) continue
      sinceTurn = 0
      await turn()
    }
    return order
  }

  /** Stable: entries of one hash stay in the order of their offsets. */
  #sortBucket(order: Uint32Array, start: number, end: number): void {
    if (end - start > largeBucket) {
      order.subarray(start, end).sort((one, other) => this.#compare(one, other) || one - other)
      return
    }
    for (let i = start + 1; i < end; i++) {
      const entry = order[i]
      let to = i
      for (; to > start && this.#compare(order[to - 1], entry) > 0; to--) order[to] = order[to - 1]
      order[to] = entry
    }
  }

  #compare(one: number, other: number): number {
    return compareHashes(this.#hi[one], this.#lo[one], this.#hi[other], this.#lo[other])
  }

  #grow(): void {
    // A power of two, so that the low bits of a hash choose the chain.
    const capacity = Math.max(firstCapacity, this.#hi.length * 2)
    this.#hi = grown(this.#hi, new Uint32Array(capacity))
    this.#lo = grown(this.#lo, new Uint32Array(capacity))
    this.#delta = grown(this.#delta, new Uint32Array(capacity))
    this.#next = new Int32Array(capacity)
    this.#heads = new Int32Array(capacity).fill(noEntry)
    for (let entry = 0; entry < this.#count; entry++) this.#chain(entry)
  }

  #chain(entry: number): void {
    const head = this.#lo[entry] & (this.#heads.length - 1)
    this.#next[entry] = this.#heads[head]
    this.#heads[head] = entry
  }
}

function grown(from: Uint32Array, to: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  to.set(from)
  return to
}
