/**
 * The side of a log that takes messages, from one opening to the next: judges each batch by what its producer sent
 * before, gives it its offsets, and queues it for the writer.
 */

import { HoldfastError } from '../../core/errors.js'
import type { GroupCommit } from '../../flush/group-commit.js'
import type { RecordBatch } from '../../records/batch.js'
import { controlBatch } from '../../records/end-marker.js'
import { noSequence } from '../../records/format.js'
import type { ActiveProducer, AppendReceipt, PartitionLog, TransactionMarker } from '../partition-log.js'
import type { BatchTrace, ProducerStates } from '../producer-states.js'
import type { LoadedLog } from './load-request.js'
import type { SegmentLogOptions } from './opening.js'
import { stalled } from './refusals.js'
import { whenVisible } from './visibility.js'

export class Appender {
  readonly #log: PartitionLog
  readonly #options: SegmentLogOptions
  readonly #commit: GroupCommit<RecordBatch>
  /** Knows every batch that has its offsets, also those still on their way to the disk. */
  readonly #producers: ProducerStates
  #logEndOffset: number

  constructor(log: PartitionLog, options: SegmentLogOptions, commit: GroupCommit<RecordBatch>, loaded: LoadedLog) {
    this.#log = log
    this.#options = options
    this.#commit = commit
    this.#producers = loaded.producers
    this.#logEndOffset = loaded.logEndOffset
  }

  get logEndOffset(): number {
    return this.#logEndOffset
  }

  append(batch: RecordBatch): AppendReceipt {
    const { settings, clock, tables, isVital } = this.#options
    const segmentBytes = settings['log.segment.bytes']
    if (batch.sizeInBytes > segmentBytes) {
      const why = `A batch of ${batch.sizeInBytes} bytes does not fit into a segment of ${segmentBytes}.`
      throw new HoldfastError('RECORD_LIST_TOO_LARGE', why)
    }
    if (this.#commit.isStalled) throw stalled(this.#log)
    const seen = batch.hasProducerId ? this.#producers.check(batch) : undefined
    if (seen !== undefined) return this.#duplicateReceipt(seen)
    // The end of a transaction frees its readers, and takes next to nothing.
    const refusal = isVital || batch.isControl ? undefined : tables.room.refusal
    if (refusal !== undefined) throw new HoldfastError('DISK_WATERMARK', refusal)
    batch.stamp(this.#logEndOffset, this.#log.leaderEpoch)
    const logAppendTimeMs = settings['log.message.timestamp.type'] === 'LogAppendTime' ? clock.now() : -1
    if (logAppendTimeMs >= 0) batch.stampLogAppendTime(logAppendTimeMs)
    if (batch.hasProducerId) this.#producers.note(batch, clock.now())
    this.#logEndOffset = batch.nextOffset
    const acknowledged = this.#commit.submit(batch)
    return {
      baseOffset: batch.baseOffset,
      lastOffset: batch.lastOffset,
      logAppendTimeMs,
      duplicate: false,
      acknowledged,
    }
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
