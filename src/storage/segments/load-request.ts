/** What the opening of a log is told, and what it finds. */

import type { ProducerStates } from '../producer-states.js'
import type { Segment } from './segment.js'

export interface LoadRequest {
  /** The log was closed in order, so its files are complete. */
  readonly clean: boolean
  /** Everything below is known to be on the disk and sound. */
  readonly recoveryPoint: number
  readonly logStartOffset: number
  /** Cut everything from this offset on, sound or not: it was never acknowledged. */
  readonly cutFrom: number
  /** Each segment was durable before the next was begun, so a hole between segments is damage. */
  readonly sealedDurably: boolean
  /** Offsets may be missing, since Kafka's compaction worked on the log. */
  readonly mayHaveHoles: boolean
  /** The most that one write which was interrupted leaves behind the last sound batch of a log whose writes are durable. */
  readonly longestTornBytes: number
  readonly nowMs: number
  /** Where the log began, as it was written down; undefined where nobody wrote it. */
  readonly knownStart?: number
  /** Every segment is read, also what is known to be sound. */
  readonly fullScan?: boolean
  /** Called with the bytes that were read since the last time. */
  readonly onScanned?: (bytes: number) => void
}

export interface Damage {
  /** Where the readable part of the log ends. */
  readonly offset: number
  readonly what: string
  /** To be kept until the damage is mended, so that no later opening takes it for a torn tail. */
  readonly recoveryPoint: number
}

export interface LoadReport {
  scannedBytes: number
  cutBytes: number
  rebuiltSegments: number
  damage?: Damage
  /** Files at the beginning of the log are missing; what is left can be read. */
  lostStart?: LostStart
}

export interface LostStart {
  /** Where the log began, and where what is left of it begins. */
  readonly from: number
  readonly to: number
  readonly what: string
}

export interface LoadedLog {
  /** In offset order; the last one is active. */
  readonly segments: Segment[]
  readonly producers: ProducerStates
  readonly logEndOffset: number
  readonly report: LoadReport
}
