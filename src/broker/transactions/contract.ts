/**
 * What the transaction coordinator does, free of any wire. A producer with a transactional id takes an epoch, names the
 * partitions and groups that its transaction is about to write to, writes, and ends it. Requests that fail throw a
 * HoldfastError with Kafka's code for it.
 */

import type { HoldfastError } from '../../core/errors.js'
import type { CommitRequest } from '../groups/contract.js'

/** Kafka's names, by the number that stands in `__transaction_state`. */
export const transactionStatuses = [
  'Empty',
  'Ongoing',
  'PrepareCommit',
  'PrepareAbort',
  'CompleteCommit',
  'CompleteAbort',
  'Dead',
  'PrepareEpochFence',
] as const

export type TransactionStatus = (typeof transactionStatuses)[number]

/** Who speaks for a transactional id. */
export interface TransactionalProducer {
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
}

interface Place {
  readonly topic: string
  readonly partition: number
}

export interface TransactionalCommitRequest extends CommitRequest, TransactionalProducer {}

export interface TransactionListing {
  readonly transactionalId: string
  readonly producerId: number
  readonly status: TransactionStatus
}

export interface TransactionFilter {
  /** Empty or absent: all. */
  readonly statuses?: readonly TransactionStatus[]
  readonly producerIds?: readonly number[]
  /** Only those that began before so many milliseconds; negative or absent: all. */
  readonly runningForMs?: number
}

export interface TransactionDescription extends TransactionListing {
  readonly producerEpoch: number
  readonly timeoutMs: number
  /** In ms since 1970; -1 before the first transaction. */
  readonly startMs: number
  /** Of the open transaction; while it is being ended, those that have no marker yet. */
  readonly partitions: readonly Place[]
}

export interface TransactionService {
  /**
   * The transaction is going to write to these partitions; it begins with the first. One entry per partition, in order;
   * where one is refused, none is added. Throws where the whole request is refused.
   */
  addPartitionsToTransaction(
    producer: TransactionalProducer,
    partitions: readonly Place[],
  ): Promise<readonly (HoldfastError | undefined)[]>
  /** The transaction is going to commit offsets of this group. */
  addOffsetsToTransaction(producer: TransactionalProducer, groupId: string): Promise<void>
  /** Commits offsets that hold once the transaction is committed. One entry per offset, in order. */
  commitTransactionalOffsets(request: TransactionalCommitRequest): Promise<readonly (HoldfastError | undefined)[]>
  /**
   * Resolves when the outcome is decided for good, and visible where nothing keeps a marker from its partition. Asked
   * again for the same outcome it does nothing.
   */
  endTransaction(producer: TransactionalProducer, commit: boolean): Promise<void>
  listTransactions(filter?: TransactionFilter): Promise<readonly TransactionListing[]>
  /** Throws TRANSACTIONAL_ID_NOT_FOUND. */
  describeTransaction(transactionalId: string): Promise<TransactionDescription>
}
