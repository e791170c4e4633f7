/** The sampler on a real broker: what it writes, what its groups are behind, and which topics it keeps forever. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../sim/manual-clock.js'
import { Broker } from '../../src/broker/broker.js'
import { Queue } from '../../src/client/queue.js'
import { silentLogger } from '../../src/core/logger.js'
import { MetricsRegistry } from '../../src/core/metrics/registry.js'
import { nodeDisk } from '../../src/files/node-disk.js'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'
import { Sampler } from '../../src/monitoring/sampler.js'
import { watchBroker } from '../../src/monitoring/watching.js'
import { until } from '../support/until.js'

test('a broker at work is seen as it is', async () => {
  const directory = await makeTemporaryDirectory('holdfast-watching-')
  const metrics = new MetricsRegistry()
  const broker = await Broker.open(directory.path, { metrics })
  const clock = new ManualClock()
  try {
    const queue = new Queue(broker)
    const tools = { metrics, dataPath: directory.path, disk: nodeDisk, clock, logger: silentLogger }
    const watched = await watchBroker(broker, tools)
    const sampler = new Sampler(watched, { clock, logger: silentLogger })
    const second = async () => {
      await until('the look before to end', () => clock.scheduled > 0)
      const ticks = sampler.history(3600).length
      clock.advance(1000)
      await until('a tick', () => sampler.history(3600).length > ticks)
    }
    sampler.start()
    clock.advance(0)
    await until('the first look', () => clock.scheduled > 0)

    await queue.topics.create('orders')
    await queue.sendMany(
      'orders',
      Array.from({ length: 500 }, (_, i) => ({ value: `order ${i}` })),
    )
    await broker.commitOffsets({
      groupId: 'readers',
      memberId: '',
      groupInstanceId: null,
      generationId: -1,
      offsets: [{ topic: 'orders', partition: 0, offset: 120, leaderEpoch: -1, metadata: '' }],
    })
    await second()
    const tick = sampler.now
    assert.ok(tick)
    assert.equal(tick.messagesInPerSecond, 500)
    assert.ok(tick.flushesPerSecond >= 1 && tick.flush.p50Ms !== null && tick.append.p50Ms !== null)
    assert.ok(tick.residentBytes > 1e6 && tick.heapBytes > 1e6)
    assert.ok(tick.diskUsedRatio > 0 && tick.diskFreeBytes > 0)
    assert.ok(sampler.disk.storeBytes > 500)
    for (let i = 0; i < 11; i++) await second()
    await until('the lag', () => sampler.lagOverTime('readers').length > 0)
    assert.equal(sampler.lagOverTime('readers').at(-1)?.lag, 380)
    assert.ok(sampler.device !== undefined)
    await sampler.close()

    assert.deepEqual(await watched.keptForever(), [])
    await queue.topics.create('archive', { config: { 'retention.ms': '-1', 'retention.bytes': '-1' } })
    await queue.topics.create('table', { config: { 'retention.ms': '-1', 'cleanup.policy': 'compact' } })
    assert.deepEqual(
      (await watched.keptForever()).map(({ topic }) => topic),
      ['archive'],
    )
  } finally {
    await broker.close()
    await directory.remove()
  }
})
