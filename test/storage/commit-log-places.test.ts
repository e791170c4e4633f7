/** Places in the commit log that were given to messages which were refused go to others, whatever was made meanwhile. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultDisk } from '../../sim/fault-disk.js'
import { ManualClock } from '../../sim/manual-clock.js'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { SeededRandomness } from '../../sim/seeded-randomness.js'
import { MessageStore } from '../../src/storage/message-store.js'
import { smallCommitLog } from '../faults/workload.js'
import { batchOf, gate, logOf, readAll, turns } from './support.js'

test('a topic that was made while others were refused keeps what it is sent', async () => {
  const held = gate()
  let isHolding = false
  const disk = new FaultDisk(new MemoryDisk(), async (call) => {
    if (!isHolding || call.operation !== 'write' || !call.path.includes('/commitlog/')) return undefined
    await held.passed
    isHolding = false
    return 'ENOSPC'
  })
  const clock = new ManualClock()
  const options = { disk, clock, settings: smallCommitLog('sync'), randomness: new SeededRandomness(1) }
  const store = await MessageStore.open('/data', options)
  await store.createTopic({ name: 'orders', partitions: 1 })
  await logOf(store).append(batchOf(['first'])).acknowledged
  isHolding = true
  const refused = logOf(store).append(batchOf(['x'.repeat(500)])).acknowledged
  const failing = assert.rejects(refused, { code: 'DISK_FULL' })
  await store.createTopic({ name: 'later', partitions: 1 })
  held.open()
  await failing
  for (let i = 0; logOf(store).failure !== undefined; i++) {
    assert.ok(i < 1000)
    clock.advance(1000)
    await turns()
  }
  await logOf(store, 'later').append(batchOf(['kept'])).acknowledged
  const kept = await readAll(logOf(store, 'later'))
  await store.close()
  const again = await MessageStore.open('/data', options)
  assert.deepEqual(await readAll(logOf(again, 'later')), kept)
  await again.close()
})
