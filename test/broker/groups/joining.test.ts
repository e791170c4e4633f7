/** JoinGroup: who comes in, under which id, and with which protocol. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { JoinResult } from '../../../src/broker/groups/contract.js'
import { assertRefused, join, joinRequest, memberOf, stableGroup, stateOf, watch, world } from './world.js'

const offers = (...names: string[]) => names.map((name) => ({ name, metadata: Buffer.from(name) }))

describe('joining', () => {
  it('makes the first member leader of generation 1, and gives it the members', async () => {
    const it = world()
    const joined = await join(it, { clientId: 'app' })
    assert.match(joined.memberId, /^app-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    assert.deepEqual(joined, {
      generationId: 1,
      protocolType: 'consumer',
      protocolName: 'range',
      leaderId: joined.memberId,
      memberId: joined.memberId,
      skipAssignment: false,
      members: [{ memberId: joined.memberId, groupInstanceId: null, metadata: joinRequest().protocols[0].metadata }],
    })
    assert.equal(await stateOf(it), 'CompletingRebalance')
  })

  it('gives the members to the leader alone', async () => {
    const it = world()
    const [leader, follower] = await stableGroup(it, ['A', 'B'])
    assert.equal(leader.leaderId, leader.memberId)
    assert.equal(follower.leaderId, leader.memberId)
    assert.equal(leader.members.length, 2)
    assert.equal(follower.members.length, 0)
    assert.equal(follower.generationId, leader.generationId)
  })

  it('needs a group id, and one that can be stored', async () => {
    const { coordinator } = world()
    await assertRefused(coordinator.joinGroup(joinRequest({ groupId: '' })), 'INVALID_GROUP_ID')
    await assertRefused(coordinator.joinGroup(joinRequest({ groupId: 'x'.repeat(40_000) })), 'INVALID_GROUP_ID')
  })

  it('needs a session timeout within the bounds', async () => {
    const { coordinator } = world({
      'group.min.session.timeout.ms': 6000,
      'group.max.session.timeout.ms': 8000,
    })
    await assertRefused(coordinator.joinGroup(joinRequest({ sessionTimeoutMs: 5999 })), 'INVALID_SESSION_TIMEOUT')
    await assertRefused(coordinator.joinGroup(joinRequest({ sessionTimeoutMs: 8001 })), 'INVALID_SESSION_TIMEOUT')
  })

  it('under an id that was never given out is refused, and makes no group', async () => {
    const it = world()
    await assertRefused(it.coordinator.joinGroup(joinRequest({ memberId: 'x' })), 'UNKNOWN_MEMBER_ID')
    await join(it)
    await assertRefused(it.coordinator.joinGroup(joinRequest({ memberId: 'x' })), 'UNKNOWN_MEMBER_ID')
    await assertRefused(it.coordinator.joinGroup(joinRequest({ memberId: 'x', groupId: 'other' })), 'UNKNOWN_MEMBER_ID')
    assert.deepEqual(
      (await it.coordinator.listGroups()).map(({ groupId }) => groupId),
      ['g'],
    )
  })
})

describe('protocols', () => {
  it('that all support are voted on by preference', async () => {
    const it = world()
    const protocols = [offers('a', 'b', 'c'), offers('c', 'b'), offers('x', 'c', 'b')]
    const joined = await stableGroup(it, ['1', '2', '3'], (i) => ({ protocols: protocols[i] }))
    // b and c are common; the first votes b, the others c.
    assert.deepEqual(
      joined.map(({ protocolName }) => protocolName),
      ['c', 'c', 'c'],
    )
    assert.deepEqual(
      joined[0].members.map(({ metadata }) => metadata.toString()),
      ['c', 'c', 'c'],
    )
  })

  it('that nobody else supports are refused, as is another type', async () => {
    const it = world()
    await stableGroup(it, ['A'], () => ({ protocols: offers('a', 'b') }))
    const refuse = (change: object) =>
      assertRefused(
        it.coordinator.joinGroup(joinRequest({ protocols: offers('a'), ...change })),
        'INCONSISTENT_GROUP_PROTOCOL',
      )
    await refuse({ protocols: offers('c') })
    await refuse({ protocolType: 'connect' })
    await refuse({ protocols: [] })
    assert.equal(await stateOf(it), 'Stable')
  })

  it('are needed, and a refused first join leaves no group', async () => {
    const { coordinator } = world()
    await assertRefused(coordinator.joinGroup(joinRequest({ protocols: [] })), 'INCONSISTENT_GROUP_PROTOCOL')
    await assertRefused(coordinator.joinGroup(joinRequest({ protocolType: '' })), 'INCONSISTENT_GROUP_PROTOCOL')
    assert.deepEqual(await coordinator.listGroups(), [])
  })

  it('named twice by one member count once', async () => {
    const it = world()
    const joined = await stableGroup(it, ['1', '2'], () => ({ protocols: offers('a', 'a') }))
    assert.equal(joined[1].protocolName, 'a')
  })

  it('of a group that became empty may be of another type', async () => {
    const it = world()
    const [first] = await stableGroup(it, ['A'])
    await it.coordinator.leaveGroup('g', [{ memberId: first.memberId, groupInstanceId: null }])
    const joined = await join(it, { protocolType: 'connect', protocols: offers('sessioned') })
    assert.equal(joined.protocolType, 'connect')
    assert.equal(joined.generationId, 3)
  })
})

describe('member ids that have to be known', () => {
  const requireKnownMemberId = true

  it('are given out first and joined with then', async () => {
    const it = world()
    const refused = await it.coordinator.joinGroup(joinRequest({ requireKnownMemberId }))
    assert.ok('memberIdRequired' in refused)
    const joined = await join(it, { requireKnownMemberId, memberId: refused.memberIdRequired })
    assert.equal(joined.memberId, refused.memberIdRequired)
  })

  it('are waited for by a rebalance, and forgotten after the session timeout', async () => {
    const it = world()
    const [leader] = await stableGroup(it, ['A'], () => ({ sessionTimeoutMs: 30_000 }))
    const refused = await it.coordinator.joinGroup(joinRequest({ requireKnownMemberId, sessionTimeoutMs: 5000 }))
    assert.ok('memberIdRequired' in refused)
    const rejoined = watch(it.coordinator.joinGroup(joinRequest({ memberId: leader.memberId })))
    await it.clock.run(4999)
    assert.equal(rejoined.state, 'waiting')
    await it.clock.run(1)
    assert.equal(rejoined.state, 'answered')
    const late = joinRequest({ requireKnownMemberId, memberId: refused.memberIdRequired })
    await assertRefused(it.coordinator.joinGroup(late), 'UNKNOWN_MEMBER_ID')
  })

  it('leave no group behind when they are not used', async () => {
    const { clock, coordinator } = world()
    await coordinator.joinGroup(joinRequest({ requireKnownMemberId }))
    assert.equal((await coordinator.listGroups()).length, 1)
    await clock.run(10_000)
    assert.deepEqual(await coordinator.listGroups(), [])
    assert.equal(clock.scheduled, 0)
  })

  it('can be given back', async () => {
    const { coordinator } = world()
    const refused = await coordinator.joinGroup(joinRequest({ requireKnownMemberId }))
    assert.ok('memberIdRequired' in refused)
    const leaving = [{ memberId: refused.memberIdRequired, groupInstanceId: null }]
    assert.deepEqual(await coordinator.leaveGroup('g', leaving), [undefined])
    assert.deepEqual(await coordinator.listGroups(), [])
  })

  it('are not needed by static members', async () => {
    const joined = await join(world(), { requireKnownMemberId, groupInstanceId: 'i' })
    assert.match(joined.memberId, /^i-/)
  })

  it('are no more than there may be members', async () => {
    const { coordinator } = world({ 'group.max.size': 2 })
    await coordinator.joinGroup(joinRequest({ requireKnownMemberId }))
    await coordinator.joinGroup(joinRequest({ requireKnownMemberId }))
    await assertRefused(coordinator.joinGroup(joinRequest({ requireKnownMemberId })), 'GROUP_MAX_SIZE_REACHED')
  })
})

describe('the largest group', () => {
  const settings = { 'group.max.size': 2 }

  it('takes no more members', async () => {
    const it = world(settings)
    const [leader] = await stableGroup(it, ['A', 'B'])
    await assertRefused(it.coordinator.joinGroup(joinRequest()), 'GROUP_MAX_SIZE_REACHED')
    assert.equal(await stateOf(it), 'Stable')
    await it.coordinator.heartbeat(memberOf(leader))
  })

  it('takes a static member back into its place', async () => {
    const it = world(settings)
    await stableGroup(it, ['A', 'B'], (i) => ({ groupInstanceId: `i${i}` }))
    const joined = await join(it, { groupInstanceId: 'i1' })
    assert.match(joined.memberId, /^i1-/)
  })

  it('drops the last to join again when a rebalance finds it too large', async () => {
    const it = world({ 'group.max.size': 3 })
    const members = await stableGroup(it, ['A', 'B', 'C'])
    await it.coordinator.close()
    const small = world(settings, it.topic.crashed(), it.clock)
    await small.coordinator.start()
    assert.equal(await stateOf(small), 'PreparingRebalance')
    const rejoin = ({ memberId }: JoinResult) => watch(small.coordinator.joinGroup(joinRequest({ memberId })))
    const [first, second, third] = members.map(rejoin)
    await small.clock.run(0)
    assert.deepEqual([first.state, second.state, third.state], ['answered', 'answered', 'refused'])
    assert.equal(third.code, 'GROUP_MAX_SIZE_REACHED')
  })
})

describe('joining again', () => {
  it('a follower with nothing new gets the current generation', async () => {
    const it = world()
    const [, follower] = await stableGroup(it, ['A', 'B'])
    const again = await join(it, { memberId: follower.memberId })
    assert.deepEqual(again, follower)
    assert.equal(await stateOf(it), 'Stable')
  })

  it('a follower with other metadata rebalances', async () => {
    const it = world()
    const [leader, follower] = await stableGroup(it, ['A', 'B'])
    const protocols = [{ name: 'range', metadata: Buffer.from('other') }]
    const again = watch(it.coordinator.joinGroup(joinRequest({ memberId: follower.memberId, protocols })))
    await it.clock.run(0)
    assert.equal(await stateOf(it), 'PreparingRebalance')
    await assertRefused(it.coordinator.heartbeat(memberOf(leader)), 'REBALANCE_IN_PROGRESS')
    const led = await join(it, { memberId: leader.memberId })
    assert.equal(led.generationId, 2)
    assert.equal(led.leaderId, leader.memberId)
    assert.equal(led.members.find(({ memberId }) => memberId === follower.memberId)?.metadata.toString(), 'other')
    assert.equal(again.state, 'answered')
  })

  it('the leader rebalances even with nothing new', async () => {
    const it = world()
    const [leader] = await stableGroup(it, ['A', 'B'])
    const again = watch(it.coordinator.joinGroup(joinRequest({ memberId: leader.memberId })))
    await it.clock.run(0)
    assert.equal(again.state, 'waiting')
    assert.equal(await stateOf(it), 'PreparingRebalance')
  })

  it('before the sync, anyone with nothing new gets the same answer again', async () => {
    const it = world()
    const joined = await join(it)
    assert.deepEqual(await join(it, { memberId: joined.memberId }), joined)
    assert.equal(await stateOf(it), 'CompletingRebalance')
  })

  it('twice at once, the first request is told to try again', async () => {
    const it = world()
    const [leader] = await stableGroup(it, ['A', 'B'])
    const first = watch(it.coordinator.joinGroup(joinRequest({ memberId: leader.memberId })))
    const second = watch(it.coordinator.joinGroup(joinRequest({ memberId: leader.memberId })))
    await it.clock.run(0)
    assert.equal(first.code, 'REBALANCE_IN_PROGRESS')
    assert.equal(second.state, 'waiting')
  })
})
