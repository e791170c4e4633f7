/** A replica follows: topics, batches, groups; who waits for it; who leads after it. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultDisk } from '../../sim/fault-disk.js'
import { nodeDisk } from '../../src/files/node-disk.js'
import { buildBatch } from '../../src/records/builder.js'
import { until } from '../support/until.js'
import { heldBy, Nodes, oneMessage, startOf, untilInSync, untilLeads } from './nodes.js'

for (const layout of ['segments', 'commitlog'] as const) {
  test(`${layout}: a replica gets topics and messages, and comes into the in-sync set`, async (t) => {
    const nodes = new Nodes(t, { 'storage.layout': layout, 'replica.read': true })
    const one = await nodes.start(1)
    await untilLeads(one)
    await one.broker.createTopic({ name: 'orders', partitions: 2 })
    for (let i = 0; i < 10; i++)
      await one.broker.produce({ topic: 'orders', partition: i % 2, batch: oneMessage(`${i}`) })
    const two = await nodes.start(2)
    await untilInSync(one, [1, 2])
    await one.broker.produce({ topic: 'orders', partition: 0, batch: oneMessage('10') })
    await until('the copy is there', async () => (await heldBy(two, 'orders')).length === 6)
    assert.deepEqual(await heldBy(two, 'orders'), await heldBy(one, 'orders'))
    await one.broker.createTopic({ name: 'later', partitions: 1 })
    assert.deepEqual((await two.broker.describeTopics(null)).map(({ name }) => name).sort(), ['later', 'orders'])
    await assert.rejects(two.broker.produce({ topic: 'orders', partition: 0, batch: oneMessage('x') }), {
      code: 'NOT_LEADER_OR_FOLLOWER',
    })
    await assert.rejects(two.broker.createTopic({ name: 'no' }), { code: 'NOT_CONTROLLER' })
    await one.broker.deleteTopic('later')
    assert.deepEqual(
      (await two.broker.describeTopics(null)).map(({ name }) => name),
      ['orders'],
    )
  })

  test(`${layout}: a replica of a log that begins within a batch gets the whole batch, and begins there too`, async (t) => {
    const nodes = new Nodes(t, { 'storage.layout': layout, 'replica.read': true })
    const one = await nodes.start(1)
    await untilLeads(one)
    await one.broker.createTopic({ name: 'orders', partitions: 1 })
    for (const values of [['a', 'b'], ['c', 'd', 'e'], ['f']]) {
      const batch = buildBatch(values.map((value) => ({ value: Buffer.from(value), timestamp: Date.now() }))).bytes
      await one.broker.produce({ topic: 'orders', partition: 0, batch })
    }
    await one.broker.deleteRecords({ topic: 'orders', partition: 0 }, 3)
    const two = await nodes.start(2)
    await untilInSync(one, [1, 2])
    await until('it begins there', async () => (await startOf(two, 'orders')) === 3)
    assert.deepEqual(await heldBy(two, 'orders', 0, 3), await heldBy(one, 'orders', 0, 3))
  })

  test(`${layout}: a promoted replica has everything, and the one before it follows`, async (t) => {
    const nodes = new Nodes(t, { 'storage.layout': layout, 'replica.read': true })
    const one = await nodes.start(1)
    await untilLeads(one)
    await one.broker.createTopic({ name: 'orders', partitions: 1 })
    const two = await nodes.start(2)
    await untilInSync(one, [1, 2])
    for (let i = 0; i < 10; i++) await one.broker.produce({ topic: 'orders', partition: 0, batch: oneMessage(`${i}`) })
    await two.promote()
    assert.equal(two.leads, true)
    await untilInSync(two, [1, 2])
    await two.broker.produce({ topic: 'orders', partition: 0, batch: oneMessage('11') })
    await until('the copy is there', async () => (await heldBy(one, 'orders')).length === 11)
    assert.deepEqual(await heldBy(one, 'orders'), await heldBy(two, 'orders'))
    assert.equal(one.leads, false)
    await two.broker.createTopic({ name: 'later', partitions: 1 })
    await two.broker.produce({ topic: 'later', partition: 0, batch: oneMessage('a') })
    assert.deepEqual(await heldBy(two, 'later'), ['0:1000'])
  })
}

test('topics that are made while replicas ask for theirs are all copied, by those in sync and by those who come', {
  timeout: 120_000,
}, async (t) => {
  const nodes = new Nodes(t)
  const one = await nodes.start(1)
  await untilLeads(one)
  await nodes.start(2)
  await untilInSync(one, [1, 2])
  const names = Array.from({ length: 30 }, (_, i) => `topic-${i}`)
  const making = names.map((name) => one.broker.createTopic({ name, partitions: 1 }))
  await nodes.start(3)
  await Promise.all(making)
  // Each is shown, and acknowledged, when all who are in sync have it.
  await Promise.all(names.map((topic) => one.broker.produce({ topic, partition: 0, batch: oneMessage(topic) })))
  await untilInSync(one, [1, 2, 3])
})

test('a log that its leader was still making when it was asked for is asked for again', async (t) => {
  const nodes = new Nodes(t)
  const one = await nodes.start(1)
  await untilLeads(one)
  await one.broker.createTopic({ name: 'orders', partitions: 2 })
  nodes.beingMade.add('orders-1')
  await nodes.start(2)
  await until('it was asked for', () => nodes.beingMade.size === 0)
  // Of what is made at last the topics are other ones.
  await one.broker.createTopic({ name: 'later', partitions: 1 })
  await untilInSync(one, [1, 2])
})

test('a topic that was made while its node lost the lead is not confirmed', async (t) => {
  const nodes = new Nodes(t)
  let goOn = (): void => {}
  const held = new Promise<undefined>((resolve) => {
    goOn = () => resolve(undefined)
  })
  let isHeld = false
  const disk = new FaultDisk(nodeDisk, ({ operation, path }) => {
    if (operation !== 'makeDirectory' || !path.endsWith('late-0')) return undefined
    isHeld = true
    return held
  })
  const one = await nodes.start(1, {}, disk)
  await untilLeads(one)
  const two = await nodes.start(2)
  await untilInSync(one, [1, 2])
  const making = one.broker.createTopic({ name: 'late', partitions: 1 })
  const refused = assert.rejects(making, { code: 'NOT_CONTROLLER' })
  await until('it is being made', () => isHeld)
  const stopping = nodes.stop(1)
  await until('it leads no more', () => !one.leads)
  goOn()
  await Promise.all([refused, stopping])
  assert.equal((await two.broker.describeTopics(null)).length, 0)
})
