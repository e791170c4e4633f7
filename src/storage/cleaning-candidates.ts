/** What of a running log could be cleaned now, and whether that is worth it: its own settings decide. */

import { type CleanableStretch, cleanableStretch, dirtyRatio, overlapping } from './segments/compaction/plan.js'
import type { Segment } from './segments/segment.js'
import type { SegmentLog } from './segments/segment-log.js'

export interface Candidate {
  readonly stretch: CleanableStretch
  /** Something dirty has waited for longer than it may. */
  readonly isOverdue: boolean
}

/** `settledEnd`: what lies behind it may be cut off yet, and would take with it what it has replaced. */
export async function candidateOf(log: SegmentLog, nowMs: number, settledEnd: number): Promise<Candidate> {
  const { compaction, settings } = log
  const { segments } = compaction
  const firstDirtyOffset = firstDirtyOf(log)
  const sealedDirty = overlapping(segments.slice(0, -1), firstDirtyOffset, Number.POSITIVE_INFINITY)
  const young = await firstYounger(sealedDirty, nowMs - settings['log.cleaner.min.compaction.lag.ms'], nowMs)
  const youngFrom = young?.baseOffset ?? Number.POSITIVE_INFINITY
  const uncleanableOffset = Math.min(compaction.uncleanableOffset, settledEnd, youngFrom)
  const overdueBefore = nowMs - settings['log.cleaner.max.compaction.lag.ms']
  return {
    stretch: cleanableStretch(segments, firstDirtyOffset, uncleanableOffset),
    isOverdue: await beginsBefore(sealedDirty, overdueBefore),
  }
}

export function isWorthCleaning(log: SegmentLog, { stretch, isOverdue }: Candidate): boolean {
  if (stretch.dirtyBytes === 0) return false
  return isOverdue || dirtyRatio(stretch) > log.settings['log.cleaner.min.cleanable.ratio']
}

/** Where the last cleaning ended; a place that the log does not have (it lost its front, or its end) counts for nothing. */
function firstDirtyOf({ compaction: { cleanedUpTo }, logStartOffset, logEndOffset }: SegmentLog): number {
  const isSound = cleanedUpTo !== undefined && cleanedUpTo >= logStartOffset && cleanedUpTo <= logEndOffset
  return isSound ? cleanedUpTo : logStartOffset
}

async function firstYounger(segments: readonly Segment[], thanMs: number, nowMs: number): Promise<Segment | undefined> {
  if (thanMs >= nowMs) return undefined
  for (const segment of segments) if ((await segment.maxTimestamp()) > thanMs) return segment
  return undefined
}

/** Whether one of them begins with a batch of before that time. */
async function beginsBefore(segments: readonly Segment[], timeMs: number): Promise<boolean> {
  if (timeMs <= 0) return false
  for (const segment of segments) {
    const timestamp = await segment.firstTimestamp()
    if (timestamp > 0 && timestamp < timeMs) return true
  }
  return false
}
