/** What retention leaves, against a model that says Kafka's rules once more and in another way. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { RecordBatch } from '../../../src/records/batch.js'
import { bytesOf, readAll, sizedBatch } from '../support.js'
import { basesOf, segmentLogOf, world } from './world.js'

const hour = 3_600_000

type Step =
  | { readonly kind: 'send'; readonly bytes: number; readonly aheadMs: number }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'retention' }
  | { readonly kind: 'delete records'; readonly part: number }
  | { readonly kind: 'reopen' }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('send' as const),
      bytes: fc.integer({ min: 100, max: 1500 }),
      aheadMs: fc.integer({ min: -30 * hour, max: 10 * hour }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: -5 * hour, max: 20 * hour }) }),
  },
  { weight: 3, arbitrary: fc.constant({ kind: 'retention' as const }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('delete records' as const),
      part: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'reopen' as const }) },
)

interface Segment {
  readonly base: number
  readonly batches: RecordBatch[]
}

const sizeOf = (segments: readonly Segment[]) =>
  segments.flatMap(({ batches }) => batches).reduce((sum, batch) => sum + batch.sizeInBytes, 0)

/** The bases that stay: three passes as in UnifiedLog, each from the oldest on. The one that is active is rolled where it goes. */
function staying(segments: Segment[], end: number, now: number, ms: number, bytes: number): number[] {
  const rest = [...segments]
  const shiftWhile = (isDoomed: (segment: Segment) => boolean) => {
    while (rest.length > 0 && rest[0].batches.length > 0 && isDoomed(rest[0])) rest.shift()
  }
  let excess = sizeOf(rest) - bytes
  if (bytes >= 0) {
    shiftWhile((segment) => {
      if (excess < sizeOf([segment])) return false
      excess -= sizeOf([segment])
      return true
    })
  }
  if (ms >= 0) shiftWhile(({ batches }) => now - Math.max(...batches.map(({ maxTimestamp }) => maxTimestamp)) > ms)
  return rest.length === 0 ? [end] : rest.map(({ base }) => base)
}

test('what stays is what the model keeps, and it is all there', async () => {
  const limits = fc.record({
    ms: fc.constantFrom(-1, 0, 5 * hour, 24 * hour),
    bytes: fc.constantFrom(-1, 0, 4000, 9000),
    rollMs: fc.constantFrom(3 * hour, 1000 * hour),
  })
  await fc.assert(
    fc.asyncProperty(limits, fc.array(step, { maxLength: 40 }), async ({ ms, bytes, rollMs }, steps) => {
      const config = { 'retention.ms': String(ms), 'retention.bytes': String(bytes), 'segment.ms': String(rollMs) }
      const { store: first, clock, open } = await world({ config })
      let store = first
      let log = segmentLogOf(store, 'orders')
      const sent: RecordBatch[] = []
      let start = 0
      for (const one of steps) {
        if (one.kind === 'send') {
          const batch = sizedBatch(one.bytes, `${sent.length}`, { timestamp: clock.now() + one.aheadMs })
          await log.append(batch).acknowledged
          sent.push(batch)
        } else if (one.kind === 'pass') clock.stepWallClock(one.ms)
        else if (one.kind === 'delete records') {
          start = Math.max(start, Math.floor(one.part * sent.length))
          await log.deleteRecordsBefore(start)
        } else if (one.kind === 'reopen') {
          await store.close()
          store = await open()
          log = segmentLogOf(store, 'orders')
        } else {
          const bases = basesOf(log)
          const segments = bases.map((base, index) => ({ base, batches: sent.slice(base, bases[index + 1]) }))
          const expected = staying(segments, sent.length, clock.now(), ms, bytes)
          await store.runChore('retention')
          assert.deepEqual(basesOf(log), expected)
          start = Math.max(start, expected[0])
        }
        assert.deepEqual([log.logStartOffset, log.logEndOffset], [start, sent.length])
      }
      const kept = sent.slice(start)
      assert.deepEqual(await readAll(log), bytesOf(kept))
      await store.close()
    }),
    { numRuns: 60 },
  )
})
