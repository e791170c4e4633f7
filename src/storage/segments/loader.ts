/**
 * Opens the files of one partition and finds where its log ends.
 *
 * After a clean shutdown the indexes are trusted and only the batches behind the last index entry are read. After any
 * other end the segments from the recovery point on are scanned: the first bad batch ends the log, what follows it is
 * cut, and indexes and producer state are rebuilt from what was read. A bad batch in a segment that others follow is no
 * torn tail when segments are sealed durably; it is damage, nothing is cut, and the log serves what lies before it.
 */

import { join } from 'node:path'
import type { Logger } from '../../core/logger.js'
import type { DiskFile } from '../../files/disk.js'
import type { RecordBatch } from '../../records/batch.js'
import { ProducerStates } from '../producer-states.js'
import { BatchScanner, type ScanStop } from './batch-scanner.js'
import { maxRelativeOffset, segmentFileName, suffix } from './format.js'
import { decodeProducerSnapshot } from './producer-snapshot.js'
import { loadStoredIndex, Segment, type SegmentPlace } from './segment.js'
import { SegmentIndex } from './segment-index.js'
import { finishStagedFiles, segmentFiles } from './staged-files.js'

export interface LoadRequest {
  /** The log was closed in order, so its files are complete. */
  readonly clean: boolean
  /** Everything below is known to be on the disk and sound. */
  readonly recoveryPoint: number
  readonly logStartOffset: number
  /** Cut everything from this offset on, sound or not: it was never acknowledged. */
  readonly cutFrom: number
  /** Open the active segment so that a write is durable when it returns. */
  readonly dsync: boolean
  /** Each segment was durable before the next was begun, so a hole between segments is damage. */
  readonly sealedDurably: boolean
}

export interface LoadReport {
  scannedBytes: number
  cutBytes: number
  rebuiltSegments: number
  /** Where damage ends the readable part of the log, and what it is. */
  damage?: { readonly offset: number; readonly what: string }
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

export async function loadLog(place: SegmentPlace, request: LoadRequest, logger: Logger): Promise<LoadedLog> {
  return new Loader(place, request, logger).load()
}

class Loader {
  readonly #place: SegmentPlace
  readonly #request: LoadRequest
  readonly #logger: Logger
  readonly #report: LoadReport = { scannedBytes: 0, cutBytes: 0, rebuiltSegments: 0 }
  #producers = new ProducerStates()
  /** The producer state covers the log up to here. */
  #producersUpTo = 0

  constructor(place: SegmentPlace, request: LoadRequest, logger: Logger) {
    this.#place = place
    this.#request = request
    this.#logger = logger
  }

  async load(): Promise<LoadedLog> {
    const { disk, directory } = this.#place
    await finishStagedFiles(disk, directory, (path, base) => this.#nextOffsetOf(path, base))
    await this.#removeUnacknowledged()
    const files = await segmentFiles(disk, directory)
    const bases = files.filter((file) => file.suffix === suffix.log).map((file) => file.offset)
    await this.#removeOrphanIndexes(files, new Set(bases))
    if (bases.length === 0) return this.#startEmpty()

    const snapshots = files.filter((file) => file.suffix === suffix.snapshot).map((file) => file.offset)
    const firstScanned = this.#firstScanned(bases)
    await this.#loadProducers(snapshots, bases[0], bases[firstScanned] ?? Number.MAX_SAFE_INTEGER)
    const sealed: Segment[] = []
    for (let i = 0; i < bases.length; i++) {
      const isLast = i === bases.length - 1
      if (i < firstScanned && !isLast) {
        const segment = await this.#trustedSegment(bases[i])
        await this.#replayProducers(segment, bases[i + 1])
        sealed.push(segment)
        continue
      }
      const outcome = await this.#openScanned(bases[i], {
        trustIndex: i < firstScanned,
        isLast,
        followed: bases.slice(i + 1),
      })
      if (outcome.active) return this.#finish([...sealed, outcome.segment], outcome.nextOffset)
      sealed.push(outcome.segment)
    }
    throw new Error('unreachable: the last segment is always active')
  }

  /** Segments that were begun behind the cut hold nothing that anybody was told of. */
  async #removeUnacknowledged(): Promise<void> {
    const { disk, directory } = this.#place
    for (const file of await segmentFiles(disk, directory)) {
      if (file.offset > this.#request.cutFrom) await disk.remove(join(directory, file.name))
    }
  }

  /** Index of the first segment that is scanned whole; past the last one where none is. */
  #firstScanned(bases: readonly number[]): number {
    if (this.#request.clean) return bases.length
    const later = bases.findIndex((base) => base > this.#request.recoveryPoint)
    return later === -1 ? bases.length - 1 : Math.max(0, later - 1)
  }

  async #startEmpty(): Promise<LoadedLog> {
    const { dsync, logStartOffset } = this.#request
    const segment = await Segment.create(this.#place, logStartOffset, { dsync })
    return this.#finish([segment], logStartOffset)
  }

  #finish(segments: Segment[], logEndOffset: number): LoadedLog {
    return { segments, producers: this.#producers, logEndOffset, report: this.#report }
  }

  async #trustedSegment(base: number): Promise<Segment> {
    const path = this.#path(base, suffix.log)
    const size = await this.#place.openFiles.use(path, (file) => file.size())
    return new Segment(this.#place, base, size)
  }

  /**
   * Opens a segment by reading it: whole, or behind its last index entry where the index is trusted. It is the active
   * one if it is the last, or if the log ends in it.
   */
  async #openScanned(
    base: number,
    how: { trustIndex: boolean; isLast: boolean; followed: readonly number[] },
  ): Promise<{ segment: Segment; nextOffset: number; active: boolean }> {
    const writer = await this.#place.disk.open(this.#path(base, suffix.log), {
      mode: 'write',
      dsync: this.#request.dsync,
    })
    try {
      const size = await writer.size()
      const trusted = how.trustIndex ? await loadStoredIndex(this.#place, base, size) : undefined
      const scan = await this.#scan(writer, base, size, trusted)
      const active = { writer, index: scan.index }
      if (scan.end === size && !how.isLast) {
        const segment = new Segment(this.#place, base, scan.end, active)
        await segment.sync()
        await segment.writeIndexes({ sealed: true })
        await segment.closeWriter()
        return { segment, nextOffset: scan.nextOffset, active: false }
      }
      if (scan.end < size) await this.#cut(writer, base, scan, size, how.followed)
      return { segment: new Segment(this.#place, base, scan.end, active), nextOffset: scan.nextOffset, active: true }
    } catch (error) {
      await writer.close()
      throw error
    }
  }

  async #scan(file: DiskFile, base: number, size: number, trusted: SegmentIndex | undefined): Promise<SegmentScan> {
    const index = trusted ?? new SegmentIndex(base, this.#place.indexIntervalBytes)
    if (trusted === undefined) this.#report.rebuiltSegments++
    const indexed = index.offsets.last
    // Where the producer state ends before the index does, the batches between are read for their producers.
    const start = indexed !== undefined && this.#producersUpTo > indexed.offset ? indexed.position : 0
    const range = { start, end: size, minOffset: base, maxOffset: base + maxRelativeOffset }
    const scanner = new BatchScanner(file, range, { verify: true })
    let nextOffset = base
    let end = range.start
    for (let found = await scanner.next(); found !== undefined; found = await scanner.next()) {
      if (found.batch.nextOffset > this.#request.cutFrom) {
        return { index, end, nextOffset, stop: 'torn' }
      }
      if (indexed === undefined || found.position > indexed.position) index.add(found.position, found.batch)
      this.#noteProducer(found.batch)
      nextOffset = found.batch.nextOffset
      end = scanner.position
    }
    this.#report.scannedBytes += end - range.start
    return { index, end, nextOffset, stop: scanner.stop ?? 'end' }
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
    if (followed.length > 0 && this.#request.sealedDurably) {
      const what = `${path} holds no sound record batch at byte ${scan.end}, and ${followed.length} later segments follow`
      this.#report.damage = { offset: scan.nextOffset, what }
      this.#logger.error({ path, position: scan.end, offset: scan.nextOffset }, what)
      return
    }
    this.#logger.warn(
      { path, keptBytes: scan.end, cutBytes: size - scan.end, why: scan.stop, nextOffset: scan.nextOffset },
      'Cut the tail of a log behind its last sound record batch.',
    )
    await writer.truncate(scan.end)
    this.#report.cutBytes += size - scan.end
    for (const later of followed) await this.#setAside(later)
  }

  /** Renames the files of a segment that lies beyond the end of the log; they stay on the disk until somebody removes them. */
  async #setAside(base: number): Promise<void> {
    const { disk, directory } = this.#place
    for (const file of await segmentFiles(disk, directory)) {
      if (file.offset !== base) continue
      await disk.rename(join(directory, file.name), join(directory, `${file.name}.quarantined`))
    }
    this.#logger.warn({ directory, baseOffset: base }, 'Set aside a segment beyond the end of its log.')
    await disk.syncDirectory(directory)
  }

  /** Starts the producer state from the newest sound snapshot that the scan does not have to undo. */
  async #loadProducers(snapshots: readonly number[], firstBase: number, scannedFrom: number): Promise<void> {
    const limit = Math.min(scannedFrom, this.#request.cutFrom)
    // One from beyond would be taken for the truth once the log has grown past it with other batches.
    for (const offset of snapshots)
      if (offset > limit) await this.#place.disk.remove(this.#path(offset, suffix.snapshot))
    for (const offset of snapshots.filter((offset) => offset <= limit).reverse()) {
      const bytes = await this.#place.disk.readFile(this.#path(offset, suffix.snapshot))
      const states = bytes === undefined ? undefined : decodeProducerSnapshot(bytes)
      if (states === undefined) continue
      this.#producers = states
      this.#producersUpTo = offset
      return
    }
    // A log that was closed in order without any snapshot has no producers to know of.
    this.#producersUpTo = this.#request.clean ? Number.MAX_SAFE_INTEGER : firstBase
  }

  /** Reads a segment that needs no recovery, if the producer state does not reach past it yet. */
  async #replayProducers(segment: Segment, nextBase: number): Promise<void> {
    if (this.#producersUpTo >= nextBase) return
    await segment.scan(this.#producersUpTo, (batch) => this.#noteProducer(batch))
  }

  #noteProducer(batch: RecordBatch): void {
    if (batch.lastOffset < this.#producersUpTo) return
    this.#producersUpTo = batch.nextOffset
    if (batch.hasProducerId) this.#producers.note(batch)
  }

  async #nextOffsetOf(path: string, base: number): Promise<number> {
    return this.#place.openFiles.use(path, async (file) => {
      const range = { start: 0, end: await file.size(), minOffset: base, maxOffset: base + maxRelativeOffset }
      const scanner = new BatchScanner(file, range, { verify: false })
      let nextOffset = base
      for (let found = await scanner.next(); found !== undefined; found = await scanner.next())
        nextOffset = found.batch.nextOffset
      return nextOffset
    })
  }

  async #removeOrphanIndexes(
    files: readonly { name: string; offset: number; suffix: string }[],
    bases: ReadonlySet<number>,
  ): Promise<void> {
    const indexes: ReadonlySet<string> = new Set([suffix.offsetIndex, suffix.timeIndex, suffix.transactionIndex])
    for (const file of files) {
      if (indexes.has(file.suffix) && !bases.has(file.offset))
        await this.#place.disk.remove(join(this.#place.directory, file.name))
    }
  }

  #path(base: number, fileSuffix: string): string {
    return join(this.#place.directory, segmentFileName(base, fileSuffix))
  }
}
