/** Replicas whose logs begin elsewhere than their leader's: behind what it has, or before it. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ReplicaNode } from '../../src/replication/node.js'
import { until } from '../support/until.js'
import { heldBy, Nodes, oneMessage, startOf, untilInSync, untilLeads } from './nodes.js'

async function produce(node: ReplicaNode, count: number, topic = 'orders'): Promise<void> {
  for (let i = 0; i < count; i++) await node.broker.produce({ topic, partition: 0, batch: oneMessage(`${i}`) })
}

for (const layout of ['segments', 'commitlog'] as const) {
  test(`${layout}: a replica that was away until its leader had deleted all that it has begins where the leader does`, async (t) => {
    const nodes = new Nodes(t, { 'storage.layout': layout, 'replica.read': true })
    const one = await nodes.start(1)
    await untilLeads(one)
    await one.broker.createTopic({ name: 'orders', partitions: 1 })
    await one.broker.createTopic({ name: 'bills', partitions: 1 })
    await nodes.start(2)
    await untilInSync(one, [1, 2])
    await produce(one, 5)
    await produce(one, 5, 'bills')
    await nodes.stop(2)
    await produce(one, 10)
    await one.broker.deleteRecords({ topic: 'orders', partition: 0 }, 12)
    const two = await nodes.start(2)
    await untilInSync(one, [1, 2])
    await produce(one, 1)
    await until('the copy is there', async () => (await heldBy(two, 'orders', 0, 12).catch(() => [])).length === 4)
    assert.equal(await startOf(two, 'orders'), 12)
    assert.deepEqual(await heldBy(two, 'orders', 0, 12), await heldBy(one, 'orders', 0, 12))
    assert.deepEqual(await heldBy(two, 'bills'), await heldBy(one, 'bills'))
    await nodes.stop(2)
    const again = await nodes.start(2)
    await untilInSync(one, [1, 2])
    assert.equal(await startOf(again, 'orders'), 12)
    await again.promote()
    await untilInSync(again, [1, 2])
    await produce(again, 1)
    assert.deepEqual((await heldBy(again, 'orders', 0, 12)).at(-1)?.split(':')[0], '16')
  })

  test(`${layout}: records that are deleted on a leader are deleted on its replica, and stay so when that leads`, async (t) => {
    const nodes = new Nodes(t, { 'storage.layout': layout, 'replica.read': true })
    const one = await nodes.start(1)
    await untilLeads(one)
    await one.broker.createTopic({ name: 'orders', partitions: 1 })
    const two = await nodes.start(2)
    await untilInSync(one, [1, 2])
    await produce(one, 6)
    await one.broker.deleteRecords({ topic: 'orders', partition: 0 }, 4)
    await until('they are deleted there', async () => (await startOf(two, 'orders')) === 4)
    await two.promote()
    assert.equal(await startOf(two, 'orders'), 4)
    await assert.rejects(heldBy(two, 'orders', 0, 3), { code: 'OFFSET_OUT_OF_RANGE' })
    assert.equal((await heldBy(two, 'orders', 0, 4)).length, 2)
    await untilInSync(two, [1, 2])
    await two.broker.deleteRecords({ topic: 'orders', partition: 0 }, 5)
    await until('they are deleted there', async () => (await startOf(one, 'orders')) === 5)
    await nodes.stop(2)
    const again = await nodes.start(2)
    await untilLeads(again)
    assert.equal(await startOf(again, 'orders'), 5)
  })

  for (const [how, later] of [
    ['behind the end of its leader', 0],
    ['behind the place at which both parted, and before the end of its leader', 12],
  ] as const) {
    test(`${layout}: a replica that begins ${how} begins where the leader does`, async (t) => {
      const nodes = new Nodes(t, { 'storage.layout': layout, 'replica.read': true, 'replica.lag.time.max.ms': 300 })
      const one = await nodes.start(1)
      await untilLeads(one)
      await one.broker.createTopic({ name: 'orders', partitions: 1 })
      await nodes.start(2)
      await untilInSync(one, [1, 2])
      await produce(one, 4)
      await nodes.stop(2)
      await produce(one, 6)
      await one.broker.deleteRecords({ topic: 'orders', partition: 0 }, 8)
      await nodes.stop(1)
      const two = await nodes.start(2)
      await two.promote({ unclean: true })
      await produce(two, later)
      const back = await nodes.start(1, { 'replica.of': 'node:2' })
      await untilInSync(two, [1, 2])
      await produce(two, 1)
      const expected = await heldBy(two, 'orders')
      assert.equal(expected.length, 4 + later + 1)
      await until('the copy is there', async () => {
        const found = await heldBy(back, 'orders').catch(() => [])
        return found.length === expected.length
      })
      assert.deepEqual(await heldBy(back, 'orders'), expected)
      assert.equal(await startOf(back, 'orders'), 0)
    })
  }
}
