/**
 * The indexes of sealed segments that are in memory, few at a time: a store may hold far more segments than memory
 * holds indexes. The least recently used ones are let go; their files are read again when they are asked for.
 */

import type { SegmentIndex } from './segment-index.js'

export class IndexCache {
  readonly #limitBytes: number
  /** By owner, in order of use, the least recent first. */
  readonly #indexes = new Map<object, SegmentIndex>()
  #bytes = 0

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  get sizeInBytes(): number {
    return this.#bytes
  }

  get(owner: object): SegmentIndex | undefined {
    const index = this.#indexes.get(owner)
    if (index === undefined) return undefined
    this.#indexes.delete(owner)
    this.#indexes.set(owner, index)
    return index
  }

  put(owner: object, index: SegmentIndex): void {
    this.drop(owner)
    this.#indexes.set(owner, index)
    this.#bytes += index.sizeInBytes
    for (const oldest of this.#indexes.keys()) {
      // The one that was just asked for stays, however large.
      if (this.#bytes <= this.#limitBytes || oldest === owner) return
      this.drop(oldest)
    }
  }

  drop(owner: object): void {
    const index = this.#indexes.get(owner)
    if (index === undefined) return
    this.#indexes.delete(owner)
    this.#bytes -= index.sizeInBytes
  }
}
