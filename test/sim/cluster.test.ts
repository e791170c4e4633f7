/**
 * A short run of the simulator's worlds of several nodes, of which it is known how they end; HOLDFAST_SEED chooses others.
 * `npm run sim:cluster` is the long one. A failure prints the seed.
 */

import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { simulateCluster } from '../../sim/cluster/simulate.js'
import { prepare } from '../../sim/simulate.js'

before(prepare)

const worlds = Number(process.env['HOLDFAST_TEST_WORLDS'] ?? 4)

test(`${worlds} worlds of several nodes lose nothing, whatever befalls them`, async (t) => {
  const from = Number(process.env['HOLDFAST_SEED'] ?? 1)
  const total = { crashes: 0, leaderships: 0, acknowledged: 0 }
  for (let seed = from; seed < from + worlds; seed++) {
    const outcome = await simulateCluster(seed)
    assert.equal(outcome.violation, undefined, `npm run sim:cluster -- --seed ${seed}: ${outcome.violation?.message}`)
    total.crashes += outcome.crashes
    total.leaderships += outcome.inRecovery
    total.acknowledged += outcome.acknowledged
  }
  assert.ok(total.leaderships >= worlds && total.acknowledged > 0)
  t.diagnostic(`${JSON.stringify(total)} from seed ${from}`)
})

test('a seed is a world of several nodes: the same again, to the last event', async () => {
  for (const seed of [4]) assert.deepEqual(await simulateCluster(seed), await simulateCluster(seed))
})
