/** Many messages behind one promise: whatever ranges the answers come in, each message gets its own. */

import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { ManySends, SendManyError } from '../../src/client/sending.js'
import { InvariantError } from '../../src/core/invariant.js'

const range = fc.record({ count: fc.integer({ min: 1, max: 20 }), refused: fc.boolean() })

it('tells of every message what its range was told', async () => {
  const ranges = fc.array(range, { minLength: 1, maxLength: 10 })
  await fc.assert(
    fc.asyncProperty(ranges, fc.infiniteStream(fc.nat()), async (parts, dice) => {
      const count = parts.reduce((sum, part) => sum + part.count, 0)
      const many = new ManySends(count, false)
      let next = 0
      const answers = parts.map(({ count: length, refused }, part) => {
        const first = next
        next += length
        return { first, count: length, refused, offset: part * 1000, error: new Error(`part ${part}`) }
      })
      const expected = answers.flatMap(({ count: length, refused, offset, error }) =>
        Array.from({ length }, (_, i) =>
          refused ? { error } : { receipt: { topic: 't', partition: 0, offset: offset + i, timestamp: 7 } },
        ),
      )
      const outcome = many.promise.catch((error: unknown) => error)
      // In any order: partitions answer when they can.
      for (const pending = [...answers]; pending.length > 0; ) {
        const [answer] = pending.splice((dice.next().value ?? 0) % pending.length, 1)
        if (answer.refused) many.refused(answer.first, answer.count, answer.error)
        else {
          const receipt = { topic: 't', partition: 0, offset: answer.offset, timestamp: 7 }
          many.acknowledged(answer.first, answer.count, receipt)
        }
      }
      const settled = await outcome
      if (settled instanceof SendManyError) assert.deepEqual(settled.outcomes, expected)
      else
        assert.deepEqual(
          settled,
          expected.map(({ receipt }) => receipt),
        )
      assert.equal(
        settled instanceof SendManyError,
        parts.some(({ refused }) => refused),
      )
    }),
  )
})

it('takes no answer twice', () => {
  const many = new ManySends(2, false)
  const receipt = { topic: 't', partition: 0, offset: 0, timestamp: 1 }
  many.acknowledged(0, 2, receipt)
  assert.throws(() => many.acknowledged(0, 1, receipt), InvariantError)
})
