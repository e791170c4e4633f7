/**
 * Opens the files of one partition and finds where its log ends.
 *
 * After a clean shutdown the indexes are trusted and only the batches behind the last index entry are read. After any
 * other end the segments from the recovery point on are scanned: the first bad batch ends the log, what follows it is
 * cut, and indexes and producer state are rebuilt from what was read.
 *
 * Cut is only what nobody can have been told of. Where the log would end before something that was durable (below the
 * recovery point, in a log that was closed in order, in a segment that others follow and that was sealed durably, or with
 * more behind the bad batch than one interrupted write leaves) the bad batch is damage: nothing is cut, nothing is
 * appended, and the log serves what lies before it.
 */

import { join } from 'node:path'
import type { Logger } from '../../core/logger.js'
import type { DiskFile } from '../../files/disk.js'
import { ProducerStates } from '../producer-states.js'
import { ActiveFile, writing } from './active-file.js'
import { BatchScanner, type ScanStop } from './batch-scanner.js'
import { endOfContent } from './end-of-content.js'
import { maxRelativeOffset, quarantined, segmentFileName, suffix } from './format.js'
import { ProducerRecovery } from './producer-recovery.js'
import { Segment } from './segment.js'
import { SegmentIndex } from './segment-index.js'
import type { SegmentPlace } from './segment-place.js'
import { finishStagedFiles, removeSegmentsBefore, removeSegmentsBeyond, segmentFiles } from './staged-files.js'
import { loadStoredIndex } from './stored-index.js'

export interface LoadRequest {
  /** The log was closed in order, so its files are complete. */
  readonly clean: boolean
  /** Everything below is known to be on the disk and sound. */
  readonly recoveryPoint: number
  readonly logStartOffset: number
  /** Cut everything from this offset on, sound or not: it was never acknowledged. */
  readonly cutFrom: number
  /** Each segment was durable before the next was begun, so a hole between segments is damage. */
  readonly sealedDurably: boolean
  /** Offsets may be missing, since Kafka's compaction worked on the log. */
  readonly mayHaveHoles: boolean
  /** The most that one write which was interrupted leaves behind the last sound batch of a log whose writes are durable. */
  readonly longestTornBytes: number
  readonly nowMs: number
}

export interface Damage {
  /** Where the readable part of the log ends. */
  readonly offset: number
  readonly what: string
  /** To be kept until the damage is mended, so that no later opening takes it for a torn tail. */
  readonly recoveryPoint: number
}

export interface LoadReport {
  scannedBytes: number
  cutBytes: number
  rebuiltSegments: number
  damage?: Damage
}

export interface LoadedLog {
  /** In offset order; the last one is active. */
  readonly segments: Segment[]
  readonly producers: ProducerStates
  readonly logEndOffset: number
  readonly report: LoadReport
}

interface SegmentScan {
  readonly index: SegmentIndex
  readonly end: number
  readonly nextOffset: number
  readonly stop: ScanStop
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
  /** A log that was closed in order without any snapshot has no producers to know of. */
  readonly #noSnapshotNoProducers: boolean

  constructor(
    place: SegmentPlace,
    request: LoadRequest,
    logger: Logger,
    { noSnapshotNoProducers = request.clean }: { noSnapshotNoProducers?: boolean } = {},
  ) {
    this.#place = place
    this.#request = request
    this.#logger = logger
    this.#noSnapshotNoProducers = noSnapshotNoProducers
  }

  async load(): Promise<LoadedLog> {
    const { disk, directory } = this.#place
    // Names that the process before this one made and did not live to make durable are built upon from here on.
    if (!this.#request.clean) await disk.syncDirectory(directory)
    await finishStagedFiles(disk, directory, (path, base) => this.#nextOffsetOf(path, base))
    // Segments that were begun behind the cut hold nothing that anybody was told of.
    await removeSegmentsBeyond(this.#place, this.#request.cutFrom)
    await removeSegmentsBefore(this.#place, this.#request.logStartOffset)
    const files = await segmentFiles(disk, directory)
    const bases = files.filter((file) => file.suffix === suffix.log).map((file) => file.offset)
    await this.#removeLeftovers(files, new Set(bases))
    if (bases.length === 0) return this.#startEmpty()

    const snapshots = files.filter((file) => file.suffix === suffix.snapshot).map((file) => file.offset)
    const producers = new ProducerRecovery(this.#place, snapshots, this.#request.nowMs)
    const { segments, logEndOffset } = await this.#openSegments(bases, producers)
    const { damage } = this.#report
    if (damage === undefined && producers.startedBeyond(logEndOffset)) {
      await segments[segments.length - 1].release()
      await producers.removeBeyond(logEndOffset)
      const again = new Loader(this.#place, this.#request, this.#logger, { noSnapshotNoProducers: false })
      return again.load()
    }
    if (damage === undefined) await producers.removeStrays(new Set(bases))
    return this.#finish(segments, producers.states, logEndOffset)
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
      this.#reportDamage({ offset: logEndOffset, what, recoveryPoint: knownEnd })
    }
    return { segments, producers, logEndOffset, report: this.#report }
  }

  async #openSegments(
    bases: readonly number[],
    producers: ProducerRecovery,
  ): Promise<{ segments: Segment[]; logEndOffset: number }> {
    const { cutFrom } = this.#request
    const firstScanned = this.#firstScanned(bases)
    const limit = Math.min(bases[firstScanned] ?? Number.MAX_SAFE_INTEGER, cutFrom)
    await producers.start(limit, this.#noSnapshotNoProducers ? Number.MAX_SAFE_INTEGER : bases[0])
    const segments: Segment[] = []
    for (const [i, base] of bases.entries()) {
      const followed = bases.slice(i + 1)
      const trusted = i < firstScanned
      if (trusted && followed.length > 0 && this.#wasSealedBefore(followed[0])) {
        const segment = await this.#trustedSegment(base)
        await producers.replay(segment, followed[0])
        segments.push(segment)
        continue
      }
      const opened = await this.#openScanned(base, trusted, followed, producers)
      segments.push(opened.segment)
      if (opened.active) return { segments, logEndOffset: opened.nextOffset }
    }
    throw new Error('unreachable: the last segment is always active')
  }

  /** Index of the first segment that is scanned whole; past the last one where none is. */
  #firstScanned(bases: readonly number[]): number {
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

  async #trustedSegment(base: number): Promise<Segment> {
    const size = await this.#place.openFiles.use(this.#path(base, suffix.log), (file) => file.size())
    return new Segment(this.#place, base, size)
  }

  /** Opens a segment by reading it: whole, or behind its last index entry where the index is trusted. */
  async #openScanned(
    base: number,
    trusted: boolean,
    followedBy: readonly number[],
    producers: ProducerRecovery,
  ): Promise<OpenedSegment> {
    const writer = await this.#place.disk.open(this.#path(base, suffix.log), writing(this.#place))
    let active: ActiveFile
    let scan: SegmentScan
    let goesOn = false
    try {
      const fileBytes = await writer.size()
      scan = await this.#scanTrusting(writer, base, fileBytes, trusted, producers)
      // Behind what was written there may be zeros that were to be written over: they are no sign of anything.
      const contentEnd = await endOfContent(writer, scan.end, fileBytes)
      const { nextOffset } = scan
      const followed = await this.#withoutBlank(nextOffset, followedBy)
      const hole = followed.length > 0 && nextOffset < followed[0] && !this.#request.mayHaveHoles
      const overlap = followed.length > 0 && nextOffset > followed[0]
      goesOn = followed.length > 0 && scan.end === contentEnd && !hole && !overlap
      if (scan.end < contentEnd || hole || overlap) await this.#cut(writer, base, scan, contentEnd, followed)
      else if (contentEnd < fileBytes) await writer.truncate(contentEnd)
      active = new ActiveFile(this.#place, writer, { written: scan.end, fileBytes: scan.end, writtenBefore: -scan.end })
    } catch (error) {
      await writer.close()
      throw error
    }
    const segment = new Segment(this.#place, base, scan.end, { file: active, index: scan.index })
    try {
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

  async #scanTrusting(
    file: DiskFile,
    base: number,
    sizeInBytes: number,
    trusted: boolean,
    producers: ProducerRecovery,
  ): Promise<SegmentScan> {
    const log = { file, baseOffset: base, sizeInBytes }
    const stored = trusted ? await loadStoredIndex(this.#place, log) : undefined
    const scan = await this.#scan(file, base, sizeInBytes, stored, producers)
    // Where the last index entry leads to damage, what lies before it is sound all the same, and can be read.
    if (stored === undefined || scan.stop === 'end' || scan.nextOffset !== base) return scan
    return this.#scan(file, base, sizeInBytes, undefined, producers)
  }

  /**
   * A segment is named while the round before it is still on its way to the disk. Where that round was lost, its
   * successor holds nothing, and is removed; a successor that holds something makes the gap before it damage.
   */
  async #withoutBlank(nextOffset: number, followed: readonly number[]): Promise<readonly number[]> {
    const { clean, mayHaveHoles } = this.#request
    if (clean || mayHaveHoles || followed.length !== 1 || nextOffset >= followed[0]) return followed
    const isBlank = await this.#place.openFiles.use(
      this.#path(followed[0], suffix.log),
      async (file) => (await endOfContent(file, 0, await file.size())) === 0,
    )
    if (!isBlank) return followed
    await removeSegmentsBeyond(this.#place, nextOffset)
    return []
  }

  async #scan(
    file: DiskFile,
    base: number,
    size: number,
    stored: SegmentIndex | undefined,
    producers: ProducerRecovery,
  ): Promise<SegmentScan> {
    const index = stored ?? new SegmentIndex(base, this.#place.indexIntervalBytes)
    if (stored === undefined) this.#report.rebuiltSegments++
    const indexed = index.offsets.last
    // Where the producer state ends before the index does, the batches between are read for their producers.
    const start = indexed !== undefined && producers.upTo > indexed.offset ? indexed.position : 0
    const contiguous = !this.#request.mayHaveHoles
    const range = { start, end: size, minOffset: base, maxOffset: base + maxRelativeOffset, contiguous }
    const scanner = new BatchScanner(file, range, { verify: true })
    let nextOffset = base
    let end = range.start
    let stop: ScanStop | undefined
    for (let found = await scanner.next(); found !== undefined; found = await scanner.next()) {
      if (found.batch.nextOffset > this.#request.cutFrom) {
        stop = 'torn'
        break
      }
      if (indexed === undefined || found.position > indexed.position) index.add(found.position, found.batch)
      producers.note(found.batch)
      nextOffset = found.batch.nextOffset
      end = scanner.position
    }
    this.#report.scannedBytes += end - range.start
    return { index, end, nextOffset, stop: stop ?? scanner.stop ?? 'end' }
  }

  /** Ends the log behind the last good batch, or, where that would cut away what was acknowledged, reports the damage. */
  async #cut(
    writer: DiskFile,
    base: number,
    scan: SegmentScan,
    size: number,
    followed: readonly number[],
  ): Promise<void> {
    const path = this.#path(base, suffix.log)
    const { clean, recoveryPoint, sealedDurably, cutFrom, longestTornBytes } = this.#request
    const { nextOffset } = scan
    if (followed.length > 0 && nextOffset > followed[0]) {
      const what = `${path} reaches to offset ${nextOffset}, and a later segment begins at ${followed[0]}`
      this.#reportDamage({ offset: nextOffset, what, recoveryPoint })
      return
    }
    if (followed.length > 0 && sealedDurably) {
      const what = `${path} holds no sound record batch at byte ${scan.end}, and ${followed.length} later segments follow`
      this.#reportDamage({ offset: nextOffset, what, recoveryPoint })
      return
    }
    const behindBytes = size - scan.end
    // Each round was durable before the next one began, so that only the last one can be torn.
    const isTail = !sealedDurably || nextOffset === cutFrom || behindBytes <= longestTornBytes
    if (clean || nextOffset < recoveryPoint || !isTail) {
      const why = isTail ? 'where there was one' : `and the ${behindBytes} bytes from there on are no torn tail`
      const what = `${path} holds no sound record batch at byte ${scan.end} (offset ${nextOffset}), ${why}`
      this.#reportDamage({ offset: nextOffset, what, recoveryPoint: Math.max(recoveryPoint, nextOffset + 1) })
      return
    }
    this.#logger.warn(
      { path, keptBytes: scan.end, cutBytes: behindBytes, why: scan.stop, nextOffset },
      'Cut the tail of a log behind its last sound record batch.',
    )
    // From the end on, so that a crash in between leaves a log that ends in its torn batch again.
    for (const later of [...followed].reverse()) await this.#setAside(later)
    if (scan.end < size) await writer.truncate(scan.end)
    this.#report.cutBytes += behindBytes
  }

  #reportDamage(damage: Damage): void {
    this.#report.damage = damage
    this.#logger.error({ directory: this.#place.directory, offset: damage.offset }, damage.what)
  }

  /** Renames the files of a segment that lies beyond the end of the log; they stay on the disk until somebody removes them. */
  async #setAside(base: number): Promise<void> {
    const { disk, directory, openFiles } = this.#place
    const taken = new Set((await disk.list(directory))?.map((entry) => entry.name))
    for (const file of await segmentFiles(disk, directory)) {
      if (file.offset !== base) continue
      let aside = file.name + quarantined
      while (taken.has(aside)) aside += quarantined
      await openFiles.drop(join(directory, file.name))
      await disk.rename(join(directory, file.name), join(directory, aside))
    }
    this.#logger.warn({ directory, baseOffset: base }, 'Set aside a segment beyond the end of its log.')
    await disk.syncDirectory(directory)
  }

  async #nextOffsetOf(path: string, base: number): Promise<number> {
    const { openFiles } = this.#place
    const nextOffset = await openFiles.use(path, async (file) => {
      const range = { start: 0, end: await file.size(), minOffset: base, maxOffset: base + maxRelativeOffset }
      const scanner = new BatchScanner(file, range, { verify: false })
      let next = base
      for (let found = await scanner.next(); found !== undefined; found = await scanner.next())
        next = found.batch.nextOffset
      return next
    })
    // The file gets another name next.
    await openFiles.drop(path)
    return nextOffset
  }

  /** Index files without a log, and files that were being written aside when the process died. */
  async #removeLeftovers(
    files: readonly { name: string; offset: number; suffix: string }[],
    bases: ReadonlySet<number>,
  ): Promise<void> {
    const indexes: ReadonlySet<string> = new Set([suffix.offsetIndex, suffix.timeIndex, suffix.transactionIndex])
    for (const file of files) {
      const isOrphan = indexes.has(file.suffix) && !bases.has(file.offset)
      if (isOrphan || file.suffix.endsWith('.tmp'))
        await this.#place.disk.remove(join(this.#place.directory, file.name))
    }
  }

  #path(base: number, fileSuffix: string): string {
    return join(this.#place.directory, segmentFileName(base, fileSuffix))
  }
}
