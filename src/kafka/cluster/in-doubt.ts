/** What became of a produce request that was not acknowledged. */

import { type ErrorCode, HoldfastError } from '../../core/errors.js'

/** The batch may be stored nevertheless: it was, and then lost its leader or its copies, or nobody answered. */
const inDoubt: ReadonlySet<ErrorCode> = new Set([
  'CONNECTION_FAILED',
  'FLUSH_DISK_TIMEOUT',
  'NOT_LEADER_OR_FOLLOWER',
  'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
])

/** Another try may succeed. */
const passing: ReadonlySet<ErrorCode> = new Set([
  ...inDoubt,
  'LEADER_NOT_AVAILABLE',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'NOT_ENOUGH_REPLICAS',
])

/** @param wasSent whether the request went out at all */
export function mayBeStored(error: HoldfastError, wasSent: boolean): boolean {
  return wasSent && (inDoubt.has(error.code) || isFailedDisk(error))
}

/** @param hasOthers there are more brokers, so that another one may come to lead where the disk of the leader fails */
export function mayPass(error: HoldfastError, hasOthers = false): boolean {
  return passing.has(error.code) || (hasOthers && isFailedDisk(error))
}

function isFailedDisk({ code }: HoldfastError): boolean {
  return code === 'KAFKA_STORAGE_ERROR'
}

/** For those who have waited for as long as they would. */
export function notDelivered(error: HoldfastError, storedPerhaps: boolean, retryMs: number): HoldfastError {
  if (!storedPerhaps) return error
  const message = `Not acknowledged within ${retryMs} ms; it may be stored or not. At last: ${error.message}`
  return new HoldfastError('DELIVERY_TIMEOUT', message, { cause: error })
}
