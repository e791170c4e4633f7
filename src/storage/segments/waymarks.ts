/**
 * Marks on the way through an active segment: from time to time its indexes, and the producer state, are brought to the
 * disk as they are, so that recovery reads what was written since and not the whole segment. A mark is a hint like every
 * index: it may be missing, older than the log, or written by a process that died in the middle; what it says at or
 * beyond the recovery point is not believed.
 */

import { join } from 'node:path'
import type { Logger } from '../../core/logger.js'
import type { ProducerStates } from '../producer-states.js'
import { segmentFileName, suffix } from './format.js'
import { encodeProducerSnapshot } from './producer-snapshot.js'
import type { Segment } from './segment.js'
import type { SegmentPlace } from './segment-place.js'

/** Written between two marks: what a recovery reads of one log at the most. The indexes are a hundredth of it or less. */
const betweenMarksBytes = 64 * 1024 * 1024

export interface WaymarkTools {
  readonly place: SegmentPlace
  readonly logger: Logger
  /** A mark is on the disk: the recovery point is worth writing down. */
  onMarked?(): void
}

export class Waymarks {
  readonly #tools: WaymarkTools
  #bytesSince = 0
  #marking: Promise<void> | undefined
  /** The snapshot of the last mark, unless a segment begins there. */
  #lastSnapshot: string | undefined

  constructor(tools: WaymarkTools) {
    this.#tools = tools
  }

  /** A round of `bytes` that ends at `nextOffset` was published; `producers` knows it and nothing beyond it. */
  published(bytes: number, segment: Segment, nextOffset: number, producers: ProducerStates): void {
    this.#bytesSince += bytes
    if (this.#bytesSince < betweenMarksBytes || this.#marking !== undefined) return
    this.#bytesSince = 0
    // Taken now, while all of them say the same.
    const files = [...segment.mark(), { path: this.#path(nextOffset), bytes: encodeProducerSnapshot(producers) }]
    this.#marking = this.#write(files)
      .catch((err: unknown) => {
        const { directory } = this.#tools.place
        this.#tools.logger.warn(
          { directory, err },
          'Could not mark how far a log was written; a recovery would read more.',
        )
      })
      .finally(() => {
        this.#marking = undefined
      })
  }

  /** A segment began; what was written before it is not read again. */
  rolled(): void {
    this.#bytesSince = 0
  }

  /** Resolves when no file of a mark is being written. */
  async settled(): Promise<void> {
    await this.#marking
  }

  /** The producer state last: where it is found, the indexes are as new. */
  async #write(files: readonly { path: string; bytes: Buffer }[]): Promise<void> {
    const { disk } = this.#tools.place
    for (const { path, bytes } of files) await disk.replaceFile(path, bytes)
    const before = this.#lastSnapshot
    this.#lastSnapshot = files[files.length - 1].path
    if (before !== undefined) await disk.remove(before)
    this.#tools.onMarked?.()
  }

  #path(offset: number): string {
    return join(this.#tools.place.directory, segmentFileName(offset, suffix.snapshot))
  }
}
