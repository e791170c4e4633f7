/**
 * Opens the files of one partition and finds where its log ends.
 *
 * After a clean shutdown the indexes are trusted and only the batches behind the last index entry are read. After any
 * other end the segments from the recovery point on are scanned: the first bad batch ends the log, what follows it is
 * cut, and indexes and producer state are rebuilt from what was read.
 */

import { join } from 'node:path'
import type { Logger } from '../../core/logger.js'
import { ActiveFile, writing } from '../../files/active-file.js'
import { ProducerStates } from '../producer-states.js'
import { Cutting } from './cutting.js'
import { endOfContent } from './end-of-content.js'
import { segmentFileName, suffix } from './format.js'
import type { LoadedLog, LoadReport, LoadRequest } from './load-request.js'
import { ProducerRecovery } from './producer-recovery.js'
import { keepProducersBefore } from './removed-producers.js'
import { Segment } from './segment.js'
import type { SegmentPlace } from './segment-place.js'
import { nextOffsetOf, type SegmentScan, scanSegment } from './segment-scan.js'
import {
  finishStagedFiles,
  removeLeftovers,
  removeSegmentsBefore,
  removeSegmentsBeyond,
  segmentFiles,
} from './staged-files.js'
import { TransactionIndex } from './transaction-index.js'
import { rebuildTransactions, storedTransactions } from './transaction-recovery.js'

/** Of a segment that is opened. */
interface Neighbours {
  /** What lies before its end is believed, as far as it can be checked. */
  readonly trusted: boolean
  readonly before: readonly Segment[]
  /** The base offsets of those behind it. */
  readonly followedBy: readonly number[]
}

interface OpenedSegment {
  readonly segment: Segment
  readonly nextOffset: number
  /** It is the last one, or the log ends in it. */
  readonly active: boolean
}

export async function loadLog(place: SegmentPlace, request: LoadRequest, logger: Logger): Promise<LoadedLog> {
  return new Loader(place, request, logger).load()
}

class Loader {
  readonly #place: SegmentPlace
  readonly #request: LoadRequest
  readonly #logger: Logger
  readonly #report: LoadReport = { scannedBytes: 0, cutBytes: 0, rebuiltSegments: 0 }
  readonly #cutting: Cutting
  /** A log that was closed in order without any snapshot has no producers to know of. */
  readonly #noSnapshotNoProducers: boolean

  constructor(
    place: SegmentPlace,
    request: LoadRequest,
    logger: Logger,
    { noSnapshotNoProducers = request.clean && !request.fullScan }: { noSnapshotNoProducers?: boolean } = {},
  ) {
    this.#place = place
    this.#request = request
    this.#logger = logger
    this.#cutting = new Cutting(place, request, this.#report, logger)
    this.#noSnapshotNoProducers = noSnapshotNoProducers
  }

  async load(): Promise<LoadedLog> {
    const { disk, directory } = this.#place
    // Names that the process before this one made and did not live to make durable are built upon from here on.
    if (!this.#request.clean) await disk.syncDirectory(directory)
    await finishStagedFiles(disk, directory, (path, base) => nextOffsetOf(this.#place, path, base))
    // Segments that were begun behind the cut hold nothing that anybody was told of.
    await removeSegmentsBeyond(this.#place, this.#request.cutFrom)
    await keepProducersBefore(this.#place, this.#request.logStartOffset, this.#request.nowMs)
    await removeSegmentsBefore(this.#place, this.#request.logStartOffset)
    const files = await segmentFiles(disk, directory)
    const bases = files.filter((file) => file.suffix === suffix.log).map((file) => file.offset)
    await removeLeftovers(this.#place, files, new Set(bases))
    if (bases.length === 0) return this.#startEmpty()
    await this.#nameAnewAtCut(bases[bases.length - 1])
    this.#checkStart(bases[0])

    const snapshots = files.filter((file) => file.suffix === suffix.snapshot).map((file) => file.offset)
    const producers = new ProducerRecovery(this.#place, snapshots, this.#request.nowMs)
    const { segments, logEndOffset, heldEnd } = await this.#openSegments(bases, producers)
    const { damage } = this.#report
    if (damage === undefined && this.#endsBlank(segments, heldEnd)) {
      await segments[segments.length - 1].release()
      await removeSegmentsBeyond(this.#place, heldEnd)
      return new Loader(this.#place, this.#request, this.#logger).load()
    }
    if (damage === undefined && producers.startedBeyond(logEndOffset)) {
      await segments[segments.length - 1].release()
      await producers.removeBeyond(logEndOffset)
      const again = new Loader(this.#place, this.#request, this.#logger, { noSnapshotNoProducers: false })
      return again.load()
    }
    if (damage === undefined) await producers.removeStrays(new Set(bases))
    return this.#finish(segments, producers.states, logEndOffset)
  }

  /**
   * From a segment that begins at the cut nothing was acknowledged, and a failed sync may have given up its name, of which
   * no later sync says that it is there.
   */
  async #nameAnewAtCut(lastBase: number): Promise<void> {
    if (lastBase !== this.#request.cutFrom) return
    const path = this.#path(lastBase, suffix.log)
    await this.#place.openFiles.drop(path)
    await this.#place.disk.replaceFile(path, Buffer.alloc(0))
  }

  /** Retention writes down where the log begins before it removes anything, so that what begins later has lost its start. */
  #checkStart(firstBase: number): void {
    const { knownStart } = this.#request
    if (knownStart === undefined || firstBase <= knownStart) return
    const what = `The log in ${this.#place.directory} began at offset ${knownStart}, and its first segment begins at ${firstBase}: the files before it are missing`
    this.#report.lostStart = { from: knownStart, to: firstBase, what }
    this.#logger.error({ directory: this.#place.directory, offset: knownStart }, what)
  }

  async #startEmpty(): Promise<LoadedLog> {
    const { logStartOffset } = this.#request
    const segment = await Segment.create(this.#place, logStartOffset)
    return this.#finish([segment], new ProducerStates(), logStartOffset)
  }

  #finish(segments: Segment[], producers: ProducerStates, logEndOffset: number): LoadedLog {
    const { recoveryPoint, logStartOffset } = this.#request
    const knownEnd = Math.max(recoveryPoint, logStartOffset)
    if (logEndOffset < knownEnd && this.#report.damage === undefined) {
      const what = `The log in ${this.#place.directory} ends at offset ${logEndOffset}, though it had reached ${knownEnd}: files of it were lost or cut short`
      this.#cutting.reportDamage({ offset: logEndOffset, what, recoveryPoint: knownEnd })
    }
    return { segments, producers, logEndOffset, report: this.#report }
  }

  async #openSegments(
    bases: readonly number[],
    producers: ProducerRecovery,
  ): Promise<{ segments: Segment[]; logEndOffset: number; heldEnd: number }> {
    const { cutFrom, clean, recoveryPoint, fullScan } = this.#request
    const firstScanned = this.#firstScanned(bases)
    // What was marked on the way through a segment is believed as far as the log is known to be on the disk.
    const hasMarks = !clean && !fullScan && bases[firstScanned] <= recoveryPoint
    const known = hasMarks ? recoveryPoint : (bases[firstScanned] ?? Number.MAX_SAFE_INTEGER)
    const limit = Math.min(known, cutFrom)
    await producers.start(limit, this.#noSnapshotNoProducers ? Number.MAX_SAFE_INTEGER : bases[0])
    const segments: Segment[] = []
    let heldEnd = bases[0]
    for (const [i, base] of bases.entries()) {
      const followed = bases.slice(i + 1)
      const trusted = i < firstScanned || (hasMarks && i === firstScanned)
      if (i < firstScanned && followed.length > 0 && this.#wasSealedBefore(followed[0])) {
        const segment = await this.#trustedSegment(base, segments, producers)
        await producers.replay(segment, followed[0])
        segments.push(segment)
        heldEnd = followed[0]
        continue
      }
      const opened = await this.#openScanned(base, { trusted, before: segments, followedBy: followed }, producers)
      segments.push(opened.segment)
      if (opened.segment.sizeInBytes > 0) heldEnd = opened.nextOffset
      if (opened.active) return { segments, logEndOffset: opened.nextOffset, heldEnd }
    }
    throw new Error('unreachable: the last segment is always active')
  }

  /**
   * Where compaction may make holes, segments without any batch behind `heldEnd`, the end of what others hold, look like
   * holes. But nothing was known to be on the disk there, so that they are what the loss of power left of several segments:
   * with them the log would end where nobody can read.
   */
  #endsBlank(segments: readonly Segment[], heldEnd: number): boolean {
    const last = segments[segments.length - 1]
    const { clean, recoveryPoint } = this.#request
    return !clean && last.sizeInBytes === 0 && last.baseOffset > heldEnd && recoveryPoint <= heldEnd
  }

  /** Index of the first segment that is scanned whole; past the last one where none is. */
  #firstScanned(bases: readonly number[]): number {
    if (this.#request.fullScan) return 0
    if (this.#request.clean) return bases.length
    const later = bases.findIndex((base) => base > this.#request.recoveryPoint)
    return later === -1 ? bases.length - 1 : Math.max(0, later - 1)
  }

  /**
   * Whether what lies before the segment at `base` is sealed for certain. Where the recovery point is that very offset it
   * may have been written down just before the roll, and zeros may still follow the last batch.
   */
  #wasSealedBefore(base: number): boolean {
    return this.#request.clean || base !== this.#request.recoveryPoint
  }

  async #trustedSegment(base: number, before: readonly Segment[], producers: ProducerRecovery): Promise<Segment> {
    const size = await this.#place.openFiles.use(this.#path(base, suffix.log), (file) => file.size())
    const stored = await storedTransactions(this.#place, base)
    const segment = new Segment(this.#place, base, size, stored ?? TransactionIndex.empty(true))
    if (stored === undefined) {
      await this.#rebuildTransactions(segment, before, producers)
      await segment.sealTransactions()
    }
    return segment
  }

  async #rebuildTransactions(segment: Segment, before: readonly Segment[], producers: ProducerRecovery): Promise<void> {
    const path = segment.path(suffix.transactionIndex)
    this.#logger.warn({ path }, 'An index of aborted transactions cannot be right, and is made anew from the log.')
    this.#report.rebuiltSegments++
    const segments = [...before, segment]
    const fresh = await producers.upToSegment(segment.baseOffset, segments[0].baseOffset)
    await rebuildTransactions(segments, fresh)
  }

  /** Opens a segment by reading it: whole, or behind its last index entry where the index is trusted. */
  async #openScanned(
    base: number,
    { trusted, before, followedBy }: Neighbours,
    producers: ProducerRecovery,
  ): Promise<OpenedSegment> {
    // Where it is read whole, the producers tell what was aborted; a file that lies there is written over.
    const transactions =
      producers.upTo <= base
        ? TransactionIndex.empty(true)
        : await storedTransactions(this.#place, base, producers.upTo)
    const writer = await this.#place.disk.open(this.#path(base, suffix.log), writing(this.#place))
    const tools = { place: this.#place, request: this.#request, report: this.#report, producers, transactions }
    let active: ActiveFile
    let scan: SegmentScan
    let goesOn = false
    try {
      const fileBytes = await writer.size()
      scan = await scanSegment(tools, { file: writer, baseOffset: base, sizeInBytes: fileBytes }, trusted)
      // Behind what was written there may be zeros that were to be written over: they are no sign of anything.
      const contentEnd = await endOfContent(writer, scan.end, fileBytes)
      const { nextOffset } = scan
      const followed = await this.#withoutBlank(nextOffset, followedBy)
      const hole = followed.length > 0 && nextOffset < followed[0] && !this.#request.mayHaveHoles
      const overlap = followed.length > 0 && nextOffset > followed[0]
      goesOn = followed.length > 0 && scan.end === contentEnd && !hole && !overlap
      if (scan.end < contentEnd || hole || overlap)
        await this.#cutting.cut({ writer, base, scan, contentEnd, followed })
      else if (contentEnd < fileBytes) await writer.truncate(contentEnd)
      active = new ActiveFile(this.#place, writer, { written: scan.end, fileBytes: scan.end, writtenBefore: -scan.end })
    } catch (error) {
      await writer.close()
      throw error
    }
    const known = transactions ?? TransactionIndex.empty(true)
    const segment = new Segment(this.#place, base, scan.end, known, { file: active, index: scan.index })
    try {
      if (transactions === undefined) await this.#rebuildTransactions(segment, before, producers)
      if (goesOn) {
        await segment.sync()
        await segment.seal()
        await producers.writeSnapshot(followedBy[0])
        await segment.closeWriter()
      } else if (!this.#request.clean) {
        // What was found in the page cache after a crash is acknowledged again from here on: it has to be on the disk.
        await segment.sync()
      }
    } catch (error) {
      await active.close()
      throw error
    }
    return { segment, nextOffset: scan.nextOffset, active: !goesOn }
  }

  /**
   * A segment is named while the round before it is still on its way to the disk. Where that round was lost, its
   * successor holds nothing, and is removed; a successor that holds something makes the gap before it damage, but for
   * compaction, which makes gaps too, though not one that the recovery point has not passed.
   */
  async #withoutBlank(nextOffset: number, followed: readonly number[]): Promise<readonly number[]> {
    const { clean, recoveryPoint } = this.#request
    if (clean || followed.length !== 1 || nextOffset >= followed[0] || recoveryPoint >= followed[0]) return followed
    const isBlank = await this.#place.openFiles.use(
      this.#path(followed[0], suffix.log),
      async (file) => (await endOfContent(file, 0, await file.size())) === 0,
    )
    if (!isBlank) return followed
    await removeSegmentsBeyond(this.#place, nextOffset)
    return []
  }

  #path(base: number, fileSuffix: string): string {
    return join(this.#place.directory, segmentFileName(base, fileSuffix))
  }
}
