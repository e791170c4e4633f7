/** The offset checkpoints of a Kafka log.dir and its mark of a clean shutdown. */

import { join } from 'node:path'
import type { Logger } from '../core/logger.js'
import type { Disk } from '../files/disk.js'
import { partitionDirectoryName } from './segments/format.js'
import { decodeCheckpoint, encodeCheckpoint } from './segments/text-files.js'

export const checkpointFile = {
  recoveryPoint: 'recovery-point-offset-checkpoint',
  logStart: 'log-start-offset-checkpoint',
  highWatermark: 'replication-offset-checkpoint',
  /** Up to where each log was compacted. */
  cleaner: 'cleaner-offset-checkpoint',
} as const

export interface PartitionOffset {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/**
 * Offsets by partition directory name. A file that cannot be read counts as empty: the offsets only save work, and
 * without them every log is scanned whole.
 */
export async function readCheckpoint(
  disk: Disk,
  logPath: string,
  name: string,
  logger: Logger,
): Promise<Map<string, number>> {
  try {
    return await readOffsets(disk, logPath, name)
  } catch (err) {
    logger.warn({ path: join(logPath, name), err }, 'Could not read a checkpoint; its logs are scanned whole.')
    return new Map()
  }
}

/** The same for who cannot do without. @throws DATA_DIR_DAMAGED, DISK_FAILED */
export async function readOffsets(disk: Disk, logPath: string, name: string): Promise<Map<string, number>> {
  const path = join(logPath, name)
  const bytes = (await disk.readFile(path)) ?? Buffer.alloc(0)
  const entries = decodeCheckpoint(bytes, path, { fields: 3, numbers: 2 })
  return new Map(
    entries.map(([topic, partition, offset]) => [partitionDirectoryName(topic, Number(partition)), Number(offset)]),
  )
}

export function encodeOffsets(offsets: readonly PartitionOffset[]): Buffer {
  return encodeCheckpoint(offsets.map(({ topic, partition, offset }) => `${topic} ${partition} ${offset}`))
}

const cleanShutdownFile = '.kafka_cleanshutdown'

/** Whether the directory was closed in order. The mark is taken away at once: from now on it is open. */
export async function takeCleanShutdownMark(disk: Disk, logPath: string): Promise<boolean> {
  const path = join(logPath, cleanShutdownFile)
  if ((await disk.readFile(path)) === undefined) return false
  await disk.remove(path)
  await disk.syncDirectory(logPath)
  return true
}

export async function leaveCleanShutdownMark(disk: Disk, logPath: string): Promise<void> {
  await disk.replaceFile(join(logPath, cleanShutdownFile), Buffer.from('{"version":0,"brokerEpoch":-1}'))
}
