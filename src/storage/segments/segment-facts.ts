/** What is known of the segments of a log from outside: enough to decide which of them may go, and to show them. */

import type { Disk } from '../../files/disk.js'
import type { PartitionLog } from '../partition-log.js'
import { suffix } from './format.js'
import type { SegmentSet } from './segment-set.js'

export interface SegmentFacts {
  readonly baseOffset: number
  /** Where the next segment begins; of the active one, where the log ends. */
  readonly endOffset: number
  readonly sizeInBytes: number
  readonly isActive: boolean
  readonly path: string
  /** Bytes of batches that are in the file; more than `sizeInBytes` while a round is on its way. */
  readonly writtenBytes: number
  /** Where in the file the first batch begins that ends at `offset` or later. */
  positionOf(offset: number): Promise<number>
  /** Of its first batch; -1 where it holds none. */
  firstTimestamp(): Promise<number>
  /** Greatest timestamp of its records; where none has one, when the file was last written. */
  largestTimestamp(): Promise<number>
}

/** In offset order, the active one last. */
export function segmentFacts(set: SegmentSet, log: PartitionLog, disk: Disk): SegmentFacts[] {
  const segments = set.all
  return segments.map((segment, index) => ({
    baseOffset: segment.baseOffset,
    endOffset: segments[index + 1]?.baseOffset ?? log.logEndOffset,
    sizeInBytes: segment.sizeInBytes,
    isActive: index === segments.length - 1,
    path: segment.path(suffix.log),
    writtenBytes: segment.writtenBytes,
    positionOf: (offset) => segment.positionOf(offset),
    firstTimestamp: () => segment.firstTimestamp(),
    async largestTimestamp() {
      const timestamp = await segment.maxTimestamp()
      return timestamp >= 0 ? timestamp : ((await disk.stat(segment.path(suffix.log)))?.modifiedMs ?? -1)
    },
  }))
}
