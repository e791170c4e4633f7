/** Kafka's layout as the contract suites see it. */

import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { FaultDisk } from '../../sim/fault-disk.js'
import type { SettingsInput } from '../../src/core/settings.js'
import { nodeDisk } from '../../src/files/node-disk.js'
import { HeldBackLog } from '../../src/storage/log/held-back-log.js'
import { MessageStore } from '../../src/storage/message-store.js'
import type { PartitionLog } from '../../src/storage/partition-log.js'
import { settingsWith, temporaryDirectory, whenEnded } from '../storage/support.js'
import type { LogWorld, OpenLog } from './partition-log.cases.js'

export interface WorldOptions {
  readonly supportsDsync?: boolean
  readonly settings?: SettingsInput
  /** The log holds back what other copies lack, and they get everything at once. */
  readonly copies?: 'at once'
}

export function segmentLogWorld(
  policy: 'sync' | 'batch' | 'async',
  { supportsDsync: dsync = true, settings: given = {}, copies }: WorldOptions = {},
): LogWorld {
  return {
    name: [
      'segments',
      policy,
      dsync ? 'dsync' : 'a disk without dsync',
      ...Object.values(given),
      ...(copies ? ['held back'] : []),
    ].join(', '),
    flush: policy === 'async' ? 'async' : 'sync',
    storedSizeOf: ({ sizeInBytes }) => sizeInBytes,
    keptFreeBytes: 0,
    async open(t: TestContext, config = {}) {
      return openWorld(t, { policy, dsync, settings: given, config, copies })
    },
    openHeldBack: (t, config = {}) => openHeldBack(t, { policy, dsync, settings: given, config }),
  }
}

export const worldTopic = 'orders'

export interface WorldToOpen {
  readonly policy: 'sync' | 'batch' | 'async'
  readonly dsync: boolean
  readonly settings: SettingsInput
  /** The topic's. */
  readonly config: Readonly<Record<string, string>>
  /** Where the log holds back what other copies lack: when they get it. */
  readonly copies?: 'at once' | 'when told'
}

export async function openHeldBack(t: TestContext, world: WorldToOpen): Promise<OpenLog & { log: HeldBackLog }> {
  const opened = await openWorld(t, { ...world, copies: 'when told' })
  const { log } = opened
  if (!(log instanceof HeldBackLog)) throw new Error('the log holds back')
  return { ...opened, log }
}

/** A store with one topic of one partition, on a disk that can be told to fail. */
export async function openWorld(
  t: TestContext,
  { policy, dsync, settings: given, config, copies }: WorldToOpen,
): Promise<OpenLog> {
  const path = join(await temporaryDirectory(t), 'data')
  const disk = new FaultDisk(nodeDisk, undefined, { supportsDsync: dsync })
  const settings = settingsWith({
    'flush.disk.type': ({ sync: 'SYNC_FLUSH', batch: 'BATCH_FLUSH', async: 'ASYNC_FLUSH' } as const)[policy],
    'flush.interval.ms': 1,
    ...given,
  })
  const shownUpTo = ({ highWatermark }: PartitionLog) => (copies === 'at once' ? highWatermark : 0)
  const elsewhere = copies && { shownUpTo, isCopy: false, epochOfNewLogs: 0, topicsChanged: async () => {} }
  let store = await MessageStore.open(path, { disk, settings, elsewhere })
  whenEnded(t, async () => {
    disk.judge = () => undefined
    await store.close().catch(() => {})
  })
  await store.createTopic({ name: worldTopic, partitions: 1, config })
  const log = (): PartitionLog => {
    const found = store.log(worldTopic, 0)
    if (found === undefined) throw new Error('the log is there')
    return found
  }
  // Counts begin with the test.
  disk.calls.length = 0
  return {
    log: log(),
    disk,
    async reopen() {
      await store.close()
      store = await MessageStore.open(path, { disk, settings, elsewhere })
      return log()
    },
    async cutBack(offset) {
      await store.cutBack([{ topic: worldTopic, partition: 0, offset }])
      return log()
    },
    async find(key) {
      const all = { minOffset: 0, endOffset: Number.MAX_SAFE_INTEGER, limit: 100 }
      const times = { minTimestamp: Number.MIN_SAFE_INTEGER, endTimestamp: Number.MAX_SAFE_INTEGER }
      const found = await store.finder(worldTopic, 0)?.find({ kind: 'key', bytes: Buffer.from(key), ...all, ...times })
      return (found ?? []).map(({ offset }) => offset)
    },
  }
}
