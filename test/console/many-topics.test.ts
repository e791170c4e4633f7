/** Thousands of topics, HOLDFAST_TEST_TOPICS=10000 for as many: lists are pages, searches are answered from names alone, and streams go on meanwhile. */

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

const count = Number(process.env['HOLDFAST_TEST_TOPICS'] ?? 2000)
const nameOf = (index: number): string => `topic-${String(index).padStart(5, '0')}`

/** A folder with as many topics made by writing the catalog: making each would write it as many times. */
async function manyTopics(dataPath: string, disk: Disk): Promise<void> {
  const broker = await Broker.open(dataPath, { disk })
  await broker.createTopic({ name: 'topic-00000', partitions: 1 })
  await broker.close()
  const catalog = await TopicCatalog.load(disk, join(dataPath, 'config'))
  const [first] = catalog.all()
  const topics = Array.from({ length: count }, (_, i) => {
    const id = i === 0 ? first.id : randomUuid(systemRandomness)
    return { ...first, name: nameOf(i), id }
  })
  await disk.replaceFile(join(dataPath, 'config', 'topics.json'), encodeCatalog(topics))
}

test(`${count} topics: lists are bounded and in order, and a search finds its few`, async () => {
  await using world = await openConsole({ prepare: manyTopics, brokerDisk: new MemoryDisk() })
  const { ask } = world
  const first = (await ask('/api/topics')).json as Page<TopicRow>
  assert.deepEqual([first.total, first.rows.length, first.rows[0].name], [count, 50, nameOf(0)])
  const last = (await ask(`/api/topics?offset=${count - 10}&limit=500`)).json as Page<TopicRow>
  assert.deepEqual([last.rows.length, last.rows[9].name], [10, nameOf(count - 1)])
  const found = (await ask('/api/topics?search=-0199')).json as Page<TopicRow>
  assert.equal(found.total, 10)
  const overview = await ask('/api/overview')
  assert.equal((overview.json as Overview).topics, count)
  const storage = await ask('/api/storage')
  assert.equal((storage.json as StorageOverview).totalLogs, count)
  for (const { text } of [overview, storage]) assert.ok(text.length < 200_000)
})
