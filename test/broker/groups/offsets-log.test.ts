/** Where a group's records lie, and reading them in bounded pieces. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ManualClock } from '../../../sim/manual-clock.js'
import { javaStringHash, OffsetsLog, partitionOfGroup } from '../../../src/broker/groups/offsets-log.js'
import { MemoryLog } from './memory-log.js'
import { assertRefused, MemoryTopic } from './world.js'

describe('the partition of a group', () => {
  it("Java's String.hashCode", () => {
    assert.equal(javaStringHash(''), 0)
    assert.equal(javaStringHash('hello'), 99162322)
    // Two texts that are known for having the same hash, and one for having the least.
    assert.equal(javaStringHash('Aa'), javaStringHash('BB'))
    assert.equal(javaStringHash('polygenelubricants'), -(2 ** 31))
  })

  it('agrees with the definition in whole numbers', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        let hash = 0n
        for (let i = 0; i < text.length; i++) hash = BigInt.asIntN(32, hash * 31n + BigInt(text.charCodeAt(i)))
        assert.equal(javaStringHash(text), Number(hash))
      }),
    )
  })

  it('is the absolute value of the hash, 0 for the least number, by the count', () => {
    assert.equal(partitionOfGroup('hello', 50), 99162322 % 50)
    assert.equal(partitionOfGroup('polygenelubricants', 50), 0)
    // -1524582912 in Java: the absolute value, not the lower 31 bits.
    assert.equal(javaStringHash('testing') < 0, true)
    assert.equal(partitionOfGroup('testing', 50), Math.abs(javaStringHash('testing')) % 50)
    assert.notEqual(partitionOfGroup('testing', 50), (javaStringHash('testing') & 0x7fffffff) % 50)
  })
})

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
