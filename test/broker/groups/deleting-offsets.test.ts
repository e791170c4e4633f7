/** Committed offsets that are deleted: which, when, and for good. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertRefused, commitOf, join, offsetOf, restarted, stableGroup, subscriptionTo, world } from './world.js'

const place = (topic: string, partition = 0) => ({ topic, partition })

async function committed(within: ReturnType<typeof world>): Promise<string[]> {
  const offsets = await within.coordinator.fetchOffsets('g', null)
  return offsets.map(({ topic, partition }) => `${topic}-${partition}`).sort()
}

test('of a group without members any offset is deleted, also after a restart, and with the last one the group', async () => {
  const before = world()
  const { coordinator } = before
  const all = [offsetOf(1), offsetOf(2, { partition: 1 }), offsetOf(3, { topic: 'users' })]
  await coordinator.commitOffsets(commitOf({}, ...all))
  await assertRefused(coordinator.deleteOffsets('nothing', [place('orders')]), 'GROUP_ID_NOT_FOUND')
  const outcomes = await coordinator.deleteOffsets('g', [place('orders', 1), place('orders', 7), place('users')])
  assert.deepEqual(outcomes, [undefined, undefined, undefined])
  assert.deepEqual(await committed(before), ['orders-0'])
  const after = restarted(before)
  assert.deepEqual(await committed(after), ['orders-0'])
  await after.coordinator.deleteOffsets('g', [place('orders')])
  await assertRefused(after.coordinator.deleteOffsets('g', []), 'GROUP_ID_NOT_FOUND')
})

test('what members read keeps its offsets; other topics do not', async () => {
  const within = world()
  const both = { protocols: [{ name: 'range', metadata: subscriptionTo('orders', 'bills') }] }
  const [member] = await stableGroup(within, ['a', 'b'], (index) => (index === 0 ? both : {}))
  const { coordinator } = within
  const all = ['orders', 'bills', 'users'].map((topic) => offsetOf(1, { topic }))
  const { memberId, generationId } = member
  await coordinator.commitOffsets(commitOf({ memberId, generationId }, ...all))
  const outcomes = await coordinator.deleteOffsets(
    'g',
    ['orders', 'bills', 'users'].map((topic) => place(topic)),
  )
  assert.deepEqual(
    outcomes.map((error) => error?.code),
    ['GROUP_SUBSCRIBED_TO_TOPIC', 'GROUP_SUBSCRIBED_TO_TOPIC', undefined],
  )
  assert.deepEqual(await committed(within), ['bills-0', 'orders-0'])
})

test('members of another protocol keep all, and so do those whose subscription makes no sense', async () => {
  const connect = world()
  await join(connect, { protocolType: 'connect', protocols: [{ name: 'p', metadata: Buffer.from('x') }] })
  await assertRefused(connect.coordinator.deleteOffsets('g', [place('orders')]), 'NON_EMPTY_GROUP')
  const strange = world()
  await join(strange, { protocols: [{ name: 'range', metadata: Buffer.from([0]) }] })
  const [refused] = await strange.coordinator.deleteOffsets('g', [place('orders')])
  assert.equal(refused?.code, 'GROUP_SUBSCRIBED_TO_TOPIC')
})
