/** Chores run by the clock, one run at a time each, and never take their store along when they fail. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, settled } from '../../sim/manual-clock.js'
import { noMetrics } from '../../src/core/metrics/metrics.js'
import { Chores } from '../../src/storage/chores.js'
import { gate, recordingLogger } from './support.js'

function world() {
  const clock = new ManualClock()
  const logger = recordingLogger()
  return { clock, logger, chores: new Chores({ clock, logger, metrics: noMetrics }) }
}

test('a chore runs at its interval, counted from the end of the run before, and first when it says', async () => {
  const { clock, chores } = world()
  const ran: string[] = []
  const slow = gate()
  chores.add({ name: 'sweep', intervalMs: 100, firstAfterMs: 10, run: async () => void ran.push('sweep') })
  chores.add({
    name: 'slow',
    intervalMs: 100,
    run: async () => {
      ran.push('slow')
      await slow.passed
    },
  })
  await clock.run(1000)
  assert.deepEqual(ran, [], 'nothing runs before the start')
  chores.start()
  await clock.run(10)
  assert.deepEqual(ran, ['sweep'])
  await clock.run(300)
  assert.deepEqual(ran, ['sweep', 'slow', 'sweep', 'sweep', 'sweep'], 'the slow one is still at its first run')
  slow.open()
  await settled()
  await clock.run(99)
  assert.equal(ran.filter((name) => name === 'slow').length, 1)
  await clock.run(1)
  assert.equal(ran.filter((name) => name === 'slow').length, 2)
  await chores.stop()
})

test('a chore that fails is logged and runs again; one that is run by hand tells its caller', async () => {
  const { clock, logger, chores } = world()
  let runs = 0
  chores.add({
    name: 'weak',
    intervalMs: 100,
    run: async () => {
      runs++
      throw new Error('no luck')
    },
  })
  chores.start()
  await clock.run(200)
  assert.equal(runs, 2)
  assert.deepEqual(
    logger.said.map(({ level, fields }) => [level, 'chore' in fields && fields.chore]),
    [
      ['warn', 'weak'],
      ['warn', 'weak'],
    ],
  )
  await assert.rejects(chores.runNow('weak'), /no luck/)
  assert.equal(runs, 3)
  await assert.rejects(chores.runNow('unheard of'), { code: 'INVALID_ARGUMENT' })
  await chores.stop()
})

test('a chore run by hand waits for the run that is under way, and no timer runs it meanwhile', async () => {
  const { clock, chores } = world()
  let running = 0
  let runs = 0
  const first = gate()
  chores.add({
    name: 'sweep',
    intervalMs: 100,
    run: async () => {
      assert.equal(running++, 0)
      if (runs++ === 0) await first.passed
      running--
    },
  })
  chores.start()
  await clock.run(100)
  const byHand = chores.runNow('sweep')
  await settled()
  assert.equal(runs, 1)
  first.open()
  await byHand
  assert.equal(runs, 2)
  await chores.stop()
})

test('stopping tells those that run, waits for them, and lets none begin', async () => {
  const { clock, chores } = world()
  const held = gate()
  let told = false
  chores.add({
    name: 'long',
    intervalMs: 100,
    run: async (signal) => {
      signal.addEventListener('abort', () => {
        told = true
      })
      await held.passed
    },
  })
  chores.start()
  await clock.run(100)
  let stopped = false
  const stopping = chores.stop().then(() => {
    stopped = true
  })
  await settled()
  assert.equal(told, true)
  assert.equal(stopped, false)
  held.open()
  await stopping
  await assert.rejects(chores.runNow('long'), { code: 'CLOSED' })
  await clock.run(1000)
  assert.equal(clock.scheduled, 0)
})
