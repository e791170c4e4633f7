/** What all segments of a log share: where they lie, the tables of their store, and how their files are written. */

import type { WritingPlace } from '../../files/active-file.js'
import type { Gate } from '../../files/gate.js'
import type { MappedFiles } from '../../files/mapped-files.js'
import type { OpenFiles } from '../../files/open-files.js'
import type { OpenWriters } from '../../files/open-writers.js'
import type { DiskRoom } from '../log/disk-room.js'
import type { IndexCache } from './index-cache.js'

/** Tables that all logs of a store share, each bounded. */
export interface SharedTables {
  /** Sealed segments that are open for reading. */
  readonly openFiles: OpenFiles
  /** Sealed segments that are mapped for reading. */
  readonly maps: MappedFiles
  /** Active segments that are open for writing. */
  readonly writers: OpenWriters
  /** Who may write zeros ahead of a log now. */
  readonly preparing: Gate
  /** Who may bring the end of a log into memory now. */
  readonly warming: Gate
  readonly room: DiskRoom
  /** Indexes of sealed segments that are in memory. */
  readonly indexes: IndexCache
}

export interface SegmentPlace extends SharedTables, WritingPlace {
  readonly directory: string
  readonly indexIntervalBytes: number
  /** A segment rolls before one of its index files would be larger. */
  readonly indexBytes: number
  /** Time that the records of a segment may span. */
  readonly rollMs: number
}
