/** Logs with keys, for the tests of compaction: what is written into them and what a reader finds. */

import { ManualClock } from '../../sim/manual-clock.js'
import { SeededRandomness } from '../../sim/seeded-randomness.js'
import type { Settings, SettingsInput } from '../../src/core/settings.js'
import type { Disk } from '../../src/files/disk.js'
import { batchesIn } from '../../src/records/batch.js'
import { type BatchOptions, buildBatch } from '../../src/records/builder.js'
import { readRecords } from '../../src/records/reader.js'
import { MessageStore } from '../../src/storage/message-store.js'
import type { PartitionLog } from '../../src/storage/partition-log.js'
import { settingsWith } from './support.js'

export interface Entry {
  readonly offset: number
  readonly key: string | null
  readonly value: string | null
}

/** Segments far smaller than a user may ask for, so that a few batches are enough to compact. */
export function smallSegments(given: SettingsInput = {}): Settings {
  return {
    ...settingsWith({ 'log.cleanup.policy': 'compact', ...given }),
    'log.segment.bytes': 700,
    'log.index.interval.bytes': 100,
    'log.cleaner.io.buffer.size': 2048,
  }
}

export function openOn(disk: Disk, settings: Settings, clock = new ManualClock()): Promise<MessageStore> {
  return MessageStore.open('/data', { disk, settings, clock, randomness: new SeededRandomness(1) })
}

/** Appends one batch of `[key, value]` pairs; a value of null is a tombstone. */
export async function put(
  log: PartitionLog,
  pairs: readonly (readonly [key: string | null, value: string | null])[],
  options: BatchOptions & { timestamp?: number } = {},
): Promise<number> {
  const { timestamp = 1_700_000_000_000 } = options
  const records = pairs.map(([key, value]) => ({
    key: key === null ? null : Buffer.from(key),
    value: value === null ? null : Buffer.from(value),
    timestamp,
  }))
  const { baseOffset, acknowledged } = log.append(buildBatch(records, options))
  await acknowledged
  return baseOffset
}

/** Every record that a reader gets who goes to where the log ends now. */
export async function entriesOf(log: PartitionLog): Promise<Entry[]> {
  const found: Entry[] = []
  const end = log.highWatermark
  for (let offset = log.logStartOffset; offset < end; ) {
    const { records } = await log.read(offset, 4096)
    const batches = records.flatMap((bytes) => [...batchesIn(bytes)])
    if (batches.length === 0) break
    for (const batch of batches) {
      for (const { offset: at, key, value } of readRecords(batch)) {
        if (at < offset) continue
        found.push({ offset: at, key: key?.toString() ?? null, value: value?.toString() ?? null })
      }
      offset = Math.max(offset, batch.nextOffset)
    }
  }
  return found
}

/** The latest value of each key; those with a tombstone are left out. */
export function latestOf(entries: readonly Entry[]): Map<string, string> {
  const latest = new Map<string, string>()
  for (const { key, value } of entries) {
    if (key === null) continue
    if (value === null) latest.delete(key)
    else latest.set(key, value)
  }
  return latest
}
