/** Which segments retention gives up, one rule at a time. */

import assert from 'node:assert/strict'
import { utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { ManualClock } from '../../../sim/manual-clock.js'
import { buildBatch } from '../../../src/records/builder.js'
import { MessageStore } from '../../../src/storage/message-store.js'
import { bytesOf, dataPath, gate, readAll, turns } from '../support.js'
import { basesOf, batchBytes, day, segmentLogOf, sendAt, smallSettings, startMs, times, world } from './world.js'

describe('by time', () => {
  test('the oldest segments go, up to the first whose newest record is young enough', async () => {
    const { store, log, clock } = await world({ config: { 'retention.ms': String(2 * day) } })
    const batches = await sendAt(log, [...times(7, startMs), ...times(6, startMs), startMs + day, ...times(9, startMs)])
    assert.deepEqual(basesOf(log), [0, 7, 14, 21])
    clock.advance(2 * day)
    await store.runChore('retention')
    assert.equal(log.logStartOffset, 0, 'as old as the limit is not older than it')
    clock.advance(1)
    await store.runChore('retention')
    assert.deepEqual(basesOf(log), [7, 14, 21], 'the third is old as well, but behind one that stays')
    assert.equal(log.logStartOffset, 7)
    assert.deepEqual(await readAll(log), bytesOf(batches.slice(7)))
    await assert.rejects(log.read(6, 1000), { code: 'OFFSET_OUT_OF_RANGE' })
    await store.close()
  })

  test('an active segment that nobody writes into any more is rolled and goes, once', async () => {
    const { memory, store, log, clock, open } = await world()
    await sendAt(log, times(10, startMs))
    clock.advance(7 * day + 1)
    await store.runChore('retention')
    assert.deepEqual(basesOf(log), [10])
    assert.deepEqual([log.logStartOffset, log.highWatermark, log.sizeInBytes], [10, 10, 0])
    await store.runChore('retention')
    assert.deepEqual(basesOf(log), [10], 'an empty one is not rolled')
    const names = ((await memory.list('/data/log/orders-0')) ?? [])
      .map(({ name }) => name)
      .filter((name) => /^\d/.test(name))
    assert.deepEqual(names.sort(), ['00000000000000000010.log', '00000000000000000010.snapshot'])
    const batches = await sendAt(log, times(2, clock.now()))
    assert.deepEqual(await readAll(log), bytesOf(batches))
    await store.close()
    const again = await open()
    const reopened = segmentLogOf(again, 'orders')
    assert.deepEqual([reopened.logStartOffset, reopened.logEndOffset], [10, 12])
    await again.close()
  })

  test('a record dated ahead keeps its segment, and those behind it', async () => {
    const { store, log, clock } = await world()
    await sendAt(log, [startMs + 30 * day, ...times(8, startMs)])
    clock.advance(20 * day)
    await store.runChore('retention')
    assert.equal(log.logStartOffset, 0)
    clock.advance(17 * day + 1)
    await store.runChore('retention')
    assert.equal(log.logStartOffset, 9)
    await store.close()
  })

  test('a clock that jumps ahead takes what is old by it, one that jumps back takes nothing', async () => {
    const { store, log, clock } = await world()
    await sendAt(log, times(8, startMs))
    clock.stepWallClock(-400 * day)
    await store.runChore('retention')
    assert.equal(log.logStartOffset, 0)
    clock.stepWallClock(400 * day)
    await store.runChore('retention')
    assert.equal(log.logStartOffset, 0)
    clock.stepWallClock(8 * day)
    await store.runChore('retention')
    assert.equal(log.logStartOffset, 8)
    clock.stepWallClock(-8 * day)
    await sendAt(log, [clock.now()])
    await store.runChore('retention')
    assert.deepEqual([log.logStartOffset, log.logEndOffset], [8, 9])
    await store.close()
  })

  test('where no record has a timestamp, the time of the last write counts', async (t) => {
    const path = await dataPath(t)
    const clock = new ManualClock(Date.now())
    const store = await MessageStore.open(path, { settings: smallSettings(), clock })
    await store.createTopic({ name: 'orders', partitions: 1 })
    const log = segmentLogOf(store, 'orders')
    await log.append(buildBatch([{ value: Buffer.from('untimed'), timestamp: -1 }])).acknowledged
    await store.runChore('retention')
    assert.equal(log.logStartOffset, 0)
    const before = new Date(Date.now() - 8 * day)
    await utimes(join(path, 'log', 'orders-0', '00000000000000000000.log'), before, before)
    await store.runChore('retention')
    assert.equal(log.logStartOffset, 1)
    await store.close()
  })

  test('-1 keeps every age', async () => {
    const { store, log, clock } = await world({ config: { 'retention.ms': '-1' } })
    await sendAt(log, times(8, 1))
    clock.advance(4000 * day)
    await store.runChore('retention')
    assert.equal(log.logStartOffset, 0)
    await store.close()
  })
})

describe('by size', () => {
  test('the oldest segments go as long as so much remains', async () => {
    const { store, log } = await world({ config: { 'retention.bytes': String(8 * batchBytes) } })
    await sendAt(log, times(21, startMs))
    assert.deepEqual(basesOf(log), [0, 7, 14])
    await store.runChore('retention')
    assert.deepEqual(basesOf(log), [7, 14], 'without the second one fewer than eight batches would remain')
    await store.close()
  })

  test('0 keeps nothing, not even what the active segment holds', async () => {
    const { store, log } = await world({ config: { 'retention.bytes': '0' } })
    await sendAt(log, times(10, startMs))
    await store.runChore('retention')
    assert.deepEqual([basesOf(log), log.logEndOffset], [[10], 10])
    await store.close()
  })
})

describe('what stays whatever its age and size', () => {
  test('what readers cannot see yet', async () => {
    const { store, log, disk, clock } = await world({ config: { 'retention.bytes': '0' } })
    await sendAt(log, times(9, startMs))
    clock.advance(30 * day)
    const held = gate()
    disk.judge = ({ operation, path }) => (operation === 'write' && path.endsWith('.log') ? held.passed : undefined)
    const sending = sendAt(log, times(1, startMs))
    await turns()
    await store.runChore('retention')
    assert.deepEqual(basesOf(log), [7])
    assert.equal(log.logStartOffset, 7)
    held.open()
    await sending
    await store.runChore('retention')
    assert.deepEqual(basesOf(log), [10])
    await store.close()
  })

  test('topics that are only compacted, and those of the broker, which keep to their log start', async () => {
    const names = ['tables', '__consumer_offsets', '__transaction_state']
    const { store, clock } = await world({ topics: names, settings: { 'store.retention.bytes': 0 } })
    await store.createTopic({ name: 'compacted', partitions: 1, config: { 'cleanup.policy': 'compact' } })
    await store.createTopic({ name: 'both', partitions: 1, config: { 'cleanup.policy': 'compact,delete' } })
    const starts = () => [...names, 'compacted', 'both'].map((name) => segmentLogOf(store, name).logStartOffset)
    for (const { name } of store.topics()) await sendAt(segmentLogOf(store, name), times(9, startMs))
    clock.advance(30 * day)
    await store.runChore('retention')
    assert.deepEqual(starts(), [9, 0, 0, 0, 9])
    await segmentLogOf(store, 'compacted').deleteRecordsBefore(8)
    assert.deepEqual(basesOf(segmentLogOf(store, 'compacted')), [7])
    await store.close()
  })

  test('a log that failed, while the others go on', async () => {
    const { store, log, disk, clock } = await world({ topics: ['orders', 'others'] })
    const others = segmentLogOf(store, 'others')
    await sendAt(log, times(3, startMs))
    await sendAt(others, times(3, startMs))
    disk.judge = ({ operation, path }) => (operation === 'write' && path.includes('orders-0') ? 'EIO' : undefined)
    await assert.rejects(sendAt(log, [startMs]), { code: 'LOG_FAILED' })
    clock.advance(30 * day)
    await store.runChore('retention')
    assert.deepEqual([log.logStartOffset, others.logStartOffset], [0, 3])
    await store.close()
  })
})

describe('in the whole store', () => {
  test('the oldest segments of all topics go until it is below its limit; active ones only where they would not be missed', async () => {
    const limit = 16 * batchBytes
    const { store, log } = await world({
      topics: ['orders', 'others', 'idle'],
      settings: { 'store.retention.bytes': limit },
    })
    const [others, idle] = [segmentLogOf(store, 'others'), segmentLogOf(store, 'idle')]
    await sendAt(idle, times(2, startMs))
    await sendAt(log, [...times(7, startMs + 10), ...times(7, startMs + 30), startMs + 50])
    await sendAt(others, [...times(7, startMs + 20), startMs + 60])
    await store.runChore('retention')
    assert.deepEqual([basesOf(idle), basesOf(log), basesOf(others)], [[2], [7, 14], [0, 7]])
    // 16 batches are there; one more brings the next oldest down, which is the first segment of the others.
    await sendAt(log, [startMs + 70])
    await store.runChore('retention')
    assert.deepEqual([basesOf(log), basesOf(others)], [[7, 14], [7]])
    await store.close()
  })

  test('a small store does not lose its only segment for a few bytes', async () => {
    const { store, log } = await world({ settings: { 'store.retention.bytes': 3 * batchBytes } })
    await sendAt(log, times(5, startMs))
    await store.runChore('retention')
    assert.deepEqual([log.logStartOffset, basesOf(log)], [0, [0]])
    await store.close()
  })
})

test('it runs by itself: half a minute after the start, and at its interval', async () => {
  const { store, log, clock } = await world({ config: { 'retention.ms': '1' } })
  await sendAt(log, [startMs])
  await clock.run(29_999)
  assert.equal(log.logStartOffset, 0)
  await clock.run(1)
  await turns(200)
  assert.equal(log.logStartOffset, 1)
  await sendAt(log, [startMs])
  await clock.run(300_000)
  await turns(200)
  assert.equal(log.logStartOffset, 2)
  await store.close()
})
