/** One log in Kafka's layout by itself, opened as the store opens it. */

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { systemClock } from '../../../src/core/clock.js'
import { type Logger, silentLogger } from '../../../src/core/logger.js'
import type { SettingsInput } from '../../../src/core/settings.js'
import type { Disk } from '../../../src/files/disk.js'
import { nodeDisk } from '../../../src/files/node-disk.js'
import { OpenFiles } from '../../../src/files/open-files.js'
import type { RecordBatch } from '../../../src/records/batch.js'
import { SegmentLog } from '../../../src/storage/segments/segment-log.js'
import type { SharedTables } from '../../../src/storage/segments/segment-place.js'
import { sharedTables } from '../../../src/storage/shared-tables.js'
import { mib, settingsWith, temporaryDirectory, whenEnded } from '../support.js'

export interface Opening {
  readonly clean?: boolean
  readonly recoveryPoint?: number
  readonly logStartOffset?: number
  readonly mayHaveHoles?: boolean
  readonly settings?: SettingsInput
  readonly disk?: Disk
  readonly logger?: Logger
  readonly openFiles?: OpenFiles
  readonly tables?: Partial<SharedTables>
}

/** Unclean unless said otherwise, as after a crash. */
export async function openLog(t: TestContext, directory: string, opening: Opening = {}): Promise<SegmentLog> {
  const disk = opening.disk ?? nodeDisk
  const openFiles = opening.openFiles ?? new OpenFiles(disk, 16)
  const settings = settingsWith({ 'log.segment.bytes': mib, ...opening.settings })
  const tables = { ...sharedTables({ disk, clock: systemClock, settings }), openFiles, ...opening.tables }
  const log = await SegmentLog.open({
    topic: 'orders',
    partition: 0,
    directory,
    disk,
    tables,
    clock: systemClock,
    logger: opening.logger ?? silentLogger,
    settings,
    clean: opening.clean ?? false,
    recoveryPoint: opening.recoveryPoint ?? 0,
    logStartOffset: opening.logStartOffset ?? 0,
    mayHaveHoles: opening.mayHaveHoles,
  })
  whenEnded(t, async () => {
    await log.close().catch(() => {})
    tables.maps.dropAll()
    await openFiles.dropAll()
  })
  return log
}

export async function partitionDirectory(t: TestContext): Promise<string> {
  const directory = join(await temporaryDirectory(t), 'orders-0')
  await nodeDisk.makeDirectory(directory)
  return directory
}

/** A closed log of these batches, and its directory. */
export async function closedLog(
  t: TestContext,
  batches: readonly RecordBatch[],
  opening: Opening = {},
): Promise<string> {
  const directory = await partitionDirectory(t)
  const log = await openLog(t, directory, { clean: true, ...opening })
  for (const batch of batches) log.append(batch)
  await log.close()
  return directory
}

export async function filesIn(directory: string): Promise<string[]> {
  return (await readdir(directory)).sort()
}

export async function contentOf(directory: string): Promise<Record<string, string>> {
  const names = await filesIn(directory)
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, (await readFile(join(directory, name))).toString('hex')])),
  )
}

/** `00000000000000000042.log` for 42 and `.log`. */
export function named(offset: number, suffix: string): string {
  return String(offset).padStart(20, '0') + suffix
}
