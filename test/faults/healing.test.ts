/** What happens to a log after its disk failed: which failures it recovers from by itself, and which it must not. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FaultDisk, type Judge } from '../../sim/fault-disk.js'
import { ManualClock, settled } from '../../sim/manual-clock.js'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { MessageStore } from '../../src/storage/message-store.js'
import type { PartitionLog } from '../../src/storage/partition-log.js'
import { batchOf, bytesOf, gate, readAll, until } from '../storage/support.js'
import { smallCommitLog, smallSettings } from './workload.js'

const healthy: Judge = () => undefined

type Layout = 'segments' | 'commitlog'

async function world(flush: 'sync' | 'async', layout: Layout = 'segments') {
  const clock = new ManualClock()
  const disk = new FaultDisk(new MemoryDisk())
  const settings = layout === 'segments' ? smallSettings(flush, 5000) : smallCommitLog(flush, 5000)
  const open = () => MessageStore.open('/data', { disk, clock, settings })
  const store = await open()
  await store.createTopic({ name: 'orders', partitions: 2 })
  const log = store.log('orders', 0) as PartitionLog
  const other = store.log('orders', 1) as PartitionLog
  return { clock, disk, store, log, other, open }
}

/** Lets the timer of the next attempt fire, and the attempt end. */
async function nextAttempt(clock: ManualClock, disk: FaultDisk, ms: number): Promise<void> {
  const calls = disk.calls.length
  await clock.run(ms)
  await until(() => disk.calls.length > calls)
  // One call has several steps, each of which is a turn.
  for (let quiet = 0, seen = -1; quiet < 40; quiet = seen === disk.calls.length ? quiet + 1 : 0) {
    seen = disk.calls.length
    await settled()
  }
}

for (const layout of ['segments', 'commitlog'] as const) {
  describe(`a log whose disk is full, ${layout}`, () => fullDiskCases(layout))
}

function fullDiskCases(layout: Layout): void {
  test('refuses, stays readable, recovers by itself, and holds nothing of what it refused', async () => {
    const { clock, disk, store, log, other } = await world('sync', layout)
    const kept = [batchOf(['a', 'b'], { producerId: 1, producerEpoch: 0, baseSequence: 0 }), batchOf(['c'])]
    for (const batch of kept) await log.append(batch).acknowledged
    const published = log.publishedBytes
    // In a way that neither the cut after the failure nor recovery can get past.
    disk.judge = ({ operation }) => (operation === 'write' || operation === 'truncate' ? 'ENOSPC' : undefined)
    const refused = batchOf(['refused'], { producerId: 1, producerEpoch: 0, baseSequence: 2 })
    await assert.rejects(log.append(refused).acknowledged, { code: 'DISK_FULL' })
    assert.throws(() => log.append(batchOf(['later'])), { code: 'DISK_FULL' })
    assert.equal(log.failure?.code, 'DISK_FULL')
    assert.deepEqual(await readAll(log), bytesOf(kept))
    for (const ms of [100, 200, 400]) await nextAttempt(clock, disk, ms)
    assert.equal(log.failure?.code, 'DISK_FULL')
    assert.equal(clock.untilNextMs, 800)
    let advanced = 0
    log.onAdvance(() => advanced++)
    disk.judge = healthy
    await nextAttempt(clock, disk, 800)
    assert.equal(log.failure, undefined)
    assert.deepEqual([advanced, log.publishedBytes, log.logEndOffset], [1, published, 3])
    const again = batchOf(['refused'], { producerId: 1, producerEpoch: 0, baseSequence: 2 })
    const receipt = log.append(again)
    assert.deepEqual([receipt.duplicate, receipt.baseOffset], [false, 3], 'what was refused is no duplicate')
    await receipt.acknowledged
    assert.deepEqual(await readAll(log), bytesOf([...kept, again]))
    await other.append(batchOf(['other'])).acknowledged
    await store.close()
    assert.equal(disk.openFiles, 0)
  })

  test('keeps what was acknowledged from the page cache, through the files that were told if it failed', async () => {
    const { clock, disk, log } = await world('async', layout)
    const kept = batchOf(['kept'])
    await log.append(kept).acknowledged
    disk.judge = ({ operation }) => (operation === 'write' ? 'ENOSPC' : undefined)
    await assert.rejects(log.append(batchOf(['refused'])).acknowledged, { code: 'DISK_FULL' })
    disk.judge = healthy
    await clock.run(100)
    await until(() => log.failure === undefined)
    assert.deepEqual([log.failure, log.durableOffset], [undefined, 1])
    assert.deepEqual(await readAll(log), bytesOf([kept]))
  })
}

describe('a log of segments whose disk is full', () => {
  test('is not recovered once a sync has failed, be it for want of room', async () => {
    for (const during of ['before', 'in the recovery']) {
      const { clock, disk, store, log } = await world('async')
      await log.append(batchOf(['kept'])).acknowledged
      if (during === 'before') {
        disk.judge = ({ operation }) => (operation === 'sync' ? 'ENOSPC' : undefined)
        await assert.rejects(log.flush(), { code: 'DISK_FULL' })
      } else {
        disk.judge = ({ operation }) => (operation === 'write' || operation === 'sync' ? 'ENOSPC' : undefined)
        await assert.rejects(log.append(batchOf(['refused'])).acknowledged, { code: 'DISK_FULL' })
        await nextAttempt(clock, disk, 100)
      }
      disk.judge = healthy
      await clock.run(20_000)
      assert.equal(log.failure?.code, 'DISK_FULL')
      assert.throws(() => log.append(batchOf(['later'])), { code: 'DISK_FULL' })
      await store.close()
      assert.equal(disk.openFiles, 0)
    }
  })

  test('that has failed while rolling recovers too', async () => {
    const { clock, disk, store, log } = await world('sync')
    const kept = Array.from({ length: 10 }, (_, i) => batchOf([`${i}${'.'.repeat(400)}`]))
    for (const batch of kept) await log.append(batch).acknowledged
    for (const operation of ['open', 'syncDirectory'] as const) {
      disk.judge = (call) => (call.operation === operation ? 'ENOSPC' : undefined)
      const refused = Array.from({ length: 12 }, () => log.append(batchOf(['.'.repeat(600)])).acknowledged)
      for (const outcome of await Promise.allSettled(refused)) assert.equal(outcome.status, 'rejected')
      disk.judge = healthy
      await nextAttempt(clock, disk, 100)
      assert.deepEqual([log.failure, log.logEndOffset], [undefined, kept.length])
      const more = Array.from({ length: 12 }, () => batchOf(['.'.repeat(600)]))
      await Promise.all(more.map((batch) => log.append(batch).acknowledged))
      kept.push(...more)
      assert.deepEqual(await readAll(log), bytesOf(kept))
    }
    await store.close()
    assert.equal(disk.openFiles, 0)
  })
})

describe('a log that has no descriptor left for its next segment', () => {
  for (const errno of ['EMFILE', 'ENFILE'] as const) {
    test(`recovers by itself: ${errno}`, async () => {
      const { clock, disk, store, log } = await world('sync')
      const kept = [batchOf([`first${'.'.repeat(3000)}`])]
      // From before the first append on, in whose round the next segment is named.
      disk.judge = ({ operation }) => (operation === 'open' ? errno : undefined)
      await log.append(kept[0]).acknowledged
      await assert.rejects(log.append(batchOf(['.'.repeat(3000)])).acknowledged, { code: 'LOG_FAILED' })
      await nextAttempt(clock, disk, 100)
      assert.equal(log.failure?.code, 'LOG_FAILED')
      disk.judge = healthy
      await nextAttempt(clock, disk, 200)
      assert.deepEqual([log.failure, log.logEndOffset], [undefined, 1])
      kept.push(batchOf([`second${'.'.repeat(3000)}`]))
      await log.append(kept[1]).acknowledged
      assert.deepEqual(await readAll(log), bytesOf(kept))
      await store.close()
      assert.equal(disk.openFiles, 0)
    })
  }
})

describe('a log whose disk has failed otherwise', () => {
  test('is not recovered by itself', async () => {
    const { clock, disk, store, log, open } = await world('sync')
    const kept = batchOf(['kept'])
    await log.append(kept).acknowledged
    disk.judge = ({ operation }) => (operation === 'write' ? 'EIO' : undefined)
    await assert.rejects(log.append(batchOf(['refused'])).acknowledged, { code: 'LOG_FAILED' })
    disk.judge = healthy
    await clock.run(60_000)
    assert.equal(log.failure?.code, 'LOG_FAILED')
    await store.close()
    const again = await open()
    assert.deepEqual(await readAll(again.log('orders', 0) as PartitionLog), bytesOf([kept]))
  })

  test('holds nobody else up while it hangs', async () => {
    const { disk, store, log, other } = await world('sync')
    const held = gate()
    disk.judge = ({ operation, path }) => (operation === 'write' && path.includes('orders-0') ? held.passed : undefined)
    const hanging = log.append(batchOf(['hangs']))
    await other.append(batchOf(['goes on'])).acknowledged
    assert.deepEqual([log.highWatermark, other.highWatermark], [0, 1])
    held.open()
    await hanging.acknowledged
    await store.close()
  })
})

describe('a log that is closed while it recovers', () => {
  for (const way of ['deleted', 'closed'] as const) {
    test(`is ${way} for good, and lets go of every file`, async () => {
      const { clock, disk, store, log } = await world('sync')
      await log.append(batchOf(['kept'])).acknowledged
      disk.judge = ({ operation }) => (operation === 'write' || operation === 'truncate' ? 'ENOSPC' : undefined)
      await assert.rejects(log.append(batchOf(['refused'])).acknowledged, { code: 'DISK_FULL' })
      const held = gate()
      let recovering = false
      disk.judge = ({ operation }) => {
        if (operation !== 'truncate') return undefined
        recovering = true
        return held.passed
      }
      await clock.run(100)
      await until(() => recovering)
      const ending = way === 'deleted' ? store.deleteTopic('orders') : store.close()
      await settled()
      held.open()
      await ending
      assert.ok(log.isClosed)
      await clock.run(20_000)
      assert.throws(() => log.append(batchOf(['later'])), { code: 'CLOSED' })
      await store.close()
      assert.equal(disk.openFiles, 0)
      assert.equal(clock.scheduled, 0)
    })
  }
})
