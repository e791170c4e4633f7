/** What a new coordinator finds in the logs of the one before. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ManualClock } from '../../../sim/manual-clock.js'
import { GroupCoordinator } from '../../../src/broker/groups/coordinator.js'
import {
  encodeGroupKey,
  encodeGroupValue,
  encodeOffsetKey,
  encodeOffsetValue,
} from '../../../src/broker/groups/offsets-format.js'
import type { InternalTopic } from '../../../src/broker/internal-log.js'
import { silentLogger } from '../../../src/core/logger.js'
import { resolveSettings } from '../../../src/core/settings.js'
import { buildBatch } from '../../../src/records/builder.js'
import { controlBatch } from '../../../src/records/end-marker.js'
import { MemoryLog } from './memory-log.js'
import {
  assertRefused,
  commitOf,
  countingRandomness,
  join,
  joinRequest,
  MemoryTopic,
  memberOf,
  offsetOf,
  restarted,
  settled,
  stableGroup,
  stateOf,
  syncRequest,
  type World,
  watch,
  world,
} from './world.js'

const record = (key: Buffer, value: Buffer | null) => ({ key, value, timestamp: 1 })

const offsetRecord = (partition: number, offset: number | null) =>
  record(
    encodeOffsetKey('g', 'orders', partition),
    offset === null ? null : encodeOffsetValue({ offset, leaderEpoch: -1, metadata: '', commitTimestamp: 1 }),
  )

async function offsetsOf({ coordinator }: World): Promise<[number, number][]> {
  return (await coordinator.fetchOffsets('g', null)).map(({ partition, offset }) => [partition, offset])
}

describe('a restart', () => {
  it('finds members, assignments, generation and offsets', async () => {
    const it = world()
    const joined = await stableGroup(it, ['A', 'B'], (i) => ({ clientId: `c${i}` }))
    await it.coordinator.commitOffsets(commitOf(memberOf(joined[0]), offsetOf(7, { metadata: 'm', leaderEpoch: 2 })))
    const before = [await it.coordinator.describeGroup('g'), await it.coordinator.fetchOffsets('g', null)]
    const after = restarted(it)
    assert.deepEqual(
      [await after.coordinator.describeGroup('g'), await after.coordinator.fetchOffsets('g', null)],
      before,
    )
    for (const each of joined) await after.coordinator.heartbeat(memberOf(each))
    assert.equal((await after.coordinator.syncGroup(syncRequest(joined[1]))).assignment.toString(), 'B')
    const again = watch(after.coordinator.joinGroup(joinRequest({ memberId: joined[1].memberId })))
    await after.clock.run(0)
    assert.equal(again.state, 'answered', 'a follower with nothing new goes on')
  })

  it('gives every member a full session', async () => {
    const it = world()
    const [joined] = await stableGroup(it, ['A'])
    await it.clock.run(9000)
    await it.coordinator.close()
    const after = restarted(it)
    await after.coordinator.start()
    await after.clock.run(9999)
    assert.equal(await stateOf(after), 'Stable')
    await after.clock.run(1)
    assert.equal(await stateOf(after), 'Empty')
    await assertRefused(after.coordinator.heartbeat(memberOf(joined)), 'UNKNOWN_MEMBER_ID')
  })

  it('finds an empty group empty, its generation going on', async () => {
    const it = world()
    const [joined] = await stableGroup(it, ['A'])
    await it.coordinator.leaveGroup('g', [{ memberId: joined.memberId, groupInstanceId: null }])
    const after = restarted(it)
    assert.deepEqual(await after.coordinator.listGroups(), [{ groupId: 'g', protocolType: 'consumer', state: 'Empty' }])
    assert.equal((await join(after)).generationId, 3)
  })

  it('does not find what was not durable', async () => {
    const it = world()
    await it.coordinator.commitOffsets(commitOf({}, offsetOf(1)))
    it.log.acknowledgesAtOnce = false
    void it.coordinator.commitOffsets(commitOf({}, offsetOf(2)))
    await it.clock.run(0)
    assert.deepEqual(await offsetsOf(restarted(it)), [[0, 1]])
  })

  it('finds the groups of all partitions', async () => {
    const topic = new MemoryTopic([0, 1, 2, 3].map((partition) => new MemoryLog('__consumer_offsets', partition)))
    const it = world({}, topic)
    const ids = Array.from({ length: 20 }, (_, i) => `group-${i}`)
    for (const groupId of ids) await it.coordinator.commitOffsets(commitOf({ groupId }, offsetOf(1)))
    assert.ok(topic.logs.every((log) => log.batches.length > 0))
    const listed = (await restarted(it).coordinator.listGroups()).map(({ groupId }) => groupId)
    assert.deepEqual(listed.sort(), ids.sort())
  })
})

describe('replaying', () => {
  const replayed = (...batches: ReturnType<typeof buildBatch>[]) => {
    const it = world()
    for (const batch of batches) it.log.append(batch)
    return it
  }

  it('lets the last record win, and tombstones delete', async () => {
    const it = replayed(
      buildBatch([offsetRecord(0, 1), offsetRecord(1, 1), offsetRecord(0, 5)]),
      buildBatch([offsetRecord(1, null), offsetRecord(2, 3)], { codec: 'gzip' }),
    )
    assert.deepEqual(await offsetsOf(it), [
      [0, 5],
      [2, 3],
    ])
  })

  it('forgets groups that were deleted, and such as have nothing left', async () => {
    const empty = { protocolType: 'consumer', generationId: 3, protocolName: null, leaderId: null, stateTimestamp: 1 }
    const it = replayed(
      buildBatch([record(encodeGroupKey('g'), encodeGroupValue({ ...empty, members: [] })), offsetRecord(0, 1)]),
      buildBatch([offsetRecord(0, null), record(encodeGroupKey('g'), null)]),
    )
    assert.deepEqual(await it.coordinator.listGroups(), [])
  })

  it('counts the offsets of a transaction when it has committed', async () => {
    const transaction = (producerId: number, ...records: ReturnType<typeof offsetRecord>[]) =>
      buildBatch(records, { producerId, producerEpoch: 0, baseSequence: 0, isTransactional: true })
    const end = (producerId: number, outcome: 'COMMIT' | 'ABORT') =>
      controlBatch({ producerId, producerEpoch: 0, coordinatorEpoch: 0, outcome, timestamp: 1 })
    const it = replayed(
      transaction(1, offsetRecord(0, 10), offsetRecord(3, 10)),
      transaction(2, offsetRecord(1, 20)),
      transaction(3, offsetRecord(2, 30)),
      buildBatch([offsetRecord(3, 11)]),
      end(2, 'ABORT'),
      end(1, 'COMMIT'),
    )
    // Partition 3 was committed again after the transaction's write, which is older though it took effect later.
    assert.deepEqual((await offsetsOf(it)).sort(), [
      [0, 10],
      [3, 11],
    ])
  })

  it('passes over records of kinds that it does not know', async () => {
    const it = replayed(buildBatch([record(Buffer.from([0, 9, 1, 2]), Buffer.from([1])), offsetRecord(0, 1)]))
    assert.deepEqual(await offsetsOf(it), [[0, 1]])
  })

  it('refuses to go on with records that it cannot understand', async () => {
    const it = replayed(buildBatch([record(encodeOffsetKey('g', 'orders', 0), Buffer.from([0, 9]))]))
    await assertRefused(it.coordinator.fetchOffsets('g', null), 'COORDINATOR_NOT_AVAILABLE')
    await assertRefused(it.coordinator.joinGroup(joinRequest()), 'COORDINATOR_NOT_AVAILABLE')
  })

  it('begins at the start of the log, wherever that is', async () => {
    const it = world()
    it.log.logStartOffset = 100
    it.log.logEndOffset = 100
    it.log.append(buildBatch([offsetRecord(0, 1)]))
    assert.deepEqual(await offsetsOf(it), [[0, 1]])
  })
})

describe('opening the topic', () => {
  const coordinatorWith = (
    openOffsetsTopic: (create: boolean) => Promise<InternalTopic | undefined>,
    clock = new ManualClock(),
    topicExists = (_: string) => true,
  ) =>
    new GroupCoordinator({
      clock,
      randomness: countingRandomness(),
      logger: silentLogger,
      settings: resolveSettings(),
      openOffsetsTopic,
      topicExists,
      onOffsetsChanged: () => {},
    })

  it('is not read again at once by every request after it could not be read, and damage is called damage', async () => {
    const clock = new ManualClock()
    const log = new MemoryLog()
    log.append(buildBatch([offsetRecord(0, 1)]))
    let isDamaged = true
    const read = log.read.bind(log)
    log.read = async (offset, maxBytes) => (isDamaged ? { records: [], sizeInBytes: 0 } : read(offset, maxBytes))
    let opened = 0
    const coordinator = coordinatorWith(async () => {
      opened++
      return new MemoryTopic([log])
    }, clock)
    for (let at = 0; at < 10; at++) await assertRefused(coordinator.listGroups(), 'LOG_DAMAGED')
    assert.equal(opened, 1)
    isDamaged = false
    clock.advance(1000)
    assert.equal((await coordinator.listGroups()).length, 1)
  })

  it('drops the offsets of topics that do not exist, for good', async () => {
    const topic = new MemoryTopic()
    const other = record(
      encodeOffsetKey('h', 'kept', 0),
      encodeOffsetValue({ offset: 3, leaderEpoch: -1, metadata: '', commitTimestamp: 1 }),
    )
    topic.log(0).append(buildBatch([offsetRecord(0, 1), offsetRecord(1, 2), other]))
    const first = coordinatorWith(
      async () => topic,
      new ManualClock(),
      (name) => name === 'kept',
    )
    assert.deepEqual(await first.fetchOffsets('g', null), [])
    assert.equal((await first.fetchOffsets('h', null)).length, 1)
    await first.close()
    const second = coordinatorWith(async () => topic.crashed())
    assert.deepEqual(await second.fetchOffsets('g', null), [])
    assert.deepEqual(
      (await second.listGroups()).map(({ groupId }) => groupId),
      ['h'],
    )
  })

  it('is done once, and created only for what writes', async () => {
    const asked: boolean[] = []
    const topic = new MemoryTopic()
    const coordinator = coordinatorWith(async (create) => {
      asked.push(create)
      return create ? topic : undefined
    })
    await coordinator.start()
    assert.deepEqual(await coordinator.listGroups(), [])
    assert.deepEqual(await coordinator.fetchOffsets('g', null), [])
    await coordinator.forgetTopic('orders', false)
    await assertRefused(coordinator.deleteGroup('g'), 'GROUP_ID_NOT_FOUND')
    assert.ok(!asked.includes(true))
    asked.length = 0
    await Promise.all([
      coordinator.listGroups(),
      coordinator.commitOffsets(commitOf({}, offsetOf(1))),
      coordinator.commitOffsets(commitOf({}, offsetOf(2))),
      coordinator.listGroups(),
    ])
    assert.deepEqual(asked, [false, true])
  })

  it('is waited for by requests, and tried again after a failure', async () => {
    let open: (topic: InternalTopic) => void = () => {}
    let refuse: (error: Error) => void = () => {}
    const coordinator = coordinatorWith(
      () =>
        new Promise((resolve, reject) => {
          open = resolve
          refuse = reject
        }),
    )
    const first = watch(coordinator.commitOffsets(commitOf({}, offsetOf(1))))
    await settled()
    refuse(new Error('no disk'))
    await assertRefused(first.promise, 'COORDINATOR_NOT_AVAILABLE')
    const second = watch(coordinator.commitOffsets(commitOf({}, offsetOf(1))))
    const third = watch(coordinator.fetchOffsets('g', null))
    await settled()
    assert.equal(second.state, 'waiting')
    open(new MemoryTopic())
    assert.deepEqual(await second.promise, [undefined])
    await third.promise
  })
})
