/**
 * RocketMQ's store: one commit log under all queues, consume queues that say where each queue's messages lie, and an index
 * of keys. One flush makes the messages of every queue durable.
 *
 * The way of an append: the queue gives the batch its offsets and has it encoded; the commit log gives it its place; a round
 * of what waits is written, whatever queues it belongs to, and published: entries of queues and index are added in memory,
 * high watermarks move, waiters are acknowledged. Entries go to their files behind all this, and can be made anew.
 */

import { HoldfastError } from '../../core/errors.js'
import { invariant } from '../../core/invariant.js'
import { Lifecycle } from '../../core/lifecycle.js'
import { Mutex } from '../../core/mutex.js'
import { isOutOfDescriptors } from '../../files/disk-error.js'
import { GroupCommit } from '../../flush/group-commit.js'
import { flushPolicy } from '../../flush/policy.js'
import type { RecordBatch } from '../../records/batch.js'
import { stopped } from '../log/refusals.js'
import type { MessageFinder } from '../message-finder.js'
import { BatchEncoder, type EncodedBatch, seal } from './batch-encoder.js'
import { Checkpointing } from './checkpointing.js'
import { CommitLogWriter } from './commit-log-writer.js'
import { type CommitLogFile, deleteFilesBefore, listFiles } from './deleting.js'
import { hostBytes } from './host.js'
import { catchUp } from './index-catch-up.js'
import type { MessageView } from './message.js'
import { MessageReader } from './message-reader.js'
import {
  buildOptions,
  type CommitLogOptions,
  type CommitLogReport,
  fileDropper,
  type LoadedStore,
  loadStore,
  writingPlace,
} from './opening.js'
import { type PendingBatch, Publisher } from './publishing.js'
import { catchUpQueues } from './queue-catch-up.js'
import type { QueueEngine } from './queue-engine.js'
import { QueueFinder } from './queue-finder.js'
import { QueueLog } from './queue-log.js'
import { QueueRegistry } from './queue-registry.js'
import { emptyQueue, type QueueSnapshot, type QueueState, type StoreSnapshot } from './snapshot.js'
import { markStoreClosed } from './store-checkpoint.js'

export class CommitLogStore implements QueueEngine {
  readonly report: CommitLogReport
  readonly #options: CommitLogOptions
  readonly #loaded: LoadedStore
  readonly #lifecycle = new Lifecycle('commit log')
  readonly #queues: QueueRegistry
  readonly #encoder = new BatchEncoder()
  readonly #messages: MessageReader
  readonly #writer: CommitLogWriter<PendingBatch>
  readonly #checkpoints: Checkpointing
  /** Recovering, deleting and closing, one after the other. */
  readonly #turns = new Mutex()
  readonly #publisher: Publisher
  #commit: GroupCommit<PendingBatch>
  #admitted: { readonly batch: RecordBatch; readonly encoded: EncodedBatch } | undefined
  /** Of the last message that has its place; ms. */
  #storeTimestamp: number
  #closed: Promise<boolean> | undefined

  private constructor(options: CommitLogOptions, loaded: LoadedStore) {
    const { clean, scannedBytes, isCut, isRebuilt, damage } = loaded
    this.report = { clean, scannedBytes, isCut, isRebuilt, ...(damage !== undefined && { damage }) }
    this.#options = options
    this.#loaded = loaded
    this.#storeTimestamp = loaded.last.storeTimestamp
    this.#publisher = new Publisher(loaded.index, loaded.last, !this.acknowledgesDurable)
    const storeHost = hostBytes(options.host.address, options.host.port)
    this.#queues = new QueueRegistry({ storeHost, idHeader: options.settings['key.index.id.header'] })
    this.#messages = new MessageReader(loaded.files, options.tables)
    this.#writer = new CommitLogWriter(
      {
        place: writingPlace(options),
        files: loaded.files,
        dropFile: fileDropper(options.tables),
        acknowledgeAfter: this.#policy.acknowledgeAfter,
        onPublished: (round) => {
          const patience = this.#publisher.publish(round)
          this.#checkpoints.grown(this.#writer.publishedPosition)
          return patience
        },
        onSync: () => this.#publisher.syncing(),
        onFailed: (cause) => this.#failed(cause),
      },
      loaded.end,
    )
    this.#commit = new GroupCommit(this.#writer, this.#policy, options.clock, options.flushes)
    this.#checkpoints = new Checkpointing(
      {
        ...options,
        entries: loaded.entries,
        index: loaded.index,
        state: () => this.state,
        catchUpIndex: () =>
          catchUp({
            ...options,
            ...loaded,
            ...options.tables,
            publishedPosition: () => this.#writer.publishedPosition,
          }),
        catchUpQueues: (from, to) => catchUpQueues({ ...options, ...loaded, ...options.tables }, from, to),
        flush: () => this.#commit.flush(),
      },
      loaded.snapshotPosition,
      options.clock.now(),
    )
    for (const { topic, queueId, state } of loaded.queues) this.#add(topic, queueId, state)
    this.#lifecycle.to('open')
    if (damage !== undefined) {
      this.#lifecycle.fail(new HoldfastError('LOG_DAMAGED', `${damage}. Nothing is appended after a hole.`))
    }
  }

  /** Opens the store, recovering it where it was not closed in order. @throws DATA_DIR_DAMAGED */
  static async open(options: CommitLogOptions): Promise<CommitLogStore> {
    const store = new CommitLogStore(options, await loadStore(options))
    const { isRebuilt, scannedBytes, damage } = store.report
    // Nothing is lost where it fails, but the next start reads as much again.
    if ((isRebuilt || scannedBytes > 0) && damage === undefined) await store.#checkpoints.tryTake()
    return store
  }

  get clock(): CommitLogOptions['clock'] {
    return this.#options.clock
  }

  get logger(): CommitLogOptions['logger'] {
    return this.#options.logger
  }

  get room(): CommitLogOptions['tables']['room'] {
    return this.#options.tables.room
  }

  get acknowledgesDurable(): boolean {
    return this.#policy.acknowledgeAfter === 'sync'
  }

  get failure(): HoldfastError | undefined {
    return this.#lifecycle.failure
  }

  /** Why what is derived from the log could not be brought to the disk the last time it was tried. */
  get checkpointFailure(): unknown {
    return this.#checkpoints.failure
  }

  get isStalled(): boolean {
    return this.#commit.isStalled
  }

  get isClosed(): boolean {
    return this.#lifecycle.state === 'closing' || this.#lifecycle.state === 'closed'
  }

  /**
   * Whether {@link recover} may be tried without anybody looking at the disk: a write found no room, or the next file no
   * descriptor. After a failed sync, or an I/O error, the page cache cannot be believed, and only a new start reads the disk
   * afresh.
   */
  get isRecoverable(): boolean {
    const { failure } = this
    const mayPass = failure?.code === 'DISK_FULL' || isOutOfDescriptors(failure?.cause)
    return mayPass && !this.#writer.syncFailed
  }

  /** All messages that have their place lie before it, also those still on their way to the disk. */
  get endPosition(): number {
    return this.#writer.reservedPosition
  }

  /** Behind the last message that is on stable storage. */
  get durablePosition(): number {
    return this.#writer.durablePosition
  }

  /** What readers see of it at this moment. */
  get state(): Omit<StoreSnapshot, 'index'> {
    const queues = Array.from(this.queues(), (queue) => queue.snapshot())
    return { position: this.#writer.publishedPosition, ...this.#publisher.last, queues }
  }

  /** The queues as they end before what lies at `position` of the commit log. */
  async endsAt(position: number): Promise<QueueSnapshot[]> {
    return Promise.all(Array.from(this.queues(), (queue) => queue.snapshotBefore(position)))
  }

  /** All of them, also those of topics that nobody has made here. */
  queues(): Iterable<QueueLog> {
    return this.#queues.all()
  }

  /** The queues of a topic by their ids. */
  queuesOf(topic: string): ReadonlyMap<number, QueueLog> {
    return this.#queues.of(topic)
  }

  queue(topic: string, queueId: number): QueueLog | undefined {
    return this.#queues.get(topic, queueId)
  }

  get topics(): string[] {
    return this.#queues.topics
  }

  /** The queue, made empty where there is none; it takes up nothing on the disk before its first message. */
  ensureQueue(topic: string, queueId: number): QueueLog {
    return this.queue(topic, queueId) ?? this.#add(topic, queueId, emptyQueue)
  }

  /** Closes and removes a topic's queues from `fromQueue` on. Its messages stay in the commit log until that is deleted. */
  async removeTopic(topic: string, fromQueue = 0): Promise<void> {
    await this.#turns.run(async () => {
      for (const queue of this.#queues.remove(topic, fromQueue)) await queue.close()
      await this.#loaded.entries.removeTopic(topic, fromQueue)
    })
  }

  assertOpen(): void {
    this.#lifecycle.assertOpen()
  }

  admit(queue: QueueLog, batch: RecordBatch): void {
    const encoded = this.#encoder.encodeBatch(batch, this.#queues.prepared(queue), queue.maxTimestamp)
    if (encoded.bytes.length > this.#writer.largestBatchBytes) {
      const why = `A batch whose messages take ${encoded.bytes.length} bytes does not fit into a file of the commit log, mapped.file.size.commitlog = ${this.#loaded.files.fileBytes}.`
      throw new HoldfastError('RECORD_LIST_TOO_LARGE', why)
    }
    this.#admitted = { batch, encoded }
  }

  submit(queue: QueueLog, batch: RecordBatch): { acknowledged: Promise<void>; maxTimestamp: number } {
    invariant(this.#admitted?.batch === batch, 'a batch is submitted right after it was admitted')
    const { encoded } = this.#admitted
    this.#admitted = undefined
    const position = this.#writer.reserve(encoded.bytes.length)
    // Along the commit log it never falls, whatever the clock does.
    this.#storeTimestamp = Math.max(this.#storeTimestamp, this.clock.now())
    const storeTimestamp = this.#storeTimestamp
    seal(encoded, position, storeTimestamp)
    const { bytes, sizes, maxTimestamp } = encoded
    const pending = { queue, batch, encoded, bytes, position, messageCount: sizes.length, storeTimestamp }
    return { acknowledged: this.#commit.submit(pending), maxTimestamp }
  }

  async flush(): Promise<void> {
    this.#lifecycle.assertOpen()
    await this.#commit.flush()
  }

  /** The message that begins at `position`; undefined where readers see none. */
  async messageAt(position: number): Promise<MessageView | undefined> {
    if (this.isClosed) throw this.#lifecycle.refusal()
    return this.#messages.at(position, this.#writer.publishedPosition)
  }

  /** Finds messages of a queue by key and id; undefined where there is no such queue. */
  finder(topic: string, queueId: number): MessageFinder | undefined {
    const queue = this.queue(topic, queueId)
    if (queue === undefined) return undefined
    return new QueueFinder(queue, {
      ...buildOptions(this.#options.settings),
      candidates: (hash) => this.#loaded.index.candidates(hash, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
      messageAt: (position) => this.messageAt(position),
    })
  }

  /** Writes down how far the queues are, where there is much to say, or `now` is true. */
  async checkpoint(now = true): Promise<void> {
    this.#lifecycle.assertOpen()
    if (now || this.#checkpoints.isDue(this.#writer.publishedPosition, this.clock.now())) await this.#checkpoints.take()
  }

  /** The files of the commit log, the oldest first. */
  files(): Promise<CommitLogFile[]> {
    return listFiles(this.#options.disk, this.#loaded.files, this.#writer)
  }

  /**
   * Removes the files of the commit log that end at `position` or before it, never the one with the last message, and what
   * leads to them from queues and index. Returns how many. A store that found no room goes on removing, since that makes some.
   */
  deleteFilesBefore(position: number): Promise<number> {
    return this.#turns.run(async () => {
      if (!this.isRecoverable) this.#lifecycle.assertOpen()
      const { durablePosition } = this
      const checkpoint = () => this.#checkpoints.tryTake()
      const snapshots = { checkpoint, snapshotPosition: () => this.#checkpoints.position }
      const dropFile = fileDropper(this.#options.tables)
      const store = { ...this.#loaded, ...snapshots, dropFile, durablePosition, queues: () => this.queues() }
      return deleteFilesBefore(store, position)
    })
  }

  /** Runs `work` while no file of the store is removed or recovered. */
  withFiles<T>(work: (directory: string) => Promise<T>): Promise<T> {
    return this.#turns.run(() => work(this.#options.directory))
  }

  /**
   * Takes a store that failed up again, from where readers saw it: what was refused is taken out of the files, so that a
   * sender who sends again does not find its message twice. Readers are served all the while.
   */
  recover(): Promise<void> {
    return this.#turns.run(async () => {
      invariant(this.#lifecycle.state === 'failed', 'only a failed commit log is recovered')
      await this.#commit.stop()
      await this.#writer.takeBack()
      if (this.isRecoverable) await this.#options.onTakenBack()
      if (!this.isRecoverable) throw this.#lifecycle.refusal()
      this.#storeTimestamp = this.#publisher.last.storeTimestamp
      this.#commit = new GroupCommit(this.#writer, this.#policy, this.clock, this.#options.flushes)
      for (const queue of this.queues()) queue.takeBack()
      this.#lifecycle.to('opening')
      this.#lifecycle.to('open')
      for (const queue of this.queues()) queue.notify()
    })
  }

  /**
   * Flushes, brings queues and index to the disk, and closes. A failed store is closed without touching its files, and
   * resolves to false: the next opening has to recover it.
   */
  close(): Promise<boolean> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<boolean> {
    const { state } = this.#lifecycle
    const { disk, directory } = this.#options
    const { entries, index } = this.#loaded
    this.#lifecycle.to('closing')
    return this.#turns.run(async () => {
      let inOrder = false
      try {
        if (state !== 'failed') {
          await this.#commit.flush()
          inOrder = await this.#checkpoints.tryTake({ alone: true })
          await this.#writer.seal()
        }
      } finally {
        await this.#commit.stop()
        await this.#writer.abandon()
        for (const queue of this.queues()) await queue.close()
        await this.#messages.close()
        await entries.close()
        await index.close().catch((err: unknown) => {
          inOrder = false
          this.logger.warn({ directory, err }, 'The key index of the commit log was not closed in order.')
        })
        if (inOrder) await markStoreClosed(disk, directory)
        this.#lifecycle.to('closed')
      }
      return inOrder
    })
  }

  get #policy(): ReturnType<typeof flushPolicy> {
    return flushPolicy(() => this.#options.settings)
  }

  #add(topic: string, queueId: number, state: QueueState): QueueLog {
    const { settingsOf, startOf, epochsOf, onStartMoved } = this.#options
    const entries = this.#loaded.entries.ensure(topic, queueId)
    const startOffset = startOf(topic, queueId)
    // Where it began is known, and everything from there on is gone: its offsets go on.
    const isBefore = entries.isEmpty && state.endOffset < startOffset
    if (isBefore) entries.beginAt(startOffset)
    const queue = new QueueLog(
      {
        topic,
        partition: queueId,
        engine: this,
        entries,
        messages: this.#messages,
        building: buildOptions(this.#options.settings),
        settings: settingsOf(topic),
        startOffset,
        epochs: epochsOf(topic, queueId),
        onStartMoved,
      },
      isBefore ? { ...state, endOffset: startOffset } : state,
    )
    return this.#queues.add(queue)
  }

  #failed(cause: unknown): HoldfastError {
    const failure = stopped('commit log', cause)
    this.#lifecycle.fail(failure)
    this.#options.onFailure(this)
    for (const queue of this.queues()) queue.notify()
    this.logger.error({ directory: this.#options.directory, err: cause }, failure.message)
    return failure
  }
}
