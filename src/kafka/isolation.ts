/** The isolation level of a request: 0 reads everything, 1 only what is committed. */

import type { Isolation } from '../broker/contract.js'
import { HoldfastError } from '../core/errors.js'

export const isolationLevel = { uncommitted: 0, committed: 1 } as const

/** @throws INVALID_REQUEST */
export function isolationOf(level: number): Isolation {
  if (level === isolationLevel.uncommitted) return 'uncommitted'
  if (level === isolationLevel.committed) return 'committed'
  throw new HoldfastError('INVALID_REQUEST', `There is no isolation level ${level}: 0 and 1 are.`)
}
