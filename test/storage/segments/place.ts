/** The parts of a log by themselves, on a simulated disk that can be told to fail or to wait. */

import { join } from 'node:path'
import { FaultDisk, type Judge } from '../../../sim/fault-disk.js'
import { ManualClock } from '../../../sim/manual-clock.js'
import { MemoryDisk } from '../../../sim/memory-disk.js'
import { OpenWriters } from '../../../src/files/open-writers.js'
import type { SegmentPlace } from '../../../src/storage/segments/segment-place.js'
import { sharedTables } from '../../../src/storage/shared-tables.js'
import { recordingLogger, type Said, settingsWith } from '../support.js'

export const directory = '/log'

export interface PlaceWorld {
  readonly memory: MemoryDisk
  readonly disk: FaultDisk
  readonly place: SegmentPlace
  readonly said: Said[]
  /** Names of the files, in order. */
  names(): Promise<string[]>
  bytesOf(name: string): Promise<Buffer>
}

export async function placeWorld(
  given: Partial<SegmentPlace> & { judge?: Judge; openFilesLimit?: number; memory?: MemoryDisk } = {},
): Promise<PlaceWorld> {
  const { judge, openFilesLimit = 16, memory = new MemoryDisk(), ...overlaid } = given
  const disk = new FaultDisk(memory)
  await disk.makeDirectory(directory)
  const logger = recordingLogger()
  const place: SegmentPlace = {
    ...sharedTables({ disk, clock: new ManualClock(), settings: settingsWith() }),
    writers: new OpenWriters(openFilesLimit),
    directory,
    disk,
    logger,
    indexIntervalBytes: 4096,
    indexBytes: 10 * 1024 * 1024,
    segmentBytes: 64 * 1024,
    rollMs: Number.MAX_SAFE_INTEGER,
    dsync: true,
    engine: 'disk',
    preallocate: 'zero',
    warmup: 'none',
    ...overlaid,
  }
  if (judge !== undefined) disk.judge = judge
  return {
    memory,
    disk,
    place,
    said: logger.said,
    names: async () => ((await memory.list(directory)) ?? []).map(({ name }) => name).sort(),
    bytesOf: async (name) => (await memory.readFile(join(directory, name))) ?? Buffer.alloc(0),
  }
}
