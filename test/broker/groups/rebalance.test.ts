/** A group in time: barriers, timeouts, sessions, and members that vanish. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  assertRefused,
  commitOf,
  join,
  joinRequest,
  memberOf,
  offsetOf,
  stableGroup,
  stateOf,
  syncRequest,
  watch,
  world,
} from './world.js'

describe('the join barrier', () => {
  it('opens when all known members have joined again', async () => {
    const it = world()
    const [leader, follower] = await stableGroup(it, ['A', 'B'])
    const added = watch(it.coordinator.joinGroup(joinRequest()))
    const first = watch(it.coordinator.joinGroup(joinRequest({ memberId: leader.memberId })))
    await it.clock.run(1000)
    assert.deepEqual([added.state, first.state], ['waiting', 'waiting'])
    const second = await join(it, { memberId: follower.memberId })
    assert.deepEqual([added.state, first.state], ['answered', 'answered'])
    assert.equal(second.generationId, 2)
    assert.equal(second.leaderId, leader.memberId, 'the leader stays leader')
  })

  it('opens after the longest rebalance timeout, without those who did not come', async () => {
    const it = world()
    const [leader, follower] = await stableGroup(it, ['A', 'B'], (i) => ({
      sessionTimeoutMs: 100_000,
      rebalanceTimeoutMs: [20_000, 40_000][i],
    }))
    const again = watch(
      it.coordinator.joinGroup(
        joinRequest({ memberId: follower.memberId, protocols: [{ name: 'range', metadata: Buffer.alloc(1) }] }),
      ),
    )
    await it.clock.run(39_999)
    assert.equal(again.state, 'waiting')
    await it.clock.run(60_001 - 39_999)
    assert.equal(again.state, 'answered')
    const joined = await again.promise
    assert.ok(!('memberIdRequired' in joined))
    assert.equal(joined.leaderId, follower.memberId, 'the leader did not come, so another leads')
    assert.deepEqual(
      joined.members.map(({ memberId }) => memberId),
      [follower.memberId],
    )
    await assertRefused(it.coordinator.heartbeat(memberOf(leader)), 'UNKNOWN_MEMBER_ID')
  })

  it('opens when the last one that is missing leaves or expires', async () => {
    for (const how of ['leaves', 'expires']) {
      const it = world()
      const [leader, follower] = await stableGroup(it, ['A', 'B'], (i) => ({ sessionTimeoutMs: [60_000, 10_000][i] }))
      const again = watch(it.coordinator.joinGroup(joinRequest({ memberId: leader.memberId })))
      await it.clock.run(0)
      if (how === 'expires') await it.clock.run(10_000)
      else await it.coordinator.leaveGroup('g', [{ memberId: follower.memberId, groupInstanceId: null }])
      await it.clock.run(0)
      assert.equal(again.state, 'answered', how)
    }
  })

  it('opens for an empty group when everyone has left meanwhile', async () => {
    const it = world()
    const [leader, follower] = await stableGroup(it, ['A', 'B'])
    const leaving = [leader, follower].map(({ memberId }) => ({ memberId, groupInstanceId: null }))
    assert.deepEqual(await it.coordinator.leaveGroup('g', leaving), [undefined, undefined])
    assert.equal(await stateOf(it), 'Empty')
    assert.equal(it.clock.scheduled, 0)
  })

  it('a client that vanishes while its first join waits is given up after five minutes', async () => {
    const it = world()
    const [leader] = await stableGroup(it, ['A'], () => ({ rebalanceTimeoutMs: 1_000_000, sessionTimeoutMs: 600_000 }))
    const ghost = watch(it.coordinator.joinGroup(joinRequest()))
    await it.clock.run(299_999)
    assert.equal(ghost.state, 'waiting')
    await it.clock.run(1)
    assert.equal(ghost.code, 'UNKNOWN_MEMBER_ID')
    const again = await join(it, { memberId: leader.memberId, rebalanceTimeoutMs: 1_000_000 })
    assert.deepEqual(
      again.members.map(({ memberId }) => memberId),
      [leader.memberId],
    )
  })

  it('a member that vanishes while its join waits expires after the rebalance', async () => {
    const it = world()
    const [leader, ghost] = await stableGroup(it, ['A', 'B'], () => ({ rebalanceTimeoutMs: 30_000 }))
    const protocols = [{ name: 'range', metadata: Buffer.alloc(1) }]
    const ghosted = watch(it.coordinator.joinGroup(joinRequest({ memberId: ghost.memberId, protocols })))
    await it.clock.run(5000)
    await assertRefused(it.coordinator.heartbeat(memberOf(leader)), 'REBALANCE_IN_PROGRESS')
    // Its session is over meanwhile, which does not count while its join waits.
    await it.clock.run(6000)
    const joined = await join(it, { memberId: leader.memberId })
    assert.equal(joined.members.length, 2)
    assert.equal(ghosted.state, 'answered')
    const synced = watch(it.coordinator.syncGroup(syncRequest(joined)))
    await it.clock.run(0)
    assert.equal(synced.state, 'answered')
    await it.clock.run(9999)
    await it.coordinator.heartbeat(memberOf(joined))
    await it.clock.run(1)
    assert.equal(await stateOf(it), 'PreparingRebalance')
  })
})

describe('the initial delay', () => {
  const settings = { 'group.initial.rebalance.delay.ms': 3000 }

  it('gathers members before the first generation', async () => {
    const it = world(settings)
    const first = watch(it.coordinator.joinGroup(joinRequest()))
    await it.clock.run(2999)
    assert.equal(first.state, 'waiting')
    await it.clock.run(1)
    assert.equal(first.state, 'answered')
  })

  it('is extended by each delay in which somebody came, up to the rebalance timeout', async () => {
    const it = world(settings)
    const joins = [watch(it.coordinator.joinGroup(joinRequest({ rebalanceTimeoutMs: 10_000 })))]
    for (let i = 0; i < 4; i++) {
      await it.clock.run(2000)
      joins.push(watch(it.coordinator.joinGroup(joinRequest({ rebalanceTimeoutMs: 10_000 }))))
    }
    // 3 + 3 + 3 and what is left of the 10 s.
    await it.clock.run(1999)
    assert.deepEqual(new Set(joins.map(({ state }) => state)), new Set(['waiting']))
    await it.clock.run(1)
    assert.deepEqual(new Set(joins.map(({ state }) => state)), new Set(['answered']))
    assert.equal(it.clock.monotonic(), 10_000)
    const leader = await joins[0].promise
    assert.ok('members' in leader && leader.members.length === joins.length)
  })

  it('ends early where nobody came in it', async () => {
    const it = world(settings)
    const first = watch(it.coordinator.joinGroup(joinRequest()))
    await it.clock.run(1000)
    const second = watch(it.coordinator.joinGroup(joinRequest()))
    await it.clock.run(4999)
    assert.equal(first.state, 'waiting')
    await it.clock.run(1)
    assert.deepEqual([first.state, second.state], ['answered', 'answered'])
  })

  it('ends in an empty group where all have left', async () => {
    const it = world(settings)
    const joined = watch(it.coordinator.joinGroup(joinRequest({ groupInstanceId: 'i' })))
    await it.clock.run(1000)
    await it.coordinator.leaveGroup('g', [{ memberId: '', groupInstanceId: 'i' }])
    await it.clock.run(2000)
    assert.equal(joined.code, 'UNKNOWN_MEMBER_ID')
    assert.equal(await stateOf(it), 'Empty')
  })

  it('is not waited for by later rebalances', async () => {
    const it = world(settings)
    const joins = [1, 2].map(() => watch(it.coordinator.joinGroup(joinRequest())))
    await it.clock.run(6000)
    const leader = await joins[0].promise
    assert.ok('members' in leader)
    await it.coordinator.syncGroup(syncRequest(leader))
    await it.coordinator.leaveGroup('g', [{ memberId: leader.members[1].memberId, groupInstanceId: null }])
    assert.equal((await join(it, { memberId: leader.memberId })).generationId, 2)
  })
})

describe('the sync barrier', () => {
  it('gives everyone the assignment that the leader made, once it is stored', async () => {
    const it = world()
    const joins = [1, 2, 3].map(() => join(it))
    const [leader, second, third] = await Promise.all(joins)
    const early = watch(it.coordinator.syncGroup(syncRequest(second)))
    await it.clock.run(1000)
    assert.equal(early.state, 'waiting')
    it.log.acknowledgesAtOnce = false
    const assignments = { [leader.memberId]: 'L', [second.memberId]: 'S' }
    const led = watch(it.coordinator.syncGroup(syncRequest(leader, assignments)))
    await it.clock.run(0)
    assert.equal(led.state, 'waiting')
    assert.equal(await stateOf(it), 'CompletingRebalance')
    await it.log.flush()
    await it.clock.run(0)
    assert.equal(led.result?.assignment.toString(), 'L')
    assert.deepEqual(early.result, { protocolType: 'consumer', protocolName: 'range', assignment: Buffer.from('S') })
    assert.equal(await stateOf(it), 'Stable')
    // Whom the leader forgot has an empty assignment; whoever syncs late gets it at once.
    assert.equal((await it.coordinator.syncGroup(syncRequest(third))).assignment.length, 0)
  })

  it('stores the first assignments of a leader that syncs twice', async () => {
    const it = world()
    const leader = await join(it)
    it.log.acknowledgesAtOnce = false
    const first = watch(it.coordinator.syncGroup(syncRequest(leader, { [leader.memberId]: 'first' })))
    const second = watch(it.coordinator.syncGroup(syncRequest(leader, { [leader.memberId]: 'second' })))
    await it.clock.run(0)
    assert.equal(it.log.waiting, 1)
    await it.log.flush()
    await it.clock.run(0)
    assert.equal(first.code, 'REBALANCE_IN_PROGRESS')
    assert.equal(second.result?.assignment.toString(), 'first')
  })

  it('refuses other generations, protocols and strangers', async () => {
    const it = world()
    const joined = await join(it)
    const sync = (change: object) => it.coordinator.syncGroup({ ...syncRequest(joined), ...change })
    await assertRefused(sync({ groupId: '' }), 'INVALID_GROUP_ID')
    await assertRefused(sync({ groupId: 'other' }), 'UNKNOWN_MEMBER_ID')
    await assertRefused(sync({ memberId: 'other' }), 'UNKNOWN_MEMBER_ID')
    await assertRefused(sync({ groupInstanceId: 'none' }), 'UNKNOWN_MEMBER_ID')
    await assertRefused(sync({ generationId: 0 }), 'ILLEGAL_GENERATION')
    await assertRefused(sync({ protocolType: 'connect' }), 'INCONSISTENT_GROUP_PROTOCOL')
    await assertRefused(sync({ protocolName: 'sticky' }), 'INCONSISTENT_GROUP_PROTOCOL')
    await sync({ protocolType: null, protocolName: null })
  })

  it('is left with REBALANCE_IN_PROGRESS when somebody joins', async () => {
    const it = world()
    const [leader, follower] = await Promise.all([join(it), join(it)])
    const waiting = watch(it.coordinator.syncGroup(syncRequest(follower)))
    const added = watch(it.coordinator.joinGroup(joinRequest()))
    await it.clock.run(0)
    assert.equal(waiting.code, 'REBALANCE_IN_PROGRESS')
    await assertRefused(it.coordinator.syncGroup(syncRequest(leader)), 'REBALANCE_IN_PROGRESS')
    assert.equal(added.state, 'waiting')
  })

  it('a leader whose assignments are on their way when somebody joins is refused too', async () => {
    const it = world()
    const leader = await join(it)
    it.log.acknowledgesAtOnce = false
    const led = watch(it.coordinator.syncGroup(syncRequest(leader, { [leader.memberId]: 'L' })))
    const added = watch(it.coordinator.joinGroup(joinRequest()))
    await it.log.flush()
    await it.clock.run(0)
    assert.equal(led.code, 'REBALANCE_IN_PROGRESS')
    assert.equal(added.state, 'waiting')
    assert.equal(await stateOf(it), 'PreparingRebalance')
  })

  it('throws out who does not sync within the rebalance timeout', async () => {
    const it = world()
    const change = { sessionTimeoutMs: 50_000, rebalanceTimeoutMs: 20_000 }
    const [leader, missing] = await Promise.all([join(it, change), join(it, change)])
    await it.coordinator.syncGroup(syncRequest(leader))
    await it.clock.run(19_999)
    await it.coordinator.heartbeat(memberOf(missing))
    await it.clock.run(1)
    await assertRefused(it.coordinator.heartbeat(memberOf(missing)), 'UNKNOWN_MEMBER_ID')
    await assertRefused(it.coordinator.heartbeat(memberOf(leader)), 'REBALANCE_IN_PROGRESS')
  })

  it('a leader that never syncs is thrown out, and the followers join again', async () => {
    const it = world()
    const change = { sessionTimeoutMs: 50_000, rebalanceTimeoutMs: 20_000 }
    const [, follower] = await Promise.all([join(it, change), join(it, change)])
    const waiting = watch(it.coordinator.syncGroup(syncRequest(follower)))
    await it.clock.run(20_000)
    assert.equal(waiting.code, 'REBALANCE_IN_PROGRESS')
    const again = await join(it, { ...change, memberId: follower.memberId })
    assert.equal(again.leaderId, follower.memberId)
  })

  it('refuses all who wait when the assignments cannot be stored, and starts over', async () => {
    const it = world()
    const [leader, follower] = await Promise.all([join(it), join(it)])
    const waiting = watch(it.coordinator.syncGroup(syncRequest(follower)))
    it.log.fail()
    const led = watch(it.coordinator.syncGroup(syncRequest(leader, { [leader.memberId]: 'L' })))
    await it.clock.run(0)
    assert.deepEqual([waiting.code, led.code], ['COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_NOT_AVAILABLE'])
    assert.equal(await stateOf(it), 'PreparingRebalance')
    it.log.recover()
    const [again] = await Promise.all([leader, follower].map(({ memberId }) => join(it, { memberId })))
    assert.equal(again.generationId, 2)
    await it.coordinator.syncGroup(syncRequest(again, { [leader.memberId]: 'L2' }))
    assert.equal(await stateOf(it), 'Stable')
  })
})

describe('sessions', () => {
  it('go on with heartbeats and commits, and end without', async () => {
    const it = world()
    const [joined] = await stableGroup(it, ['A'])
    for (const beat of [1, 2, 3]) {
      await it.clock.run(9999)
      if (beat === 2) await it.coordinator.commitOffsets(commitOf(memberOf(joined), offsetOf(1)))
      else await it.coordinator.heartbeat(memberOf(joined))
    }
    await it.clock.run(9999)
    assert.equal(await stateOf(it), 'Stable')
    await it.clock.run(1)
    assert.equal(await stateOf(it), 'Empty')
    await assertRefused(it.coordinator.heartbeat(memberOf(joined)), 'UNKNOWN_MEMBER_ID')
  })

  it('end for one member alone: the others rebalance', async () => {
    const it = world()
    const [leader, follower] = await stableGroup(it, ['A', 'B'], (i) => ({ sessionTimeoutMs: [5000, 9000][i] }))
    await it.clock.run(5000)
    await assertRefused(it.coordinator.heartbeat(memberOf(leader)), 'UNKNOWN_MEMBER_ID')
    await assertRefused(it.coordinator.heartbeat(memberOf(follower)), 'REBALANCE_IN_PROGRESS')
    const again = await join(it, { memberId: follower.memberId })
    assert.equal(again.leaderId, follower.memberId)
  })

  it('heartbeats are refused for other generations and strangers, and taken before the sync', async () => {
    const it = world()
    const joined = await join(it)
    const beat = (change: object) => it.coordinator.heartbeat({ ...memberOf(joined), ...change })
    await beat({})
    await assertRefused(beat({ groupId: '' }), 'INVALID_GROUP_ID')
    await assertRefused(beat({ groupId: 'other' }), 'UNKNOWN_MEMBER_ID')
    await assertRefused(beat({ memberId: '' }), 'UNKNOWN_MEMBER_ID')
    await assertRefused(beat({ generationId: 2 }), 'ILLEGAL_GENERATION')
  })

  it('do not end while a sync waits', async () => {
    const it = world()
    const change = { sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 60_000 }
    const [leader, follower] = await Promise.all([join(it, change), join(it, change)])
    const waiting = watch(it.coordinator.syncGroup(syncRequest(follower)))
    for (let i = 0; i < 5; i++) {
      await it.clock.run(9000)
      await it.coordinator.heartbeat(memberOf(leader))
    }
    await it.coordinator.syncGroup(syncRequest(leader))
    await it.clock.run(0)
    assert.equal(waiting.state, 'answered')
  })
})

describe('leaving', () => {
  it('says for each member what became of it', async () => {
    const it = world()
    const [leader, follower] = await stableGroup(it, ['A', 'B'])
    const outcomes = await it.coordinator.leaveGroup('g', [
      { memberId: follower.memberId, groupInstanceId: null },
      { memberId: follower.memberId, groupInstanceId: null },
      { memberId: '', groupInstanceId: null },
      { memberId: '', groupInstanceId: 'none' },
    ])
    assert.deepEqual(
      outcomes.map((error) => error?.code),
      [undefined, 'UNKNOWN_MEMBER_ID', 'UNKNOWN_MEMBER_ID', 'UNKNOWN_MEMBER_ID'],
    )
    await assertRefused(it.coordinator.heartbeat(memberOf(leader)), 'REBALANCE_IN_PROGRESS')
    const [unknown] = await it.coordinator.leaveGroup('none', [{ memberId: 'm', groupInstanceId: null }])
    assert.equal(unknown?.code, 'UNKNOWN_MEMBER_ID')
    await assertRefused(it.coordinator.leaveGroup('', []), 'INVALID_GROUP_ID')
  })

  it('answers what the member waits for', async () => {
    const it = world()
    const [, follower] = await Promise.all([join(it), join(it)])
    const waiting = watch(it.coordinator.syncGroup(syncRequest(follower)))
    await it.coordinator.leaveGroup('g', [{ memberId: follower.memberId, groupInstanceId: null }])
    await it.clock.run(0)
    assert.equal(waiting.code, 'UNKNOWN_MEMBER_ID')
  })
})
