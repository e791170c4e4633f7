/**
 * The contract of one ordered log, as the rooms above see it. It lies under the layouts so that each can fulfil it and
 * none knows another. No code, only promises:
 *
 * - Offsets only grow by one, and are never reused once acknowledged.
 * - A record is visible to `read` only below the high watermark, which never passes what the flush policy acknowledged.
 * - After a failed write or sync nothing more is appended until the log went through recovery; what was acknowledged
 *   stays readable meanwhile.
 */

import type { HoldfastError } from '../core/errors.js'
import type { RecordBatch } from '../records/batch.js'

export interface AppendReceipt {
  readonly baseOffset: number
  readonly lastOffset: number
  /** The time stamped on the batch, in ms; -1 where the records keep their own. */
  readonly logAppendTimeMs: number
  /** The batch had been appended before by the same producer; the offsets are those of the first time. */
  readonly duplicate: boolean
  /** Resolves when the flush policy says that the batch is safe; rejects with LOG_FAILED or DISK_FULL. */
  readonly acknowledged: Promise<void>
}

export interface LogSlice {
  /** Whole record batches in offset order; the first may begin below the offset that was asked for. */
  readonly records: readonly Buffer[]
  readonly sizeInBytes: number
  /** Given where the records are lent: to be called once, when nobody will touch them any more. */
  readonly release?: () => void
}

export interface ReadOptions {
  /** The records may lie in a mapping of the file, uncopied, until `release` is called. */
  readonly lend?: boolean
}

export interface TimestampedOffset {
  readonly offset: number
  readonly timestamp: number
}

export interface PartitionLog {
  readonly topic: string
  readonly partition: number
  /** First offset that can be read. */
  readonly logStartOffset: number
  /** Offset that the next record will get. */
  readonly logEndOffset: number
  /** Readers see offsets below this one. */
  readonly highWatermark: number
  /** Everything below is on stable storage. */
  readonly durableOffset: number
  readonly leaderEpoch: number
  readonly sizeInBytes: number
  /** Bytes that became visible to readers since the log was opened; only grows. */
  readonly publishedBytes: number
  /** Why appends are refused, or undefined while they are not. */
  readonly failure: HoldfastError | undefined
  /** Closed for good, e.g. since its topic was deleted. */
  readonly isClosed: boolean

  /**
   * Takes the batch's bytes until `acknowledged` resolves, stamps its offsets in place, and queues it. Offsets are given in call order.
   * The batch must have been verified.
   * @throws LOG_FAILED or DISK_FULL, CLOSED; OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_PRODUCER_EPOCH; RECORD_LIST_TOO_LARGE
   */
  append(batch: RecordBatch): AppendReceipt

  /**
   * Whole batches from the one that holds `offset` up to the high watermark, `maxBytes` at most; the first batch is
   * returned even where it is larger. Empty at the high watermark.
   * @throws OFFSET_OUT_OF_RANGE, LOG_DAMAGED, CLOSED
   */
  read(offset: number, maxBytes: number, options?: ReadOptions): Promise<LogSlice>

  /** The first record below the high watermark whose timestamp is `timestamp` or later. */
  offsetForTimestamp(timestamp: number): Promise<TimestampedOffset | undefined>

  /** The record with the greatest timestamp below the high watermark, the earliest such. */
  offsetOfMaxTimestamp(): Promise<TimestampedOffset | undefined>

  /**
   * Where the records of a leader epoch end: the greatest epoch that is at most `epoch` and its end offset, as Kafka's
   * OffsetForLeaderEpoch asks; undefined where there is none.
   */
  endOffsetOfEpoch(epoch: number): { readonly epoch: number; readonly endOffset: number } | undefined

  /** Calls `listener` after each advance of the high watermark and after a failure, until the returned call. */
  onAdvance(listener: () => void): () => void

  /**
   * Lets the log begin at `offset`, durably: what lies before it is not read any more, and segments that hold nothing
   * else are removed. Who has borrowed from one may read on. Nothing happens where it begins there or later already.
   * @throws OFFSET_OUT_OF_RANGE beyond the high watermark; LOG_FAILED, CLOSED
   */
  deleteRecordsBefore(offset: number): Promise<void>

  /** Makes everything appended so far durable, whatever the policy. */
  flush(): Promise<void>
}
