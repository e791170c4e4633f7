/** Describing, deleting, forgetting and closing. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  assertRefused,
  commitOf,
  join,
  joinRequest,
  memberOf,
  offsetOf,
  restarted,
  settled,
  stableGroup,
  stateOf,
  syncRequest,
  watch,
  world,
} from './world.js'

describe('describing groups', () => {
  it('shows members, and what they encode once the group is stable', async () => {
    const it = world()
    const joined = await join(it, { groupInstanceId: 'i' })
    const before = await it.coordinator.describeGroup('g')
    assert.deepEqual([before.state, before.protocolName], ['CompletingRebalance', ''])
    assert.equal(before.members[0].metadata.length, 0)
    await it.coordinator.syncGroup(syncRequest(joined, { [joined.memberId]: 'A' }))
    assert.deepEqual(await it.coordinator.describeGroup('g'), {
      groupId: 'g',
      protocolType: 'consumer',
      protocolName: 'range',
      state: 'Stable',
      members: [
        {
          memberId: joined.memberId,
          groupInstanceId: 'i',
          clientId: 'client',
          clientHost: '/127.0.0.1',
          metadata: joinRequest().protocols[0].metadata,
          assignment: Buffer.from('A'),
        },
      ],
    })
  })

  it('shows one that does not exist as dead', async () => {
    const dead = { groupId: 'none', protocolType: '', state: 'Dead', protocolName: '', members: [] }
    assert.deepEqual(await world().coordinator.describeGroup('none'), dead)
  })
})

describe('deleting', () => {
  it('a group takes its offsets with it, also after a restart', async () => {
    const it = world()
    const [joined] = await stableGroup(it, ['A'])
    await it.coordinator.commitOffsets(commitOf(memberOf(joined), offsetOf(1), offsetOf(1, { partition: 1 })))
    await assertRefused(it.coordinator.deleteGroup('g'), 'NON_EMPTY_GROUP')
    await it.coordinator.leaveGroup('g', [{ memberId: joined.memberId, groupInstanceId: null }])
    await it.coordinator.deleteGroup('g')
    for (const { coordinator } of [it, restarted(it)]) {
      assert.deepEqual(await coordinator.listGroups(), [])
      assert.deepEqual(await coordinator.fetchOffsets('g', null), [])
    }
    await assertRefused(it.coordinator.deleteGroup('g'), 'GROUP_ID_NOT_FOUND')
    assert.equal((await join(it)).generationId, 1)
  })

  it('a group keeps others out until it is done, and lets them in again where it fails', async () => {
    const it = world()
    await it.coordinator.commitOffsets(commitOf({}, offsetOf(1)))
    it.log.acknowledgesAtOnce = false
    const late = watch(it.coordinator.commitOffsets(commitOf({}, offsetOf(2, { partition: 1 }))))
    const deletion = watch(it.coordinator.deleteGroup('g'))
    await settled()
    await assertRefused(it.coordinator.joinGroup(joinRequest()), 'COORDINATOR_NOT_AVAILABLE')
    await assertRefused(it.coordinator.commitOffsets(commitOf({}, offsetOf(3))), 'COORDINATOR_NOT_AVAILABLE')
    await assertRefused(it.coordinator.deleteGroup('g'), 'COORDINATOR_NOT_AVAILABLE')
    it.log.fail()
    await settled()
    assert.deepEqual([late.code, deletion.code], ['COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_NOT_AVAILABLE'])
    assert.equal((await it.coordinator.fetchOffsets('g', null)).length, 1)
    it.log.recover()
    it.log.acknowledgesAtOnce = true
    await it.coordinator.commitOffsets(commitOf({}, offsetOf(3)))
  })

  it('a group deletes commits that are on their way, too', async () => {
    const it = world()
    await it.coordinator.commitOffsets(commitOf({}, offsetOf(1)))
    it.log.acknowledgesAtOnce = false
    void it.coordinator.commitOffsets(commitOf({}, offsetOf(2, { partition: 1 })))
    await settled()
    const deletion = it.coordinator.deleteGroup('g')
    await it.clock.run(0)
    it.log.acknowledgesAtOnce = true
    await it.log.flush()
    await deletion
    assert.deepEqual(await restarted(it).coordinator.listGroups(), [])
  })

  it('a group forgets the member ids that it gave out', async () => {
    const it = world()
    await it.coordinator.commitOffsets(commitOf({}, offsetOf(1)))
    await it.coordinator.joinGroup(joinRequest({ requireKnownMemberId: true }))
    await it.coordinator.deleteGroup('g')
    assert.equal(it.clock.scheduled, 0)
  })
})

describe('forgetting a topic', () => {
  it('drops its offsets from all groups and the log, however many', async () => {
    const it = world()
    const many = Array.from({ length: 1200 }, (_, partition) => offsetOf(1, { partition }))
    await it.coordinator.commitOffsets(commitOf({}, ...many, offsetOf(5, { topic: 'payments' })))
    await it.coordinator.commitOffsets(commitOf({ groupId: 'only' }, offsetOf(1)))
    await it.coordinator.forgetTopic('orders', false)
    for (const { coordinator } of [it, restarted(it)]) {
      const left = await coordinator.fetchOffsets('g', null)
      assert.deepEqual(
        left.map(({ topic }) => topic),
        ['payments'],
      )
      assert.deepEqual(
        (await coordinator.listGroups()).map(({ groupId }) => groupId),
        ['g'],
      )
    }
  })

  it('does not drop a commit that comes after it', async () => {
    const it = world()
    await it.coordinator.commitOffsets(commitOf({}, offsetOf(1)))
    it.log.acknowledgesAtOnce = false
    const forgotten = it.coordinator.forgetTopic('orders', false)
    await it.clock.run(0)
    const commit = it.coordinator.commitOffsets(commitOf({}, offsetOf(0)))
    await it.clock.run(0)
    await it.log.flush()
    await Promise.all([forgotten, commit])
    assert.deepEqual(
      (await it.coordinator.fetchOffsets('g', null)).map(({ offset }) => offset),
      [0],
    )
  })

  it('says where it could not be written, and changes nothing', async () => {
    const it = world()
    await it.coordinator.commitOffsets(commitOf({}, offsetOf(1)))
    it.log.fail()
    await assertRefused(it.coordinator.forgetTopic('orders', false), 'COORDINATOR_NOT_AVAILABLE')
    assert.equal((await it.coordinator.fetchOffsets('g', null)).length, 1)
  })
})

describe('closing', () => {
  it('refuses waiting joins and syncs, stops all timers and refuses what comes later', async () => {
    const it = world()
    const [leader] = await stableGroup(it, ['A', 'B'])
    const joining = watch(it.coordinator.joinGroup(joinRequest({ memberId: leader.memberId })))
    const change = { groupId: 'h' }
    const [, follower] = await Promise.all([join(it, change), join(it, change)])
    const syncing = watch(it.coordinator.syncGroup({ ...syncRequest(follower), ...change }))
    await it.coordinator.joinGroup(joinRequest({ requireKnownMemberId: true, groupId: 'p' }))
    await it.clock.run(0)
    await it.coordinator.close()
    assert.deepEqual([joining.code, syncing.code], ['NOT_COORDINATOR', 'NOT_COORDINATOR'])
    assert.equal(it.clock.scheduled, 0)
    await assertRefused(it.coordinator.heartbeat(memberOf(leader)), 'COORDINATOR_NOT_AVAILABLE')
    await assertRefused(it.coordinator.start(), 'COORDINATOR_NOT_AVAILABLE')
    await it.coordinator.close()
  })

  it('waits for commits that were appended', async () => {
    const it = world()
    await it.coordinator.start()
    it.log.acknowledgesAtOnce = false
    const commit = watch(it.coordinator.commitOffsets(commitOf({}, offsetOf(1))))
    await settled()
    const closed = watch(it.coordinator.close())
    await settled()
    assert.deepEqual([commit.state, closed.state], ['waiting', 'waiting'])
    await it.log.flush()
    await closed.promise
    assert.equal(commit.state, 'answered')
  })

  it('while the groups load refuses those who wait for it', async () => {
    const it = world()
    await stableGroup(it, ['A'])
    const after = restarted(it)
    const listing = watch(after.coordinator.listGroups())
    await after.coordinator.close()
    await settled()
    assert.equal(listing.code, 'COORDINATOR_NOT_AVAILABLE')
  })

  it('with assignments on their way leaves nothing behind', async () => {
    const it = world()
    const joined = await join(it)
    it.log.acknowledgesAtOnce = false
    const syncing = watch(it.coordinator.syncGroup(syncRequest(joined)))
    await settled()
    const closed = it.coordinator.close()
    await it.log.flush()
    await closed
    await settled()
    assert.equal(syncing.code, 'NOT_COORDINATOR')
    assert.equal(await stateOf(restarted(it)), 'Stable')
    assert.equal(it.clock.scheduled > 0, true, 'those of the new coordinator')
  })
})
