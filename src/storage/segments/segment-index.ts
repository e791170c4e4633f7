/**
 * What is known of a segment's batches without reading them: both indexes, the greatest timestamp, and the counter that
 * decides when an entry is due. Appending and rebuilding go through the same `add`, so that an index rebuilt from the
 * log equals the one that was kept while writing.
 *
 * Indexes are hints: never synced on the write path, checked when loaded, rebuilt from the log at any time.
 */

import { OffsetIndex, TimeIndex } from './index-entries.js'

export interface IndexedBatch {
  readonly lastOffset: number
  readonly maxTimestamp: number
  readonly recordsCount: number
}

export class SegmentIndex {
  readonly offsets: OffsetIndex
  readonly times: TimeIndex
  readonly #intervalBytes: number
  #lastIndexedPosition: number
  #maxTimestamp: number
  #offsetOfMaxTimestamp: number

  /** An entry is due once more than `intervalBytes` lie between a batch and the last one that has an entry. */
  constructor(baseOffset: number, intervalBytes: number, stored: { offsets?: Buffer; times?: Buffer } = {}) {
    this.offsets = new OffsetIndex(baseOffset, stored.offsets)
    this.times = new TimeIndex(baseOffset, stored.times)
    this.#intervalBytes = intervalBytes
    this.#lastIndexedPosition = this.offsets.last?.position ?? 0
    this.#maxTimestamp = this.times.last?.timestamp ?? -1
    this.#offsetOfMaxTimestamp = this.times.last?.offset ?? baseOffset
  }

  /** -1 while no record with a timestamp is there. */
  get maxTimestamp(): number {
    return this.#maxTimestamp
  }

  /** The last offset of the earliest batch that carries `maxTimestamp`. */
  get offsetOfMaxTimestamp(): number {
    return this.#offsetOfMaxTimestamp
  }

  get sizeInBytes(): number {
    return this.offsets.bytes.length + this.times.bytes.length
  }

  /** Whether so many batches more fit into files of `maxBytes`, should each of them get an entry. */
  hasRoomFor(batches: number, maxBytes: number): boolean {
    return this.offsets.hasRoom(maxBytes, batches - 1) && this.times.hasRoom(maxBytes, batches - 1)
  }

  /** Notes the batch that was written at `position`. The first batch of a segment never gets an entry, as in Kafka. */
  add(position: number, batch: IndexedBatch): void {
    // A batch that compaction emptied keeps a time in its header that no record has any more: nobody can find it.
    if (batch.maxTimestamp > this.#maxTimestamp && batch.recordsCount > 0) {
      this.#maxTimestamp = batch.maxTimestamp
      this.#offsetOfMaxTimestamp = batch.lastOffset
    }
    if (position - this.#lastIndexedPosition <= this.#intervalBytes) return
    this.offsets.append(batch.lastOffset, position)
    this.times.appendIfLater(this.#maxTimestamp, this.#offsetOfMaxTimestamp)
    this.#lastIndexedPosition = position
  }

  /** Adds the closing time entry, which tells the greatest timestamp of the whole segment. */
  seal(): void {
    this.times.appendIfLater(this.#maxTimestamp, this.#offsetOfMaxTimestamp)
  }
}
