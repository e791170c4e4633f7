/** What a store does when its disk fills up, and when there is room again. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { settled } from '../../sim/manual-clock.js'
import { NextSegment } from '../../src/storage/segments/next-segment.js'
import { basesOf, batchBytes, segmentLogOf, sendAt, startMs, times, world } from './retention/world.js'
import { placeWorld } from './segments/place.js'
import { bytesOf, readAll, sizedBatch, turns } from './support.js'

const full = 'disk watermark'

/** Lets the disk be used to so many percent. */
async function use(
  memory: {
    capacityBytes: number | undefined
    space(path: string): Promise<{ totalBytes: number; freeBytes: number } | undefined>
  },
  percent: number,
) {
  memory.capacityBytes = 1e12
  const { totalBytes, freeBytes } = (await memory.space('/data')) ?? { totalBytes: 0, freeBytes: 0 }
  memory.capacityBytes = Math.floor(((totalBytes - freeBytes) * 100) / percent)
}

describe('above disk.watermark.delete.ratio', () => {
  test('the oldest sealed segments of all topics go, as few as bring it below', async () => {
    const { memory, store, log } = await world({ topics: ['orders', 'others'] })
    const others = segmentLogOf(store, 'others')
    const batches = await sendAt(log, [...times(7, startMs + 1), ...times(7, startMs + 3), ...times(7, startMs + 5)])
    await sendAt(others, [...times(7, startMs + 2), ...times(7, startMs + 4)])
    await sendAt(log, [startMs + 6])
    await turns(100)
    await use(memory, 84)
    await store.runChore(full)
    assert.deepEqual(
      [basesOf(log), basesOf(others)],
      [
        [0, 7, 14, 21],
        [0, 7],
      ],
    )
    await use(memory, 90)
    await store.runChore(full)
    assert.deepEqual(
      [basesOf(log), basesOf(others)],
      [
        [7, 14, 21],
        [0, 7],
      ],
      'one of five is enough',
    )
    await store.runChore(full)
    assert.deepEqual(basesOf(log), [7, 14, 21])
    await use(memory, 100)
    await store.runChore(full)
    assert.ok(others.logStartOffset === 7 && log.logStartOffset > 0)
    assert.deepEqual((await readAll(log)).slice(0, -1), bytesOf(batches.slice(log.logStartOffset)))
    await store.close()
  })

  test('never an active one, nor where the topic or the broker keeps everything; that is said once', async () => {
    const topics = ['orders', '__consumer_offsets']
    const { memory, store, log, logger } = await world({ topics })
    await store.createTopic({ name: 'kept', partitions: 1, config: { 'cleanup.policy': 'compact' } })
    await sendAt(log, times(3, startMs))
    await sendAt(segmentLogOf(store, 'kept'), times(10, startMs))
    await sendAt(segmentLogOf(store, '__consumer_offsets'), times(10, startMs))
    await use(memory, 90)
    for (let i = 0; i < 3; i++) await store.runChore(full)
    for (const { name } of store.topics()) assert.equal(segmentLogOf(store, name).logStartOffset, 0)
    assert.equal(logger.said.filter(({ level }) => level === 'warn').length, 1)
    await store.close()
  })

  test('a log whose files cannot be read does not keep the others from giving room', async () => {
    const first = await world({ topics: ['orders', 'others'] })
    await sendAt(first.log, times(8, startMs))
    await sendAt(segmentLogOf(first.store, 'others'), times(8, startMs + 1))
    await first.store.close()
    const store = await first.open()
    first.disk.judge = ({ path }) => (path.includes('orders-0/00000000000000000000') ? 'EIO' : undefined)
    await use(first.memory, 90)
    await store.runChore(full)
    assert.equal(segmentLogOf(store, 'orders').logStartOffset, 0)
    assert.equal(segmentLogOf(store, 'others').logStartOffset, 7)
    await store.close()
  })

  test('what goes is given back to the disk, not kept as the file of the next segment', async () => {
    const { place } = await placeWorld({ preallocate: 'zero' })
    const next = new NextSegment(place)
    assert.equal(next.takesRecycled, true)
    place.room.isScarce = true
    assert.equal(next.takesRecycled, false)
  })

  test('100 switches it off', async () => {
    const { memory, store, log } = await world({
      settings: { 'disk.watermark.delete.ratio': 100, 'disk.watermark.refuse.ratio': 100 },
    })
    await sendAt(log, times(20, startMs))
    await use(memory, 100)
    await store.runChore(full)
    assert.equal(log.logStartOffset, 0)
    await sendAt(log, times(1, startMs))
    await store.close()
  })
})

describe('above disk.watermark.refuse.ratio', () => {
  test('messages are refused, with figure and setting, until the disk is well below; all else goes on', async () => {
    const { memory, store, log, clock } = await world({ topics: ['orders', '__consumer_offsets', 'doomed'] })
    const batches = await sendAt(log, times(3, startMs))
    await use(memory, 96)
    await clock.run(2000)
    await settled()
    assert.throws(() => log.append(batches[0]), {
      code: 'DISK_WATERMARK',
      retriable: true,
      message: /is 96\.0 % full.*disk\.watermark\.refuse\.ratio is 95.*below 94 %/,
    })
    assert.deepEqual(await readAll(log), bytesOf(batches))
    await sendAt(segmentLogOf(store, '__consumer_offsets'), [startMs])
    await log.deleteRecordsBefore(1)
    await store.deleteTopic('doomed')
    const marker = { producerId: 1, producerEpoch: 0, coordinatorEpoch: 0 }
    await log.endTransaction({ ...marker, commit: true }).acknowledged
    await use(memory, 94.5)
    await clock.run(2000)
    assert.throws(() => log.append(batches[0]), { code: 'DISK_WATERMARK' })
    await use(memory, 93.5)
    await clock.run(2000)
    await settled()
    await sendAt(log, [startMs])
    await use(memory, 94.5)
    await clock.run(2000)
    await sendAt(log, [startMs])
    assert.equal(log.logEndOffset, 6)
    await store.close()
  })

  test('a message that was taken before is acknowledged again', async () => {
    const { memory, store, log } = await world()
    const batch = () => sizedBatch(batchBytes, '', { producerId: 5, producerEpoch: 0, baseSequence: 0 })
    await log.append(batch()).acknowledged
    await use(memory, 99)
    await store.runChore(full)
    const { duplicate, acknowledged } = log.append(batch())
    await acknowledged
    assert.equal(duplicate, true)
    await store.close()
  })
})
