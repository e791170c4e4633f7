/** Checks the segments of a log as a row: that one begins where the one before it ends, and that first and last are there. */

import { roundMaxBytes } from '../../flush/group-commit.js'
import type { PartitionRequest } from './check-partition.js'
import type { SegmentFacts } from './check-segment.js'
import type { Findings } from './findings.js'

export function checkRow(segments: readonly SegmentFacts[], request: PartitionRequest, findings: Findings): void {
  checkStart(segments, request, findings)
  for (const [i, segment] of segments.entries()) {
    const next = segments[i + 1]
    reportDamage(segment, next === undefined, request, findings)
    checkTail(segment, next === undefined, request, findings)
    if (next !== undefined) checkBorder(segment, next, request, findings)
  }
  checkEnd(segments, request, findings)
}

function checkStart([first]: readonly SegmentFacts[], request: PartitionRequest, findings: Findings): void {
  const { logStartOffset = 0, directory } = request
  if (first === undefined) {
    if (logStartOffset > 0 || (request.recoveryPoint ?? 0) > 0) {
      findings.add('start-missing', directory, `It holds no segment, though the log began at offset ${logStartOffset}`)
    }
    return
  }
  // Without a line for the log, nobody knows where it began: retention may have taken what was before.
  if (request.logStartOffset === undefined || first.baseOffset <= logStartOffset) return
  const what = `The log begins at offset ${logStartOffset}, and its first segment at ${first.baseOffset}: ${first.baseOffset - logStartOffset} offsets are missing`
  findings.add('start-missing', directory, what, { offset: logStartOffset })
}

function reportDamage(segment: SegmentFacts, isLast: boolean, request: PartitionRequest, findings: Findings): void {
  for (const { from, to, offset, nextOffset, why, mended } of segment.damage) {
    const at = { position: from, offset }
    if (mended !== undefined) {
      findings.add('header-damaged', segment.path, `${capital(why)}; with another header the batch is whole`, at)
    } else if (nextOffset !== undefined) {
      const lost = nextOffset > offset ? `offsets ${offset} to ${nextOffset - 1} are lost` : 'no offset is lost'
      findings.add(
        from === to ? 'offsets-missing' : 'batch-damaged',
        segment.path,
        `${capital(why)}; sound batches go on at byte ${to}, ${lost}`,
        at,
      )
    } else if (isLast && isTorn(segment, to - from, request)) {
      findings.add(
        'torn-tail',
        segment.path,
        `${capital(why)}; the last ${to - from} bytes are what an interrupted write left`,
        at,
      )
    } else {
      findings.add(
        'batch-damaged',
        segment.path,
        `${capital(why)}; no sound batch follows in the last ${to - from} bytes`,
        at,
      )
    }
  }
}

/** Whether the bytes behind the last sound batch can be a write that was under way, by what recovery will say of them. */
function isTorn({ nextOffset }: SegmentFacts, bytes: number, request: PartitionRequest): boolean {
  return !request.clean && nextOffset >= (request.recoveryPoint ?? 0) && bytes <= roundMaxBytes
}

function checkTail(segment: SegmentFacts, isLast: boolean, request: PartitionRequest, findings: Findings): void {
  const zeroBytes = segment.fileBytes - segment.contentBytes
  // Behind a damaged batch they may be the end of it.
  const isDamaged = segment.damage.some(({ to }) => to === segment.contentBytes)
  if (zeroBytes === 0 || isDamaged) return
  const isWritersOwn = isLast && !request.clean
  const what = `${zeroBytes} bytes of zeros lie behind the last batch${isWritersOwn ? ', put there ahead of a writer' : ''}`
  const severity = isWritersOwn ? 'note' : 'warning'
  const next = isWritersOwn ? undefined : 'holdfast repair cuts them off'
  findings.add('zero-tail', segment.path, what, { position: segment.contentBytes, severity, ...(next && { next }) })
}

function checkBorder(segment: SegmentFacts, next: SegmentFacts, request: PartitionRequest, findings: Findings): void {
  const { nextOffset, path, contentBytes } = segment
  const at = { position: contentBytes, offset: nextOffset }
  if (nextOffset > next.baseOffset) {
    findings.add(
      'offsets-overlap',
      path,
      `It reaches to offset ${nextOffset}, and the next segment begins at ${next.baseOffset}`,
      at,
    )
  } else if (nextOffset < next.baseOffset && !request.mayHaveHoles) {
    // One that was named ahead of a round which was lost holds nothing, and recovery removes it.
    if (next.contentBytes === 0 && !request.clean) return
    const lost = `offsets ${nextOffset} to ${next.baseOffset - 1} are missing`
    findings.add(
      'offsets-missing',
      path,
      `It ends at offset ${nextOffset}, and the next segment begins at ${next.baseOffset}: ${lost}`,
      at,
    )
  }
}

function checkEnd(segments: readonly SegmentFacts[], request: PartitionRequest, findings: Findings): void {
  const last = segments.at(-1)
  const known = Math.max(request.recoveryPoint ?? 0, request.logStartOffset ?? 0)
  if (last === undefined || last.nextOffset >= known || last.damage.length > 0) return
  const what = `The log ends at offset ${last.nextOffset}, though it had reached ${known}`
  findings.add('end-missing', last.path, what, { position: last.contentBytes, offset: last.nextOffset })
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
