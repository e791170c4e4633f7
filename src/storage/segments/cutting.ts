/**
 * Decides what to do about bytes that are no sound batch, and does it.
 *
 * Cut is only what nobody can have been told of. Where the log would end before something that was durable (below the
 * recovery point, in a log that was closed in order, in a segment that others follow and that was sealed durably, or with
 * more behind the bad batch than one interrupted write leaves) the bad batch is damage: nothing is cut, nothing is
 * appended, and the log serves what lies before it.
 */

import { join } from 'node:path'
import type { Logger } from '../../core/logger.js'
import type { DiskFile } from '../../files/disk.js'
import { segmentFileName, suffix } from './format.js'
import type { Damage, LoadReport, LoadRequest } from './load-request.js'
import type { SegmentPlace } from './segment-place.js'
import type { SegmentScan } from './segment-scan.js'
import { removeSurely, setSegmentAside } from './staged-files.js'

/** A segment that was read, and does not end as it should. */
export interface EndedSegment {
  readonly writer: DiskFile
  readonly base: number
  readonly scan: SegmentScan
  /** Where the zeros begin that fill the file. */
  readonly contentEnd: number
  /** Base offsets of the segments behind it. */
  readonly followed: readonly number[]
}

export class Cutting {
  readonly #place: SegmentPlace
  readonly #request: LoadRequest
  readonly #report: LoadReport
  readonly #logger: Logger

  constructor(place: SegmentPlace, request: LoadRequest, report: LoadReport, logger: Logger) {
    this.#place = place
    this.#request = request
    this.#report = report
    this.#logger = logger
  }

  /** Ends the log behind the last good batch, or, where that would cut away what was acknowledged, reports the damage. */
  async cut({ writer, base, scan, contentEnd, followed }: EndedSegment): Promise<void> {
    const path = join(this.#place.directory, segmentFileName(base, suffix.log))
    const { clean, recoveryPoint, sealedDurably, cutFrom, longestTornBytes } = this.#request
    const { nextOffset } = scan
    if (followed.length > 0 && nextOffset > followed[0]) {
      const what = `${path} reaches to offset ${nextOffset}, and a later segment begins at ${followed[0]}`
      this.reportDamage({ offset: nextOffset, what, recoveryPoint })
      return
    }
    if (followed.length > 0 && sealedDurably) {
      const what = `${path} holds no sound record batch at byte ${scan.end}, and ${followed.length} later segments follow`
      this.reportDamage({ offset: nextOffset, what, recoveryPoint })
      return
    }
    const behindBytes = contentEnd - scan.end
    // Each round was durable before the next one began, so that only the last one can be torn.
    const isTail = !sealedDurably || scan.stop === 'cut' || nextOffset === cutFrom || behindBytes <= longestTornBytes
    if (clean || nextOffset < recoveryPoint || !isTail) {
      const why = isTail ? 'where there was one' : `and the ${behindBytes} bytes from there on are no torn tail`
      const what = `${path} holds no sound record batch at byte ${scan.end} (offset ${nextOffset}), ${why}`
      this.reportDamage({ offset: nextOffset, what, recoveryPoint: Math.max(recoveryPoint, nextOffset + 1) })
      return
    }
    this.#logger.warn(
      { path, keptBytes: scan.end, cutBytes: behindBytes, why: scan.stop, nextOffset },
      'Cut the tail of a log behind its last sound record batch.',
    )
    // What they say of the tail would be taken for the truth once the log has grown past it.
    for (const index of [suffix.offsetIndex, suffix.timeIndex]) {
      await removeSurely(this.#place.disk, join(this.#place.directory, segmentFileName(base, index)))
    }
    // From the end on, so that a crash in between leaves a log that ends in its torn batch again.
    for (const later of [...followed].reverse()) await setSegmentAside(this.#place, later)
    if (scan.end < contentEnd) await writer.truncate(scan.end)
    this.#report.cutBytes += behindBytes
  }

  reportDamage(damage: Damage): void {
    this.#report.damage = damage
    this.#logger.error({ directory: this.#place.directory, offset: damage.offset }, damage.what)
  }
}
