/**
 * A short run of the simulator, from another seed each time, without failing calls: `npm run sim` is the long one, with
 * all that it has. A failure prints the seed; `npm run sim -- --seed N` with the same `--narrow` shows it again, made small.
 */

import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { faultKinds, planOf } from '../../sim/plan.js'
import { prepare, simulate } from '../../sim/simulate.js'

before(prepare)

const worlds = Number(process.env['HOLDFAST_TEST_WORLDS'] ?? 25)

test(`${worlds} worlds crash, are found again, and break no promise`, async (t) => {
  const from = Math.floor(Math.random() * 2 ** 30)
  const narrow = JSON.stringify({ without: faultKinds })
  let crashes = 0
  for (let seed = from; seed < from + worlds; seed++) {
    const outcome = await simulate(seed, { without: faultKinds })
    assert.equal(
      outcome.violation,
      undefined,
      `npm run sim -- --seed ${seed} --narrow '${narrow}': ${outcome.violation?.message}`,
    )
    crashes += outcome.crashes
  }
  assert.ok(crashes > worlds)
  t.diagnostic(`${crashes} crashes from seed ${from}`)
})

test('a seed is a world: the same again, to the last event', async () => {
  for (const seed of [3, 10, 33]) assert.deepEqual(await simulate(seed), await simulate(seed))
})

test('what is left out of a world changes nothing of the rest of its plan', () => {
  const whole = planOf(5)
  const narrowed = planOf(5, { without: ['topics', 'sync'], lives: 2, events: 100 })
  const { actors, faults, lives, eventsPerLife, ...rest } = narrowed
  const { actors: allActors, faults: allFaults, lives: allLives, eventsPerLife: allEvents, ...others } = whole
  assert.deepEqual(rest, others)
  assert.deepEqual(
    actors,
    allActors.filter((kind) => kind !== 'topics'),
  )
  assert.deepEqual(
    faults,
    allFaults.filter((kind) => kind !== 'sync'),
  )
  assert.deepEqual([lives, eventsPerLife], [Math.min(2, allLives), Math.min(100, allEvents)])
})
