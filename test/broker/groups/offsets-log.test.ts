/** The log of groups: order, bounded reading, and what a client is told where it fails. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ManualClock } from '../../../sim/manual-clock.js'
import { OffsetsLog } from '../../../src/broker/groups/offsets-log.js'
import { MemoryLog } from './memory-log.js'
import { assertRefused, MemoryTopic } from './world.js'

describe('the log of groups', () => {
  const record = (bytes: number) => [{ key: Buffer.from('key'), value: Buffer.alloc(bytes, 1) }]

  it('reads everything back, a megabyte at a time', async () => {
    const topic = new MemoryTopic()
    const log = new OffsetsLog(topic, new ManualClock())
    for (let i = 0; i < 40; i++) await log.append('g', record(100_000))
    const offsets: number[] = []
    for await (const batches of log.batches(0)) {
      const sizeInBytes = batches.reduce((sum, batch) => sum + batch.sizeInBytes, 0)
      assert.ok(sizeInBytes <= 1024 * 1024)
      offsets.push(...batches.map(({ baseOffset }) => baseOffset))
    }
    assert.deepEqual(
      offsets,
      Array.from({ length: 40 }, (_, i) => i),
    )
    assert.equal(topic.log(0).reads.largestBytes, 1024 * 1024)
  })

  it('appends in the order of the calls, to the partition of the group', async () => {
    const topic = new MemoryTopic([new MemoryLog('t', 0), new MemoryLog('t', 1)])
    const log = new OffsetsLog(topic, new ManualClock())
    const [first, second, other] = [log.append('a', record(1)), log.append('a', record(1)), log.append('b', record(1))]
    assert.deepEqual(await Promise.all([first, second, other]), [0, 1, 0])
    assert.deepEqual(
      topic.logs.map(({ logEndOffset }) => logEndOffset),
      [1, 2],
    )
  })

  it('says that the coordinator is not available where the log failed', async () => {
    const topic = new MemoryTopic()
    const log = new OffsetsLog(topic, new ManualClock())
    topic.log(0).acknowledgesAtOnce = false
    const waiting = log.append('g', record(1))
    topic.log(0).fail()
    await assertRefused(waiting, 'COORDINATOR_NOT_AVAILABLE')
    await assertRefused(log.append('g', record(1)), 'COORDINATOR_NOT_AVAILABLE')
    await log.drain()
  })
})
