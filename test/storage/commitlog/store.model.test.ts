/** Whatever is done to a commit log store in whatever order, it reads as arrays of what was appended would. */

import { test } from 'node:test'
import fc from 'fast-check'
import { MemoryDisk } from '../../../sim/memory-disk.js'
import { queueCount, type Step, StoreModel, tags } from './store-model.js'

const queue = fc.nat({ max: queueCount - 1 })
const part = fc.double({ min: 0, max: 1, noNaN: true })
const record = fc.record({
  tag: fc.constantFrom(...tags),
  timestamp: fc.nat({ max: 1000 }),
  bytes: fc.oneof({ weight: 4, arbitrary: fc.nat({ max: 300 }) }, { weight: 1, arbitrary: fc.nat({ max: 12_000 }) }),
})
const records = fc.array(record, { minLength: 1, maxLength: 6 })
const appended = fc.record({ kind: fc.constant('append' as const), queue, records, producer: fc.nat({ max: 5 }) })

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: appended },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('end' as const), queue, commit: fc.boolean() }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('read' as const),
      queue,
      part,
      maxBytes: fc.constantFrom(1, 700, 5000, 1_000_000),
      committed: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('tags' as const),
      queue,
      part,
      wanted: fc.constantFrom(['Aa'], ['BB', 'other'], ['none']),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('time' as const), queue, timestamp: fc.nat({ max: 1100 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('find' as const), queue, part }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('deleteRecords' as const), queue, part }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('deleteFiles' as const), part }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('checkpoint' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const), closed: fc.boolean() }) },
)

test('a commit log reads as arrays would', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 150, size: 'max' }), async (steps) => {
      const model = new StoreModel(new MemoryDisk())
      await model.open()
      for (const each of steps) {
        await model.run(each)
        model.check()
      }
      await model.close()
      await model.open()
      model.check()
      await model.close()
    }),
    { numRuns: Number(process.env['HOLDFAST_TEST_RUNS'] ?? 60) },
  )
})
