/** Records everything that a disk is asked to keep while a workload uses a queue on it. */

import { join } from 'node:path'
import type { Disk } from '../../src/files/disk.js'
import type { Dice } from '../crash/seeded.js'
import type { Image } from '../support/block-device/image.js'
import type { RecordEntry } from '../support/block-device/record.js'
import { mountRecorded } from '../support/block-device/recorded-disk.js'
import type { History } from './history.js'
import { Notes } from './notes.js'
import { runWorkload } from './workload.js'
import type { World } from './world.js'

export interface Recording {
  readonly world: World
  /** The disk at the start. */
  readonly base: Image
  readonly entries: readonly RecordEntry[]
  readonly history: History
}

export interface RecordingOptions {
  readonly directory: string
  readonly world: World
  readonly base: Image
  /** What was promised before; with an empty disk nothing was. */
  readonly before: History
  readonly dice: Dice
  readonly steps: number
  /** Stands between the library and the system's disk. */
  readonly disk?: Disk
}

export async function record({ directory, base, before, ...options }: RecordingOptions): Promise<Recording> {
  const { world } = options
  const disk = await mountRecorded(directory, { image: base, kind: world.fileSystem, options: world.mountOptions })
  const notes = new Notes(before, disk.position)
  let entries: readonly RecordEntry[]
  try {
    await runWorkload({ ...options, dataDir: join(disk.path, 'data'), notes })
  } finally {
    entries = await disk.end()
  }
  return { world, base, entries, history: notes.history }
}
