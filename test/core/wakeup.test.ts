/** Waiting for something to happen. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../sim/manual-clock.js'
import { Wakeup } from '../../src/core/wakeup.js'
import { turns } from '../storage/support.js'

test('who stops waiting ends the waiting of others once, and not for ever', async () => {
  const wakeup = new Wakeup()
  const clock = new ManualClock()
  const gone = new AbortController()
  const left = wakeup.wait(clock, 1000, gone.signal)
  const other = wakeup.wait(clock, 1000)
  gone.abort()
  await Promise.all([left, other])
  let isAwake = false
  const again = wakeup.wait(clock, 1000).then(() => {
    isAwake = true
  })
  await turns()
  assert.equal(isAwake, false, 'it did not wait')
  wakeup.wake()
  await again
})

test('whose signal is aborted already does not wait', async () => {
  await new Wakeup().wait(new ManualClock(), 1000, AbortSignal.abort())
})
