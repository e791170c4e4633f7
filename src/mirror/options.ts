/** What a mirror is told, and what it tells. */

import type { BrokerService } from '../broker/contract.js'
import type { Clock } from '../core/clock.js'

/**
 * When it ends: `stopped` when it is told to, `caught-up` when it has what was there when it began, `cut-over` when it
 * has everything, for who has stopped all producers.
 */
export type MirrorEnd = 'stopped' | 'caught-up' | 'cut-over'

export interface MirrorOptions {
  readonly source: BrokerService
  readonly target: BrokerService
  readonly end: MirrorEnd
  /** Which topics; all but the broker's own where absent. */
  readonly includes?: (topic: string) => boolean
  /** Both sides are read again at the end and compared. */
  readonly verifies: boolean
  /** Of batches, on average; no limit where absent. */
  readonly maxBytesPerSecond?: number
  /** Ends it, after a last look at what is there. */
  readonly stop?: AbortSignal
  readonly clock?: Clock
  readonly onProgress?: (progress: MirrorProgress) => void
  /** Something that a person should know, and that stops nothing. */
  readonly onNote?: (note: string) => void
}

export interface MirrorProgress {
  readonly phase: 'copying' | 'verifying'
  readonly partitions: number
  readonly bytes: number
  readonly messages: number
  /** Offsets that are in the source and not in the target yet. */
  readonly lag: number
  /** Of the last seconds. */
  readonly bytesPerSecond: number
  readonly messagesPerSecond: number
}

export interface MirrorReport {
  readonly topics: number
  readonly partitions: number
  /** What this run has copied. */
  readonly bytes: number
  readonly messages: number
  /** Committed offsets that were carried over. */
  readonly groupOffsets: number
  /** Where nothing was verified, undefined. */
  readonly verified?: { readonly batches: number; readonly messages: number }
  readonly notes: readonly string[]
}

/** One partition of the source on its way. */
export interface MirroredPartition {
  readonly topic: string
  readonly partition: number
  /** Compaction may take messages away on both sides. */
  readonly isCompacted: boolean
  /** What is read next. */
  nextOffset: number
  /** What lies below is in the target. */
  copiedTo: number
  /** The end of the source when it was last seen. */
  sourceEnd: number
  /** Below it the source's transactions are decided. */
  sourceStableEnd: number
}

export function placeText({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${topic}-${partition}`
}
