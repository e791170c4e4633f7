/** Where a group commit's rounds go: what a log must be able to do to be written in rounds. */

import type { HoldfastError } from '../core/errors.js'

export interface RoundTarget<T> {
  /** Bytes that one item adds to a round. */
  sizeOf(item: T): number
  /** Messages that one item holds. */
  messagesIn(item: T): number
  /** Writes `items` in order; where `durable`, resolves only once they are on stable storage. */
  writeRound(items: readonly T[], durable: boolean): Promise<void>
  /** Makes all rounds that were written before this call durable. */
  sync(): Promise<void>
  /** Called once, before the waiters are refused with the error that it returns. */
  failed(cause: unknown): HoldfastError
}
