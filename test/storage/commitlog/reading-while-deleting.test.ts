/** Who reads what is committed while records are deleted is told of every abort in what he gets. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultDisk } from '../../../sim/fault-disk.js'
import { MemoryDisk } from '../../../sim/memory-disk.js'
import { buildBatch } from '../../../src/records/builder.js'
import { controlBatch } from '../../../src/records/end-marker.js'
import { gate } from '../support.js'
import { append, storeWorld } from './store-world.js'

test('records that are deleted during the read of an aborted transaction do not take its abort away', async () => {
  const reading = gate()
  const deleted = gate()
  let holds = false
  const disk = new FaultDisk(new MemoryDisk({ supportsMapping: false }), async ({ operation, path }) => {
    if (!holds || operation !== 'read' || !path.includes('/commitlog/')) return undefined
    holds = false
    reading.open()
    return deleted.passed
  })
  const store = await storeWorld(disk, '/data').open()
  const queue = store.ensureQueue('orders', 0)
  const producer = { producerId: 7, producerEpoch: 0 }
  const record = { value: Buffer.from('to be aborted'), timestamp: 1 }
  await append(queue, buildBatch([record], { ...producer, baseSequence: 0, isTransactional: true }))
  await append(queue, controlBatch({ ...producer, coordinatorEpoch: 0, outcome: 'ABORT', timestamp: 2 }))
  for (let i = 0; i < 3; i++) await append(queue, buildBatch([record]))
  holds = true
  const read = queue.read(0, 100_000, { committed: true })
  await reading.passed
  await queue.deleteRecordsBefore(4)
  deleted.open()
  assert.deepEqual((await read).aborted, [{ producerId: 7, firstOffset: 0 }])
  await store.close()
})
