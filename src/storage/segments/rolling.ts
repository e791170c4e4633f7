/**
 * When a log goes on in a new segment, by the rules of Kafka's LogSegment.shouldRoll: the active one would grow too large,
 * spans too long a time, or has no room left in its indexes. The time is that of the records: a log that nobody writes
 * into is not rolled by it, and a record dated far ahead may roll.
 */

import type { Clock } from '../../core/clock.js'
import { readInt64 } from '../../core/codec/int64.js'
import type { RecordBatch } from '../../records/batch.js'
import { batchOverheadBytes, at as field } from '../../records/format.js'
import type { Segment } from './segment.js'
import type { SegmentPlace } from './segment-place.js'

export class Rolling {
  readonly #place: SegmentPlace
  readonly #clock: Clock
  /** Of the active segment: when it began to be one, and the greatest timestamp of its first batch where that is known. */
  #sinceMs: number
  #firstTimestamp: number | undefined

  constructor(place: SegmentPlace, clock: Clock) {
    this.#place = place
    this.#clock = clock
    this.#sinceMs = clock.now()
  }

  /** To be called when another segment has become the active one. */
  begin(): void {
    this.#sinceMs = this.#clock.now()
    this.#firstTimestamp = undefined
  }

  /** Reads of the active segment what {@link endOfRun} needs, once; undefined where it is known. */
  learn(active: Segment): Promise<void> | undefined {
    return this.#firstTimestamp !== undefined || active.isEmpty ? undefined : this.#readFirst(active)
  }

  /** To be called when batches were written into the active segment. */
  written(batches: readonly RecordBatch[]): void {
    this.#firstTimestamp ??= batches[0].maxTimestamp
  }

  /** Up to where the batches from `start` on fit into the active segment together; `start` where not even one does. */
  endOfRun(active: Segment, batches: readonly RecordBatch[], start: number): number {
    const { segmentBytes, rollMs } = this.#place
    const first = this.#firstTimestamp ?? batches[start].maxTimestamp
    const waitedMs = first < 0 ? this.#clock.now() - this.#sinceMs : undefined
    let end = start
    for (let bytes = 0; end < batches.length; end++) {
      const { sizeInBytes, lastOffset, maxTimestamp } = batches[end]
      bytes += sizeInBytes
      // The first batch of a segment fits in any case.
      if (active.isEmpty && end === start) continue
      const isDue = (waitedMs ?? maxTimestamp - first) > rollMs
      if (isDue || !active.hasRoomFor(bytes, lastOffset, segmentBytes, end - start + 1)) break
    }
    return end
  }

  async #readFirst(active: Segment): Promise<void> {
    const header = Buffer.alloc(batchOverheadBytes)
    await active.use((file) => file.read(header, 0))
    this.#firstTimestamp = readInt64(header, field.maxTimestamp)
  }
}
