/** The topics of a replica become those of its leader. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { takeOverTopics } from '../../src/replication/follower/topics.js'
import { batchOf, dataPath, openStore, readAll } from '../storage/support.js'

for (const layout of ['segments', 'commitlog'] as const) {
  test(`${layout}: a topic that grew under a leader without followers begins anew, as its next leader has it`, async (t) => {
    const path = await dataPath(t)
    const store = await openStore(t, path)
    const config = { 'storage.layout': layout }
    const { id } = await store.createTopic({ name: 'orders', partitions: 1, config })
    const leaders = { name: 'orders', id, partitions: 1, config, largestBatchBytes: 0 }
    await store.addPartitions('orders', 2)
    await store.log('orders', 1)?.append(batchOf(['nobody else has it'])).acknowledged
    await takeOverTopics(store, [leaders])
    assert.equal(store.topic('orders')?.partitions, 1)
    assert.equal(store.log('orders', 1), undefined)
    await takeOverTopics(store, [{ ...leaders, partitions: 2 }])
    const grown = store.log('orders', 1)
    assert.ok(grown !== undefined && store.topic('orders')?.id.equals(id))
    assert.equal((await readAll(grown)).length, 0)
    await store.close()
    const again = await openStore(t, path)
    assert.equal(again.log('orders', 1)?.logEndOffset, 0)
  })
}
