/** Offsets that a transaction commits: pending until its marker, seen as it says, and the same after a restart. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { HoldfastError } from '../../../src/core/errors.js'
import {
  assertRefused,
  commitOf,
  memberOf,
  offsetOf,
  restarted,
  settled,
  stableGroup,
  type World,
  watch,
  world,
} from './world.js'

const producer = { producerId: 7, producerEpoch: 0 }
const letPass = (): void => {}

function commitIn({ coordinator }: World, ...[member, ...offsets]: Parameters<typeof commitOf>) {
  return coordinator.commitTransactionalOffsets({ ...commitOf(member, ...offsets), ...producer }, letPass)
}

function end({ coordinator }: World, commit: boolean): Promise<void> {
  return coordinator.endTransaction(0, { ...producer, coordinatorEpoch: 0, commit })
}

/** Partition and offset, or the code of why it is not told. */
async function stableOf({ coordinator }: World, partitions: number[] | null = null): Promise<(number | string)[][]> {
  const asked = partitions?.map((partition) => ({ topic: 'orders', partition })) ?? null
  const found = await coordinator.fetchOffsets('g', asked, { requireStable: true })
  return found.map(({ partition, offset, error }) => [partition, error?.code ?? offset])
}

async function offsetsOf({ coordinator }: World): Promise<number[][]> {
  return (await coordinator.fetchOffsets('g', null)).map(({ partition, offset }) => [partition, offset])
}

describe('offsets that a transaction commits', () => {
  it('are seen when it is committed, and not before', async () => {
    const it = world()
    await it.coordinator.commitOffsets(commitOf({}, offsetOf(1), offsetOf(1, { partition: 1 })))
    assert.deepEqual(await commitIn(it, {}, offsetOf(5)), [undefined])
    assert.deepEqual(await offsetsOf(it), [
      [0, 1],
      [1, 1],
    ])
    assert.deepEqual(await stableOf(it), [
      [1, 1],
      [0, 'UNSTABLE_OFFSET_COMMIT'],
    ])
    assert.deepEqual(await stableOf(it, [0, 2]), [[0, 'UNSTABLE_OFFSET_COMMIT']])
    await end(it, true)
    assert.deepEqual(await stableOf(it, [0]), [[0, 5]])
  })

  it('are gone when it is aborted, and with them a group that has nothing else', async () => {
    const it = world()
    await commitIn(it, {}, offsetOf(5))
    assert.deepEqual(
      (await it.coordinator.listGroups()).map(({ groupId }) => groupId),
      ['g'],
    )
    await end(it, false)
    assert.deepEqual([await stableOf(it), await it.coordinator.listGroups()], [[], []])
  })

  it('are written as a batch of the producer that needs no sequence', async () => {
    const it = world()
    await commitIn(it, {}, offsetOf(5), offsetOf(6, { partition: 1 }))
    const [batch] = it.log.batches
    assert.deepEqual(
      [batch.isTransactional, batch.isControl, batch.producerId, batch.producerEpoch, batch.baseSequence],
      [true, false, 7, 0, -1],
    )
  })

  it('hold as of the place where they were written', async () => {
    const it = world()
    await commitIn(it, {}, offsetOf(5))
    await it.coordinator.commitOffsets(commitOf({}, offsetOf(9)))
    await end(it, true)
    assert.deepEqual(await offsetsOf(it), [[0, 9]], 'what was committed later counts')
    assert.deepEqual(await offsetsOf(restarted(it)), [[0, 9]])
  })

  it('are refused where the transaction may not write there, and then nothing is left', async () => {
    const it = world()
    const refuse = (partition: number): void => {
      throw new HoldfastError('TRANSACTION_ABORTABLE', `not in ${partition}`)
    }
    const request = { ...commitOf({}, offsetOf(5)), ...producer }
    await assertRefused(it.coordinator.commitTransactionalOffsets(request, refuse), 'TRANSACTION_ABORTABLE')
    assert.deepEqual([it.log.batches.length, await it.coordinator.listGroups()], [0, []])
  })

  it('are refused for a consumer that is not in the group any more (KIP-447)', async () => {
    const it = world()
    const [joined] = await stableGroup(it, ['A'])
    const member = memberOf(joined)
    assert.deepEqual(await commitIn(it, member, offsetOf(1)), [undefined])
    await assertRefused(commitIn(it, { ...member, memberId: 'x' }, offsetOf(1)), 'UNKNOWN_MEMBER_ID')
    await assertRefused(commitIn(it, { ...member, generationId: 9 }, offsetOf(1)), 'ILLEGAL_GENERATION')
    await assertRefused(
      commitIn(it, { groupId: 'none', memberId: 'x', generationId: 1 }, offsetOf(1)),
      'ILLEGAL_GENERATION',
    )
    assert.deepEqual(await commitIn(it, {}, offsetOf(2)), [undefined], 'older producers do not name their consumer')
  })

  it('that did not get into the log are not pending', async () => {
    const it = world()
    await it.coordinator.start()
    it.log.acknowledgesAtOnce = false
    const commit = watch(commitIn(it, {}, offsetOf(5)))
    await settled()
    assert.deepEqual(await stableOf(it, [0]), [[0, 'UNSTABLE_OFFSET_COMMIT']], 'on their way is as good as there')
    it.log.fail()
    await settled()
    assert.equal(commit.code, 'COORDINATOR_NOT_AVAILABLE')
    assert.deepEqual(await stableOf(it, [0]), [])
  })

  it('keep their group from being deleted', async () => {
    const it = world()
    await commitIn(it, {}, offsetOf(5))
    await assertRefused(it.coordinator.deleteGroup('g'), 'NON_EMPTY_GROUP')
    await end(it, true)
    await it.coordinator.deleteGroup('g')
  })

  it('of a topic that is deleted meanwhile do not hold for the next one of its name', async () => {
    const it = world()
    await commitIn(it, {}, offsetOf(5))
    await it.coordinator.forgetTopic('orders', true)
    assert.deepEqual(await stableOf(it), [])
    await end(it, true)
    assert.deepEqual([await offsetsOf(it), await offsetsOf(restarted(it))], [[], []])
  })

  it('are still pending after a restart, and end as their marker says', async () => {
    for (const commit of [true, false]) {
      const before = world()
      await before.coordinator.commitOffsets(commitOf({}, offsetOf(1)))
      await commitIn(before, {}, offsetOf(5))
      const it = restarted(before)
      assert.deepEqual([await offsetsOf(it), await stableOf(it)], [[[0, 1]], [[0, 'UNSTABLE_OFFSET_COMMIT']]])
      await end(it, commit)
      assert.deepEqual(await offsetsOf(it), [[0, commit ? 5 : 1]])
      assert.deepEqual(await offsetsOf(restarted(it)), [[0, commit ? 5 : 1]])
    }
  })

  it('are found by a restart as they were before it, whatever was done', async () => {
    const partition = fc.nat(2)
    const action = fc.oneof(
      fc.record({ kind: fc.constant('commit' as const), producerId: fc.constant(-1), partition }),
      fc.record({ kind: fc.constant('commit' as const), producerId: fc.nat(1), partition }),
      fc.record({ kind: fc.constant('end' as const), producerId: fc.nat(1), commit: fc.boolean() }),
      fc.record({ kind: fc.constant('forget' as const) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 14 }), async (actions) => {
        const it = world()
        let offset = 0
        for (const each of actions) {
          if (each.kind === 'forget') await it.coordinator.forgetTopic('orders', false)
          else if (each.kind === 'end') {
            const marker = { producerId: each.producerId, producerEpoch: 0, coordinatorEpoch: 0, commit: each.commit }
            await it.coordinator.start()
            if (it.log.logEndOffset > 0) await it.coordinator.endTransaction(0, marker)
          } else {
            const request = commitOf({}, offsetOf(offset++, { partition: each.partition }))
            const { producerId } = each
            if (producerId < 0) await it.coordinator.commitOffsets(request)
            else await it.coordinator.commitTransactionalOffsets({ ...request, producerId, producerEpoch: 0 }, letPass)
          }
        }
        const seen = async (of: World) => [(await offsetsOf(of)).sort(), (await stableOf(of)).sort()]
        const expected = await seen(it)
        assert.deepEqual(await seen(restarted(it)), expected)
      }),
      { numRuns: 200 },
    )
  })
})
