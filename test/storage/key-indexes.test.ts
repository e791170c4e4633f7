/** The key indexes of a store: what compaction and retention do to them, and what is opened and removed at a start. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryDisk } from '../../sim/memory-disk.js'
import type { KeyIndex } from '../../src/storage/key-index/key-index.js'
import type { MessageStore } from '../../src/storage/message-store.js'
import { entriesOf, openOn, put, smallSegments } from './compacting.js'
import { byKey, offsetsOf } from './key-index/world.js'
import { logOf } from './support.js'

const settings = smallSegments({ 'key.index.enable': true })

function indexOf(store: MessageStore, topic = 'orders'): KeyIndex {
  const index = store.keyIndexes.get(topic, 0)
  assert.ok(index)
  return index
}

async function assertTruth(store: MessageStore, keys: number): Promise<void> {
  const entries = await entriesOf(logOf(store))
  for (let key = 0; key < keys; key++) {
    const offsets = entries.filter((entry) => entry.key === `key ${key}`).map(({ offset }) => offset)
    assert.deepEqual(await offsetsOf(indexOf(store), byKey(`key ${key}`)), offsets.reverse(), `key ${key}`)
  }
}

test('compaction takes records out of an index, and their entries out of its files', async () => {
  const disk = new MemoryDisk()
  const store = await openOn(disk, settings)
  await store.createTopic({ name: 'orders', partitions: 1 })
  for (let round = 0; round < 30; round++) {
    for (let key = 0; key < 4; key++) await put(logOf(store), [[`key ${key}`, `${round} ${'.'.repeat(60)}`]])
    if (round % 5 === 4) {
      await indexOf(store).catchUp(logOf(store).highWatermark)
      await indexOf(store).writeTable()
    }
  }
  assert.equal(indexOf(store).status.entries, 120)
  await store.runChore('compaction')
  await assertTruth(store, 4)
  await store.runChore('key indexes')
  await assertTruth(store, 4)
  const { entries } = indexOf(store).status
  assert.ok(entries < 60, `${entries} entries`)
  await store.close()
  const again = await openOn(disk, settings)
  await indexOf(again).ready()
  assert.equal(indexOf(again).status.entries, entries)
  await assertTruth(again, 4)
  await again.close()
})

test('a start removes the indexes of topics that keep none, and of such as are gone', async () => {
  const disk = new MemoryDisk()
  const store = await openOn(disk, settings)
  for (const name of ['orders', 'other']) {
    await store.createTopic({ name, partitions: 2 })
    await put(logOf(store, name), [['key 0', 'value']])
    await indexOf(store, name).catchUp(1)
  }
  await store.close()
  await disk.makeDirectory('/data/index/gone-0')
  const names = async () => ((await disk.list('/data/index')) ?? []).map(({ name }) => name).sort()
  assert.deepEqual(await names(), ['gone-0', 'orders-0', 'other-0'])
  const off = await openOn(disk, smallSegments())
  assert.deepEqual(await names(), [])
  await off.alterTopic('orders', (config) => ({ ...config, 'key.index.enable': 'true' }))
  assert.deepEqual(await offsetsOf(indexOf(off), byKey('key 0')), [0])
  await off.close()
  assert.deepEqual(await names(), ['orders-0'])
})
