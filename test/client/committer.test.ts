/** The committer under every order of acks, answers and rebalances, the broker played by the test. */

import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { settled } from '../../sim/manual-clock.js'
import { Committer, OwnedCursor } from '../../src/client/committer.js'
import { HoldfastError } from '../../src/core/errors.js'

const partitions = [0, 1, 2]

type Step =
  | { do: 'ack'; partition: number; offset: number }
  | { do: 'answer'; error: 'REBALANCE_IN_PROGRESS' | 'COORDINATOR_NOT_AVAILABLE' | undefined }
  | { do: 'rebalance'; lost: number[] }
  | { do: 'wait' }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('ack' as const), partition: fc.nat(2), offset: fc.nat(40) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('answer' as const),
      error: fc.constantFrom(
        undefined,
        undefined,
        'REBALANCE_IN_PROGRESS' as const,
        'COORDINATOR_NOT_AVAILABLE' as const,
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('rebalance' as const), lost: fc.subarray(partitions) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const) }) },
)

it('answers every ack once and rightly, and never moves an offset back', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const cursors = partitions.map((partition) => new OwnedCursor('t', partition, 0))
      const committed = [-1, -1, -1]
      let answer: ((error: HoldfastError | undefined) => void) | undefined
      let isFenced = false
      const committer = new Committer({
        commit: (offsets) =>
          new Promise((resolve, reject) => {
            assert.equal(answer, undefined, 'one commit at a time')
            answer = (error) => {
              answer = undefined
              if (error !== undefined) return reject(error)
              for (const { partition, offset } of offsets) {
                assert.ok(offset > committed[partition], 'an offset moves forward only')
                committed[partition] = offset
              }
              resolve(offsets.map(() => undefined))
            }
          }),
        onFenced: () => {
          isFenced = true
        },
      })
      const rebalance = async (lost: readonly number[]): Promise<void> => {
        const held = committer.hold()
        answer?.(undefined)
        for (let turn = 0; turn < 3; turn++) {
          await settled()
          answer?.(undefined)
        }
        await held
        for (const partition of lost) cursors[partition].stopped = true
        committer.release()
        isFenced = false
      }
      const acks: Promise<void>[] = []
      for (const each of steps) {
        if (each.do === 'wait') await settled()
        else if (each.do === 'rebalance') await rebalance(each.lost)
        else if (each.do === 'answer') answer?.(each.error === undefined ? undefined : new HoldfastError(each.error))
        else {
          const { partition, offset } = each
          const cursor = cursors[partition]
          const done = committer.ack(cursor, offset).then(
            () => assert.ok(committed[partition] >= offset, 'what was acknowledged is committed'),
            (error: HoldfastError) => {
              if (error.code === 'ILLEGAL_GENERATION') assert.ok(cursor.stopped)
              else assert.equal(error.code, 'COORDINATOR_NOT_AVAILABLE')
            },
          )
          acks.push(done)
        }
      }
      await settled()
      if (isFenced) await rebalance([])
      for (let turn = 0; turn < 5; turn++) {
        answer?.(undefined)
        await settled()
      }
      await committer.drain()
      await Promise.all(acks)
    }),
    { numRuns: 300 },
  )
})
