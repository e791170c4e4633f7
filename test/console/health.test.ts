/** `/health/ready` of a broker whose logs fail one after another: it is ready as long as any of them takes messages. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultDisk } from '../../sim/fault-disk.js'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { openConsole } from './world.js'

test('a broker is ready until the last of its logs has failed, whatever its own topics do', async () => {
  const disk = new FaultDisk(new MemoryDisk())
  await using world = await openConsole({ brokerDisk: disk })
  const ready = async () => (await world.ask('/health/ready')).status
  await world.queue.topics.create('orders', { partitions: 2 })
  await world.broker.commitOffsets({
    groupId: 'billing',
    memberId: '',
    groupInstanceId: null,
    generationId: -1,
    offsets: [{ topic: 'orders', partition: 0, offset: 0, leaderEpoch: -1, metadata: '' }],
  })
  for (const [partition, expected] of [
    [0, 200],
    [1, 503],
  ]) {
    disk.judge = ({ operation, path }) =>
      operation === 'write' && path.includes(`orders-${partition}/`) ? 'EIO' : undefined
    await assert.rejects(world.queue.send('orders', { value: 'x', partition }), { code: 'LOG_FAILED' })
    assert.equal(await ready(), expected, `after the failure of partition ${partition}`)
  }
  disk.judge = () => undefined
})
