/**
 * The side of a log that takes messages, from one opening to the next: judges each batch by what its producer sent
 * before, gives it its offsets, and queues it for the writer.
 */

import type { Clock } from '../../core/clock.js'
import { HoldfastError } from '../../core/errors.js'
import type { Settings } from '../../core/settings.js'
import type { RecordBatch } from '../../records/batch.js'
import { controlBatch } from '../../records/end-marker.js'
import { noSequence } from '../../records/format.js'
import type { ActiveProducer, AppendReceipt, PartitionLog, TransactionMarker } from '../partition-log.js'
import type { BatchTrace, ProducerStates } from '../producer-states.js'
import type { DiskRoom } from './disk-room.js'
import { stalled } from './refusals.js'
import { whenVisible } from './visibility.js'

/** The writer behind it, as far as an appender needs to know. */
export interface AppendTarget {
  /** Somebody waits for longer than a sender should. */
  readonly isStalled: boolean
  /**
   * Looks at a batch as it would be taken. Where it throws, its offsets go to the next one.
   * @throws RECORD_LIST_TOO_LARGE and the like where it can have no place
   */
  admit(batch: RecordBatch): void
  /** Takes the batch that was admitted just now; resolves, or rejects, as the flush policy says. Throws nothing. */
  submit(batch: RecordBatch): Promise<void>
}

export interface AppenderOptions {
  /** Read anew at each use. */
  readonly settings: Settings
  readonly clock: Clock
  readonly room: DiskRoom
  /** Messages are taken as long as the disk has any room. */
  readonly isVital?: boolean
}

/** From where on it goes on. */
export interface AppendStart {
  readonly producers: ProducerStates
  readonly logEndOffset: number
}

export class Appender {
  readonly #log: PartitionLog
  readonly #options: AppenderOptions
  readonly #target: AppendTarget
  /** Knows every batch that has its offsets, also those still on their way to the disk. */
  readonly #producers: ProducerStates
  #logEndOffset: number

  constructor(log: PartitionLog, options: AppenderOptions, target: AppendTarget, start: AppendStart) {
    this.#log = log
    this.#options = options
    this.#target = target
    this.#producers = start.producers
    this.#logEndOffset = start.logEndOffset
  }

  get logEndOffset(): number {
    return this.#logEndOffset
  }

  append(batch: RecordBatch): AppendReceipt {
    const { settings, clock } = this.#options
    if (this.#target.isStalled) throw stalled(this.#log)
    const seen = batch.hasProducerId ? this.#producers.check(batch) : undefined
    if (seen !== undefined) return this.#duplicateReceipt(seen)
    this.#assertRoom(batch)
    batch.stamp(this.#logEndOffset, this.#log.leaderEpoch)
    const logAppendTimeMs = settings['log.message.timestamp.type'] === 'LogAppendTime' ? clock.now() : -1
    if (logAppendTimeMs >= 0) batch.stampLogAppendTime(logAppendTimeMs)
    const acknowledged = this.#take(batch)
    const { baseOffset, lastOffset } = batch
    return { baseOffset, lastOffset, logAppendTimeMs, duplicate: false, acknowledged }
  }

  /** Takes a batch of another log at the offsets that it has, which do not lie before the end of this one. */
  appendCopy(batch: RecordBatch): Promise<void> {
    if (this.#target.isStalled) throw stalled(this.#log)
    this.#assertRoom(batch)
    return this.#take(batch)
  }

  endTransaction({ commit, ...marker }: TransactionMarker): AppendReceipt {
    const outcome = commit ? 'COMMIT' : 'ABORT'
    return this.append(controlBatch({ ...marker, outcome, timestamp: this.#options.clock.now() }))
  }

  activeProducers(): ActiveProducer[] {
    return [...this.#producers.values()].map(({ epoch, batches, ...state }) => ({
      producerId: state.producerId,
      producerEpoch: epoch,
      lastSequence: batches.at(-1)?.lastSequence ?? noSequence,
      lastWrittenMs: state.lastWrittenMs,
      coordinatorEpoch: state.coordinatorEpoch,
      transactionFirstOffset: state.transactionFirstOffset,
    }))
  }

  forgetIdleProducersSince(timestamp: number): void {
    this.#producers.forgetIdleSince(timestamp)
  }

  #assertRoom(batch: RecordBatch): void {
    const { room, isVital } = this.#options
    // The end of a transaction frees its readers, and takes next to nothing.
    const refusal = isVital || batch.isControl ? undefined : room.refusal
    if (refusal !== undefined) throw new HoldfastError('DISK_WATERMARK', refusal)
  }

  /** Takes a batch that has its offsets. */
  #take(batch: RecordBatch): Promise<void> {
    this.#target.admit(batch)
    if (batch.hasProducerId) this.#producers.note(batch, this.#options.clock.now())
    this.#logEndOffset = batch.nextOffset
    return this.#target.submit(batch)
  }

  #duplicateReceipt(seen: BatchTrace): AppendReceipt {
    const { settings, clock } = this.#options
    const isLogAppendTime = settings['log.message.timestamp.type'] === 'LogAppendTime'
    const timeoutMs = settings['flush.commitlog.timeout']
    return {
      baseOffset: seen.lastOffset - seen.offsetDelta,
      lastOffset: seen.lastOffset,
      logAppendTimeMs: isLogAppendTime ? seen.timestamp : -1,
      duplicate: true,
      acknowledged: whenVisible(this.#log, seen.lastOffset, clock, timeoutMs),
    }
  }
}
