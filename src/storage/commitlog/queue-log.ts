/**
 * One queue of the commit log as a partition: its offsets, its producers, its readers. The messages lie in the commit log
 * that all queues share, which gives them their place and makes them durable; here lies what is the queue's own.
 */

import type { HoldfastError } from '../../core/errors.js'
import { Lifecycle } from '../../core/lifecycle.js'
import { Mutex } from '../../core/mutex.js'
import type { Settings } from '../../core/settings.js'
import type { RecordBatch } from '../../records/batch.js'
import { Appender, type AppenderOptions } from '../log/appender.js'
import { Copying } from '../log/copying.js'
import type { LeaderEpochs } from '../log/leader-epochs.js'
import { Listeners } from '../log/listeners.js'
import { damageOf, noHoles, outOfRange } from '../log/refusals.js'
import { WrittenState } from '../log/written-state.js'
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
import { ProducerStates } from '../producer-states.js'
import { AbortedTransactions } from './aborted-transactions.js'
import type { BuildOptions } from './batch-builder.js'
import type { EncodedBatch } from './batch-encoder.js'
import type { ConsumeQueue } from './consume-queue.js'
import type { MessageReader } from './message-reader.js'
import type { QueueEngine } from './queue-engine.js'
import { QueueReader } from './queue-reader.js'
import type { QueueSnapshot, QueueState } from './snapshot.js'

export interface QueueLogOptions {
  readonly topic: string
  readonly partition: number
  readonly engine: QueueEngine
  readonly entries: ConsumeQueue
  readonly messages: MessageReader
  readonly building: Omit<BuildOptions, 'leaderEpochAt'>
  readonly epochs: LeaderEpochs
  /** With the topic's own configuration laid over them. */
  readonly settings: Settings
  /** Where it was told to begin. */
  readonly startOffset: number
  /** Called when it was told to begin elsewhere; resolves when that has been written down. */
  onStartMoved(): Promise<void>
}

export class QueueLog implements PartitionLog {
  readonly topic: string
  readonly partition: number
  readonly #options: QueueLogOptions
  readonly #engine: QueueEngine
  readonly #lifecycle: Lifecycle
  readonly #listeners: Listeners
  readonly #aborted: AbortedTransactions
  readonly #reader: QueueReader
  readonly #turns = new Mutex()
  readonly copies: Copying
  readonly #written: WrittenState
  #settings: Settings
  #appender: Appender
  #startOffset: number
  #highWatermark: number
  #durableOffset: number
  #sizeInBytes: number
  #publishedBytes = 0
  /** The greatest timestamp of what readers see, and of what has its offsets. */
  #publishedMaxTimestamp: number
  #maxTimestamp: number

  constructor(options: QueueLogOptions, state: QueueState) {
    const { topic, partition, engine } = options
    this.topic = topic
    this.partition = partition
    this.#options = options
    this.#engine = engine
    this.#settings = options.settings
    this.#lifecycle = new Lifecycle(`log ${topic}-${partition}`)
    this.#listeners = new Listeners(engine.logger)
    this.#aborted = new AbortedTransactions(state.aborted)
    // A deletion that a failing disk kept from its end may show again what it hid; nothing is known of that any more.
    this.#startOffset = Math.max(options.startOffset, state.startOffset)
    this.#highWatermark = state.endOffset
    this.#durableOffset = state.endOffset
    this.#sizeInBytes = state.sizeInBytes
    this.#publishedMaxTimestamp = state.maxTimestamp
    this.#maxTimestamp = state.maxTimestamp
    const producers = ProducerStates.of(state.producers.map((one) => ({ ...one, batches: [...one.batches] })))
    this.#written = new WrittenState(producers, state.endOffset)
    this.#appender = this.#appenderFrom()
    const building = { ...options.building, leaderEpochAt: (offset: number) => options.epochs.at(offset) }
    this.#reader = new QueueReader(this, { ...options, building, logger: engine.logger })
    this.copies = new Copying({
      log: this,
      appender: () => this.#appender,
      assertOpen: () => this.#assertTaking(),
      allowHoles: () => Promise.reject(noHoles(this)),
      canHold: ({ recordsCount, lastOffsetDelta }) => recordsCount === lastOffsetDelta + 1,
      noteEpoch: (epoch, startOffset) => options.epochs.note(epoch, startOffset),
      beginAt: (offset) => this.#beginAt(offset),
    })
    this.#lifecycle.to('open')
  }

  get logStartOffset(): number {
    return Math.min(this.#highWatermark, Math.max(this.#startOffset, this.#options.entries.minOffset))
  }

  get logEndOffset(): number {
    return this.#appender.logEndOffset
  }

  get highWatermark(): number {
    return this.#highWatermark
  }

  get lastStableOffset(): number {
    // Of a transaction that began before the log did, what is left begins with the log.
    return Math.max(this.logStartOffset, this.#written.lastStableOffset)
  }

  get durableOffset(): number {
    return this.#engine.acknowledgesDurable ? this.#highWatermark : this.#durableOffset
  }

  get leaderEpoch(): number {
    return this.#options.epochs.current
  }

  /** Of its messages in the commit log. */
  get sizeInBytes(): number {
    return this.#sizeInBytes
  }

  get publishedBytes(): number {
    return this.#publishedBytes
  }

  get stableBytes(): number {
    return this.#written.stableBytes
  }

  get failure(): HoldfastError | undefined {
    return this.#engine.failure
  }

  /** That of the store, or what a reader of this queue met, whom alone it concerns: appends go on. */
  get damage(): HoldfastError | undefined {
    return damageOf(this.failure) ?? this.#reader.damage
  }

  get isClosed(): boolean {
    return this.#lifecycle.state === 'closing' || this.#lifecycle.state === 'closed'
  }

  /** Those of the topic as they are now: to be read anew at each use. */
  get settings(): Settings {
    return this.#settings
  }

  /** Lets other settings hold from now on; those that are `fixed` in the table must stay what they are. */
  alter(settings: Settings): void {
    this.#settings = settings
  }

  /** The greatest timestamp of all that has its offsets. */
  get maxTimestamp(): number {
    return this.#maxTimestamp
  }

  append(batch: RecordBatch): AppendReceipt {
    this.#assertTaking()
    return this.#appender.append(batch)
  }

  endTransaction(marker: TransactionMarker): AppendReceipt {
    this.#assertTaking()
    return this.#appender.endTransaction(marker)
  }

  activeProducers(): ActiveProducer[] {
    return this.#appender.activeProducers()
  }

  abortedTransactions(from: number, to: number): AbortedTransaction[] {
    this.#assertReadable()
    if (from < this.logStartOffset) throw outOfRange(this, from)
    return this.#aborted.between(from, to)
  }

  async read(offset: number, maxBytes: number, options: ReadOptions = {}): Promise<LogSlice> {
    this.#assertReadable()
    const { logStartOffset, logEndOffset } = this
    const end = options.committed ? this.lastStableOffset : this.#highWatermark
    if (offset < logStartOffset || offset > logEndOffset) throw outOfRange(this, offset)
    if (offset >= end) return { records: [], sizeInBytes: 0, ...(options.committed && { aborted: [] }) }
    // Before the read: they are forgotten with the records, which may be deleted meanwhile. All below `end` are decided.
    const aborted = options.committed ? this.#aborted.between(offset, end) : []
    const { nextOffset, ...slice } = await this.#reader.read(offset, end, maxBytes, options.tags)
    return {
      ...slice,
      ...(options.tags !== undefined && { nextOffset }),
      ...(options.committed && { aborted: aborted.filter(({ firstOffset }) => firstOffset < nextOffset) }),
    }
  }

  async offsetForTimestamp(timestamp: number): Promise<TimestampedOffset | undefined> {
    this.#assertReadable()
    return this.#reader.offsetForTimestamp(timestamp)
  }

  async offsetOfMaxTimestamp(): Promise<TimestampedOffset | undefined> {
    this.#assertReadable()
    return this.#reader.offsetOfMaxTimestamp()
  }

  /** Where in the commit log the message at `offset` lies; undefined where readers see none there. */
  async positionOf(offset: number): Promise<number | undefined> {
    this.#assertReadable()
    if (offset < this.logStartOffset || offset >= this.#highWatermark) return undefined
    return (await this.#options.entries.read(offset, 1)).position(0)
  }

  endOffsetOfEpoch(epoch: number): { epoch: number; endOffset: number } | undefined {
    return this.#options.epochs.endOf(epoch, this.#highWatermark)
  }

  beginEpoch(epoch: number): Promise<void> {
    return this.#options.epochs.note(epoch, this.logEndOffset)
  }

  onAdvance(listener: () => void): () => void {
    return this.#listeners.add(listener)
  }

  async flush(): Promise<void> {
    this.#assertTaking()
    await this.#engine.flush()
  }

  deleteRecordsBefore(offset: number): Promise<void> {
    return this.#turns.run(async () => {
      this.#assertTaking()
      if (offset > this.#highWatermark) throw outOfRange(this, offset)
      const before = this.logStartOffset
      if (offset <= before) return
      // A queue that begins behind what a power failure leaves of it would look damaged.
      if (offset > this.durableOffset) await this.#engine.flush()
      const startBefore = this.#startOffset
      const bytes = await this.#options.entries.bytesBetween(before, offset)
      this.#startOffset = offset
      // Written down first: a start that does not know of it would show again what was deleted.
      await this.#options.onStartMoved().catch((error: unknown) => {
        this.#startOffset = startBefore
        throw error
      })
      this.#sizeInBytes -= bytes
      this.#aborted.removeBefore(offset)
    })
  }

  /** The queue's part of the commit log is about to begin behind these messages: nobody is led there any more. */
  async noteRemovalBefore(position: number): Promise<void> {
    await this.#turns.run(async () => {
      const { entries } = this.#options
      const { logStartOffset } = this
      const kept = await entries.offsetAtOrAfter(position)
      const bytes = kept <= logStartOffset ? 0 : await entries.bytesBetween(logStartOffset, kept)
      await entries.startAt(position)
      if (kept <= logStartOffset) return
      this.#sizeInBytes -= bytes
      this.#aborted.removeBefore(kept)
    })
  }

  /** Forgets producers that have been idle for longer than the setting allows. */
  forgetIdleProducers(): void {
    const since = this.#engine.clock.now() - this.#settings['producer.id.expiration.ms']
    this.#appender.forgetIdleProducersSince(since)
    this.#written.producers.forgetIdleSince(since)
  }

  /** Shows readers a batch that is written at `position`. Listeners are told by {@link notify}. */
  publish(batch: RecordBatch, encoded: EncodedBatch, position: number): void {
    const { baseOffset, nextOffset, sizeInBytes } = batch
    let at = position
    for (let i = 0; i < encoded.sizes.length; i++) {
      this.#options.entries.append(baseOffset + i, at, encoded.sizes[i], encoded.tagsCodes[i])
      at += encoded.sizes[i]
    }
    if (batch.hasProducerId) {
      const ended = this.#written.note(batch, this.#engine.clock.now(), this.#publishedBytes)
      if (ended?.aborted) this.#aborted.add(ended)
    }
    this.#highWatermark = nextOffset
    this.#sizeInBytes += at - position
    this.#publishedBytes += sizeInBytes
    this.#publishedMaxTimestamp = Math.max(this.#publishedMaxTimestamp, encoded.maxTimestamp)
    this.#written.publish(nextOffset, this.#publishedBytes)
  }

  /** Everything that readers see by now has become durable. */
  noteDurable(offset: number): void {
    this.#durableOffset = Math.max(this.#durableOffset, offset)
  }

  notify(): void {
    this.#listeners.notify(this)
  }

  /** Goes on behind what readers see: what was refused when the commit log failed gives its offsets back. */
  takeBack(): void {
    this.#maxTimestamp = this.#publishedMaxTimestamp
    this.#appender = this.#appenderFrom()
  }

  /** As it is for a start that goes on from here. */
  snapshot(): QueueSnapshot {
    return {
      topic: this.topic,
      queueId: this.partition,
      startOffset: this.logStartOffset,
      endOffset: this.#highWatermark,
      sizeInBytes: this.#sizeInBytes,
      maxTimestamp: this.#publishedMaxTimestamp,
      producers: [...this.#written.producers.values()],
      aborted: this.#aborted.entries,
    }
  }

  /** Where it begins and ends before what lies at `position` of the commit log; the rest is left to be read from there. */
  async snapshotBefore(position: number): Promise<QueueSnapshot> {
    const endOffset = Math.min(this.#highWatermark, await this.#options.entries.offsetAtOrAfter(position))
    const startOffset = Math.min(this.logStartOffset, endOffset)
    return { ...this.snapshot(), startOffset, endOffset, sizeInBytes: 0, maxTimestamp: -1, producers: [], aborted: [] }
  }

  /** Lets nothing in any more; who waits for news is told. Resolves when nobody reads. */
  async close(): Promise<void> {
    if (this.isClosed) return
    this.#lifecycle.to('closing')
    await this.#turns.run(() => this.#reader.ended())
    this.#lifecycle.to('closed')
    this.notify()
  }

  #beginAt(offset: number): Promise<void> {
    return this.#turns.run(async () => {
      this.#options.entries.beginAt(offset)
      this.#startOffset = offset
      this.#highWatermark = offset
      this.#durableOffset = offset
      this.#written.publish(offset, this.#publishedBytes)
      this.#appender = this.#appenderFrom()
      // A start that does not know of it finds an empty queue, or one that its first message says where to begin.
      await this.#options.onStartMoved()
    })
  }

  #appenderFrom(): Appender {
    const queue = this
    const { clock, room } = this.#engine
    const options: AppenderOptions = {
      clock,
      room,
      get settings() {
        return queue.settings
      },
    }
    const target = {
      get isStalled() {
        return queue.#engine.isStalled
      },
      admit: (batch: RecordBatch) => this.#engine.admit(this, batch),
      submit: (batch: RecordBatch) => {
        const { acknowledged, maxTimestamp } = this.#engine.submit(this, batch)
        this.#maxTimestamp = Math.max(this.#maxTimestamp, maxTimestamp)
        return acknowledged
      },
    }
    const start = { producers: this.#written.producers.copy(), logEndOffset: this.#highWatermark }
    return new Appender(this, options, target, start)
  }

  #assertTaking(): void {
    this.#lifecycle.assertOpen()
    this.#engine.assertOpen()
  }

  #assertReadable(): void {
    if (this.isClosed) throw this.#lifecycle.refusal()
  }
}
