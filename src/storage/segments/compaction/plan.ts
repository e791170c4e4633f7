/**
 * What of a log may be cleaned, whether that is worth it now, and which of its segments become one. Numbers in, numbers
 * out. Source: LogCleanerManager.cleanableOffsets, LogToClean and Cleaner.groupSegmentsBySize in Kafka.
 */

import { maxRelativeOffset } from '../format.js'

export interface SizedSegment {
  readonly baseOffset: number
  readonly sizeInBytes: number
}

export interface CleanableStretch {
  /** Up to here every earlier cleaning came; what lies behind is dirty. */
  readonly firstDirtyOffset: number
  /** Where a segment begins that is not cleaned, nor any behind it. */
  readonly endOffset: number
  readonly cleanBytes: number
  readonly dirtyBytes: number
}

/**
 * @param segments all of the log, the active one last
 * @param uncleanableOffset nothing is cleaned from here on; a segment that reaches beyond it is left whole
 */
export function cleanableStretch(
  segments: readonly SizedSegment[],
  firstDirtyOffset: number,
  uncleanableOffset: number,
): CleanableStretch {
  const limit = Math.max(firstDirtyOffset, uncleanableOffset)
  const containing = segments.findLastIndex(({ baseOffset }) => baseOffset <= limit)
  const endOffset = segments[Math.max(0, containing)].baseOffset
  const sum = (from: number, to: number) =>
    overlapping(segments, from, to).reduce((bytes, { sizeInBytes }) => bytes + sizeInBytes, 0)
  return {
    firstDirtyOffset,
    endOffset,
    cleanBytes: sum(0, firstDirtyOffset),
    dirtyBytes: firstDirtyOffset < endOffset ? sum(firstDirtyOffset, endOffset) : 0,
  }
}

/** The part of what can be cleaned that is dirty; 0 for an empty log. */
export function dirtyRatio({ cleanBytes, dirtyBytes }: CleanableStretch): number {
  const totalBytes = cleanBytes + dirtyBytes
  return totalBytes === 0 ? 0 : dirtyBytes / totalBytes
}

/** The segments that hold something of [from, to). */
export function overlapping<S extends { readonly baseOffset: number }>(
  segments: readonly S[],
  from: number,
  to: number,
): readonly S[] {
  return segments.filter(
    ({ baseOffset }, i) => baseOffset < to && (segments[i + 1]?.baseOffset ?? Number.POSITIVE_INFINITY) > from,
  )
}

export interface IndexedSegment extends SizedSegment {
  readonly offsetIndexBytes: number
  readonly timeIndexBytes: number
}

/**
 * Neighbours that fit into one segment together: their batches, their indexes, and their offsets, which an index keeps in
 * 32 bits.
 *
 * @param endOffset where the segment behind the last one begins
 */
export function grouped<S extends IndexedSegment>(
  segments: readonly S[],
  limits: { readonly segmentBytes: number; readonly segmentIndexBytes: number },
  endOffset: number,
): readonly (readonly S[])[] {
  const groups: S[][] = []
  let sums = { log: 0, offsets: 0, times: 0 }
  for (const [i, segment] of segments.entries()) {
    const group = groups.at(-1)
    const log = sums.log + segment.sizeInBytes
    const offsets = sums.offsets + segment.offsetIndexBytes
    const times = sums.times + segment.timeIndexBytes
    const lastOffset = (segments[i + 1]?.baseOffset ?? endOffset) - 1
    const fits =
      group !== undefined &&
      log <= limits.segmentBytes &&
      offsets <= limits.segmentIndexBytes &&
      times <= limits.segmentIndexBytes &&
      (segment.sizeInBytes === 0 || lastOffset - group[0].baseOffset <= maxRelativeOffset)
    if (fits) {
      group.push(segment)
      sums = { log, offsets, times }
    } else {
      groups.push([segment])
      sums = { log: segment.sizeInBytes, offsets: segment.offsetIndexBytes, times: segment.timeIndexBytes }
    }
  }
  return groups
}
