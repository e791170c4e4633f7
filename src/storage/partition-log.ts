/**
 * The contract of one ordered log, as the rooms above see it. It lies under the layouts so that each can fulfil it and
 * none knows another. No code, only promises:
 *
 * - Offsets only grow, by one but for {@link LogCopies}, and are never reused once acknowledged.
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
  /** Where other copies are waited for: resolves when this copy is safe. */
  readonly stored?: Promise<void>
}

/** A transaction that was aborted: what its producer wrote from `firstOffset` up to its next marker does not hold. */
export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

export interface LogSlice {
  /** Whole record batches in offset order; the first may begin below the offset that was asked for. */
  readonly records: readonly Buffer[]
  readonly sizeInBytes: number
  /** Given where the records are lent: to be called once, when nobody will touch them any more. */
  readonly release?: () => void
  /** Given where `committed` was asked for: the transactions with records in the slice that were aborted. */
  readonly aborted?: readonly AbortedTransaction[]
  /**
   * Given where `tags` were asked for and left something out: what lies before it was looked at, and what is not in
   * `records` is not meant. A reader goes on there; it may lie before the end, also where `records` is empty.
   */
  readonly nextOffset?: number
}

/** The messages whose tag is one of a few. */
export interface TagFilter {
  /** Java's hash of each tag, signed, as consume queues hold it: a message of another hash is not meant. */
  readonly codes: ReadonlySet<number>
  /** Whether a message with this tag, or without one, is meant. */
  matches(tags: string | undefined): boolean
}

export interface ReadOptions {
  /** The records may lie in a mapping of the file, uncopied, until `release` is called. */
  readonly lend?: boolean
  /** Nothing at the last stable offset or behind it. What was aborted is in the slice, and told beside it. */
  readonly committed?: boolean
  /**
   * A layout that knows the tags of its messages may leave out those that are not meant; any other gives all. So whoever
   * asks for it looks at each message himself. Markers of transactions are never left out.
   */
  readonly tags?: TagFilter
}

/** The marker that ends a transaction in one log. */
export interface TransactionMarker {
  readonly producerId: number
  readonly producerEpoch: number
  /** Of the coordinator that decided; of two, the one with the greater epoch holds. */
  readonly coordinatorEpoch: number
  readonly commit: boolean
}

/** A producer that has written into a log. */
export interface ActiveProducer {
  readonly producerId: number
  readonly producerEpoch: number
  /** -1 where it has written nothing but markers since it got its epoch. */
  readonly lastSequence: number
  /** Milliseconds since 1970, by the clock of this machine. */
  readonly lastWrittenMs: number
  /** Of the last marker; -1 where there was none. */
  readonly coordinatorEpoch: number
  /** First offset of the transaction that it has open here; -1 where it has none. */
  readonly transactionFirstOffset: number
}

export interface TimestampedOffset {
  readonly offset: number
  readonly timestamp: number
}

/** The side of a log that takes what another log holds. Nobody else appends to it meanwhile. */
export interface LogCopies {
  /**
   * Appends whole batches as they lie in the other log: their offsets, which may leave holes where the layout can have
   * some, their producers, the markers of transactions, and their leader epochs. Takes the bytes until it
   * resolves, as the flush policy says; for good where it rejects.
   * @throws COPY_DIVERGED for a batch that does not lie behind the end; COPY_IMPOSSIBLE for a hole where there can be
   * none; LOG_FAILED, DISK_FULL, CLOSED
   */
  append(batches: readonly RecordBatch[]): Promise<void>
  /** Lets a log that holds nothing begin at `offset`, durably. @throws COPY_DIVERGED where it holds something */
  beginAt(offset: number): Promise<void>
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
  /** What lies below is decided: the first offset of the earliest transaction that is open, or the high watermark. */
  readonly lastStableOffset: number
  /** Everything below is on stable storage. */
  readonly durableOffset: number
  readonly leaderEpoch: number
  readonly sizeInBytes: number
  /** Bytes that became visible to readers since the log was opened; only grows. */
  readonly publishedBytes: number
  /** The same of the bytes below the last stable offset, give or take a number that stays the same. */
  readonly stableBytes: number
  /** Why appends are refused, or undefined while they are not. */
  readonly failure: HoldfastError | undefined
  /** What a start or a reader found damaged, the first of it; what lies elsewhere goes on being served. */
  readonly damage: HoldfastError | undefined
  /** Closed for good, e.g. since its topic was deleted. */
  readonly isClosed: boolean
  readonly copies: LogCopies

  /**
   * Takes the batch's bytes until `acknowledged` resolves, stamps its offsets in place, and queues it. Offsets are given in call order.
   * The batch must have been verified.
   * @throws LOG_FAILED or DISK_FULL, CLOSED; OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_PRODUCER_EPOCH, INVALID_TXN_STATE;
   * RECORD_LIST_TOO_LARGE
   */
  append(batch: RecordBatch): AppendReceipt

  /**
   * Appends the marker that ends a producer's transaction here, whether it has written anything or not.
   * @throws what `append` throws; TRANSACTION_COORDINATOR_FENCED where a newer coordinator has written a marker before
   */
  endTransaction(marker: TransactionMarker): AppendReceipt

  /** Who has written with a producer id, and is not forgotten yet; what is on its way to the disk counts. */
  activeProducers(): readonly ActiveProducer[]

  /**
   * The transactions with records in [from, to) that were aborted, `to` being at most the last stable offset.
   * @throws OFFSET_OUT_OF_RANGE where `from` is not in the log any more
   */
  abortedTransactions(from: number, to: number): readonly AbortedTransaction[]

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

  /**
   * Lets what is appended from now on be of this leader epoch, durably when it resolves; nothing where it is not greater
   * than the present one. To be called while nobody appends.
   */
  beginEpoch(epoch: number): Promise<void>

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
