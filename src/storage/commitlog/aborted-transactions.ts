/** The transactions of a queue that were aborted, in the order of their markers. Few, so they stay in memory. */

import type { AbortedTransaction } from '../partition-log.js'

export interface AbortedEntry extends AbortedTransaction {
  /** Of its marker. */
  readonly lastOffset: number
}

export class AbortedTransactions {
  readonly #entries: AbortedEntry[]

  constructor(entries: readonly AbortedEntry[] = []) {
    this.#entries = [...entries]
  }

  get entries(): readonly AbortedEntry[] {
    return this.#entries
  }

  add({ producerId, firstOffset, lastOffset }: AbortedEntry): void {
    this.#entries.push({ producerId, firstOffset, lastOffset })
  }

  /** Those with records in [from, to). */
  between(from: number, to: number): AbortedTransaction[] {
    return this.#entries
      .slice(this.#firstEndingAt(from))
      .filter(({ firstOffset }) => firstOffset < to)
      .map(({ producerId, firstOffset }) => ({ producerId, firstOffset }))
  }

  /** Forgets those that end before `offset`. */
  removeBefore(offset: number): void {
    this.#entries.splice(0, this.#firstEndingAt(offset))
  }

  /** The index of the first one whose marker lies at `offset` or behind it. */
  #firstEndingAt(offset: number): number {
    let low = 0
    let high = this.#entries.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#entries[middle].lastOffset < offset) low = middle + 1
      else high = middle
    }
    return low
  }
}
