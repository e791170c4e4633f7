/** Consuming in a group, on a real broker: sharing, acks, rebalances, and coming back. */

import assert from 'node:assert/strict'
import { it, type TestContext } from 'node:test'
import { ManualClock, settled } from '../../sim/manual-clock.js'
import type { OffsetToCommit } from '../../src/broker/groups/contract.js'
import type { Message } from '../../src/client/message.js'
import type { GroupConsumeOptions } from '../../src/client/queue.js'
import { Queue } from '../../src/client/queue.js'
import { instead, take, texts, type World, world } from './world.js'

const billing: GroupConsumeOptions = { group: 'billing', heartbeatIntervalMs: 20 }

async function filled(t: TestContext, partitions: number, perPartition: number): Promise<World> {
  const opened = await world(t)
  await opened.mq.topics.create('orders', { partitions })
  for (let partition = 0; partition < partitions; partition++) {
    const messages = Array.from({ length: perPartition }, (_, n) => ({ partition, value: `${partition}:${n}` }))
    await opened.mq.sendMany('orders', messages)
  }
  return opened
}

async function committed({ broker }: World, partition = 0): Promise<number | undefined> {
  return (await broker.fetchOffsets('billing', [{ topic: 'orders', partition }]))[0]?.offset
}

it('begins at the first message, commits what is acknowledged, and leaves by break', async (t) => {
  const opened = await filled(t, 1, 5)
  const { mq } = opened
  const seen: string[] = []
  for await (const message of mq.consume('orders', billing)) {
    seen.push(message.text())
    await message.ack()
    assert.equal(await committed(opened), message.offset + 1)
    if (seen.length === 3) break
  }
  assert.deepEqual(seen, ['0:0', '0:1', '0:2'])
  assert.equal((await mq.groups.describe('billing')).state, 'Empty')
  const [offset] = await mq.groups.offsets('billing')
  assert.deepEqual([offset.topic, offset.partition, offset.offset, offset.lag], ['orders', 0, 3, 2])
  assert.deepEqual(texts(await take(mq.consume('orders', billing), 2)), ['0:3', '0:4'])
})

it('leaves the group when the loop throws, or its signal says so', async (t) => {
  const { mq } = await filled(t, 1, 5)
  const broken = new Error('broken')
  await assert.rejects(async () => {
    for await (const _ of mq.consume('orders', billing)) throw broken
  }, broken)
  assert.equal((await mq.groups.describe('billing')).state, 'Empty')
  const controller = new AbortController()
  await assert.rejects(async () => {
    for await (const _ of mq.consume('orders', { ...billing, signal: controller.signal })) controller.abort(broken)
  }, broken)
  assert.equal((await mq.groups.describe('billing')).state, 'Empty')
})

it('goes on after a reopening where the group has committed', async (t) => {
  const first = await filled(t, 1, 5)
  const stream = first.mq.consume('orders', billing)
  const messages = await take(stream, 3)
  await messages[1].ack()
  await first.mq.close()
  const again = await world(t, { directory: first.directory })
  assert.deepEqual(texts(await take(again.mq.consume('orders', billing), 3)), ['0:2', '0:3', '0:4'])
})

it('begins where it is told in a partition without a commit', async (t) => {
  const { mq } = await filled(t, 1, 5)
  const late = mq.consume('orders', { ...billing, group: 'late', from: 'latest' })
  const next = late.next()
  while ((await mq.groups.describe('late')).state !== 'Stable') await settled()
  const middle = mq.consume('orders', { ...billing, group: 'middle', from: { offset: 3 } })
  assert.deepEqual(texts(await take(middle, 2)), ['0:3', '0:4'])
  await late.close()
  assert.equal((await next).done, true)
})

it('acknowledges cumulatively, and never moves the committed offset back', async (t) => {
  const opened = await filled(t, 1, 10)
  const messages = await take(opened.mq.consume('orders', billing), 10)
  await messages[4].ack()
  await messages[2].ack()
  assert.equal(await committed(opened), 5)
  await Promise.all([messages[9].ack(), messages[7].ack(), messages[8].ack()])
  assert.equal(await committed(opened), 10)
})

it('gathers acks while a commit is on its way', async (t) => {
  const commits: (readonly OffsetToCommit[])[] = []
  const { mq } = await world(t, {
    between: (broker) =>
      instead(broker, {
        commitOffsets(request) {
          commits.push(request.offsets)
          return broker.commitOffsets(request)
        },
      }),
  })
  await mq.sendMany(
    'orders',
    Array.from({ length: 500 }, (_, n) => ({ value: `${n}` })),
  )
  const messages = await take(mq.consume('orders', billing), 500)
  await Promise.all([messages[0].ack(), settled().then(() => Promise.all(messages.map((message) => message.ack())))])
  assert.ok(commits.length <= 3, `${commits.length} commits for 500 acks`)
  assert.equal(commits.at(-1)?.[0].offset, 500)
})

it('shares the partitions between two members, and takes them over when one stops', async (t) => {
  const opened = await filled(t, 4, 3)
  const { mq } = opened
  const seen: { who: string; text: string }[] = []
  const run = async (who: string, stream: AsyncIterable<Message>) => {
    for await (const message of stream) {
      seen.push({ who, text: message.text() })
      await message.ack()
    }
  }
  const one = mq.consume('orders', billing)
  const running = [run('one', one)]
  while (seen.length < 12) await settled()
  const two = mq.consume('orders', billing)
  running.push(run('two', two))
  const membersOf = async () => (await mq.groups.describe('billing')).members
  while ((await membersOf()).filter(({ partitions }) => partitions.length === 2).length < 2) await settled()
  for (let partition = 0; partition < 4; partition++) await mq.send('orders', { partition, value: `${partition}:3` })
  while (seen.length < 16) await settled()
  const newest = seen.slice(12)
  assert.deepEqual(newest.map(({ text }) => text).sort(), ['0:3', '1:3', '2:3', '3:3'])
  assert.equal(newest.filter(({ who }) => who === 'one').length, 2)
  await one.close()
  for (let partition = 0; partition < 4; partition++) await mq.send('orders', { partition, value: `${partition}:4` })
  while (seen.length < 20) await settled()
  assert.ok(seen.slice(16).every(({ who }) => who === 'two'))
  await two.close()
  await Promise.all(running)
  assert.equal(new Set(seen.map(({ text }) => text)).size, 20, 'nothing was read twice')
  assert.equal((await mq.groups.describe('billing')).state, 'Empty')
})

it('keeps what it has over a rebalance, and refuses acks for what it lost', async (t) => {
  const { mq } = await filled(t, 2, 5)
  const one = mq.consume('orders', billing)
  const messages = await take(one, 10)
  const two = mq.consume('orders', billing)
  const taken = await take(two, 5)
  const lost = taken[0].partition
  assert.deepEqual(
    taken.map(({ partition, offset }) => [partition, offset]),
    [0, 1, 2, 3, 4].map((offset) => [lost, offset]),
  )
  for (const message of messages) {
    if (message.partition === lost) await assert.rejects(message.ack(), { code: 'ILLEGAL_GENERATION' })
    else await message.ack()
  }
  await mq.send('orders', { partition: 1 - lost, value: 'next' })
  // What was delivered before the rebalance is not delivered again.
  assert.deepEqual(texts(await take(one, 1)), ['next'])
})

it('keeps its place as a static member', async (t) => {
  const opened = await filled(t, 2, 2)
  const { mq } = opened
  const fixed = { ...billing, instanceId: 'till-1' }
  const [message] = await take(mq.consume('orders', fixed), 1)
  await message.ack()
  const generations = async () => (await mq.groups.describe('billing')).members.map(({ instanceId }) => instanceId)
  assert.deepEqual(await generations(), ['till-1'])
  const one = mq.consume('orders', fixed)
  const two = mq.consume('orders', fixed)
  await take(one, 1)
  await take(two, 1)
  // The name was taken over: the first one is fenced.
  await assert.rejects(take(one, 10), { code: 'FENCED_INSTANCE_ID' })
  await two.close()
  assert.deepEqual(await generations(), ['till-1'])
})

it('begins anew where its committed offset is no longer there', async (t) => {
  const { mq, broker } = await filled(t, 1, 3)
  const offsets = [{ topic: 'orders', partition: 0, offset: 99, leaderEpoch: -1, metadata: '' }]
  const outside = { groupId: 'billing', memberId: '', groupInstanceId: null, generationId: -1 }
  await broker.commitOffsets({ ...outside, offsets })
  const messages = await take(mq.consume('orders', billing), 3)
  assert.deepEqual(texts(messages), ['0:0', '0:1', '0:2'])
  await messages[0].ack()
  assert.equal((await mq.groups.offsets('billing'))[0].offset, 1)
})

/** Lets time pass, `stepMs` at a time, until the promise has settled; the disk takes what time it likes. */
async function during<T>(clock: ManualClock, promise: Promise<T>, stepMs = 0): Promise<T> {
  let isSettled = false
  const settle = () => {
    isSettled = true
  }
  promise.then(settle, settle)
  while (!isSettled) await clock.run(stepMs)
  return promise
}

it('beats often enough to stay, is dropped when it does not, and joins again', async (t) => {
  const clock = new ManualClock()
  let beating = true
  let beats = 0
  const { mq, broker } = await world(t, {
    broker: { clock },
    queue: { clock },
    between: (real) =>
      instead(real, {
        async heartbeat(member) {
          beats++
          if (beating) await real.heartbeat(member)
        },
      }),
  })
  await during(clock, mq.send('orders', { value: 'a' }))
  const stream = mq.consume('orders', { group: 'billing', sessionTimeoutMs: 9000, heartbeatIntervalMs: 3000 })
  const [first] = await during(clock, take(stream, 1))
  const state = async () => (await broker.describeGroup('billing')).state
  for (let step = 0; step < 10; step++) await clock.run(3000)
  assert.equal(await state(), 'Stable')
  assert.equal(beats, 10)
  beating = false
  for (let step = 0; step < 4; step++) await clock.run(3000)
  assert.equal(await state(), 'Empty')
  const next = stream.next()
  await assert.rejects(during(clock, first.ack()), { code: 'ILLEGAL_GENERATION' })
  beating = true
  // It is in the group again, and reads again what was never committed.
  assert.equal((await during(clock, next)).value?.text(), 'a')
  await during(clock, stream.close())
  assert.equal(await state(), 'Empty')
  await during(clock, mq.close())
})

it('takes in partitions that its topic gains', async (t) => {
  const clock = new ManualClock()
  const { mq, broker } = await world(t, { broker: { clock }, queue: { clock, metadataRefreshMs: 10_000 } })
  await during(clock, mq.send('orders', { value: 'a' }))
  const stream = mq.consume('orders', { group: 'billing' })
  const [first] = await during(clock, take(stream, 1))
  // Seconds pass in each turn below while the disk is slow, so the member may be dropped and begin again where it was.
  await during(clock, first.ack())
  await during(clock, broker.createPartitions('orders', 3))
  await during(clock, mq.send('orders', { value: 'b', partition: 2 }))
  assert.equal((await during(clock, stream.next(), 1000)).value?.text(), 'b')
  assert.equal((await mq.groups.describe('billing')).members[0].partitions.length, 3)
  await during(clock, mq.close())
})

it('finishes the acks that are under way when it ends', async (t) => {
  const opened = await filled(t, 1, 3)
  const acks: Promise<void>[] = []
  for await (const message of opened.mq.consume('orders', billing)) {
    acks.push(message.ack())
    if (acks.length === 3) break
  }
  await Promise.all(acks)
  assert.equal(await committed(opened), 3)
})

it('can end while it still waits to be let in', async (t) => {
  const { mq } = await filled(t, 2, 2)
  const one = mq.consume('orders', { group: 'billing', sessionTimeoutMs: 60_000, heartbeatIntervalMs: 50_000 })
  await take(one, 4)
  const two = mq.consume('orders', billing)
  const next = two.next()
  // The first member does not beat for a long while, so the second one's join waits.
  while ((await mq.groups.describe('billing')).state !== 'PreparingRebalance') await settled()
  await two.close()
  assert.equal((await next).done, true)
  await one.close()
  assert.equal((await mq.groups.describe('billing')).state, 'Empty')
})

it('shows and deletes groups', async (t) => {
  const { mq } = await filled(t, 2, 1)
  const stream = mq.consume('orders', { ...billing, assignors: ['roundrobin'] })
  const [message] = await take(stream, 1)
  await message.ack()
  const { assignor, members } = await mq.groups.describe('billing')
  assert.deepEqual([assignor, members.length, members[0].clientId], ['roundrobin', 1, 'holdfast'])
  assert.equal(members[0].partitions.length, 2)
  assert.deepEqual(
    (await mq.groups.list()).map(({ groupId, state }) => [groupId, state]),
    [['billing', 'Stable']],
  )
  await assert.rejects(mq.groups.delete('billing'), { code: 'NON_EMPTY_GROUP' })
  await stream.close()
  await mq.groups.delete('billing')
  assert.equal((await mq.groups.describe('billing')).state, 'Dead')
  await assert.rejects(mq.groups.delete('billing'), { code: 'GROUP_ID_NOT_FOUND' })
})

it('is no hindrance to a second queue on the same broker', async (t) => {
  const { mq, broker } = await filled(t, 2, 2)
  const other = new Queue(instead(broker, { close: async () => {} }), { clientId: 'other' })
  const both = await Promise.all([take(mq.consume('orders', billing), 2), take(other.consume('orders', billing), 2)])
  assert.equal(both.flat().length, 4)
  await other.close()
})
