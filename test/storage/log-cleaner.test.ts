/** Compaction of a store: when a log is cleaned, what its readers see then and after a restart, and what goes on meanwhile. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { entriesOf, latestOf, openOn, put, smallSegments } from './compacting.js'
import { logOf } from './support.js'

async function fill(log: ReturnType<typeof logOf>, rounds: number, keys = 5): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (let key = 0; key < keys; key++) await put(log, [[`key ${key}`, `value ${round} ${'.'.repeat(60)}`]])
  }
}

describe('a store with compaction', () => {
  test('keeps the latest message of each key, at its offset', async () => {
    const disk = new MemoryDisk()
    const store = await openOn(disk, smallSegments())
    await store.createTopic({ name: 'orders', partitions: 1 })
    const log = logOf(store)
    await fill(log, 20)
    const before = await entriesOf(log)
    const sizeBefore = log.sizeInBytes
    await store.runChore('compaction')
    const after = await entriesOf(log)
    assert.ok(log.sizeInBytes < sizeBefore / 3)
    assert.ok(after.length < 20)
    assert.deepEqual(latestOf(after), latestOf(before))
    for (const entry of after) assert.deepEqual(entry, before[entry.offset])
    await store.close()
    const again = await openOn(disk, smallSegments())
    assert.deepEqual(await entriesOf(logOf(again)), after)
    assert.equal(logOf(again).failure, undefined)
    await fill(logOf(again), 20)
    const grown = await entriesOf(logOf(again))
    await again.runChore('compaction')
    assert.deepEqual(latestOf(await entriesOf(logOf(again))), latestOf(grown))
    await again.close()
  })
})
