/** What the index of one partition is made with. */

import type { Clock } from '../../core/clock.js'
import type { Logger } from '../../core/logger.js'
import type { Disk } from '../../files/disk.js'
import type { Gate } from '../../files/gate.js'
import type { MappedFiles } from '../../files/mapped-files.js'
import type { OpenFiles } from '../../files/open-files.js'
import type { PartitionLog } from '../partition-log.js'
import type { HashInto } from './hash.js'
import type { KeyIndexMemory } from './memory.js'

/** Shared by the indexes of a store, each bounded. */
export interface SharedByIndexes {
  readonly disk: Disk
  readonly clock: Clock
  readonly logger: Logger
  /** Index files that are open for reading. */
  readonly files: OpenFiles
  /** And those that are mapped for it. */
  readonly maps: MappedFiles
  readonly memory: KeyIndexMemory
  /** Who may merge files now. */
  readonly merging: Gate
}

/** Where the options say nothing. */
export const usualTableEntries = 262_144

export interface KeyIndexOptions extends SharedByIndexes {
  readonly log: PartitionLog
  /** Where the files of this partition's index lie. */
  readonly directory: string
  readonly topicId: Buffer
  /** The name of the header that holds a message's id. */
  readonly idHeader: string
  readonly hash?: HashInto
  /** Entries at which a table goes to a file, whatever the memory. */
  readonly tableEntries?: number
}
