/** Which version of the topics has which of them. */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { TopicSharing } from '../../src/replication/leader/topic-sharing.js'
import { MessageStore } from '../../src/storage/message-store.js'
import { temporaryDirectory, whenEnded } from '../storage/support.js'

test('a topic that is there before its version is told is in none, and a name is known by the topic that has it', async (t) => {
  const store = await MessageStore.open(join(await temporaryDirectory(t), 'data'))
  whenEnded(t, () => store.close())
  const sharing = new TopicSharing(store, () => Number.POSITIVE_INFINITY)
  const names = () => sharing.topics().map(({ name }) => name)
  await store.createTopic({ name: 'orders', partitions: 1 })
  assert.deepEqual([names(), sharing.isKnownIn(sharing.version, 'orders')], [[], false])
  await sharing.shared()
  assert.deepEqual([names(), sharing.version, sharing.isKnownIn(2, 'orders')], [['orders'], 2, true])
  assert.equal(sharing.isKnownIn(1, 'orders'), false)
  await store.deleteTopic('orders')
  await store.createTopic({ name: 'orders', partitions: 1 })
  assert.deepEqual([names(), sharing.isKnownIn(2, 'orders')], [[], false])
  await sharing.shared()
  assert.deepEqual([names(), sharing.isKnownIn(2, 'orders'), sharing.isKnownIn(3, 'orders')], [['orders'], false, true])
})
