/** A commit log store by itself, on any disk. */

import { dirname, join } from 'node:path'
import { FaultDisk } from '../../../sim/fault-disk.js'
import type { Clock } from '../../../src/core/clock.js'
import { systemClock } from '../../../src/core/clock.js'
import type { Settings, SettingsInput } from '../../../src/core/settings.js'
import type { Disk } from '../../../src/files/disk.js'
import type { RecordBatch } from '../../../src/records/batch.js'
import { CommitLogStore } from '../../../src/storage/commitlog/commit-log-store.js'
import { storeNames } from '../../../src/storage/commitlog/format.js'
import type { CommitLogOptions } from '../../../src/storage/commitlog/opening.js'
import { LeaderEpochs } from '../../../src/storage/log/leader-epochs.js'
import type { PartitionLog } from '../../../src/storage/partition-log.js'
import { sharedTables } from '../../../src/storage/shared-tables.js'
import { recordingLogger, settingsWith } from '../support.js'

export const smallFiles: SettingsInput = {
  'mapped.file.size.commitlog': 64 * 1024,
  'mapped.file.size.consumequeue': 2000,
  'max.hash.slot.num': 100,
  'max.index.num': 400,
}

export interface StoreWorld {
  readonly disk: FaultDisk
  readonly directory: string
  readonly starts: Map<string, number>
  readonly settings: Settings
  open(more?: Partial<CommitLogOptions>): Promise<CommitLogStore>
}

export function storeWorld(
  under: Disk,
  root: string,
  { settings: given = smallFiles, clock = systemClock }: { settings?: SettingsInput; clock?: Clock } = {},
): StoreWorld {
  const disk = under instanceof FaultDisk ? under : new FaultDisk(under)
  const directory = join(root, 'store')
  const starts = new Map<string, number>()
  const settings = settingsWith(given)
  return {
    disk,
    directory,
    starts,
    settings,
    async open(more = {}) {
      await disk.makeDirectory(join(directory, storeNames.commitLog))
      // As who opens a store does it: a process that was killed may have made them, and not lived to make their names durable.
      for (const parent of [directory, root, dirname(root)]) await disk.syncDirectory(parent)
      return CommitLogStore.open({
        directory,
        snapshotPath: join(root, 'queues.snapshot'),
        asidePath: join(root, 'aside'),
        disk,
        clock,
        logger: recordingLogger(),
        tables: sharedTables({ disk, clock, settings }),
        settings,
        settingsOf: () => settings,
        sinceOf: () => 0,
        epochsOf: () => new LeaderEpochs([{ epoch: 0, startOffset: 0 }], async () => {}),
        startOf: (topic, queueId) => starts.get(`${topic}-${queueId}`) ?? 0,
        onStartMoved: async () => {},
        onTakenBack: async () => {},
        onFailure: () => {},
        host: { address: '127.0.0.1', port: 9092 },
        ...more,
      })
    },
  }
}

export async function append(log: PartitionLog, ...batches: RecordBatch[]): Promise<void> {
  await Promise.all(batches.map((batch) => log.append(batch).acknowledged))
}
