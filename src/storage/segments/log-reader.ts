/** The reading side of a log: what an answer may hold, what a reader is told where there is none, and who reads now. */

import { readInt64 } from '../../core/codec/int64.js'
import { HoldfastError } from '../../core/errors.js'
import { InFlight } from '../../files/in-flight.js'
import { batchesIn } from '../../records/batch.js'
import { damageOf, hole, namesLost, outOfRange } from '../log/refusals.js'
import type { AbortedTransaction, LogSlice, PartitionLog, ReadOptions, TimestampedOffset } from '../partition-log.js'
import type { LoadReport } from './load-request.js'
import { whileNothingIsRemoved } from './searching.js'
import type { SegmentSet } from './segment-set.js'

export interface LogReaderOptions {
  readonly log: PartitionLog
  readonly directory: string
  /** Offsets may be missing. */
  readonly mayHaveHoles: () => boolean
  /** What is read now: replaced when the log is recovered. */
  segments(): SegmentSet
  /** What the last opening found. */
  report(): LoadReport
  /** @throws CLOSED */
  assertReadable(): void
  /** A read met damage that no start had seen. */
  onDamaged(damage: HoldfastError): void
}

export class LogReader {
  readonly #options: LogReaderOptions
  readonly #reads = new InFlight()
  /** How often names of files went to other files, and the change that is under way. */
  #changes = 0
  #changing: Promise<unknown> | undefined
  /** A change that failed half way: what these segments are called is not known before the log is opened again. */
  #lost: { readonly segments: SegmentSet; readonly error: HoldfastError } | undefined

  constructor(options: LogReaderOptions) {
    this.#options = options
  }

  /** Resolves when nobody reads any more: a read that has begun is finished before the log closes its files. */
  ended(): Promise<void> {
    return this.#reads.ended()
  }

  read(offset: number, maxBytes: number, options?: ReadOptions): Promise<LogSlice> {
    return this.#reading(
      () => this.#read(offset, maxBytes, options),
      (slice) => slice.release?.(),
    )
  }

  async #read(offset: number, maxBytes: number, options?: ReadOptions): Promise<LogSlice> {
    const { log } = this.#options
    const { logStartOffset, logEndOffset } = log
    // Before the read: what is decided by then stays so.
    const end = options?.committed ? log.lastStableOffset : log.highWatermark
    const { damage, lostStart } = this.#options.report()
    // What lies behind the damage was acknowledged once; "out of range" would send its readers somewhere else.
    if (damage !== undefined && offset >= damage.offset) throw new HoldfastError('LOG_DAMAGED', damage.what)
    const isLost = lostStart !== undefined && offset >= lostStart.from && offset < lostStart.to
    if (isLost) throw new HoldfastError('LOG_DAMAGED', lostStart.what)
    if (offset < logStartOffset || offset > logEndOffset) throw outOfRange(log, offset)
    if (offset >= end) return options?.committed ? { ...nothing, aborted: [] } : nothing
    const segments = this.#options.segments()
    const slice = await segments.read(offset, maxBytes, options).catch((error: unknown) => {
      // Removed under the reader's hands.
      throw offset < log.logStartOffset ? outOfRange(log, offset) : error
    })
    this.#assertNoHole(slice, offset, end)
    if (!options?.committed) return slice
    // What was published meanwhile may be in the slice, and segments that were begun meanwhile may hold its markers.
    const isPlain = [segments, this.#options.segments()].every((set) => !set.hasAborted(offset))
    if (isPlain && log.lastStableOffset === log.highWatermark) return { ...slice, aborted: [] }
    return committedPart(slice, segments, offset, end)
  }

  #assertNoHole(slice: LogSlice, offset: number, end: number): void {
    const { log, directory, mayHaveHoles } = this.#options
    const [first] = slice.records
    const found = first === undefined ? end : readInt64(first, 0)
    if (found <= offset || mayHaveHoles()) return
    slice.release?.()
    throw hole(log, directory, offset, found)
  }

  abortedTransactions(from: number, to: number): AbortedTransaction[] {
    const { log } = this.#options
    this.#options.assertReadable()
    if (from < log.logStartOffset) throw outOfRange(log, from)
    return this.#options.segments().abortedTransactions(from, to)
  }

  offsetForTimestamp(timestamp: number): Promise<TimestampedOffset | undefined> {
    return this.#searching((from) => this.#options.segments().offsetForTimestamp(timestamp, from))
  }

  offsetOfMaxTimestamp(): Promise<TimestampedOffset | undefined> {
    return this.#searching((from) => this.#options.segments().offsetOfMaxTimestamp(from))
  }

  #searching<T>(search: (logStartOffset: number) => Promise<T>): Promise<T> {
    return this.#reading(() => whileNothingIsRemoved(this.#options.log, search))
  }

  /**
   * Runs `work`, in which names of files go to other files. A read that is under way meanwhile may have met the one file
   * by the other's index: its answer is thrown away, and it reads again.
   */
  async whileNamesChange(work: () => Promise<void>): Promise<void> {
    this.#changes++
    const changing = work()
    this.#changing = changing.catch(() => {})
    try {
      await changing
    } catch (cause) {
      this.#lost = { segments: this.#options.segments(), error: namesLost(this.#options.log, cause) }
      throw cause
    } finally {
      this.#changing = undefined
    }
  }

  #reading<T>(read: () => Promise<T>, discard: (answer: T) => void = () => {}): Promise<T> {
    return this.#reads.run(async () => {
      this.#options.assertReadable()
      for (;;) {
        if (this.#changing !== undefined) await this.#changing
        const changes = this.#changes
        try {
          const answer = await read()
          if (changes === this.#changes) return answer
          discard(answer)
        } catch (error) {
          if (changes !== this.#changes) continue
          // A name that leads elsewhere, or nowhere, is no damage.
          if (this.#lost?.segments === this.#options.segments()) throw this.#lost.error
          const damage = damageOf(error)
          if (damage !== undefined) this.#options.onDamaged(damage)
          throw error
        }
      }
    })
  }
}

const nothing: LogSlice = { records: [], sizeInBytes: 0 }

/** What of a slice lies below `end`, where a transaction begins that is open, and what of it was aborted. */
function committedPart(slice: LogSlice, segments: SegmentSet, offset: number, end: number): LogSlice {
  let next = offset
  let sizeInBytes = 0
  const records: Buffer[] = []
  for (const bytes of slice.records) {
    let length = 0
    for (const batch of batchesIn(bytes)) {
      if (batch.baseOffset >= end) break
      length += batch.sizeInBytes
      next = batch.nextOffset
    }
    if (length > 0) records.push(bytes.subarray(0, length))
    sizeInBytes += length
  }
  return { ...slice, records, sizeInBytes, aborted: next > offset ? segments.abortedTransactions(offset, next) : [] }
}
