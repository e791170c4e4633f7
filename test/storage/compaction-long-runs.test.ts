/** Compaction copies a long run of unchanged batches from its file, which is open for no longer than its segment is read. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { resolveSettings } from '../../src/core/settings.js'
import { nodeDisk } from '../../src/files/node-disk.js'
import { batchesIn } from '../../src/records/batch.js'
import { buildBatch } from '../../src/records/builder.js'
import { readRecords } from '../../src/records/reader.js'
import { dataPath, logOf, openStore, readAll } from './support.js'

for (const [name, disk] of Object.entries({ 'a real disk': nodeDisk, 'a simulated one': new MemoryDisk() })) {
  test(`segments that end in a long run of what stays are compacted: ${name}`, async (t) => {
    const settings = resolveSettings({ 'log.segment.bytes': 1 << 20, 'log.cleaner.min.cleanable.ratio': 0 })
    const store = await openStore(t, await dataPath(t), { settings, disk })
    await store.createTopic({ name: 'orders', partitions: 1, config: { 'cleanup.policy': 'compact' } })
    const log = logOf(store)
    const last = new Map<string, number>()
    for (let number = 0; number < 24; number++) {
      // Three go into a segment, and each is more than is read at a time; the first of them is written again.
      const key = number % 3 === 0 ? 'again' : `key ${number}`
      last.set(key, number)
      const value = Buffer.alloc(300_000, `${number} `)
      await log.append(buildBatch([{ key: Buffer.from(key), value, timestamp: number }])).acknowledged
    }
    const [cleaned] = await store.compactTopic('orders')
    assert.ok(cleaned.bytesAfter < cleaned.bytesBefore)
    const found = new Map<string, number>()
    for (const { bytes } of await readAll(log)) {
      const [batch] = batchesIn(bytes)
      assert.ok(batch.crcMatches())
      for (const { key, value } of readRecords(batch)) {
        const number = Number.parseInt(String(value), 10)
        assert.deepEqual(value, Buffer.alloc(300_000, `${number} `))
        found.set(String(key), number)
      }
    }
    assert.deepEqual(found, last)
  })
}
