/** The segments of one log in offset order, and how to find something in them. A set never changes; growing makes a new one. */

import type { AbortedTransaction, LogSlice, ReadOptions, TimestampedOffset } from '../partition-log.js'
import type { Segment } from './segment.js'

/** How much of a segment lies below an offset. */
export interface CutSegment {
  readonly baseOffset: number
  readonly sizeInBytes: number
  /** All of it, and it is sealed. */
  readonly isWhole: boolean
}

export class SegmentSet {
  readonly #segments: readonly Segment[]

  /** In offset order; the last one is active. */
  constructor(segments: readonly Segment[]) {
    this.#segments = segments
  }

  /** In offset order. */
  get all(): readonly Segment[] {
    return this.#segments
  }

  get baseOffset(): number {
    return this.#segments[0].baseOffset
  }

  get active(): Segment {
    return this.#segments[this.#segments.length - 1]
  }

  get sizeInBytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.sizeInBytes, 0)
  }

  with(active: Segment): SegmentSet {
    return new SegmentSet([...this.#segments, active])
  }

  /** The segments that hold nothing at `offset` or behind it, the active one excepted; and the rest. */
  splitBefore(offset: number): { before: readonly Segment[]; rest: SegmentSet } {
    const first = this.#segments.findIndex((_, at) => (this.#segments[at + 1]?.baseOffset ?? offset + 1) > offset)
    return { before: this.#segments.slice(0, first), rest: new SegmentSet(this.#segments.slice(first)) }
  }

  /** The segments that begin at `offset` or before it, and those that begin behind it. */
  splitAfter(offset: number): { kept: SegmentSet; beyond: readonly Segment[] } {
    const isKept = (segment: Segment) => segment.baseOffset <= offset
    const kept = new SegmentSet(this.#segments.filter(isKept))
    return { kept, beyond: this.#segments.filter((segment) => !isKept(segment)) }
  }

  /** What lies below `end`, which is where a batch ends. */
  async below(end: number): Promise<CutSegment[]> {
    const cut: CutSegment[] = []
    for (const [at, segment] of this.#segments.entries()) {
      const { baseOffset } = segment
      if (baseOffset >= end) break
      const next = this.#segments[at + 1]
      const isWhole = next !== undefined && next.baseOffset <= end
      cut.push({ baseOffset, isWhole, sizeInBytes: isWhole ? segment.sizeInBytes : await segment.positionOf(end) })
    }
    return cut
  }

  /** Whether these are there, side by side. */
  holds(segments: readonly Segment[]): boolean {
    const first = this.#segments.indexOf(segments[0])
    return first >= 0 && segments.every((segment, i) => this.#segments[first + i] === segment)
  }

  /** With one segment in the place of some that are there side by side. */
  replacing(old: readonly Segment[], by: Segment): SegmentSet {
    const first = this.#segments.indexOf(old[0])
    return new SegmentSet([...this.#segments.slice(0, first), by, ...this.#segments.slice(first + old.length)])
  }

  /** Whole batches from the one that holds `offset`, or the first after it, from one segment. Empty at the end. */
  async read(offset: number, maxBytes: number, options?: ReadOptions): Promise<LogSlice> {
    for (const segment of this.#from(offset)) {
      const slice = await segment.read(offset, maxBytes, options)
      if (slice.records.length > 0) return slice
    }
    return { records: [], sizeInBytes: 0 }
  }

  /** Whether a marker in the segment that holds `offset`, or in a later one, has aborted anything. */
  hasAborted(offset: number): boolean {
    return this.#from(offset).some(({ transactions }) => transactions.count > 0)
  }

  /** The transactions with records in [from, to) that were aborted. */
  abortedTransactions(from: number, to: number): AbortedTransaction[] {
    const found: AbortedTransaction[] = []
    for (const { transactions } of this.#from(from)) if (transactions.collect(from, to, found)) break
    return found
  }

  /** The segment that holds `offset`, and those behind it. */
  #from(offset: number): readonly Segment[] {
    return this.#segments.slice(
      Math.max(
        0,
        this.#segments.findLastIndex(({ baseOffset }) => baseOffset <= offset),
      ),
    )
  }

  /** The first record at `minOffset` or behind it whose timestamp is `timestamp` or later. */
  async offsetForTimestamp(timestamp: number, minOffset: number): Promise<TimestampedOffset | undefined> {
    for (const segment of this.#segments) {
      if ((await segment.maxTimestamp()) < timestamp) continue
      const found = await segment.offsetForTimestamp(timestamp, minOffset)
      if (found !== undefined) return found
    }
    return undefined
  }

  async offsetOfMaxTimestamp(minOffset: number): Promise<TimestampedOffset | undefined> {
    let greatest = -1
    for (const segment of this.#segments) greatest = Math.max(greatest, await segment.maxTimestamp())
    return greatest < 0 ? undefined : this.offsetForTimestamp(greatest, minOffset)
  }

  /** Closes what the segments hold open, after those who still read are done. */
  async release(): Promise<void> {
    const outcomes = await Promise.allSettled(this.#segments.map((segment) => segment.release()))
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  }
}
