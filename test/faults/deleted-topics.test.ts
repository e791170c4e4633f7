/** The removal of a topic's directories that a failed sync has given up: what was deleted does not come back with the loss of power. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { SeededRandomness } from '../../sim/seeded-randomness.js'
import { openStore, smallSettings } from './workload.js'

const settings = smallSettings('sync')
const seeds = [1, 2, 3, 4, 5, 6]

/** A disk whose sync of `/data/log` fails as often as is said, beginning at the next one. */
function world() {
  let failures = 0
  const ask = (operation: string, path: string) => {
    if (operation !== 'syncDirectory' || path !== '/data/log' || failures === 0) return undefined
    failures--
    return { errno: 'EIO', effect: 'none' } as const
  }
  const disk = new MemoryDisk({ faults: { ask, evicts: () => false, below: () => 0 } })
  return {
    disk,
    fail(times: number) {
      failures = times
    },
  }
}

for (const times of [1, 2]) {
  test(`a topic that is deleted after ${times} failed attempts stays deleted`, async () => {
    const { disk, fail } = world()
    const store = await openStore(disk, settings)
    await store.createTopic({ name: 'orders', partitions: 2, config: { 'retention.ms': '1000' } })
    fail(times)
    await assert.rejects(store.deleteTopic('orders'), { code: 'DISK_FAILED' })
    // The next creation finishes the deletion first.
    for (let attempt = 1; attempt < times; attempt++) {
      await assert.rejects(store.createTopic({ name: 'orders', partitions: 1 }), { code: 'DISK_FAILED' })
    }
    await store.createTopic({ name: 'orders', partitions: 1 })
    await store.deleteTopic('orders')
    for (const seed of seeds) {
      const found = await openStore(disk.afterCrash(new SeededRandomness(seed)), settings)
      assert.deepEqual(found.topics(), [], `with seed ${seed}`)
      await found.close()
    }
  })
}

test('a topic that is deleted while somebody else’s sync of the directory fails stays deleted', async () => {
  const { disk, fail } = world()
  const store = await openStore(disk, settings)
  await store.createTopic({ name: 'orders', partitions: 1, config: { 'retention.ms': '1000' } })
  const { rename } = disk
  disk.rename = async (from, to) => {
    await rename.call(disk, from, to)
    if (!to.endsWith('-delete')) return
    disk.rename = rename
    fail(1)
    await assert.rejects(disk.syncDirectory('/data/log'))
  }
  await store.deleteTopic('orders')
  assert.equal(disk.rename, rename)
  for (const seed of seeds) {
    const found = await openStore(disk.afterCrash(new SeededRandomness(seed)), settings)
    assert.deepEqual(found.topics(), [], `with seed ${seed}`)
    await found.close()
  }
})
