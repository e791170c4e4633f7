/**
 * Cleans one log: a pass over its dirty part, which notes the latest offset of each key, and a pass over all of it up to
 * there, which writes its segments anew without what is outdated, small neighbours together. Nothing of the log itself is
 * touched: each new segment is handed over whole and durable, to be put in the place of those it was made from.
 *
 * It knows a disk and a job that can be sent as a message, and nothing of a running log, so that it can run in a thread
 * of its own.
 */

import { join } from 'node:path'
import type { Disk, DiskFile } from '../../../files/disk.js'
import { isMissing } from '../../../files/disk-error.js'
import { RecordBatch } from '../../../records/batch.js'
import { prepareCodec } from '../../../records/compression/index.js'
import { segmentFileName, suffix } from '../format.js'
import { type IndexedTransaction, TransactionIndex } from '../transaction-index.js'
import { BatchFilter, type LastOfProducer } from './batch-filter.js'
import { CleanedTransactions } from './cleaned-transactions.js'
import { KeyHash } from './key-hash.js'
import { KeySurvey } from './key-survey.js'
import { entryBytes, OffsetMap } from './offset-map.js'
import { PieceReader } from './piece-reader.js'
import { grouped, type IndexedSegment, overlapping, type SizedSegment } from './plan.js'
import { SegmentCopier } from './segment-copier.js'

/** Plain data: it is sent to the thread that does the work. */
export interface CleaningJob {
  readonly directory: string
  /** Sealed and durable, from the log's first one up to where it is not cleaned any more. */
  readonly segments: readonly SizedSegment[]
  readonly firstDirtyOffset: number
  /** Where the segment behind the last one begins. */
  readonly endOffset: number
  /** Those with records before `endOffset`, wherever their markers are: what they wrote counts for nothing. */
  readonly aborted: readonly IndexedTransaction[]
  readonly producers: ReadonlyMap<number, LastOfProducer>
  readonly nowMs: number
  readonly deleteRetentionMs: number
  readonly segmentBytes: number
  readonly segmentIndexBytes: number
  readonly indexIntervalBytes: number
  /** For the offset map. */
  readonly dedupeBufferBytes: number
  readonly loadFactor: number
  /** For reading and for writing, each. */
  readonly ioBufferBytes: number
  /** 16 random bytes. */
  readonly seed: Uint8Array
}

/** A new segment under its `.cleaned` names, and those that it is made from. */
export interface CleanedGroup {
  readonly baseOffset: number
  readonly sizeInBytes: number
  readonly sources: readonly number[]
  /** What its transaction index holds. */
  readonly aborted: readonly IndexedTransaction[]
}

export interface CleaningReport {
  /** Up to here the log is clean. */
  readonly cleanUpTo: number
  readonly readBytes: number
  readonly writtenBytes: number
  readonly retainedRecords: number
  readonly keys: number
}

export interface CleaningTools {
  readonly disk: Disk
  /** Called after every piece of work, with the bytes read or written in it: ends the cleaning by throwing, or slows it. */
  readonly spent: (bytes: number) => Promise<void>
  /** Puts a new segment in the place of its sources; the next one is begun when this resolves. */
  readonly onCleaned: (group: CleanedGroup) => Promise<void>
}

export async function cleanLog(job: CleaningJob, tools: CleaningTools): Promise<CleaningReport> {
  return new Cleaning(job, tools).run()
}

class Cleaning {
  readonly #job: CleaningJob
  readonly #tools: CleaningTools
  readonly #map: OffsetMap
  readonly #filter: BatchFilter
  readonly #reader: PieceReader
  #readBytes = 0
  #writtenBytes = 0

  constructor(job: CleaningJob, tools: CleaningTools) {
    this.#job = job
    this.#tools = tools
    this.#map = new OffsetMap(new KeyHash(job.seed), mapBytes(job), job.loadFactor)
    this.#filter = new BatchFilter({ ...job, map: this.#map })
    this.#reader = new PieceReader(job.ioBufferBytes)
  }

  async run(): Promise<CleaningReport> {
    const { segments, endOffset, aborted } = this.#job
    await this.#survey()
    const cleanUpTo = this.#map.latestOffset + 1
    const indexed: IndexedSegment[] = []
    for (const segment of overlapping(segments, 0, cleanUpTo)) indexed.push(await this.#withIndexSizes(segment))
    const retained: IndexedTransaction[] = []
    const transactions = new CleanedTransactions(aborted, (transaction) => retained.push(transaction))
    for (const group of grouped(indexed, this.#job, endOffset)) {
      await this.#cleanGroup(group, transactions, retained)
      retained.length = 0
    }
    return {
      cleanUpTo,
      readBytes: this.#readBytes,
      writtenBytes: this.#writtenBytes,
      retainedRecords: this.#filter.retainedRecords,
      keys: this.#map.size,
    }
  }

  /** The first pass. */
  async #survey(): Promise<void> {
    const { segments, firstDirtyOffset, endOffset, aborted } = this.#job
    const relevant = aborted.filter(({ lastOffset }) => lastOffset >= firstDirtyOffset)
    const survey = new KeySurvey(this.#map, firstDirtyOffset, new CleanedTransactions(relevant))
    const dirty = overlapping(segments, firstDirtyOffset, endOffset)
    for (const [i, segment] of dirty.entries()) {
      const isWhole = await this.#withFile(segment.baseOffset, async (file) => {
        for await (const { batches, bytes } of this.#reader.pieces(file, segment.sizeInBytes)) {
          const goesOn = await survey.add(batches)
          await this.#read(bytes.length)
          if (!goesOn) return false
        }
        return true
      })
      if (isWhole === false) return
      this.#map.coverUpTo((dirty[i + 1]?.baseOffset ?? endOffset) - 1)
    }
  }

  /** The second pass, over the segments that become one. */
  async #cleanGroup(
    group: readonly IndexedSegment[],
    transactions: CleanedTransactions,
    retained: readonly IndexedTransaction[],
  ): Promise<void> {
    const { disk, onCleaned } = this.#tools
    const { directory, indexIntervalBytes, ioBufferBytes } = this.#job
    const [{ baseOffset }] = group
    const spent = (bytes: number) => this.#wrote(bytes)
    const copier = new SegmentCopier(
      { disk, directory, indexIntervalBytes, bufferBytes: ioBufferBytes, spent },
      baseOffset,
    )
    const isUnchanged = (): boolean => group.length === 1 && copier.isCopy
    try {
      const last = group.findLast(({ sizeInBytes }) => sizeInBytes > 0)
      for (const segment of group) {
        await this.#withFile(segment.baseOffset, async (file) => {
          await this.#filterInto(copier, file, segment, segment === last, transactions)
          if (!isUnchanged()) await copier.endSource()
        })
      }
      if (isUnchanged() || copier.sizeInBytes === 0) return
      await copier.finish()
      if (retained.length > 0) await copier.writeBeside(suffix.transactionIndex, TransactionIndex.from(retained).bytes)
    } finally {
      await copier.abandon()
    }
    const sources = group.map((one) => one.baseOffset)
    await onCleaned({ baseOffset, sizeInBytes: copier.sizeInBytes, sources, aborted: [...retained] })
  }

  async #filterInto(
    copier: SegmentCopier,
    file: DiskFile,
    { sizeInBytes }: SizedSegment,
    isLastSegment: boolean,
    transactions: CleanedTransactions,
  ): Promise<void> {
    for await (const piece of this.#reader.pieces(file, sizeInBytes)) {
      let { position } = piece
      for (const batch of piece.batches) {
        const loading = prepareCodec(batch.codec)
        if (loading !== undefined) await loading
        const end = position + batch.sizeInBytes
        const isLast = isLastSegment && end === sizeInBytes
        const filtered = this.#filter.apply(batch, transactions.isDiscardable(batch), isLast)
        if (filtered !== 'dropped') {
          const isSame = filtered === 'same'
          const written = isSame
            ? copier.keep(file, position, batch, piece)
            : copier.write(filtered, new RecordBatch(filtered), piece)
          if (written !== undefined) await written
        }
        position = end
      }
      const ended = copier.endPiece(piece)
      if (ended !== undefined) await ended
      await this.#read(piece.bytes.length)
    }
  }

  async #withIndexSizes(segment: SizedSegment): Promise<IndexedSegment> {
    const sizeOf = (fileSuffix: string) =>
      this.#withFile(segment.baseOffset, (file) => file.size(), fileSuffix).then((size) => size ?? 0)
    const { baseOffset, sizeInBytes } = segment
    const [offsetIndexBytes, timeIndexBytes] = [await sizeOf(suffix.offsetIndex), await sizeOf(suffix.timeIndex)]
    return { baseOffset, sizeInBytes, offsetIndexBytes, timeIndexBytes }
  }

  /**
   * Undefined where the file is gone: retention goes on meanwhile, from the oldest segment on, and what it has removed
   * needs no cleaning. Whoever puts new segments in their places sees to it that it does not come back.
   */
  async #withFile<T>(
    baseOffset: number,
    work: (file: DiskFile) => Promise<T>,
    fileSuffix: string = suffix.log,
  ): Promise<T | undefined> {
    const { disk } = this.#tools
    const path = join(this.#job.directory, segmentFileName(baseOffset, fileSuffix))
    const file = await disk.open(path, { mode: 'read' }).catch((error: unknown) => {
      if (isMissing(error)) return undefined
      throw error
    })
    if (file === undefined) return undefined
    try {
      return await work(file)
    } finally {
      await file.close()
    }
  }

  #read(bytes: number): Promise<void> {
    this.#readBytes += bytes
    return this.#tools.spent(bytes)
  }

  #wrote(bytes: number): Promise<void> {
    this.#writtenBytes += bytes
    return this.#tools.spent(bytes)
  }
}

/** No more than is needed where the dirty part holds few offsets: an entry for each, at the load that is allowed. */
function mapBytes({ firstDirtyOffset, endOffset, dedupeBufferBytes, loadFactor }: CleaningJob): number {
  const neededSlots = Math.ceil((endOffset - firstDirtyOffset) / loadFactor) + 2
  return Math.min(dedupeBufferBytes, neededSlots * entryBytes)
}
