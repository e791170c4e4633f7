/** When a log goes on in a new segment, though the active one has room: by the time between records, and when it is told to. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { settled } from '../../../sim/manual-clock.js'
import { SeededRandomness } from '../../../sim/seeded-randomness.js'
import { basesOf, batchBytes, segmentBytes, segmentLogOf, sendAt, startMs, times, world } from '../retention/world.js'
import { bytesOf, readAll, sizedBatch } from '../support.js'

describe('segment.ms', () => {
  const config = { 'segment.ms': '1000' }

  test('a record more than that behind the first one begins a segment, in the middle of a round too', async () => {
    const { store, log } = await world({ config })
    const batches = [0, 500, 1000, 1001, 300, 2001, 2002].map((after) =>
      sizedBatch(100, `${after}`, { timestamp: startMs + after }),
    )
    await Promise.all(batches.map((batch) => log.append(batch).acknowledged))
    assert.deepEqual(basesOf(log), [0, 3, 6])
    assert.deepEqual(await readAll(log), bytesOf(batches))
    await store.close()
  })

  test('is counted from the first record also after a restart, clean or not', async () => {
    for (const clean of [true, false]) {
      const { memory, store, log, open } = await world({ config })
      await sendAt(log, [startMs, startMs + 900])
      if (clean) await store.close()
      const again = await open(clean ? undefined : memory.afterCrash(new SeededRandomness(1)))
      const reopened = segmentLogOf(again, 'orders')
      await sendAt(reopened, [startMs + 1000])
      await sendAt(reopened, [startMs + 1001])
      assert.deepEqual(basesOf(reopened), [0, 3])
      await again.close()
    }
  })

  test('of a compacted topic is at most its max.compaction.lag.ms', async () => {
    for (const policy of ['compact', 'delete']) {
      const { store, log } = await world({ config: { 'cleanup.policy': policy, 'max.compaction.lag.ms': '1000' } })
      await sendAt(log, [startMs, startMs + 1001])
      assert.deepEqual(basesOf(log), policy === 'compact' ? [0, 1] : [0])
      await store.close()
    }
  })

  test('an idle log is not rolled; without timestamps the clock counts', async () => {
    const { store, log, clock } = await world({ config })
    await sendAt(log, [-1])
    clock.advance(5000)
    await settled()
    assert.deepEqual(basesOf(log), [0])
    await sendAt(log, [-1])
    assert.deepEqual(basesOf(log), [0, 1])
    await store.close()
  })

  test('whatever comes in whatever rounds, the segments are those of the rule', async () => {
    const after = fc.array(fc.array(fc.integer({ min: -1500, max: 3000 }), { minLength: 1, maxLength: 5 }), {
      maxLength: 8,
    })
    await fc.assert(
      fc.asyncProperty(after, async (rounds) => {
        const { store, log } = await world({ config })
        const expected = [0]
        let [first, bytes, offset] = [startMs, 0, 0]
        for (const round of rounds) {
          const batches = round.map((ms) => sizedBatch(batchBytes, '', { timestamp: startMs + ms }))
          for (const [index, { sizeInBytes }] of batches.entries()) {
            const timestamp = startMs + round[index]
            if (bytes > 0 && (timestamp - first > 1000 || bytes + sizeInBytes > segmentBytes)) {
              expected.push(offset)
              bytes = 0
            }
            if (bytes === 0) first = timestamp
            bytes += sizeInBytes
            offset++
          }
          await Promise.all(batches.map((batch) => log.append(batch).acknowledged))
        }
        assert.deepEqual(basesOf(log), expected)
        await store.close()
      }),
      { numRuns: 50 },
    )
  })
})

describe('a log that is told to go on in a new segment', () => {
  test('does so where it ends there, and holds something', async () => {
    const { store, log } = await world()
    assert.equal(await log.rollAt(0), false)
    const batches = await sendAt(log, times(3, startMs))
    assert.equal(await log.rollAt(2), false)
    assert.deepEqual(basesOf(log), [0])
    assert.equal(await log.rollAt(3), true)
    assert.equal(await log.rollAt(3), false)
    assert.deepEqual(basesOf(log), [0, 3])
    batches.push(...(await sendAt(log, times(2, startMs))))
    assert.deepEqual(await readAll(log), bytesOf(batches))
    await store.close()
  })

  test('takes the segment that was named already', async () => {
    const { store, log } = await world()
    await sendAt(log, times(7, startMs))
    assert.equal(await log.rollAt(7), true)
    await sendAt(log, times(1, startMs))
    assert.deepEqual(basesOf(log), [0, 7])
    await store.close()
  })

  test('without room on the disk goes on as it was, and rolls with the next round', async () => {
    const { memory, disk, store, log, open } = await world({ settings: { 'file.preallocate': 'none' } })
    const batches = await sendAt(log, times(3, startMs))
    disk.judge = ({ operation, path }) => (operation === 'open' && path.endsWith('3.log') ? 'ENOSPC' : undefined)
    assert.equal(await log.rollAt(3), false)
    assert.equal(log.failure, undefined)
    disk.judge = () => undefined
    batches.push(...(await sendAt(log, times(2, startMs))))
    assert.deepEqual(basesOf(log), [0, 3])
    const again = await open(memory.afterCrash(new SeededRandomness(2)))
    assert.deepEqual(await readAll(segmentLogOf(again, 'orders')), bytesOf(batches))
    await again.close()
    await store.close()
  })

  test('fails where the name of the new segment could not be made durable', async () => {
    const { disk, store, log } = await world({ settings: { 'file.preallocate': 'none' } })
    await sendAt(log, times(3, startMs))
    disk.judge = ({ operation, path }) =>
      operation === 'syncDirectory' && path.endsWith('orders-0') ? 'EIO' : undefined
    await assert.rejects(log.rollAt(3), { code: 'LOG_FAILED' })
    assert.equal(log.failure?.code, 'LOG_FAILED')
    disk.judge = () => undefined
    await store.close()
  })
})
