/** What is said of an export: what is asked for, what it will do, and what it has done. */

import type { Clock } from '../../core/clock.js'
import type { Randomness } from '../../core/randomness.js'
import type { Settings } from '../../core/settings.js'
import type { Disk } from '../../files/disk.js'
import type { RecordBatch } from '../../records/batch.js'

/**
 * How the bytes of sealed segments get there. `link` gives their files second names, and copies where the file system
 * cannot; `move` does the same and then takes the topics out of the data directory.
 */
export type ExportHow = 'link' | 'copy' | 'move'

/** One record of `__consumer_offsets`. */
export interface GroupRecord {
  readonly key: Buffer
  readonly value: Buffer
}

export interface CarriedGroup {
  readonly groupId: string
  /** What Kafka is to know of it: its offsets, and that nobody is in it. */
  readonly records: readonly GroupRecord[]
}

/** The log of our groups, as it lies in the files. */
export interface StoredGroups {
  readonly partitionCount: number
  batches(partition: number): AsyncIterable<readonly RecordBatch[]>
}

/** Knows the records of `__consumer_offsets`, which the rooms above do. */
export interface GroupCarrier {
  /** The groups that have an offset of one of these topics. @throws EXPORT_REFUSED where a transaction of theirs is open */
  read(log: StoredGroups, topics: ReadonlySet<string>, nowMs: number): Promise<readonly CarriedGroup[]>
  partitionOf(groupId: string, partitionCount: number): number
}

export interface ExportOptions {
  readonly disk: Disk
  readonly clock: Clock
  readonly randomness: Randomness
  readonly settings: Settings
  /** Of the broker that takes over: each of its log.dirs. */
  readonly kafkaLogDirs: readonly string[]
  /** All but the broker's own unless given. */
  readonly topics?: readonly string[]
  readonly how: ExportHow
  /** Only say what would be done. */
  readonly dryRun?: boolean
  /** Undefined where groups stay behind. */
  readonly groups?: GroupCarrier
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void
}

export interface ExportedPartition {
  readonly topic: string
  readonly partition: number
  /** Kafka's directory of it. */
  readonly directory: string
  readonly logStartOffset: number
  readonly endOffset: number
  readonly sizeInBytes: number
  /** `there`: an earlier run has done it. `empty`: nothing was ever in it, so that Kafka's own stays. */
  readonly state: 'exported' | 'there' | 'empty'
  /** Of the bytes of its segments. */
  readonly copiedBytes: number
  /** Its batches are copied with a leader epoch that Kafka has reached, since theirs is later. */
  readonly loweredEpochs: boolean
}

export interface ExportReport {
  readonly dryRun: boolean
  readonly partitions: readonly ExportedPartition[]
  readonly groups: number
  /** The topics were taken out of the data directory. */
  readonly moved: boolean
}
