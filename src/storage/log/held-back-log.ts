/**
 * A log of which readers see, and senders are told, only what other copies have as well. It stands before a log that knows
 * what this copy has, and shows of it what lies below a limit, which whoever copies it moves.
 *
 * The last stable offset is that of the log behind, or the limit. A transaction may so be shown as ended before its marker
 * has reached the other copies: how it ends was decided, and copied, before the marker was written.
 */

import { HoldfastError } from '../../core/errors.js'
import type { Logger } from '../../core/logger.js'
import { batchesIn, type RecordBatch } from '../../records/batch.js'
import type { MessageFinder } from '../message-finder.js'
import type {
  AbortedTransaction,
  ActiveProducer,
  AppendReceipt,
  LogCopies,
  LogSlice,
  PartitionLog,
  ReadOptions,
  TimestampedOffset,
  TransactionMarker,
} from '../partition-log.js'
import { Listeners } from './listeners.js'
import { outOfRange } from './refusals.js'

/** How much was published when the log behind had come to an offset. */
interface Count {
  readonly offset: number
  readonly published: number
  readonly stable: number
}

/** Who waits until the copies have an offset. */
interface Waiter {
  readonly offset: number
  resolve(): void
  reject(error: HoldfastError): void
}

/** Up to where a log may be shown. Asked for when the log behind has advanced. */
export type ShownLimit = (own: PartitionLog) => number

/** Counts that are kept of what is held back; of more, what lies between is counted with what follows. */
const mostCounts = 1024

export class HeldBackLog implements PartitionLog {
  /** The log as this copy has it. */
  readonly own: PartitionLog
  readonly #listeners: Listeners
  readonly #limitOf: ShownLimit
  #limit: number
  #shown: Count
  /** Of what is held back, in the order of offsets. */
  #counts: Count[] = []
  /** In the order of offsets. */
  readonly #waiters: Waiter[] = []
  #refusal: HoldfastError | undefined
  /** What listeners know. */
  #told: { readonly highWatermark: number; readonly lastStableOffset: number; readonly failure: unknown }

  constructor(own: PartitionLog, limitOf: ShownLimit, logger: Logger) {
    this.own = own
    this.#limitOf = limitOf
    this.#listeners = new Listeners(logger)
    this.#limit = limitOf(own)
    const count = this.#count()
    this.#shown = count
    if (count.offset > this.highWatermark) {
      // What is there and not shown yet is published when it is.
      this.#counts.push(count)
      const hidden = own.sizeInBytes
      this.#shown = { offset: own.logStartOffset, published: count.published - hidden, stable: count.stable - hidden }
    }
    this.#told = this.#news()
    own.onAdvance(() => this.#ownAdvanced())
  }

  get topic(): string {
    return this.own.topic
  }

  get partition(): number {
    return this.own.partition
  }

  get logStartOffset(): number {
    return this.own.logStartOffset
  }

  get logEndOffset(): number {
    return this.own.logEndOffset
  }

  get highWatermark(): number {
    return Math.max(this.logStartOffset, Math.min(this.#limit, this.own.highWatermark))
  }

  get lastStableOffset(): number {
    return Math.min(this.own.lastStableOffset, this.highWatermark)
  }

  get durableOffset(): number {
    return this.own.durableOffset
  }

  get leaderEpoch(): number {
    return this.own.leaderEpoch
  }

  get sizeInBytes(): number {
    return this.own.sizeInBytes
  }

  get publishedBytes(): number {
    return this.#shown.published
  }

  get stableBytes(): number {
    return this.#shown.stable
  }

  get failure(): HoldfastError | undefined {
    return this.own.failure
  }

  get damage(): HoldfastError | undefined {
    return this.own.damage
  }

  /** Who copies another log into this one is not held back by others. */
  get copies(): LogCopies {
    return this.own.copies
  }

  get isClosed(): boolean {
    return this.own.isClosed
  }

  /** Asks anew up to where it may be shown. */
  look(): void {
    this.show(this.#limitOf(this.own))
  }

  /** The other copies have everything below `offset`. It may lie beyond the end, and never falls. */
  show(offset: number): void {
    if (offset <= this.#limit) return
    const before = this.highWatermark
    this.#limit = offset
    if (this.highWatermark > before) this.#advanced()
  }

  /** Somebody else leads from now on: who waits, and who appends later, is refused with `error`. */
  refuse(error: HoldfastError): void {
    this.#refusal = error
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error)
  }

  /** This copy leads from now on: what another leader has shown beyond its end says nothing of what it appends there. */
  accept(): void {
    this.#refusal = undefined
    this.#limit = Math.min(this.#limit, this.own.highWatermark)
  }

  /** Of what `finder` finds in the log behind, what is shown. */
  finder(finder: MessageFinder): MessageFinder {
    return {
      find: (search) => finder.find({ ...search, endOffset: Math.min(search.endOffset, this.lastStableOffset) }),
    }
  }

  append(batch: RecordBatch): AppendReceipt {
    if (this.#refusal !== undefined) throw this.#refusal
    return this.#held(this.own.append(batch))
  }

  endTransaction(marker: TransactionMarker): AppendReceipt {
    if (this.#refusal !== undefined) throw this.#refusal
    return this.#held(this.own.endTransaction(marker))
  }

  activeProducers(): readonly ActiveProducer[] {
    return this.own.activeProducers()
  }

  abortedTransactions(from: number, to: number): readonly AbortedTransaction[] {
    return this.own.abortedTransactions(from, to)
  }

  async read(offset: number, maxBytes: number, options: ReadOptions = {}): Promise<LogSlice> {
    // Before the read: what is shown meanwhile may be left out, what is held back may not come in.
    const end = options.committed ? this.lastStableOffset : this.highWatermark
    const isAhead = offset >= end && offset <= this.logEndOffset && offset >= this.logStartOffset
    if (isAhead && !this.isClosed) return { records: [], sizeInBytes: 0, ...(options.committed && { aborted: [] }) }
    return before(end, offset, await this.own.read(offset, maxBytes, options))
  }

  async offsetForTimestamp(timestamp: number): Promise<TimestampedOffset | undefined> {
    const found = await this.own.offsetForTimestamp(timestamp)
    return found !== undefined && found.offset < this.highWatermark ? found : undefined
  }

  async offsetOfMaxTimestamp(): Promise<TimestampedOffset | undefined> {
    const greatest = await this.own.offsetOfMaxTimestamp()
    if (greatest === undefined || greatest.offset < this.highWatermark) return greatest
    // The later the time, the farther ahead lies the first record of that time or a later one: so the last time is found
    // at which that record is one that is shown.
    let found: TimestampedOffset | undefined
    for (let from = 0, to = greatest.timestamp; from <= to; ) {
      const middle = Math.floor((from + to) / 2)
      const first = await this.offsetForTimestamp(middle)
      if (first !== undefined) found = first
      if (first === undefined) to = middle - 1
      else from = Math.max(middle, first.timestamp) + 1
    }
    return found
  }

  endOffsetOfEpoch(epoch: number): { readonly epoch: number; readonly endOffset: number } | undefined {
    const found = this.own.endOffsetOfEpoch(epoch)
    return found && { epoch: found.epoch, endOffset: Math.min(found.endOffset, this.highWatermark) }
  }

  beginEpoch(epoch: number): Promise<void> {
    return this.own.beginEpoch(epoch)
  }

  onAdvance(listener: () => void): () => void {
    return this.#listeners.add(listener)
  }

  async deleteRecordsBefore(offset: number): Promise<void> {
    if (offset > this.highWatermark) throw outOfRange(this, offset)
    await this.own.deleteRecordsBefore(offset)
  }

  flush(): Promise<void> {
    return this.own.flush()
  }

  #held(receipt: AppendReceipt): AppendReceipt {
    const acknowledged = receipt.acknowledged.then(() => this.#whenShown(receipt.lastOffset))
    // A refusal that nobody listens to must not end the process.
    acknowledged.catch(() => {})
    return { ...receipt, acknowledged, stored: receipt.acknowledged }
  }

  #whenShown(offset: number): Promise<void> | undefined {
    if (offset < this.highWatermark) return undefined
    if (this.#refusal !== undefined) throw this.#refusal
    if (this.isClosed) throw new HoldfastError('CLOSED')
    return new Promise((resolve, reject) => {
      // A batch that was sent again lies before others that wait.
      const at = this.#waiters.findLastIndex((waiter) => waiter.offset <= offset) + 1
      this.#waiters.splice(at, 0, { offset, resolve, reject })
    })
  }

  #ownAdvanced(): void {
    const count = this.#count()
    const last = this.#counts.at(-1)
    if (last !== undefined && (last.offset === count.offset || this.#counts.length >= mostCounts)) this.#counts.pop()
    this.#counts.push(count)
    this.#limit = Math.max(this.#limit, this.#limitOf(this.own))
    this.#advanced()
  }

  #count(): Count {
    const { highWatermark: offset, publishedBytes: published, stableBytes: stable } = this.own
    return { offset, published, stable }
  }

  /** More is shown, or the log behind failed or was closed. */
  #advanced(): void {
    const { highWatermark } = this
    const held = this.#counts.findIndex(({ offset }) => offset > highWatermark)
    const passed = this.#counts.splice(0, held === -1 ? this.#counts.length : held)
    this.#shown = passed.at(-1) ?? this.#shown
    const waiting = this.#waiters.findIndex(({ offset }) => offset >= highWatermark)
    for (const { resolve } of this.#waiters.splice(0, waiting === -1 ? this.#waiters.length : waiting)) resolve()
    if (this.isClosed) for (const { reject } of this.#waiters.splice(0)) reject(new HoldfastError('CLOSED'))
    const news = this.#news()
    const isNews =
      news.highWatermark > this.#told.highWatermark ||
      news.lastStableOffset > this.#told.lastStableOffset ||
      news.failure !== this.#told.failure
    this.#told = news
    if (isNews || this.isClosed) this.#listeners.notify(this)
  }

  #news() {
    const { highWatermark, lastStableOffset, failure } = this
    return { highWatermark, lastStableOffset, failure }
  }
}

/** What of a slice that was read at `offset` lies before `end`. */
function before(end: number, offset: number, slice: LogSlice): LogSlice {
  const records: Buffer[] = []
  let sizeInBytes = 0
  let next = offset
  for (const bytes of slice.records) {
    let length = 0
    for (const batch of batchesIn(bytes)) {
      if (batch.nextOffset > end) break
      length += batch.sizeInBytes
      next = batch.nextOffset
    }
    if (length > 0) records.push(length === bytes.length ? bytes : bytes.subarray(0, length))
    sizeInBytes += length
    if (length < bytes.length) break
  }
  if (sizeInBytes === slice.sizeInBytes && (slice.nextOffset ?? 0) <= end) return slice
  return {
    ...slice,
    records,
    sizeInBytes,
    ...(slice.aborted !== undefined && { aborted: slice.aborted.filter(({ firstOffset }) => firstOffset < next) }),
    ...(slice.nextOffset !== undefined && { nextOffset: Math.min(slice.nextOffset, end) }),
  }
}
