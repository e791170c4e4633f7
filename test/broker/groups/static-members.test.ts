/** Static members: an instance id that outlives the process keeps its place. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { JoinResult } from '../../../src/broker/groups/contract.js'
import {
  assertRefused,
  commitOf,
  join,
  joinRequest,
  memberOf,
  offsetOf,
  restarted,
  stableGroup,
  stateOf,
  subscriptionTo,
  syncRequest,
  type World,
  watch,
  world,
} from './world.js'

const instance = (i: number) => ({ groupInstanceId: `i${i}` })

async function memberIds({ coordinator }: World): Promise<string[]> {
  return (await coordinator.describeGroup('g')).members.map(({ memberId }) => memberId).sort()
}

describe('a static member that comes back', () => {
  it('keeps its assignment without a rebalance, under a new member id', async () => {
    const it = world()
    const [leader, follower] = await stableGroup(it, ['A', 'B'], instance)
    const back = await join(it, instance(1))
    assert.notEqual(back.memberId, follower.memberId)
    assert.deepEqual([back.generationId, back.leaderId, back.skipAssignment], [1, leader.memberId, false])
    assert.equal(await stateOf(it), 'Stable')
    const { assignment } = await it.coordinator.syncGroup(syncRequest(back))
    assert.equal(assignment.toString(), 'B')
    assert.deepEqual(await memberIds(it), [leader.memberId, back.memberId].sort())
  })

  it('as leader skips the assignment where its client can', async () => {
    const it = world()
    await stableGroup(it, ['A', 'B'], instance)
    const back = await join(it, instance(0))
    assert.deepEqual([back.skipAssignment, back.leaderId], [true, back.memberId])
    assert.equal(back.members.length, 2)
  })

  it('as leader with an older client is told of its old id as leader, so that it does not assign', async () => {
    const it = world()
    const [leader] = await stableGroup(it, ['A', 'B'], instance)
    const back = await join(it, { ...instance(0), supportsSkippingAssignment: false })
    assert.deepEqual([back.skipAssignment, back.leaderId, back.members.length], [false, leader.memberId, 0])
    const again = watch(it.coordinator.joinGroup(joinRequest({ ...instance(0), memberId: back.memberId })))
    await it.clock.run(0)
    assert.equal(again.state, 'waiting', 'it is the leader, so its next join rebalances')
  })

  it('fences the one before', async () => {
    const it = world()
    const [old] = await stableGroup(it, ['A'], instance)
    await join(it, instance(0))
    const member = memberOf(old, 'i0')
    await assertRefused(it.coordinator.heartbeat(member), 'FENCED_INSTANCE_ID')
    await assertRefused(it.coordinator.syncGroup({ ...syncRequest(old), ...member }), 'FENCED_INSTANCE_ID')
    await assertRefused(it.coordinator.commitOffsets(commitOf(member, offsetOf(1))), 'FENCED_INSTANCE_ID')
    const rejoin = joinRequest({ ...instance(0), memberId: old.memberId })
    await assertRefused(it.coordinator.joinGroup(rejoin), 'FENCED_INSTANCE_ID')
    const [left] = await it.coordinator.leaveGroup('g', [{ memberId: old.memberId, groupInstanceId: 'i0' }])
    assert.equal(left?.code, 'FENCED_INSTANCE_ID')
  })

  it('fences a sync that still waits', async () => {
    const it = world()
    const [, follower] = await Promise.all([join(it, instance(0)), join(it, instance(1))])
    const waiting = watch(it.coordinator.syncGroup({ ...syncRequest(follower), groupInstanceId: 'i1' }))
    await it.clock.run(0)
    const back = watch(it.coordinator.joinGroup(joinRequest(instance(1))))
    await it.clock.run(0)
    assert.equal(waiting.code, 'FENCED_INSTANCE_ID')
    assert.equal(back.state, 'waiting')
  })

  it('with other topics rebalances', async () => {
    const it = world()
    await stableGroup(it, ['A', 'B'], instance)
    const protocols = [{ name: 'range', metadata: subscriptionTo('payments') }]
    const back = watch(it.coordinator.joinGroup(joinRequest({ ...instance(1), protocols })))
    await it.clock.run(0)
    assert.equal(back.state, 'waiting')
    assert.equal(await stateOf(it), 'PreparingRebalance')
  })

  it('with other user data does not', async () => {
    const it = world()
    await stableGroup(it, ['A', 'B'], instance)
    const metadata = Buffer.concat([subscriptionTo('orders'), Buffer.from('more')])
    assert.equal((await join(it, { ...instance(1), protocols: [{ name: 'range', metadata }] })).generationId, 1)
  })

  it('with a choice of protocol that changes rebalances', async () => {
    const it = world()
    const metadata = subscriptionTo('orders')
    const both = ['a', 'b'].map((name) => ({ name, metadata }))
    await stableGroup(it, ['A'], () => ({ ...instance(0), protocols: both }))
    const back = await join(it, { ...instance(0), protocols: [both[1]] })
    assert.deepEqual([back.generationId, back.protocolName], [2, 'b'])
  })

  it('before the sync rebalances, since the leader assigns to its old id', async () => {
    const it = world()
    const [leader] = await Promise.all([join(it, instance(0)), join(it, instance(1))])
    it.log.acknowledgesAtOnce = false
    const waiting = watch(it.coordinator.syncGroup({ ...syncRequest(leader), groupInstanceId: 'i0' }))
    await it.clock.run(0)
    const back = watch(it.coordinator.joinGroup(joinRequest(instance(1))))
    await it.clock.run(0)
    assert.deepEqual([back.state, waiting.code], ['waiting', 'REBALANCE_IN_PROGRESS'])
    assert.equal(await stateOf(it), 'PreparingRebalance')
  })

  it('during a rebalance takes over the waiting join', async () => {
    const it = world()
    const [leader] = await stableGroup(it, ['A', 'B'], instance)
    const first = watch(it.coordinator.joinGroup(joinRequest({ memberId: leader.memberId, ...instance(0) })))
    const second = watch(it.coordinator.joinGroup(joinRequest(instance(0))))
    await it.clock.run(0)
    assert.equal(first.code, 'FENCED_INSTANCE_ID')
    await join(it, instance(1))
    assert.equal(second.state, 'answered')
    assert.equal((second.result as JoinResult).generationId, 2)
  })

  it('is restored as it was where its new id cannot be stored', async () => {
    const it = world()
    const [old] = await stableGroup(it, ['A'], instance)
    const before = await it.coordinator.describeGroup('g')
    it.log.fail()
    const metadata = Buffer.concat([subscriptionTo('orders'), Buffer.from('more')])
    const joining = joinRequest({ ...instance(0), protocols: [{ name: 'range', metadata }] })
    await assertRefused(it.coordinator.joinGroup(joining), 'COORDINATOR_NOT_AVAILABLE')
    assert.deepEqual(await it.coordinator.describeGroup('g'), before)
    await it.coordinator.heartbeat(memberOf(old, 'i0'))
    it.log.recover()
    assert.equal((await join(it, instance(0))).generationId, 1)
  })

  it('whose new id is on its way when a rebalance begins takes part in that', async () => {
    const it = world()
    const [leader] = await stableGroup(it, ['A', 'B'], instance)
    it.log.acknowledgesAtOnce = false
    const back = watch(it.coordinator.joinGroup(joinRequest(instance(1))))
    await it.clock.run(0)
    const led = watch(it.coordinator.joinGroup(joinRequest({ memberId: leader.memberId, ...instance(0) })))
    await it.log.flush()
    await it.clock.run(0)
    assert.deepEqual([(back.result as JoinResult).generationId, (led.result as JoinResult).generationId], [2, 2])
  })

  it('whose new id is on its way when a rebalance begins waits for that, even if it cannot be stored', async () => {
    for (const fails of [false, true]) {
      const it = world()
      const members = await stableGroup(it, ['A', 'B', 'C'], instance)
      it.log.acknowledgesAtOnce = false
      const back = watch(it.coordinator.joinGroup(joinRequest(instance(1))))
      await it.clock.run(0)
      const led = watch(it.coordinator.joinGroup(joinRequest({ memberId: members[0].memberId, ...instance(0) })))
      await it.clock.run(0)
      if (fails) it.log.fail()
      else await it.log.flush()
      await it.clock.run(0)
      assert.deepEqual([back.state, led.state], ['waiting', 'waiting'])
      const last = await join(it, { memberId: members[2].memberId, ...instance(2) })
      assert.equal(last.generationId, 2)
      const { memberId } = (await back.promise) as JoinResult
      assert.notEqual(memberId, members[1].memberId)
      assert.ok((await memberIds(it)).includes(memberId))
    }
  })

  it('asks for its assignment in the place of the one before', async () => {
    const it = world()
    const change = (i: number) => ({ ...instance(i), rebalanceTimeoutMs: 5000 })
    const [leader] = await Promise.all([join(it, change(0)), join(it, change(1))])
    await it.coordinator.syncGroup({ ...syncRequest(leader, { [leader.memberId]: 'A' }), groupInstanceId: 'i0' })
    const back = await join(it, change(1))
    await it.coordinator.syncGroup({ ...syncRequest(back), groupInstanceId: 'i1' })
    await it.clock.run(5000)
    assert.equal(await stateOf(it), 'Stable')
  })

  it('is found under its new id after a restart', async () => {
    const it = world()
    await stableGroup(it, ['A', 'B'], instance)
    const back = await join(it, instance(1))
    const after = restarted(it)
    await after.coordinator.heartbeat(memberOf(back, 'i1'))
    assert.equal((await after.coordinator.syncGroup(syncRequest(back))).assignment.toString(), 'B')
  })
})

describe('a static member that stays away', () => {
  it('keeps its place through a rebalance, until its session ends', async () => {
    const it = world()
    const change = (i: number) => ({ ...instance(i), rebalanceTimeoutMs: 5000, sessionTimeoutMs: 20_000 })
    const [leader, away] = await stableGroup(it, ['A', 'B'], change)
    const again = watch(it.coordinator.joinGroup(joinRequest({ ...change(0), memberId: leader.memberId })))
    await it.clock.run(5000)
    const joined = (await again.promise) as JoinResult
    assert.deepEqual(
      joined.members.map(({ groupInstanceId }) => groupInstanceId),
      ['i0', 'i1'],
    )
    await it.coordinator.syncGroup(syncRequest(joined))
    // It does not ask for its assignment either, so it is thrown out.
    await it.clock.run(5000)
    await assertRefused(it.coordinator.heartbeat(memberOf(away, 'i1')), 'UNKNOWN_MEMBER_ID')
  })

  it('is waited for when nobody comes, and then gone', async () => {
    const it = world()
    const change = (i: number) => ({ ...instance(i), rebalanceTimeoutMs: 5000, sessionTimeoutMs: 20_000 })
    const [leader] = await stableGroup(it, ['A', 'B'], change)
    await it.clock.run(1000)
    await it.coordinator.leaveGroup('g', [{ memberId: leader.memberId, groupInstanceId: 'i0' }])
    await it.clock.run(18_999)
    assert.equal(await stateOf(it), 'PreparingRebalance')
    await it.clock.run(1)
    assert.equal(await stateOf(it), 'Empty')
    assert.equal(it.clock.scheduled, 0)
  })

  it('is removed by its instance id', async () => {
    const it = world()
    const [leader] = await stableGroup(it, ['A', 'B'], instance)
    const outcomes = await it.coordinator.leaveGroup('g', [{ memberId: '', groupInstanceId: 'i1' }])
    assert.deepEqual(outcomes, [undefined])
    assert.equal((await join(it, { ...instance(0), memberId: leader.memberId })).members.length, 1)
  })
})
