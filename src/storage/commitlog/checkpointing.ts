/**
 * Brings what is derived from the commit log to the disk: consume queues, key index, and then the snapshot that says up to
 * which position they are complete. A start reads the commit log from there on. RocketMQ's `checkpoint` says it in its way.
 */

import type { Clock } from '../../core/clock.js'
import type { Logger } from '../../core/logger.js'
import { Mutex } from '../../core/mutex.js'
import type { Disk } from '../../files/disk.js'
import type { MessageIndex } from './message-index.js'
import type { ConsumeQueues } from './queue-set.js'
import { encodeSnapshot, type StoreSnapshot } from './snapshot.js'
import { writeStoreCheckpoint } from './store-checkpoint.js'

const couldNotCheckpoint = 'Could not write down how far the queues are; a start would read more.'

export interface CheckpointingOptions {
  readonly disk: Disk
  readonly clock: Clock
  readonly logger: Logger
  /** The root of RocketMQ's store. */
  readonly directory: string
  readonly snapshotPath: string
  readonly entries: ConsumeQueues
  readonly index: MessageIndex
  /** What readers see now, of one turn of the event loop. */
  state(): Omit<StoreSnapshot, 'index'>
  /** Takes the index up again after a failure. */
  catchUpIndex(): Promise<void>
  /** Takes up queues whose sync failed: entries of messages from `from` to `to` may have to be written anew. */
  catchUpQueues(from: number, to: number): Promise<void>
  /** Makes the commit log durable as far as readers see it. */
  flush(): Promise<void>
}

/** So much more in the commit log is worth a checkpoint: a start reads it in a second or less. */
const muchBytes = 512 * 1024 * 1024
/** But checkpoints of very many queues take long: most of the time none is under way … */
const restFactor = 20
/** … unless so much has gathered that a start would take long. */
const mostBytes = 8 * muchBytes
/** Little more than nothing is written down as seldom. */
const longestMs = 300_000

export class Checkpointing {
  readonly #options: CheckpointingOptions
  readonly #turns = new Mutex()
  #position: number
  #takenAtMs: number
  /** Up to where entries were written to their files, if only into the page cache: what is in memory is bounded by that. */
  #flushed: number
  #restUntilMs = 0
  #failure: unknown
  #isRunning = false

  constructor(options: CheckpointingOptions, position: number, nowMs: number) {
    this.#options = options
    this.#position = position
    this.#flushed = position
    this.#takenAtMs = nowMs
  }

  /** A start reads from here on. */
  get position(): number {
    return this.#position
  }

  /** Why the last one was not taken, or undefined where it was. */
  get failure(): unknown {
    return this.#failure
  }

  /** The commit log has grown: where it has by much, a checkpoint begins, or at least the queues' entries leave the memory. */
  grown(position: number): void {
    if (position - this.#flushed < muchBytes || this.#isRunning) return
    this.#isRunning = true
    const { logger, directory, clock } = this.#options
    const isDue = clock.monotonic() >= this.#restUntilMs || position - this.#position >= mostBytes
    const work = isDue ? this.take() : this.#turns.run(() => this.#flushEntries(position, true))
    work
      .catch((err: unknown) => {
        // It is tried again when as much more is there, not with the next round.
        this.#flushed = position
        this.#failure = err
        logger.warn({ directory, err }, couldNotCheckpoint)
      })
      .finally(() => {
        this.#isRunning = false
      })
  }

  /** For who calls from time to time: whether what is new has waited for long, or something failed and is to be tried again. */
  isDue(position: number, nowMs: number): boolean {
    const isFailed = this.#failure !== undefined || this.#options.index.failure !== undefined
    return position > this.#position && (isFailed || nowMs - this.#takenAtMs >= longestMs)
  }

  /** False where it fails, which is logged: nothing is lost with queues and index, and a start makes anew what is missing. */
  async tryTake(options: { alone?: boolean } = {}): Promise<boolean> {
    try {
      await this.take(options)
      return true
    } catch (err) {
      const { logger, directory } = this.#options
      logger.warn({ directory, err }, couldNotCheckpoint)
      return false
    }
  }

  /** `alone`: nobody appends meanwhile whom it could hold up. */
  async take(options: { alone?: boolean } = {}): Promise<void> {
    try {
      await this.#turns.run(() => this.#take(options))
      this.#failure = undefined
    } catch (error) {
      this.#failure = error
      throw error
    }
  }

  async #take({ alone = false }: { alone?: boolean }): Promise<void> {
    const { disk, directory, snapshotPath, entries, index, state, clock } = this.#options
    const begunMs = clock.monotonic()
    if (index.failure !== undefined) await this.#options.catchUpIndex()
    const found = state()
    const { position, storeTimestamp } = found
    const bytes = encodeSnapshot({ ...found, index: index.extent })
    await this.#flushEntries(position, !alone)
    await entries.sync({ beside: !alone })
    const header = await index.flush()
    await writeStoreCheckpoint(disk, directory, {
      physicTimestamp: storeTimestamp,
      logicsTimestamp: storeTimestamp,
      indexTimestamp: header?.endTimestamp ?? 0,
      masterFlushedPosition: 0,
      confirmPosition: 0,
      logicsPosition: position,
    })
    await disk.replaceFile(snapshotPath, bytes)
    this.#position = position
    this.#takenAtMs = clock.now()
    const endedMs = clock.monotonic()
    this.#restUntilMs = endedMs + restFactor * (endedMs - begunMs)
  }

  /** Entries of messages that a loss of power would take back stay in memory. */
  async #flushEntries(position: number, beside: boolean): Promise<void> {
    const { entries, flush, catchUpQueues } = this.#options
    await flush()
    await catchUpQueues(this.#position, position)
    await entries.flush(position, { beside })
    this.#flushed = position
  }
}
