/** The tables that all logs of a store share, with their bounds. */

import type { Clock } from '../core/clock.js'
import type { Settings } from '../core/settings.js'
import type { Disk } from '../files/disk.js'
import { Gate } from '../files/gate.js'
import { MappedFiles } from '../files/mapped-files.js'
import { OpenFiles } from '../files/open-files.js'
import { OpenWriters } from '../files/open-writers.js'
import { DiskRoom } from './log/disk-room.js'
import { IndexCache } from './segments/index-cache.js'
import type { SharedTables } from './segments/segment-place.js'

/** Together with the connections of a server they stay below 1024, the least that systems allow a process. */
const openForReading = 256
const openForWriting = 256
const cachedIndexBytes = 64 * 1024 * 1024
/** Zeros share the disk with those who wait for it; and each of these holds descriptors. */
const preparingAtOnce = 2
/** A mapping that nobody used for so long is given back. */
const idleMappingMs = 60_000

export function sharedTables({
  disk,
  clock,
  settings,
}: {
  disk: Disk
  clock: Clock
  settings: Settings
}): SharedTables {
  const mapped = { count: settings['file.map.count'], bytes: settings['file.map.bytes'], idleMs: idleMappingMs }
  return {
    openFiles: new OpenFiles(disk, openForReading),
    maps: new MappedFiles(disk, clock, mapped),
    writers: new OpenWriters(openForWriting),
    preparing: new Gate(preparingAtOnce),
    warming: new Gate(1),
    room: new DiskRoom(),
    indexes: new IndexCache(cachedIndexBytes),
  }
}
