/** Offsets: who may commit, what is stored, and that nothing is seen before it is durable. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { CommittedOffset } from '../../../src/broker/groups/contract.js'
import { decodeKey, decodeOffsetValue } from '../../../src/broker/groups/offsets-format.js'
import { readRecords } from '../../../src/records/reader.js'
import {
  assertRefused,
  commitOf,
  join,
  joinRequest,
  memberOf,
  offsetOf,
  settled,
  stableGroup,
  stateOf,
  type World,
  watch,
  world,
} from './world.js'

async function offsetsOf({ coordinator }: World, groupId = 'g'): Promise<[string, number, number][]> {
  const offsets = await coordinator.fetchOffsets(groupId, null)
  return offsets.map(({ topic, partition, offset }) => [topic, partition, offset])
}

describe('committing', () => {
  it('without a group stores the offset and makes an empty group of it', async () => {
    const it = world()
    const offset = offsetOf(42, { leaderEpoch: 3, metadata: 'note' })
    assert.deepEqual(await it.coordinator.commitOffsets(commitOf({}, offset)), [undefined])
    const expected: CommittedOffset = { ...offset, commitTimestamp: it.clock.now() }
    assert.deepEqual(await it.coordinator.fetchOffsets('g', null), [expected])
    assert.equal(await stateOf(it), 'Empty')
    assert.deepEqual(await it.coordinator.listGroups(), [{ groupId: 'g', protocolType: '', state: 'Empty' }])
    const [record] = readRecords(it.log.batches[0])
    assert.deepEqual(decodeKey(record.key as Buffer), { kind: 'offset', groupId: 'g', topic: 'orders', partition: 0 })
    assert.equal(decodeOffsetValue(record.value as Buffer).offset, 42)
  })

  it('under the empty group id is allowed', async () => {
    const it = world()
    await it.coordinator.commitOffsets(commitOf({ groupId: '' }, offsetOf(1)))
    assert.deepEqual(await offsetsOf(it, ''), [['orders', 0, 1]])
  })

  it('writes the offsets of one request in one batch', async () => {
    const it = world()
    await it.coordinator.commitOffsets(commitOf({}, offsetOf(1), offsetOf(2, { partition: 1 }), offsetOf(3)))
    assert.deepEqual([it.log.batches.length, it.log.logEndOffset], [1, 3])
    assert.deepEqual(await offsetsOf(it), [
      ['orders', 0, 3],
      ['orders', 1, 2],
    ])
  })

  it('refuses what can be no offset, and takes what stands for an end', async () => {
    const it = world()
    const offsets = [-5, 2 ** 63, 2 ** 53, -1, -2, 7].map((offset, partition) => offsetOf(offset, { partition }))
    const outcomes = await it.coordinator.commitOffsets(commitOf({}, ...offsets))
    const refused = 'INVALID_REQUEST'
    assert.deepEqual(
      outcomes.map((outcome) => outcome?.code),
      [refused, refused, refused, undefined, undefined, undefined],
    )
    assert.deepEqual(
      (await offsetsOf(it)).map(([, , offset]) => offset),
      [-1, -2, 7],
    )
  })

  it('refuses metadata that is too long, that offset alone', async () => {
    const it = world({ 'offset.metadata.max.bytes': 4 })
    const long = offsetOf(1, { metadata: 'ößö' })
    const outcomes = await it.coordinator.commitOffsets(
      commitOf({}, long, offsetOf(2, { partition: 1, metadata: 'four' })),
    )
    assert.deepEqual(
      outcomes.map((error) => error?.code),
      ['OFFSET_METADATA_TOO_LARGE', undefined],
    )
    assert.deepEqual(await offsetsOf(it), [['orders', 1, 2]])
    const [only] = await it.coordinator.commitOffsets(commitOf({ groupId: 'other' }, long))
    assert.equal(only?.code, 'OFFSET_METADATA_TOO_LARGE')
    assert.equal(await stateOf(it, 'other'), 'Dead', 'nothing was stored, so there is no group')
  })

  it('refuses metadata that the format cannot hold, whatever the setting', async () => {
    const it = world({ 'offset.metadata.max.bytes': 1024 * 1024 })
    const [refused] = await it.coordinator.commitOffsets(commitOf({}, offsetOf(1, { metadata: 'x'.repeat(0x8000) })))
    assert.equal(refused?.code, 'OFFSET_METADATA_TOO_LARGE')
  })

  it('fetches what is asked for and known', async () => {
    const { coordinator } = world()
    await coordinator.commitOffsets(commitOf({}, offsetOf(1), offsetOf(2, { topic: 'payments', partition: 7 })))
    const asked = [
      { topic: 'payments', partition: 7 },
      { topic: 'payments', partition: 8 },
      { topic: 'none', partition: 0 },
    ]
    assert.deepEqual(
      (await coordinator.fetchOffsets('g', asked)).map(({ offset }) => offset),
      [2],
    )
    assert.deepEqual(await coordinator.fetchOffsets('none', asked), [])
    assert.deepEqual(await coordinator.fetchOffsets('none', null), [])
  })
})

describe('who may commit', () => {
  it('members of the current generation, and nobody else while there are members', async () => {
    const it = world()
    const [joined] = await stableGroup(it, ['A'])
    const member = memberOf(joined)
    const commit = (change: object) => it.coordinator.commitOffsets(commitOf({ ...member, ...change }, offsetOf(1)))
    await commit({})
    await assertRefused(commit({ generationId: 2 }), 'ILLEGAL_GENERATION')
    await assertRefused(commit({ generationId: 0 }), 'ILLEGAL_GENERATION')
    await assertRefused(commit({ generationId: -1 }), 'ILLEGAL_GENERATION')
    await assertRefused(commit({ memberId: 'other' }), 'UNKNOWN_MEMBER_ID')
    await assertRefused(commit({ memberId: '', generationId: -1 }), 'UNKNOWN_MEMBER_ID')
    await assertRefused(commit({ groupId: 'other' }), 'ILLEGAL_GENERATION')
    assert.equal(await stateOf(it, 'other'), 'Dead')
  })

  it('members while a rebalance is prepared, but not before they have synced', async () => {
    const it = world()
    const [joined] = await stableGroup(it, ['A'])
    const added = watch(it.coordinator.joinGroup(joinRequest()))
    await settled()
    await it.coordinator.commitOffsets(commitOf(memberOf(joined), offsetOf(5)))
    const again = await join(it, { memberId: joined.memberId })
    assert.equal(added.state, 'answered')
    const early = it.coordinator.commitOffsets(commitOf(memberOf(again), offsetOf(6)))
    await assertRefused(early, 'REBALANCE_IN_PROGRESS')
    assert.deepEqual(await offsetsOf(it), [['orders', 0, 5]])
  })

  it('anybody without a generation once the group is empty', async () => {
    const it = world()
    const [joined] = await stableGroup(it, ['A'])
    await it.coordinator.leaveGroup('g', [{ memberId: joined.memberId, groupInstanceId: null }])
    await it.coordinator.commitOffsets(commitOf({}, offsetOf(9)))
    await assertRefused(it.coordinator.commitOffsets(commitOf(memberOf(joined), offsetOf(1))), 'UNKNOWN_MEMBER_ID')
    assert.deepEqual(await offsetsOf(it), [['orders', 0, 9]])
  })
})

describe('a commit and the log', () => {
  it('is answered and seen when it is durable, not before', async () => {
    const it = world()
    await it.coordinator.commitOffsets(commitOf({}, offsetOf(1)))
    it.log.acknowledgesAtOnce = false
    const commit = watch(it.coordinator.commitOffsets(commitOf({}, offsetOf(2))))
    await settled()
    assert.equal(commit.state, 'waiting')
    assert.deepEqual(await offsetsOf(it), [['orders', 0, 1]])
    await it.log.flush()
    await settled()
    assert.equal(commit.state, 'answered')
    assert.deepEqual(await offsetsOf(it), [['orders', 0, 2]])
  })

  it('commits of one group keep their order, without waiting for each other', async () => {
    const it = world()
    it.log.acknowledgesAtOnce = false
    const commits = [10, 30, 20].map((offset) => watch(it.coordinator.commitOffsets(commitOf({}, offsetOf(offset)))))
    await settled()
    assert.equal(it.log.waiting, 3)
    const seen: number[] = []
    for (const _ of commits) {
      await it.log.flush(1)
      await settled()
      seen.push((await offsetsOf(it))[0][2])
    }
    assert.deepEqual(seen, [10, 30, 20])
  })

  it('that failed is refused alone and changes nothing', async () => {
    const it = world()
    await it.coordinator.commitOffsets(commitOf({}, offsetOf(1)))
    it.log.acknowledgesAtOnce = false
    const commit = watch(it.coordinator.commitOffsets(commitOf({}, offsetOf(2), offsetOf(2, { partition: 1 }))))
    const other = watch(it.coordinator.commitOffsets(commitOf({ groupId: 'new' }, offsetOf(2))))
    await settled()
    it.log.fail('DISK_FULL')
    await settled()
    assert.deepEqual([commit.code, other.code], ['COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_NOT_AVAILABLE'])
    await assertRefused(it.coordinator.commitOffsets(commitOf({}, offsetOf(3))), 'COORDINATOR_NOT_AVAILABLE')
    assert.deepEqual(await offsetsOf(it), [['orders', 0, 1]])
    assert.equal(await stateOf(it, 'new'), 'Dead')
    it.log.recover()
    it.log.acknowledgesAtOnce = true
    await it.coordinator.commitOffsets(commitOf({}, offsetOf(4)))
    assert.deepEqual(await offsetsOf(it), [['orders', 0, 4]])
  })
})
