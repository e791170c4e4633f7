/** A compacted log has holes, and is sound: verify knows which topics may have them. */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { MemoryDisk } from '../../../sim/memory-disk.js'
import { openOn, put, smallSegments } from '../compacting.js'
import { logOf } from '../support.js'
import { brief, check, flipped } from './world.js'

test('a compacted log has nothing to be found, and a flipped bit in it is found all the same', async () => {
  const disk = new MemoryDisk()
  const store = await openOn(disk, smallSegments())
  await store.createTopic({ name: 'orders', partitions: 1 })
  const log = logOf(store)
  for (let i = 0; i < 150; i++) await put(log, [[`key ${i % 7}`, `value ${i} ${'.'.repeat(60)}`]])
  await store.runChore('compaction')
  await store.close()
  const data = store.path
  assert.deepEqual(brief(await check(disk, data)), [])
  const directory = join(data, 'log/orders-0')
  const names = (await disk.list(directory))?.map(({ name }) => name).filter((name) => name.endsWith('.log')) ?? []
  const path = join(directory, names.sort()[0])
  const bytes = (await disk.readFile(path)) as Buffer
  await disk.replaceFile(path, flipped(bytes, 40))
  assert.deepEqual(brief(await check(disk, data)), [`error batch-damaged ${path}`])
})
