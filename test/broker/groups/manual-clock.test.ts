/** The clock that the tests of this room stand on. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ManualClock } from '../../../sim/manual-clock.js'

describe('a manual clock', () => {
  it('runs what falls due in order of time, then of asking', () => {
    const clock = new ManualClock(1000)
    const seen: [string, number][] = []
    const note = (name: string) => () => seen.push([name, clock.now()])
    clock.schedule(20, note('c'))
    clock.schedule(10, note('a'))
    clock.schedule(10, note('b'))
    clock.schedule(10, note('cancelled')).cancel()
    clock.schedule(31, note('late'))
    clock.schedule(5, () => clock.schedule(25, note('d')))
    clock.advance(30)
    assert.deepEqual(seen, [
      ['a', 1010],
      ['b', 1010],
      ['c', 1020],
      ['d', 1030],
    ])
    assert.deepEqual([clock.now(), clock.monotonic(), clock.scheduled, clock.untilNextMs], [1030, 30, 1, 1])
  })

  it('lets promises settle between tasks where it is run', async () => {
    const clock = new ManualClock()
    const seen: string[] = []
    clock.schedule(1, () => void Promise.resolve().then(() => seen.push('settled')))
    clock.schedule(2, () => seen.push('next'))
    clock.soon(() => seen.push('soon'))
    await clock.run(2)
    assert.deepEqual(seen, ['soon', 'settled', 'next'])
  })

  it('keeps its pace when the wall clock is moved', () => {
    const clock = new ManualClock(1000)
    clock.stepWallClock(-500)
    clock.advance(10)
    assert.deepEqual([clock.now(), clock.monotonic()], [510, 10])
  })
})
