/** The latest so many of a series. */

import { invariant } from '../core/invariant.js'

export class Ring<T> {
  readonly #capacity: number
  readonly #items: T[] = []
  /** Where the oldest lies once the ring is full. */
  #first = 0

  constructor(capacity: number) {
    invariant(capacity >= 1, 'a ring holds at least one')
    this.#capacity = capacity
  }

  get length(): number {
    return this.#items.length
  }

  push(item: T): void {
    if (this.#items.length < this.#capacity) {
      this.#items.push(item)
      return
    }
    this.#items[this.#first] = item
    this.#first = (this.#first + 1) % this.#capacity
  }

  get oldest(): T | undefined {
    return this.#items[this.#first]
  }

  get newest(): T | undefined {
    return this.#items[(this.#first + this.#items.length - 1) % this.#capacity]
  }

  /** The latest `count`, or all; oldest first. */
  latest(count = this.#capacity): T[] {
    const ordered = [...this.#items.slice(this.#first), ...this.#items.slice(0, this.#first)]
    return count >= ordered.length ? ordered : ordered.slice(ordered.length - count)
  }
}
