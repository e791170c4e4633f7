/** A store with small segments on a simulated disk, whose clock the test moves. */

import { FaultDisk } from '../../../sim/fault-disk.js'
import { ManualClock } from '../../../sim/manual-clock.js'
import { MemoryDisk } from '../../../sim/memory-disk.js'
import type { Settings } from '../../../src/core/settings.js'
import type { RecordBatch } from '../../../src/records/batch.js'
import { MessageStore } from '../../../src/storage/message-store.js'
import type { SegmentLog } from '../../../src/storage/segments/segment-log.js'
import { recordingLogger, settingsWith, sizedBatch } from '../support.js'

/** Seven batches fill a segment. */
export const segmentBytes = 3800
export const batchBytes = 500
export const day = 86_400_000
export const startMs = 1_700_000_000_000

export interface WorldOptions {
  readonly settings?: Partial<Settings>
  readonly config?: Readonly<Record<string, string>>
  readonly topics?: readonly string[]
}

/** Below the least that a user may set. */
export function smallSettings(given: Partial<Settings> = {}): Settings {
  return { ...settingsWith(), 'log.segment.bytes': segmentBytes, 'log.index.interval.bytes': 700, ...given }
}

export async function world({ settings, config, topics = ['orders'] }: WorldOptions = {}) {
  const memory = new MemoryDisk()
  const disk = new FaultDisk(memory)
  const clock = new ManualClock(startMs)
  const logger = recordingLogger()
  const open = (on: MemoryDisk | FaultDisk = disk) =>
    MessageStore.open('/data', { disk: on, settings: smallSettings(settings), clock, logger })
  const store = await open()
  for (const name of topics) await store.createTopic({ name, partitions: 1, config })
  const log = segmentLogOf(store, topics[0])
  return { memory, disk, clock, logger, open, store, log }
}

export function segmentLogOf(store: MessageStore, topic: string): SegmentLog {
  return store.log(topic, 0) as SegmentLog
}

/** One batch of one record a round, with these timestamps. */
export async function sendAt(log: SegmentLog, timestamps: readonly number[]): Promise<RecordBatch[]> {
  const batches = timestamps.map((timestamp, index) => sizedBatch(batchBytes, `${timestamp} ${index}`, { timestamp }))
  for (const batch of batches) await log.append(batch).acknowledged
  return batches
}

export function basesOf(log: SegmentLog): number[] {
  return log.segments.map(({ baseOffset }) => baseOffset)
}

export function times(count: number, timestamp: number): number[] {
  return Array.from({ length: count }, () => timestamp)
}
