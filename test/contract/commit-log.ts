/** RocketMQ's layout as the contract suites see it. */

import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { FaultDisk } from '../../sim/fault-disk.js'
import { nodeDisk } from '../../src/files/node-disk.js'
import type { RecordBatch } from '../../src/records/batch.js'
import { readRecords } from '../../src/records/reader.js'
import { blankBytes, crcPropertyBytes, messageOverheadBytes } from '../../src/storage/commitlog/format.js'
import { MessageStore } from '../../src/storage/message-store.js'
import type { PartitionLog } from '../../src/storage/partition-log.js'
import { settingsWith, temporaryDirectory, whenEnded } from '../storage/support.js'
import type { LogWorld } from './partition-log.cases.js'
import type { WorldOptions } from './segment-log.js'

const topic = 'orders'

/** Entries of a case that speak of segments. */
const ofSegments: readonly string[] = ['segment.bytes', 'index.interval.bytes']

export function commitLogWorld(
  policy: 'sync' | 'batch' | 'async',
  { supportsDsync: dsync = true, settings: given = {} }: WorldOptions = {},
): LogWorld {
  return {
    name: ['commit log', policy, dsync ? 'dsync' : 'a disk without dsync', ...Object.values(given)].join(', '),
    flush: policy === 'async' ? 'async' : 'sync',
    storedSizeOf,
    keptFreeBytes: blankBytes,
    async open(t: TestContext, config = {}) {
      const path = join(await temporaryDirectory(t), 'data')
      const disk = new FaultDisk(nodeDisk, undefined, { supportsDsync: dsync })
      const fileBytes = config['segment.bytes']
      const own = Object.fromEntries(Object.entries(config).filter(([name]) => !ofSegments.includes(name)))
      const settings = settingsWith({
        'storage.layout': 'commitlog',
        'flush.disk.type': ({ sync: 'SYNC_FLUSH', batch: 'BATCH_FLUSH', async: 'ASYNC_FLUSH' } as const)[policy],
        'flush.interval.ms': 1,
        'mapped.file.size.commitlog': 8 << 20,
        'mapped.file.size.consumequeue': 2000,
        'max.hash.slot.num': 1000,
        'max.index.num': 5000,
        ...given,
        ...(fileBytes !== undefined && { 'mapped.file.size.commitlog': fileBytes }),
      })
      let store = await MessageStore.open(path, { disk, settings })
      whenEnded(t, async () => {
        disk.judge = () => undefined
        await store.close().catch(() => {})
      })
      await store.createTopic({ name: topic, partitions: 1, config: own })
      const log = (): PartitionLog => {
        const found = store.log(topic, 0)
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
          store = await MessageStore.open(path, { disk, settings })
          return log()
        },
      }
    },
  }
}

/** Of a batch of one record with nothing but a value: one message with nothing but a body and its CRC. */
function storedSizeOf(batch: RecordBatch): number {
  const [{ value }] = readRecords(batch)
  return messageOverheadBytes + topic.length + (value?.length ?? 0) + crcPropertyBytes
}
