/** Metrics and events of a queue in this process: what they tell, and that they cost nothing where nobody asks. */

import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { test } from 'node:test'
import type { FetchEvent, FlushEvent, RebalanceEvent, RecoveryEvent, SendEvent } from '../../src/core/channels.js'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'
import { type OpenOptions, open } from '../../src/open.js'

const isLoaded = (name: string): boolean =>
  Object.keys(createRequire(import.meta.url).cache).some((path) => path.includes(join('node_modules', name)))

test('a queue counts only where it is asked to, and loads prom-client only for the first text', async (t) => {
  const directory = await makeTemporaryDirectory('holdfast-metrics-')
  t.after(() => directory.remove())
  const plain = await open(directory.path)
  assert.equal(plain.metrics, undefined)
  await plain.close()
  const mq = await open(directory.path, { metrics: true })
  await mq.topics.create('orders')
  await mq.send('orders', { value: 'a' })
  const found = await mq.metrics?.snapshot()
  assert.equal(found?.value('mq_appended_messages_total'), 1)
  assert.equal(isLoaded('prom-client'), false)
  assert.match((await mq.metrics?.text()) ?? '', /\nmq_appended_messages_total 1\n/)
  assert.equal(isLoaded('prom-client'), true)
  await mq.close()
})

test("metrics appear in the user's own registry while the queue is open", async (t) => {
  const directory = await makeTemporaryDirectory('holdfast-metrics-')
  t.after(() => directory.remove())
  const { Gauge, Registry } = await import('prom-client')
  const registry = new Registry()
  new Gauge({ name: 'mine', help: 'Mine.', registers: [registry] }).set(7)
  const mq = await open(directory.path, { metrics: registry })
  assert.match(await registry.metrics(), /mine 7[\s\S]*mq_topics 0/)
  await assert.rejects(open(join(directory.path, 'other'), { metrics: registry }), { code: 'INVALID_ARGUMENT' })
  await mq.close()
  assert.doesNotMatch(await registry.metrics(), /mq_/)
  const again = await open(directory.path, { metrics: registry })
  await again.close()
})

test('a metrics option that is neither a registry nor true is refused', async () => {
  for (const metrics of ['yes', 1, {}, null]) {
    const options = { metrics } as unknown as OpenOptions
    await assert.rejects(open('/nowhere', options), { code: 'INVALID_ARGUMENT' })
  }
})

test('events tell of recovery, sends, flushes, fetches and rebalances, to whoever listens', async (t) => {
  const directory = await makeTemporaryDirectory('holdfast-events-')
  t.after(() => directory.remove())
  const heard: Record<string, unknown[]> = {}
  for (const name of ['send', 'flush', 'fetch', 'rebalance', 'recovery']) {
    heard[name] = []
    const listen = (event: unknown): void => void heard[name].push(event)
    subscribe(`holdfast:${name}`, listen)
    t.after(() => unsubscribe(`holdfast:${name}`, listen))
  }
  const mq = await open(directory.path, { settings: { 'group.initial.rebalance.delay.ms': 0 } })
  await mq.topics.create('orders', { partitions: 1 })
  await mq.sendMany('orders', [{ value: 'a' }, { value: 'b' }])
  for await (const message of mq.consume('orders', { group: 'billing' })) {
    await message.ack()
    if (message.offset === 1) break
  }
  await mq.close()
  const [recovery] = heard['recovery'] as RecoveryEvent[]
  assert.deepEqual([recovery.path, recovery.scannedBytes, recovery.damagedLogs], [directory.path, 0, 0])
  const [send] = heard['send'] as SendEvent[]
  assert.deepEqual([send.topic, send.partition, send.baseOffset, send.messages], ['orders', 0, 0, 2])
  assert.ok(send.bytes > 61 && send.durationMs > 0 && send.error === undefined)
  const flush = (heard['flush'] as FlushEvent[]).find(({ topic }) => topic === 'orders')
  assert.deepEqual(
    [flush?.layout, flush?.policy, flush?.messages, flush?.bytes],
    ['segments', 'SYNC_FLUSH', 2, send.bytes],
  )
  const [rebalance] = heard['rebalance'] as RebalanceEvent[]
  assert.deepEqual([rebalance.group, rebalance.generation, rebalance.members], ['billing', 1, 1])
  const fetches = heard['fetch'] as FetchEvent[]
  assert.equal(fetches.find(({ messages }) => messages > 0)?.messages, 2)
})
