/**
 * Kafka's `.txnindex` file: the transactions that were aborted by a marker in one segment, in the order of their markers
 * (docs/formats.md, "Transaction index"). In memory it is the same bytes as on the disk, 34 for each, and stays there as
 * long as the segment does: a reader who must not see what was aborted finds it without looking at a file.
 */

import { readInt64, writeInt64 } from '../../core/codec/int64.js'
import type { AbortedTransaction } from '../partition-log.js'
import type { EndedTransaction } from '../producer-states.js'
import { EntryArray } from './entry-array.js'

const version = 0
const entryBytes = 34

// Positions inside an entry.
const at = { producerId: 2, firstOffset: 10, lastOffset: 18, lastStableOffset: 26 } as const

export type IndexedTransaction = Omit<EndedTransaction, 'aborted'>

export class TransactionIndex {
  readonly #entries: EntryArray
  /** What the file holds is something else. */
  #isChanged: boolean

  private constructor(entries: EntryArray, isChanged: boolean) {
    this.#entries = entries
    this.#isChanged = isChanged
  }

  /** Of a segment without aborted transactions; `isChanged` where a file lies there that says otherwise. */
  static empty(isChanged = false): TransactionIndex {
    return new TransactionIndex(new EntryArray(entryBytes), isChanged)
  }

  /** The index of a segment in which these were aborted, in the order of their markers. */
  static from(transactions: readonly IndexedTransaction[]): TransactionIndex {
    const index = TransactionIndex.empty()
    for (const transaction of transactions) index.add({ ...transaction, aborted: true })
    return index
  }

  /**
   * The index that a file holds of markers below `end`, or undefined where it cannot be the one of a segment that begins
   * at `baseOffset`.
   */
  static of(stored: Buffer, baseOffset: number, end = Number.MAX_SAFE_INTEGER): TransactionIndex | undefined {
    if (stored.length % entryBytes !== 0) return undefined
    const whole = new TransactionIndex(new EntryArray(entryBytes, stored), false)
    let before = baseOffset - 1
    for (let i = 0; i < whole.count; i++) {
      const entry = whole.entry(i)
      if (stored.readInt16BE(i * entryBytes) !== version || !isSound(entry, before)) return undefined
      before = entry.lastOffset
    }
    const known = whole.#entries.prefix((bytes, start) => readInt64(bytes, start + at.lastOffset) < end)
    if (known === whole.count) return whole
    return new TransactionIndex(new EntryArray(entryBytes, stored.subarray(0, known * entryBytes)), true)
  }

  get count(): number {
    return this.#entries.count
  }

  /** To be written to the file before anybody relies on that. */
  get isChanged(): boolean {
    return this.#isChanged
  }

  get bytes(): Buffer {
    return this.#entries.bytes
  }

  entry(index: number): IndexedTransaction {
    const { bytes } = this.#entries
    const start = this.#entries.at(index)
    return {
      producerId: readInt64(bytes, start + at.producerId),
      firstOffset: readInt64(bytes, start + at.firstOffset),
      lastOffset: readInt64(bytes, start + at.lastOffset),
      lastStableOffset: readInt64(bytes, start + at.lastStableOffset),
    }
  }

  /** Notes the end of a transaction, unless it is known or was a commit. */
  add(ended: EndedTransaction): void {
    const isKnown = this.count > 0 && this.entry(this.count - 1).lastOffset >= ended.lastOffset
    if (!ended.aborted || isKnown) return
    const { bytes, at: start } = this.#entries.push()
    bytes.writeInt16BE(version, start)
    writeInt64(bytes, ended.producerId, start + at.producerId)
    writeInt64(bytes, ended.firstOffset, start + at.firstOffset)
    writeInt64(bytes, ended.lastOffset, start + at.lastOffset)
    writeInt64(bytes, ended.lastStableOffset, start + at.lastStableOffset)
    this.#isChanged = true
  }

  /** The file holds what the index does. */
  written(): void {
    this.#isChanged = false
  }

  /**
   * Adds to `found` the transactions with records in [from, to) that were aborted by markers of this segment. Tells
   * whether that is all: no later segment knows of another one.
   */
  collect(from: number, to: number, found: AbortedTransaction[]): boolean {
    const first = this.#entries.prefix((bytes, start) => readInt64(bytes, start + at.lastOffset) < from)
    for (let i = first; i < this.count; i++) {
      const { producerId, firstOffset, lastStableOffset } = this.entry(i)
      if (firstOffset < to) found.push({ producerId, firstOffset })
      if (lastStableOffset >= to) return true
    }
    return false
  }
}

function isSound(entry: IndexedTransaction, before: number): boolean {
  const { producerId, firstOffset, lastOffset, lastStableOffset } = entry
  const isOrdered = lastOffset > before && firstOffset >= 0 && firstOffset < lastOffset
  return isOrdered && producerId >= 0 && lastStableOffset >= 0 && lastStableOffset <= lastOffset + 1
}
