/** One ordered log in Kafka's layout: a directory of segments, the last of which is appended to. */

import { HoldfastError } from '../../core/errors.js'
import { invariant } from '../../core/invariant.js'
import { Lifecycle } from '../../core/lifecycle.js'
import { Mutex } from '../../core/mutex.js'
import type { Settings } from '../../core/settings.js'
import { isOutOfDescriptors } from '../../files/disk-error.js'
import type { RecordBatch } from '../../records/batch.js'
import { Copying } from '../log/copying.js'
import type { LeaderEpochs } from '../log/leader-epochs.js'
import { Listeners } from '../log/listeners.js'
import { damageOf, outOfRange, stopped } from '../log/refusals.js'
import type {
  AbortedTransaction,
  ActiveProducer,
  AppendReceipt,
  LogSlice,
  PartitionLog,
  ReadOptions,
  TimestampedOffset,
  TransactionMarker,
} from '../partition-log.js'
import { LogCompaction } from './compaction/log-compaction.js'
import { loadLeaderEpochs } from './leader-epochs.js'
import type { LoadedLog, LoadReport } from './load-request.js'
import { LogReader } from './log-reader.js'
import { type OpenState, openStateOver, reopenedAt } from './open-state.js'
import { type LiveOptions, loadFor, type SegmentLogOptions, warmTail, withLive } from './opening.js'
import { type SegmentFacts, segmentFacts } from './segment-facts.js'
import type { CutSegment } from './segment-set.js'

export class SegmentLog implements PartitionLog {
  readonly topic: string
  readonly partition: number
  readonly #options: SegmentLogOptions
  readonly #live: LiveOptions
  readonly #epochs: LeaderEpochs
  readonly #lifecycle: Lifecycle
  readonly #listeners: Listeners
  /** Recovering and closing, one after the other. */
  readonly #turns = new Mutex()
  readonly #reader: LogReader
  /** The log as its cleaner sees it. */
  readonly compaction: LogCompaction
  readonly copies: Copying
  #closed: Promise<boolean> | undefined
  #state: OpenState
  /** Where the log was told to start. */
  #startOffset: number
  /** By writers before the present one. */
  #publishedBefore = 0

  private constructor(options: SegmentLogOptions, epochs: LeaderEpochs, loaded: LoadedLog) {
    this.#live = { settings: options.settings, mayHaveHoles: options.mayHaveHoles ?? false }
    this.#options = withLive(options, this.#live)
    this.topic = options.topic
    this.partition = options.partition
    this.#startOffset = options.logStartOffset
    this.#epochs = epochs
    this.#listeners = new Listeners(options.logger)
    this.#lifecycle = new Lifecycle(`log ${options.topic}-${options.partition}`)
    this.#state = this.#stateOver(loaded)
    this.#reader = new LogReader({
      log: this,
      directory: options.directory,
      mayHaveHoles: () => this.#live.mayHaveHoles,
      segments: () => this.#state.writer.segments,
      report: () => this.#state.report,
      assertReadable: () => this.#assertReadable(),
      onDamaged: (damage) => this.#foundDamaged(damage),
    })
    this.compaction = new LogCompaction({
      log: this,
      options: this.#options,
      live: this.#live,
      reader: this.#reader,
      turns: this.#turns,
      writer: () => this.#state.writer,
      assertOpen: () => this.#lifecycle.assertOpen(),
      fail: (cause) => this.#failed(cause),
    })
    this.copies = new Copying({
      log: this,
      appender: () => this.#state.appender,
      assertOpen: () => this.#lifecycle.assertOpen(),
      allowHoles: () => this.compaction.allowHoles(),
      noteEpoch: (epoch, startOffset) => this.#epochs.note(epoch, startOffset),
      beginAt: (offset) => this.#beginAt(offset),
    })
    this.#opened()
  }

  /** Opens the partition directory, recovering it where it was not closed in order. */
  static async open(options: SegmentLogOptions): Promise<SegmentLog> {
    const epochs = await loadLeaderEpochs(options.disk, options.directory, options.logStartOffset)
    const loaded = await loadFor(options, { ...options, cutFrom: options.cutFrom ?? Number.MAX_SAFE_INTEGER })
    await epochs.endAt(loaded.logEndOffset)
    warmTail(options, loaded)
    return new SegmentLog(options, epochs, loaded)
  }

  get logStartOffset(): number {
    return Math.max(this.#state.writer.segments.baseOffset, this.#startOffset)
  }

  get logEndOffset(): number {
    return this.#state.appender.logEndOffset
  }

  get highWatermark(): number {
    return this.#state.writer.highWatermark
  }

  get lastStableOffset(): number {
    // Of a transaction that began before the log did, what is left begins with the log.
    return Math.max(this.logStartOffset, this.#state.writer.lastStableOffset)
  }

  get durableOffset(): number {
    return this.#state.writer.durableOffset
  }

  get leaderEpoch(): number {
    return this.#epochs.current
  }

  /** Those of the topic as they are now: to be read anew at each use. */
  get settings(): Settings {
    return this.#live.settings
  }

  /** Lets other settings hold from now on; those that are `fixed` in the table must stay what they are. */
  alter(settings: Settings): void {
    this.#live.settings = settings
  }

  get sizeInBytes(): number {
    return this.#state.writer.segments.sizeInBytes
  }

  /** Its segments as they are now, the oldest first. */
  get segments(): SegmentFacts[] {
    return segmentFacts(this.#state.writer.segments, this, this.#options.disk)
  }

  get publishedBytes(): number {
    return this.#publishedBefore + this.#state.writer.publishedBytes
  }

  get stableBytes(): number {
    return this.#publishedBefore + this.#state.writer.stableBytes
  }

  get failure(): HoldfastError | undefined {
    return this.#lifecycle.failure
  }

  /** It closes the log to appends as well. */
  get damage(): HoldfastError | undefined {
    return damageOf(this.failure)
  }

  get isClosed(): boolean {
    return this.#lifecycle.state === 'closing' || this.#lifecycle.state === 'closed'
  }

  /**
   * Whether {@link recover} may be tried without anybody looking at the disk: a write found no room, or the next segment
   * no descriptor. After a failed sync, or an I/O error, the page cache cannot be believed, and only a new start reads
   * the disk afresh.
   */
  get isRecoverable(): boolean {
    const { failure } = this
    const mayPass = failure?.code === 'DISK_FULL' || isOutOfDescriptors(failure?.cause)
    return mayPass && !this.#state.writer.syncFailed
  }

  get recoveryPoint(): number {
    return this.#state.report.damage?.recoveryPoint ?? this.#state.writer.recoveryPoint
  }

  /** What the last opening found and did. */
  get report(): LoadReport {
    return this.#state.report
  }

  append(batch: RecordBatch): AppendReceipt {
    this.#lifecycle.assertOpen()
    return this.#state.appender.append(batch)
  }

  endTransaction(marker: TransactionMarker): AppendReceipt {
    this.#lifecycle.assertOpen()
    return this.#state.appender.endTransaction(marker)
  }

  activeProducers(): ActiveProducer[] {
    return this.#state.appender.activeProducers()
  }

  abortedTransactions(from: number, to: number): AbortedTransaction[] {
    return this.#reader.abortedTransactions(from, to)
  }

  read(offset: number, maxBytes: number, options?: ReadOptions): Promise<LogSlice> {
    return this.#reader.read(offset, maxBytes, options)
  }

  offsetForTimestamp(timestamp: number): Promise<TimestampedOffset | undefined> {
    return this.#reader.offsetForTimestamp(timestamp)
  }

  offsetOfMaxTimestamp(): Promise<TimestampedOffset | undefined> {
    return this.#reader.offsetOfMaxTimestamp()
  }

  endOffsetOfEpoch(epoch: number): { epoch: number; endOffset: number } | undefined {
    return this.#epochs.endOf(epoch, this.highWatermark)
  }

  beginEpoch(epoch: number): Promise<void> {
    return this.#epochs.note(epoch, this.logEndOffset)
  }

  onAdvance(listener: () => void): () => void {
    return this.#listeners.add(listener)
  }

  async flush(): Promise<void> {
    this.#lifecycle.assertOpen()
    await this.#state.commit.flush()
  }

  deleteRecordsBefore(offset: number): Promise<void> {
    return this.#turns.run(async () => {
      this.#lifecycle.assertOpen()
      if (offset > this.highWatermark) throw outOfRange(this, offset)
      if (offset <= this.logStartOffset) return
      // A log that begins behind what a power failure leaves of it would look damaged.
      if (offset > this.durableOffset) await this.#state.commit.flush()
      // Written down first: a start that finds the segments gone and does not know why would have to guess.
      await this.#startAt(offset)
      await this.#state.writer.removeBefore(offset)
    })
  }

  /**
   * Begins a new segment, if the log still ends at `offset` and its active segment holds something: whether it did.
   * @throws LOG_FAILED, CLOSED
   */
  rollAt(offset: number): Promise<boolean> {
    return this.#turns.run(async () => {
      this.#lifecycle.assertOpen()
      const { commit, writer } = this.#state
      return commit.between(() => writer.rollAt(offset))
    })
  }

  /** Offsets may be missing in it, since compaction worked on it. */
  get mayHaveHoles(): boolean {
    return this.#options.mayHaveHoles ?? false
  }

  /**
   * Runs `work` on the segments below `end`, while none of their files is removed or replaced; appends go on. `end` is
   * an offset that the high watermark had.
   */
  withFilesBelow<T>(end: number, work: (directory: string, segments: readonly CutSegment[]) => Promise<T>): Promise<T> {
    return this.#turns.run(async () => {
      this.#assertReadable()
      return work(this.#options.directory, await this.#state.writer.segments.below(end))
    })
  }

  /** Forgets producers that have been idle for longer than the setting allows. */
  forgetIdleProducers(): void {
    const since = this.#options.clock.now() - this.#options.settings['producer.id.expiration.ms']
    this.#state.appender.forgetIdleProducersSince(since)
    this.#state.writer.forgetIdleProducersSince(since)
  }

  /**
   * Flushes, writes indexes and producer state, and closes. A failed log is closed without touching its files, and
   * resolves to false: the next opening has to recover it.
   */
  close(): Promise<boolean> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<boolean> {
    const { state } = this.#lifecycle
    this.#lifecycle.to('closing')
    await this.#turns.run(async () => {
      const { commit, writer } = this.#state
      try {
        if (state !== 'failed') {
          await commit.flush()
          await writer.seal()
        }
      } finally {
        await commit.stop()
        await writer.abandon()
        // A reader that is under way would open again what is closed here.
        await this.#reader.ended()
        await writer.segments.release().finally(() => {
          this.#lifecycle.to('closed')
          this.#listeners.notify(this)
        })
      }
    })
    return state !== 'failed'
  }

  /**
   * Opens a failed log again, through recovery. What was acknowledged is kept; what was refused is cut away, so that a
   * sender who was refused and sends again does not find its message twice. Readers are served all the while.
   */
  recover(): Promise<void> {
    return this.#turns.run(async () => {
      invariant(this.#lifecycle.state === 'failed', 'only a failed log is recovered')
      const failed = this.#state
      await failed.commit.stop()
      await failed.writer.abandon()
      // What was acknowledged from the page cache is made durable through the files that it was written to, which are
      // the ones that are told if that fails.
      await failed.writer.sync()
      const { recoveryPoint, logStartOffset, highWatermark: cutFrom } = this
      const loaded = await loadFor(this.#options, { clean: false, recoveryPoint, logStartOffset, cutFrom })
      if (this.#lifecycle.state !== 'failed' || loaded.logEndOffset !== cutFrom) {
        await loaded.segments[loaded.segments.length - 1].release()
        this.#assertReadable()
        invariant(false, 'recovery keeps what was acknowledged, and nothing else')
      }
      this.#lifecycle.to('opening')
      this.#publishedBefore = this.publishedBytes
      this.#state = this.#stateOver(loaded)
      this.#opened()
      this.#listeners.notify(this)
      // Whatever these files still had to say was said when they failed.
      await failed.writer.segments.release().catch(() => {})
    })
  }

  /** Damage that a start did not see, since it trusts what was closed in order: from now on nothing is appended behind it. */
  #foundDamaged(damage: HoldfastError): void {
    if (this.#lifecycle.state === 'open') this.#tell(damage)
  }

  #stateOver(loaded: LoadedLog): OpenState {
    const told = { onPublished: () => this.#listeners.notify(this), onFailed: (cause: unknown) => this.#failed(cause) }
    return openStateOver(this, this.#options, told, loaded)
  }

  async #startAt(offset: number): Promise<void> {
    const before = this.#startOffset
    this.#startOffset = offset
    await this.#options.onStartMoved?.().catch((error: unknown) => {
      this.#startOffset = before
      throw error
    })
  }

  /** An empty log goes on elsewhere. */
  #beginAt(offset: number): Promise<void> {
    return this.#turns.run(async () => {
      const loading = reopenedAt(offset, this.#options, this.#state, () => this.#startAt(offset))
      const loaded = await loading.catch((error: unknown) => {
        throw this.#failed(error)
      })
      this.#state = this.#stateOver(loaded)
    })
  }

  #opened(): void {
    this.#lifecycle.to('open')
    const what = (this.report.damage ?? this.report.lostStart)?.what
    if (what === undefined) return
    this.#lifecycle.fail(new HoldfastError('LOG_DAMAGED', `${what}. Nothing is appended after a hole.`))
  }

  #failed(cause: unknown): HoldfastError {
    const failure = stopped(`log ${this.topic}-${this.partition}`, cause)
    this.#tell(failure)
    this.#options.onFailure?.(this)
    return failure
  }

  #tell(failure: HoldfastError): void {
    this.#lifecycle.fail(failure)
    this.#listeners.notify(this)
    const { topic, partition } = this
    this.#options.logger.error({ topic, partition, err: failure.cause }, failure.message)
  }

  #assertReadable(): void {
    if (this.isClosed) throw this.#lifecycle.refusal()
  }
}
