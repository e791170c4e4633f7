/** RocketMQ's layout as the contract suites see it. */

import type { TestContext } from 'node:test'
import type { RecordBatch } from '../../src/records/batch.js'
import { readRecords } from '../../src/records/reader.js'
import { blankBytes, crcPropertyBytes, messageOverheadBytes } from '../../src/storage/commitlog/format.js'
import type { LogWorld } from './partition-log.cases.js'
import { openWorld, type WorldOptions, worldTopic } from './segment-log.js'

/** Entries of a case that speak of segments. */
const ofSegments: readonly string[] = ['segment.bytes', 'index.interval.bytes', 'key.index.enable']

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
      const fileBytes = config['segment.bytes']
      const own = Object.fromEntries(Object.entries(config).filter(([name]) => !ofSegments.includes(name)))
      const settings = {
        'storage.layout': 'commitlog',
        'mapped.file.size.commitlog': 8 << 20,
        'mapped.file.size.consumequeue': 2000,
        'max.hash.slot.num': 1000,
        'max.index.num': 5000,
        ...given,
        ...(fileBytes !== undefined && { 'mapped.file.size.commitlog': fileBytes }),
      }
      return openWorld(t, { policy, dsync, settings, config: own })
    },
  }
}

/** Of a batch of one record with nothing but a value: one message with nothing but a body and its CRC. */
function storedSizeOf(batch: RecordBatch): number {
  const [{ value }] = readRecords(batch)
  return messageOverheadBytes + worldTopic.length + (value?.length ?? 0) + crcPropertyBytes
}
