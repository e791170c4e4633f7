/** Errors as answers carry them: a number, and where the version has room for it a sentence. */

import { errorTable, HoldfastError, kafkaCodeOf } from '../../core/errors.js'

/** What clients that cannot tell storage errors apart get instead: NOT_LEADER_OR_FOLLOWER, on which they try again. */
const notLeaderOrFollower = 6
const kafkaStorageError = 56

export interface Refusal {
  readonly errorCode: number
  readonly errorMessage: string | null
}

export const noError: Refusal = { errorCode: 0, errorMessage: null }

export function refusalOf(error: unknown): Refusal {
  return { errorCode: kafkaCodeOf(error), errorMessage: messageOf(error) }
}

/** Only our own errors are written for people; anything else is for the log. */
function messageOf(error: unknown): string {
  return error instanceof HoldfastError ? error.message : 'The request failed for a reason that was not foreseen.'
}

/** The number of `error` for a version that has or has not learnt of storage errors. */
export function storageAwareCode(error: unknown, knowsStorageErrors: boolean): number {
  const code = kafkaCodeOf(error)
  return code === kafkaStorageError && !knowsStorageErrors ? notLeaderOrFollower : code
}

export interface TransactionErrors {
  /** The version has learnt of PRODUCER_FENCED (90). */
  readonly knowsFenced: boolean
  /** The version has learnt of TRANSACTION_ABORTABLE (120). */
  readonly knowsAbortable: boolean
}

/** The number of `error` for a version that has or has not learnt of the newer errors of transactions. */
export function transactionCode(error: unknown, { knowsFenced, knowsAbortable }: TransactionErrors): number {
  const code = kafkaCodeOf(error)
  if (code === errorTable.PRODUCER_FENCED.kafka && !knowsFenced) return errorTable.INVALID_PRODUCER_EPOCH.kafka
  if (code === errorTable.TRANSACTION_ABORTABLE.kafka && !knowsAbortable) return errorTable.INVALID_TXN_STATE.kafka
  return code
}

/** What occurs more than once. */
export function duplicatesOf<T>(items: Iterable<T>): ReadonlySet<T> {
  const seen = new Set<T>()
  const twice = new Set<T>()
  for (const item of items) {
    if (seen.has(item)) twice.add(item)
    seen.add(item)
  }
  return twice
}
