/** Ten thousand topics: lists are pages, searches are answered from names alone, and streams go on meanwhile. */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { Broker } from '../../src/broker/broker.js'
import type { Overview, Page, StorageOverview, TopicRow } from '../../src/console/api-types.js'
import { randomUuid, systemRandomness } from '../../src/core/randomness.js'
import type { Disk } from '../../src/files/disk.js'
import { encodeCatalog, TopicCatalog } from '../../src/storage/topic-catalog.js'
import { openConsole } from './world.js'

/** A folder with as many topics made by writing the catalog: making each would write it ten thousand times. */
async function manyTopics(dataPath: string, disk: Disk): Promise<void> {
  const broker = await Broker.open(dataPath, { disk })
  await broker.createTopic({ name: 'topic-00000', partitions: 1 })
  await broker.close()
  const catalog = await TopicCatalog.load(disk, join(dataPath, 'config'))
  const [first] = catalog.all()
  const topics = Array.from({ length: 10_000 }, (_, i) => {
    const id = i === 0 ? first.id : randomUuid(systemRandomness)
    return { ...first, name: `topic-${String(i).padStart(5, '0')}`, id }
  })
  await disk.replaceFile(join(dataPath, 'config', 'topics.json'), encodeCatalog(topics))
}

test('10,000 topics: lists are bounded and in order, and a search finds its few', async () => {
  await using world = await openConsole({ prepare: manyTopics, brokerDisk: new MemoryDisk() })
  const { ask } = world
  const first = (await ask('/api/topics')).json as Page<TopicRow>
  assert.deepEqual([first.total, first.rows.length, first.rows[0].name], [10_000, 50, 'topic-00000'])
  const last = (await ask('/api/topics?offset=9990&limit=500')).json as Page<TopicRow>
  assert.deepEqual([last.rows.length, last.rows[9].name], [10, 'topic-09999'])
  const found = (await ask('/api/topics?search=-0999')).json as Page<TopicRow>
  assert.equal(found.total, 10)
  const overview = await ask('/api/overview')
  assert.equal((overview.json as Overview).topics, 10_000)
  const storage = await ask('/api/storage')
  assert.equal((storage.json as StorageOverview).totalLogs, 10_000)
  for (const { text } of [overview, storage]) assert.ok(text.length < 200_000)
})
