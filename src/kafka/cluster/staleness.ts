/** Which refusals say no more than that somebody else is to be asked, or the same broker a little later. */

import { type ErrorCode, HoldfastError } from '../../core/errors.js'

const ofLeader: ReadonlySet<ErrorCode> = new Set([
  'NOT_LEADER_OR_FOLLOWER',
  'LEADER_NOT_AVAILABLE',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'OFFSET_NOT_AVAILABLE',
  'CONNECTION_FAILED',
])

const ofCoordinator: ReadonlySet<ErrorCode> = new Set([
  'NOT_COORDINATOR',
  'COORDINATOR_NOT_AVAILABLE',
  'COORDINATOR_LOAD_IN_PROGRESS',
  'CONNECTION_FAILED',
])

/** Whoever was taken for the leader is not, is not yet, or cannot be reached. */
export function isStaleLeader(error: unknown): boolean {
  return error instanceof HoldfastError && ofLeader.has(error.code)
}

/** Whoever was taken for the coordinator is not, is not yet, or cannot be reached. */
export function isStaleCoordinator(error: unknown): error is HoldfastError {
  return error instanceof HoldfastError && ofCoordinator.has(error.code)
}

/** A broker could not be reached, or was lost before it answered. */
export function isConnectionFailure(error: unknown): error is HoldfastError {
  return error instanceof HoldfastError && error.code === 'CONNECTION_FAILED'
}
