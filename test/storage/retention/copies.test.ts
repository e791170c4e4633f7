/** A copy of another store's logs gives nothing up by itself: its disk, or its clock, is no reason for what all have to go. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../../sim/manual-clock.js'
import { MemoryDisk } from '../../../sim/memory-disk.js'
import { MessageStore } from '../../../src/storage/message-store.js'
import type { PartitionLog } from '../../../src/storage/partition-log.js'
import type { SegmentLog } from '../../../src/storage/segments/segment-log.js'
import { basesOf, day, sendAt, smallSettings, startMs, times } from './world.js'

const reasons = {
  age: { 'log.retention.ms': day },
  size: { 'log.retention.bytes': 1 },
  'the size of the store': { 'store.retention.bytes': 1 },
  'a full disk': { 'disk.watermark.delete.ratio': 1 },
}

for (const [reason, settings] of Object.entries(reasons))
  test(`segments of a copy stay for all of ${reason}, and go when it leads`, async () => {
    const clock = new ManualClock(startMs + 2 * day)
    const disk = new MemoryDisk()
    const elsewhere = {
      shownUpTo: (own: PartitionLog) => own.highWatermark,
      isCopy: true,
      epochOfNewLogs: 0,
      topicsChanged: async () => {},
    }
    const keeping = { 'log.retention.ms': -1, 'disk.watermark.delete.ratio': 100 }
    const store = await MessageStore.open('/data', {
      ...{ disk, clock, elsewhere },
      settings: smallSettings({ ...keeping, ...settings }),
    })
    await store.createTopic({ name: 'orders', partitions: 1, config: {} })
    const log = store.heldBack('orders', 0)?.own as SegmentLog
    await sendAt(log, times(20, startMs))
    disk.capacityBytes = 1e12
    const { freeBytes, totalBytes } = await disk
      .space('/data')
      .then((space) => space ?? { freeBytes: 0, totalBytes: 0 })
    disk.capacityBytes = 2 * (totalBytes - freeBytes)
    const before = basesOf(log)
    assert.ok(before.length > 2)
    const giveUp = async () => {
      await store.runChore('retention')
      await store.runChore('disk watermark')
    }
    await giveUp()
    assert.deepEqual(basesOf(log), before)
    elsewhere.isCopy = false
    await giveUp()
    assert.ok(log.logStartOffset > 0)
    await store.close()
  })
