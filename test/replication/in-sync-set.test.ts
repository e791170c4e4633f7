/** Who is in the in-sync set, and who is waited for, whatever comes of the changes of the record. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HoldfastError } from '../../src/core/errors.js'
import { batchOf, turns } from '../storage/support.js'
import { until } from '../support/until.js'
import { FakeReplica, LedStore, lagMaxMs } from './led-store.js'

/** Whether a sender has been told by now. */
async function isAcknowledged({ acknowledged }: { readonly acknowledged: Promise<unknown> }): Promise<boolean> {
  let is = false
  acknowledged.then(
    () => {
      is = true
    },
    () => {},
  )
  await turns()
  return is
}

/** A leader with a replica that is in sync, and has `has` messages of one partition. */
async function withReplica(...[t, partitions]: Parameters<typeof LedStore.open>) {
  const led = await LedStore.open(t, partitions)
  const replica = new FakeReplica(led)
  await replica.report()
  await replica.fetch(Object.fromEntries(Array.from({ length: partitions ?? 1 }, (_, partition) => [partition, 0])))
  assert.deepEqual(led.authority.leadership.inSync, [1, 2])
  return { led, replica }
}

test('a replica that is always a little behind comes in under constant load, and stays in', async (t) => {
  const led = await LedStore.open(t)
  const replica = new FakeReplica(led)
  await replica.report()
  await led.append()
  await replica.fetch({ 0: 0 })
  for (let end = 1; end < 100; end++) {
    await led.append()
    await led.pass(500)
    await replica.fetch({ 0: end })
    await replica.report()
  }
  assert.equal(led.log().own.highWatermark, 100, 'it never had everything')
  assert.deepEqual(led.authority.decided, [1, 2])
})

test('one that falls behind is waited for until it is known to be out of the set', async (t) => {
  const { led, replica } = await withReplica(t)
  const receipt = await led.append()
  led.authority.outcome = 'lost'
  for (let i = 0; i < 4; i++) {
    await led.pass(lagMaxMs / 2)
    await replica.fetch()
  }
  assert.ok(
    led.authority.asked.some((asked) => asked.join() === '1'),
    'it is to be taken out',
  )
  assert.equal(await isAcknowledged(receipt), false)
  assert.equal(led.log().highWatermark, 0)
  led.authority.outcome = 'accepted'
  await led.pass(lagMaxMs / 2)
  assert.deepEqual(led.authority.decided, [1])
  assert.equal(await isAcknowledged(receipt), true)
})

test('one that is not heard of leaves; one that asks for news and has everything stays', async (t) => {
  const { led, replica } = await withReplica(t)
  for (let i = 0; i < 10; i++) {
    await led.pass(lagMaxMs / 2)
    await replica.fetch()
  }
  assert.deepEqual(led.authority.decided, [1, 2])
  await led.pass(2 * lagMaxMs)
  assert.deepEqual(led.authority.decided, [1])
})

test('one that may have come in without anybody knowing is waited for until it is known to be out', async (t) => {
  const led = await LedStore.open(t)
  const replica = new FakeReplica(led)
  await replica.report()
  led.authority.outcome = 'made and not known'
  await replica.fetch({ 0: 0 })
  assert.deepEqual([led.authority.leadership.inSync, led.authority.decided], [[1], [1, 2]])
  // It is never heard of again, and may lead by what was decided.
  const receipt = await led.append()
  led.authority.outcome = 'lost'
  await led.pass(3 * lagMaxMs)
  assert.deepEqual(led.authority.decided, [1, 2])
  assert.equal(await isAcknowledged(receipt), false, 'it has everything that is acknowledged')
  led.authority.outcome = 'accepted'
  await led.pass(lagMaxMs)
  assert.deepEqual(led.authority.decided, [1])
  assert.equal(await isAcknowledged(receipt), true)
})

test('what becomes known of a change late is as good as known at once', async (t) => {
  const led = await LedStore.open(t)
  const replica = new FakeReplica(led)
  await replica.report()
  led.authority.outcome = 'made and not known'
  await replica.fetch({ 0: 0 })
  led.authority.leadership = { ...led.authority.leadership, inSync: led.authority.decided }
  led.authority.outcome = 'accepted'
  const asked = led.authority.asked.length
  for (let i = 0; i < 6; i++) {
    await led.pass(lagMaxMs / 2)
    await replica.fetch()
  }
  assert.equal(led.authority.asked.length, asked, 'it is not taken out for how long it took')
})

test('one that lost what was shown leaves, and comes in again when it has it', async (t) => {
  const { led, replica } = await withReplica(t)
  const receipt = await led.append()
  await replica.fetch({ 0: 1 })
  assert.equal(await isAcknowledged(receipt), true)
  replica.beginAnew()
  await replica.fetch({ 0: 0 })
  await turns()
  assert.deepEqual(led.authority.decided, [1])
  assert.equal(led.log().highWatermark, 1)
  await replica.fetch({ 0: 1 })
  await replica.fetch()
  assert.deepEqual(led.authority.decided, [1, 2])
})

for (const when of ['before', 'while'] as const) {
  test(`one that loses messages ${when} its coming in is decided does not come in by what it had`, async (t) => {
    const led = await LedStore.open(t, 2)
    await led.append(0)
    const replica = new FakeReplica(led)
    await replica.report()
    let open = (): void => {}
    if (when === 'while')
      led.authority.gate = new Promise((resolve) => {
        open = resolve
      })
    // Without the second partition it is not complete.
    await replica.fetch(when === 'before' ? { 0: 0 } : { 0: 0, 1: 0 })
    await replica.fetch({ 0: 1 })
    replica.beginAnew()
    await replica.fetch({ 0: 0, 1: 0 })
    open()
    await turns()
    assert.deepEqual(led.authority.decided, [1])
    await replica.fetch({ 0: 1 })
    await replica.fetch()
    assert.deepEqual(led.authority.decided, [1, 2])
  })
}

test('who makes a topic does not wait for ever for a replica that fetches and never takes it over', async (t) => {
  const { led, replica } = await withReplica(t)
  let isMade = false
  const made = led.store.createTopic({ name: 'later', partitions: 1, config: {} }).then(() => {
    isMade = true
  })
  await until('the topic is there', () => led.store.topic('later') !== undefined)
  await turns()
  for (let i = 0; i < 8; i++) {
    await led.pass(lagMaxMs / 2)
    await replica.fetch()
    await replica.report({ takesOver: false })
  }
  assert.deepEqual(led.authority.decided, [1])
  await until('who made it hears of it', () => isMade)
  await made
})

test('nor does a sender wait for one that has a topic and never asks for its messages', async (t) => {
  const { led, replica } = await withReplica(t)
  const before = replica.catalogVersion
  const made = led.store.createTopic({ name: 'later', partitions: 1, config: {} })
  await until('the replica has the topic', async () => {
    await replica.report()
    return replica.catalogVersion > before
  })
  await made
  const receipt = led.log(0, 'later').append(batchOf(['m']))
  await receipt.stored
  for (let i = 0; i < 8; i++) {
    await led.pass(lagMaxMs / 2)
    await replica.fetch()
    await replica.report()
  }
  await receipt.acknowledged
  assert.deepEqual(led.authority.decided, [1])
})

test('a change that waited for its turn is not made for a leadership that is over', async (t) => {
  const led = await LedStore.open(t)
  const replicas = [new FakeReplica(led, 2), new FakeReplica(led, 3)]
  let open = (): void => {}
  led.authority.gate = new Promise((resolve) => {
    open = resolve
  })
  for (const replica of replicas) await replica.report()
  for (const replica of replicas) await replica.fetch({ 0: 0 })
  led.leader.stop(new HoldfastError('NOT_LEADER_OR_FOLLOWER'))
  open()
  await turns()
  assert.deepEqual(led.authority.asked, [[1, 2]])
})

test('a directory that was emptied is out of the set before it is told anything', async (t) => {
  const { led, replica } = await withReplica(t)
  led.authority.outcome = 'lost'
  await assert.rejects(replica.report({ clusterId: '' }), { code: 'REPLICATION_UNAVAILABLE' })
  led.authority.outcome = 'accepted'
  await replica.report({ clusterId: '' })
  assert.deepEqual(led.authority.decided, [1])
})
