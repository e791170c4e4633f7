/**
 * One ordered log in Kafka's layout: a directory of segments, the last of which is appended to.
 *
 * The way of an append: `append` gives the batch its offsets and queues it; the group commit hands all that waits to
 * the writer, which writes it (rolling to a new segment where it must), makes it durable as the policy says, publishes
 * it to readers by moving the high watermark, and so lets the waiters be acknowledged.
 */

import { readInt64 } from '../../core/codec/int64.js'
import { HoldfastError } from '../../core/errors.js'
import { invariant } from '../../core/invariant.js'
import { Lifecycle } from '../../core/lifecycle.js'
import { Mutex } from '../../core/mutex.js'
import { isOutOfDescriptors } from '../../files/disk-error.js'
import { GroupCommit } from '../../flush/group-commit.js'
import { flushPolicy } from '../../flush/policy.js'
import type { RecordBatch } from '../../records/batch.js'
import type { AppendReceipt, LogSlice, PartitionLog, ReadOptions, TimestampedOffset } from '../partition-log.js'
import type { BatchTrace, ProducerStates } from '../producer-states.js'
import { InFlight } from './in-flight.js'
import { LeaderEpochs } from './leader-epochs.js'
import type { LoadedLog, LoadReport } from './loader.js'
import { LogWriter } from './log-writer.js'
import { loadFor, placeOf, type SegmentLogOptions, warmTailBytes } from './opening.js'
import { hole, outOfRange, stalled } from './refusals.js'
import { whileNothingIsRemoved } from './searching.js'
import { whenVisible } from './visibility.js'

/** Everything that is replaced as one when a log is recovered. */
interface OpenState {
  readonly writer: LogWriter
  readonly commit: GroupCommit<RecordBatch>
  /** Judges new batches: knows every batch that has its offsets, also those still on their way to the disk. */
  readonly producers: ProducerStates
  readonly report: LoadReport
}

export class SegmentLog implements PartitionLog {
  readonly topic: string
  readonly partition: number
  readonly #options: SegmentLogOptions
  readonly #epochs: LeaderEpochs
  readonly #lifecycle: Lifecycle
  readonly #listeners = new Set<() => void>()
  /** Recovering and closing, one after the other. */
  readonly #turns = new Mutex()
  readonly #reads = new InFlight()
  #closed: Promise<boolean> | undefined
  #state: OpenState
  #logEndOffset: number
  /** Where the log was told to start. */
  #startOffset: number
  /** By writers before the present one. */
  #publishedBefore = 0

  private constructor(options: SegmentLogOptions, epochs: LeaderEpochs, loaded: LoadedLog) {
    this.#options = options
    this.topic = options.topic
    this.partition = options.partition
    this.#startOffset = options.logStartOffset
    this.#epochs = epochs
    this.#lifecycle = new Lifecycle(`log ${options.topic}-${options.partition}`)
    this.#state = this.#stateOver(loaded)
    this.#logEndOffset = loaded.logEndOffset
    this.#opened()
  }

  /** Opens the partition directory, recovering it where it was not closed in order. */
  static async open(options: SegmentLogOptions): Promise<SegmentLog> {
    const epochs = await LeaderEpochs.load(options.disk, options.directory, options.logStartOffset)
    const loaded = await loadFor(options, { ...options, cutFrom: Number.MAX_SAFE_INTEGER })
    const log = new SegmentLog(options, epochs, loaded)
    // Nobody waits for it, and where it fails nothing is lost but the time of the first reader.
    const active = loaded.segments[loaded.segments.length - 1]
    void options.tables.warming.run(() => active.warm(warmTailBytes)).catch(() => {})
    return log
  }

  get logStartOffset(): number {
    return Math.max(this.#state.writer.segments.baseOffset, this.#startOffset)
  }

  get logEndOffset(): number {
    return this.#logEndOffset
  }

  get highWatermark(): number {
    return this.#state.writer.highWatermark
  }

  get durableOffset(): number {
    return this.#state.writer.durableOffset
  }

  get leaderEpoch(): number {
    return this.#epochs.current
  }

  get sizeInBytes(): number {
    return this.#state.writer.segments.sizeInBytes
  }

  get publishedBytes(): number {
    return this.#publishedBefore + this.#state.writer.publishedBytes
  }

  get failure(): HoldfastError | undefined {
    return this.#lifecycle.failure
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

  /** Where the log was told to start, if that is behind the start of its first segment. */
  get explicitLogStartOffset(): number | undefined {
    return this.#startOffset > this.#state.writer.segments.baseOffset ? this.#startOffset : undefined
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
    const { settings, clock } = this.#options
    const segmentBytes = settings['log.segment.bytes']
    if (batch.sizeInBytes > segmentBytes) {
      const why = `A batch of ${batch.sizeInBytes} bytes does not fit into a segment of ${segmentBytes}.`
      throw new HoldfastError('RECORD_LIST_TOO_LARGE', why)
    }
    const { producers, commit } = this.#state
    if (commit.isStalled) throw stalled(this)
    const seen = batch.hasProducerId ? producers.check(batch) : undefined
    if (seen !== undefined) return this.#duplicateReceipt(seen)
    batch.stamp(this.#logEndOffset, this.leaderEpoch)
    const logAppendTimeMs = settings['log.message.timestamp.type'] === 'LogAppendTime' ? clock.now() : -1
    if (logAppendTimeMs >= 0) batch.stampLogAppendTime(logAppendTimeMs)
    if (batch.hasProducerId) producers.note(batch, clock.now())
    this.#logEndOffset = batch.nextOffset
    const acknowledged = commit.submit(batch)
    return {
      baseOffset: batch.baseOffset,
      lastOffset: batch.lastOffset,
      logAppendTimeMs,
      duplicate: false,
      acknowledged,
    }
  }

  read(offset: number, maxBytes: number, options?: ReadOptions): Promise<LogSlice> {
    return this.#reading(() => this.#read(offset, maxBytes, options))
  }

  async #read(offset: number, maxBytes: number, options?: ReadOptions): Promise<LogSlice> {
    const { logStartOffset, logEndOffset, highWatermark } = this
    const { damage } = this.#state.report
    // What lies behind the damage was acknowledged once; "out of range" would send its readers somewhere else.
    if (damage !== undefined && offset >= damage.offset) throw new HoldfastError('LOG_DAMAGED', damage.what)
    if (offset < logStartOffset || offset > logEndOffset) throw outOfRange(this, offset)
    if (offset < highWatermark) {
      const slice = await this.#state.writer.segments.read(offset, maxBytes, options).catch((error: unknown) => {
        // Removed under the reader's hands.
        throw offset < this.logStartOffset ? outOfRange(this, offset) : error
      })
      const [first] = slice.records
      const found = first === undefined ? highWatermark : readInt64(first, 0)
      if (found <= offset || this.#options.mayHaveHoles) return slice
      slice.release?.()
      throw hole(this, this.#options.directory, offset, found)
    }
    return { records: [], sizeInBytes: 0 }
  }

  offsetForTimestamp(timestamp: number): Promise<TimestampedOffset | undefined> {
    const search = (from: number) => this.#state.writer.segments.offsetForTimestamp(timestamp, from)
    return this.#reading(() => whileNothingIsRemoved(this, search))
  }

  offsetOfMaxTimestamp(): Promise<TimestampedOffset | undefined> {
    const search = (from: number) => this.#state.writer.segments.offsetOfMaxTimestamp(from)
    return this.#reading(() => whileNothingIsRemoved(this, search))
  }

  endOffsetOfEpoch(epoch: number): { epoch: number; endOffset: number } | undefined {
    return this.#epochs.endOf(epoch, this.highWatermark)
  }

  onAdvance(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
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
      const before = this.#startOffset
      this.#startOffset = offset
      // Written down first: a start that finds the segments gone and does not know why would have to guess.
      await this.#options.onStartMoved?.().catch((error: unknown) => {
        this.#startOffset = before
        throw error
      })
      await this.#state.writer.removeBefore(offset)
    })
  }

  /** Forgets producers that have been idle for longer than the setting allows. */
  forgetIdleProducers(): void {
    const since = this.#options.clock.now() - this.#options.settings['producer.id.expiration.ms']
    this.#state.producers.forgetIdleSince(since)
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
        await this.#reads.ended()
        await writer.segments.release().finally(() => {
          this.#lifecycle.to('closed')
          this.#notify()
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
      const { recoveryPoint, logStartOffset, highWatermark } = this
      const loaded = await loadFor(this.#options, {
        clean: false,
        recoveryPoint,
        logStartOffset,
        cutFrom: highWatermark,
      })
      if (this.#lifecycle.state !== 'failed' || loaded.logEndOffset !== highWatermark) {
        await loaded.segments[loaded.segments.length - 1].release()
        this.#assertReadable()
        invariant(false, 'recovery keeps what was acknowledged, and nothing else')
      }
      this.#lifecycle.to('opening')
      this.#publishedBefore = this.publishedBytes
      this.#state = this.#stateOver(loaded)
      this.#logEndOffset = loaded.logEndOffset
      this.#opened()
      this.#notify()
      // Whatever these files still had to say was said when they failed.
      await failed.writer.segments.release().catch(() => {})
    })
  }

  /** A read that has begun is finished before the log closes its files. */
  async #reading<T>(read: () => Promise<T>): Promise<T> {
    this.#assertReadable()
    try {
      return await this.#reads.run(read)
    } catch (error) {
      if (error instanceof HoldfastError && error.code === 'LOG_DAMAGED') this.#foundDamaged(error)
      throw error
    }
  }

  /** Damage that a start did not see, since it trusts what was closed in order: from now on nothing is appended behind it. */
  #foundDamaged(damage: HoldfastError): void {
    if (this.#lifecycle.state !== 'open') return
    this.#lifecycle.fail(damage)
    this.#notify()
    this.#options.logger.error({ topic: this.topic, partition: this.partition }, damage.message)
  }

  #stateOver(loaded: LoadedLog): OpenState {
    const { settings, logger, clock } = this.#options
    const policy = flushPolicy(settings)
    const writer = new LogWriter(
      {
        place: placeOf(this.#options),
        policy,
        logger,
        clock,
        onPublished: () => this.#notify(),
        onFailed: (cause) => this.#failed(cause),
      },
      loaded,
    )
    return {
      writer,
      commit: new GroupCommit(writer, policy, clock),
      producers: loaded.producers,
      report: loaded.report,
    }
  }

  #opened(): void {
    this.#lifecycle.to('open')
    const { damage } = this.#state.report
    if (damage === undefined) return
    this.#lifecycle.fail(new HoldfastError('LOG_DAMAGED', `${damage.what}. Nothing is appended after a hole.`))
  }

  #failed(cause: unknown): HoldfastError {
    const full = cause instanceof HoldfastError && cause.code === 'DISK_FULL'
    const why = cause instanceof Error ? cause.message : String(cause)
    const failure = new HoldfastError(
      full ? 'DISK_FULL' : 'LOG_FAILED',
      `The log ${this.topic}-${this.partition} takes no more messages: ${why}`,
      { cause },
    )
    this.#lifecycle.fail(failure)
    this.#options.onFailure?.(this)
    this.#notify()
    this.#options.logger.error({ topic: this.topic, partition: this.partition, err: cause }, failure.message)
    return failure
  }

  #notify(): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener()
      } catch (err) {
        // What a reader does with the news is not the writer's failure.
        this.#options.logger.error({ topic: this.topic, partition: this.partition, err }, 'A listener of a log failed.')
      }
    }
  }

  #duplicateReceipt(seen: BatchTrace): AppendReceipt {
    const { settings } = this.#options
    const isLogAppendTime = settings['log.message.timestamp.type'] === 'LogAppendTime'
    const timeoutMs = settings['flush.commitlog.timeout']
    return {
      baseOffset: seen.lastOffset - seen.offsetDelta,
      lastOffset: seen.lastOffset,
      logAppendTimeMs: isLogAppendTime ? seen.timestamp : -1,
      duplicate: true,
      acknowledged: whenVisible(this, seen.lastOffset, this.#options.clock, timeoutMs),
    }
  }

  #assertReadable(): void {
    if (this.isClosed) throw this.#lifecycle.refusal()
  }
}
