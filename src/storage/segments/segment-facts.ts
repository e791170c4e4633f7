/** What is known of the segments of a log from outside: enough to decide which of them may go. */

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
    async largestTimestamp() {
      const timestamp = await segment.maxTimestamp()
      return timestamp >= 0 ? timestamp : ((await disk.stat(segment.path(suffix.log)))?.modifiedMs ?? -1)
    },
  }))
}
