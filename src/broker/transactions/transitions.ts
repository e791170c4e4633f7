/**
 * From one state of a transactional id to the next: the rules of Kafka's TransactionMetadata, without any doing. A state
 * is stored before it holds.
 *
 *   Empty, CompleteCommit, CompleteAbort -> Ongoing     the first partition is added
 *   Ongoing -> PrepareCommit -> CompleteCommit          committed: decided, then every partition has its marker
 *   Ongoing -> PrepareAbort -> CompleteAbort            aborted, by the producer, its next instance, or its time-out
 *   Empty, CompleteCommit, CompleteAbort -> Empty       an instance of the producer starts: a new epoch
 */

import { HoldfastError } from '../../core/errors.js'
import { invariant } from '../../core/invariant.js'
import type { TopicPartition } from '../contract.js'
import type { StoredTransaction } from './format.js'
import { noPartitions, withPartitions } from './partition-set.js'

/** Of a transactional id that has no producer yet. */
const noEpoch = -1
/** No producer gets this one, so that there is always one left to fence the last with. */
const lastEpoch = 0x7fff

/** What a producer says that it is already (KIP-360). */
export interface ExpectedProducer {
  readonly producerId: number
  readonly producerEpoch: number
}

/** What is remembered of the identity before, to know a request that is sent again. Not stored, as in Kafka. */
export interface FormerProducer {
  readonly producerId: number
  readonly producerEpoch: number
}

export const noFormerProducer: FormerProducer = { producerId: -1, producerEpoch: noEpoch }

export function newTransaction(producerId: number, timeoutMs: number, nowMs: number): StoredTransaction {
  return {
    producerId,
    producerEpoch: noEpoch,
    nextProducerId: -1,
    timeoutMs,
    status: 'Empty',
    partitions: noPartitions,
    startMs: -1,
    updatedMs: nowMs,
  }
}

/** It has an epoch, and is in the log. */
export function isBegun({ producerEpoch }: StoredTransaction): boolean {
  return producerEpoch !== noEpoch
}

export function isPrepared({ status }: StoredTransaction): boolean {
  return status === 'PrepareCommit' || status === 'PrepareAbort'
}

/** No transaction is open or being ended. */
export function isIdle({ status }: StoredTransaction): boolean {
  return status === 'Empty' || status === 'CompleteCommit' || status === 'CompleteAbort'
}

export function isExhausted(producerEpoch: number): boolean {
  return producerEpoch >= lastEpoch - 1
}

/**
 * Whether the producer that asks for an identity may have one: 'repeated' where it did before and did not hear of it.
 * @throws PRODUCER_FENCED for one that another has replaced
 */
export function judgeExpected(
  state: StoredTransaction,
  former: FormerProducer,
  expected: ExpectedProducer | undefined,
): 'new' | 'repeated' {
  if (expected === undefined || !isBegun(state)) return 'new'
  const { producerId, producerEpoch } = expected
  if (producerId === state.producerId && producerEpoch === state.producerEpoch) return 'new'
  if (isIdle(state) && producerId === former.producerId && producerEpoch === former.producerEpoch) return 'repeated'
  throw fenced(producerId, producerEpoch, state)
}

/** A new instance of the producer: the next epoch, or where there is none left a new producer id with the first. */
export function nextIdentity(
  state: StoredTransaction,
  freshProducerId: number | undefined,
  timeoutMs: number,
  nowMs: number,
): StoredTransaction {
  invariant(isIdle(state), 'a producer gets a new epoch when its last transaction is ended')
  const begun = {
    ...state,
    timeoutMs,
    status: 'Empty' as const,
    partitions: noPartitions,
    startMs: -1,
    updatedMs: nowMs,
  }
  if (!isExhausted(state.producerEpoch)) return { ...begun, producerEpoch: state.producerEpoch + 1 }
  invariant(freshProducerId !== undefined, 'a producer id whose epochs are used up is replaced')
  return { ...begun, producerId: freshProducerId, producerEpoch: 0 }
}

/** @throws INVALID_PRODUCER_ID_MAPPING, PRODUCER_FENCED */
export function requireIdentity(state: StoredTransaction, producerId: number, producerEpoch: number): void {
  if (producerId !== state.producerId) {
    throw new HoldfastError(
      'INVALID_PRODUCER_ID_MAPPING',
      `The transactional id has the producer id ${state.producerId}, not ${producerId}.`,
    )
  }
  if (producerEpoch !== state.producerEpoch) throw fenced(producerId, producerEpoch, state)
}

/** The transaction goes on with these partitions too; undefined where it has them all. */
export function adding(
  state: StoredTransaction,
  places: readonly TopicPartition[],
  nowMs: number,
): StoredTransaction | undefined {
  invariant(!isPrepared(state), 'nothing is added to a transaction that is being ended')
  const partitions = withPartitions(state.partitions, places)
  if (state.status === 'Ongoing' && partitions === state.partitions) return undefined
  const startMs = state.status === 'Ongoing' ? state.startMs : nowMs
  return { ...state, status: 'Ongoing', partitions, startMs, updatedMs: nowMs }
}

/** The outcome is decided. With `fence`, against the producer: nothing that it sends counts any more. */
export function preparing(state: StoredTransaction, commit: boolean, fence: boolean, nowMs: number): StoredTransaction {
  invariant(state.status === 'Ongoing', 'a transaction that is ended is open')
  invariant(!fence || (!commit && state.producerEpoch < lastEpoch), 'there is an epoch left to fence a producer with')
  const producerEpoch = fence ? state.producerEpoch + 1 : state.producerEpoch
  return { ...state, producerEpoch, status: commit ? 'PrepareCommit' : 'PrepareAbort', updatedMs: nowMs }
}

/** Every partition has its marker. */
export function completing(state: StoredTransaction, nowMs: number): StoredTransaction {
  invariant(isPrepared(state), 'a transaction that is complete was decided')
  const status = state.status === 'PrepareCommit' ? 'CompleteCommit' : 'CompleteAbort'
  const completed = { ...state, status, partitions: noPartitions, updatedMs: nowMs } as const
  if (state.nextProducerId < 0) return completed
  return { ...completed, producerId: state.nextProducerId, producerEpoch: 0, nextProducerId: -1 }
}

export function hasTimedOut({ status, startMs, timeoutMs }: StoredTransaction, nowMs: number): boolean {
  return status === 'Ongoing' && startMs + timeoutMs < nowMs
}

function fenced(producerId: number, producerEpoch: number, state: StoredTransaction): HoldfastError {
  return new HoldfastError(
    'PRODUCER_FENCED',
    `Producer ${producerId} with epoch ${producerEpoch} was replaced; the transactional id is at producer ${state.producerId}, epoch ${state.producerEpoch}.`,
  )
}
