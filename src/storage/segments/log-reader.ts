/** The reading side of a log: what an answer may hold, what a reader is told where there is none, and who reads now. */

import { readInt64 } from '../../core/codec/int64.js'
import { HoldfastError } from '../../core/errors.js'
import type { LogSlice, PartitionLog, ReadOptions, TimestampedOffset } from '../partition-log.js'
import { InFlight } from './in-flight.js'
import type { Damage } from './load-request.js'
import { hole, outOfRange } from './refusals.js'
import { whileNothingIsRemoved } from './searching.js'
import type { SegmentSet } from './segment-set.js'

export interface LogReaderOptions {
  readonly log: PartitionLog
  readonly directory: string
  readonly mayHaveHoles: boolean
  /** What is read now: replaced when the log is recovered. */
  segments(): SegmentSet
  damage(): Damage | undefined
  /** A read met damage that no start had seen. */
  onDamaged(damage: HoldfastError): void
}

export class LogReader {
  readonly #options: LogReaderOptions
  readonly #reads = new InFlight()

  constructor(options: LogReaderOptions) {
    this.#options = options
  }

  /** Resolves when nobody reads any more: a read that has begun is finished before the log closes its files. */
  ended(): Promise<void> {
    return this.#reads.ended()
  }

  read(offset: number, maxBytes: number, options?: ReadOptions): Promise<LogSlice> {
    return this.#reading(() => this.#read(offset, maxBytes, options))
  }

  async #read(offset: number, maxBytes: number, options?: ReadOptions): Promise<LogSlice> {
    const { log, directory, mayHaveHoles } = this.#options
    const { logStartOffset, logEndOffset, highWatermark } = log
    const damage = this.#options.damage()
    // What lies behind the damage was acknowledged once; "out of range" would send its readers somewhere else.
    if (damage !== undefined && offset >= damage.offset) throw new HoldfastError('LOG_DAMAGED', damage.what)
    if (offset < logStartOffset || offset > logEndOffset) throw outOfRange(log, offset)
    if (offset >= highWatermark) return { records: [], sizeInBytes: 0 }
    const segments = this.#options.segments()
    const slice = await segments.read(offset, maxBytes, options).catch((error: unknown) => {
      // Removed under the reader's hands.
      throw offset < log.logStartOffset ? outOfRange(log, offset) : error
    })
    const [first] = slice.records
    const found = first === undefined ? highWatermark : readInt64(first, 0)
    if (found <= offset || mayHaveHoles) return slice
    slice.release?.()
    throw hole(log, directory, offset, found)
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

  async #reading<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await this.#reads.run(read)
    } catch (error) {
      if (error instanceof HoldfastError && error.code === 'LOG_DAMAGED') this.#options.onDamaged(error)
      throw error
    }
  }
}
