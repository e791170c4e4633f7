/**
 * The epoch of the transaction coordinator, which every marker carries: it grows with each start, so that a log can tell
 * the markers of this coordinator from those of one that was in its place before, here or in a Kafka that owned the
 * directory.
 */

import { join } from 'node:path'
import { HoldfastError } from '../../core/errors.js'
import type { Disk } from '../../files/disk.js'

/** A number that was not given before and is greater than `greaterThan`; durable before it is given. */
export async function nextCoordinatorEpoch(disk: Disk, configPath: string, greaterThan: number): Promise<number> {
  const path = join(configPath, 'transaction-coordinator.json')
  const bytes = await disk.readFile(path)
  const last = bytes === undefined ? -1 : decode(bytes, path)
  const epoch = Math.max(last, greaterThan) + 1
  await disk.replaceFile(path, Buffer.from(`${JSON.stringify({ version: 1, epoch })}\n`))
  return epoch
}

function decode(bytes: Buffer, path: string): number {
  try {
    const { version, epoch } = JSON.parse(bytes.toString('utf8')) as Record<string, unknown>
    if (version === 1 && Number.isSafeInteger(epoch) && Number(epoch) >= 0) return Number(epoch)
  } catch {
    // Reported below, like every other content that makes no sense.
  }
  throw new HoldfastError(
    'DATA_DIR_DAMAGED',
    `${path} does not tell the coordinator's epoch. Restore it from a backup.`,
  )
}
