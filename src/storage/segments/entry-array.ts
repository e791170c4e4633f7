/** A growing array of entries of one size, in memory the same bytes as in its file: what every index is. */

export class EntryArray {
  readonly #entryBytes: number
  #bytes: Buffer
  #count: number

  constructor(entryBytes: number, stored: Buffer = Buffer.alloc(0)) {
    this.#entryBytes = entryBytes
    this.#count = Math.floor(stored.length / entryBytes)
    this.#bytes = stored
  }

  get count(): number {
    return this.#count
  }

  /** The position in `bytes` of entry `index`. */
  at(index: number): number {
    return index * this.#entryBytes
  }

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#count * this.#entryBytes)
  }

  /** Makes room for one more entry; returns the buffer to write it to and where. */
  push(): { bytes: Buffer; at: number } {
    const at = this.#count * this.#entryBytes
    if (at + this.#entryBytes > this.#bytes.length) {
      const grown = Buffer.alloc(Math.max(64 * this.#entryBytes, this.#bytes.length * 2))
      this.#bytes.copy(grown)
      this.#bytes = grown
    }
    this.#count++
    return { bytes: this.#bytes, at }
  }

  /** How many entries, from the first on, satisfy a condition that holds for a prefix of them. */
  prefix(holds: (bytes: Buffer, at: number) => boolean): number {
    let low = 0
    let high = this.#count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (holds(this.#bytes, middle * this.#entryBytes)) low = middle + 1
      else high = middle
    }
    return low
  }
}
