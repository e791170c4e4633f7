/** RocketMQ's layout as the contract suites see it. */

import type { TestContext } from 'node:test'
import type { SettingsInput } from '../../src/core/settings.js'
import type { RecordBatch } from '../../src/records/batch.js'
import { readRecords } from '../../src/records/reader.js'
import { blankBytes, crcPropertyBytes, messageOverheadBytes } from '../../src/storage/commitlog/format.js'
import type { LogWorld } from './partition-log.cases.js'
import { openHeldBack, openWorld, type WorldOptions, type WorldToOpen, worldTopic } from './segment-log.js'

/** Entries of a case that speak of segments. */
const ofSegments: readonly string[] = ['segment.bytes', 'index.interval.bytes', 'key.index.enable']

export function commitLogWorld(
  policy: 'sync' | 'batch' | 'async',
  { supportsDsync: dsync = true, settings: given = {}, copies }: WorldOptions = {},
): LogWorld {
  return {
    name: [
      'commit log',
      policy,
      dsync ? 'dsync' : 'a disk without dsync',
      ...Object.values(given),
      ...(copies ? ['held back'] : []),
    ].join(', '),
    flush: policy === 'async' ? 'async' : 'sync',
    storedSizeOf,
    keptFreeBytes: blankBytes,
    open: (t: TestContext, config = {}) => openWorld(t, { policy, dsync, copies, ...configured(config, given) }),
    openHeldBack: (t, config = {}) => openHeldBack(t, { policy, dsync, ...configured(config, given) }),
  }
}

/** What a case asks of a log in segments, as this layout has it. */
function configured(
  config: Readonly<Record<string, string>>,
  given: SettingsInput,
): Pick<WorldToOpen, 'settings' | 'config'> {
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
  return { settings, config: own }
}

/** Of a batch of one record with nothing but a value: one message with nothing but a body and its CRC. */
function storedSizeOf(batch: RecordBatch): number {
  const [{ value }] = readRecords(batch)
  return messageOverheadBytes + worldTopic.length + (value?.length ?? 0) + crcPropertyBytes
}
