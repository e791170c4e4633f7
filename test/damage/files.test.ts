/**
 * A file is cut, loses sectors, has them in each other's place, is an old copy of itself or is gone: no reader gets what was
 * never written, nothing ends in a crash, what is made anew from the messages costs none of them, and `repair` leaves a store
 * that takes more. A sample by a seed, or all of it (`npm run test:damage`).
 */

import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { SeededRandomness } from '../../sim/seeded-randomness.js'
import { withFile } from '../../sim/stored-files.js'
import { type Harm, harmKinds, harmsOf, promisedOf, sampleOf } from './harms.js'
import { mend } from './mending.js'
import { invented, isWhole, serve } from './outcome.js'
import { type DamageWorld, damageWorlds } from './worlds.js'

const isEach = process.env['HOLDFAST_DAMAGE_BITS'] === 'all'
const seed = Number(process.env['HOLDFAST_SEED'] ?? 1)

let worlds: readonly DamageWorld[]

before(async () => {
  worlds = await damageWorlds()
})

/** All, or about every other kind of harm and of file, and one such file. */
function chosen(world: DamageWorld, random: SeededRandomness): Harm[] {
  const harms = harmsOf(world, random, isEach ? 24 : 3)
  return isEach ? harms : sampleOf(harms, random).filter(() => random.once(2))
}

test('each kind of harm changes files of each world', () => {
  for (const world of worlds) {
    const kinds = new Set(harmsOf(world, new SeededRandomness(seed), 3).map(({ kind }) => kind))
    assert.deepEqual([...kinds].sort(), [...harmKinds].sort(), world.name)
  }
})

test('a log that holds what was written, but to another one, is told from it', async () => {
  const world = worlds[0]
  const logs = [...world.files.keys()].filter((path) => path.endsWith('.log') && path.includes('orders-0'))
  const other = [...world.files].find(([path]) => path.endsWith('.log') && path.includes('other-0'))
  const { content } = await serve(world, world.files, true)
  const served = await serve(world, withFile(world.files, logs[0], other?.[1]), false)
  assert.notDeepEqual(invented(content, served), [])
})

test('of a harmed file nobody reads what was not written, and repair leaves a store that takes more', async (t) => {
  const random = new SeededRandomness(seed)
  const tried = new Map<string, number>()
  const broken: string[] = []
  for (const world of worlds) {
    const { content } = await serve(world, world.files, true)
    for (const harm of chosen(world, random)) {
      const name = `${world.name}: ${harm.kind} ${harm.how} of ${harm.path}`
      const count = (what: string) => tried.set(what, (tried.get(what) ?? 0) + 1)
      count(harm.kind)
      try {
        const promised = promisedOf(harm.path, world.files.get(harm.path) as Buffer)
        for (const fullScan of [false, true]) {
          const served = await serve(world, harm.files, fullScan)
          assert.deepEqual(invented(content, served), [], 'invented')
          if (promised === 'served')
            assert.ok(isWhole(content, served), `not whole, fullScan ${fullScan}: ${served.errors}`)
        }
        count(await mend(world, harm.files, content))
      } catch (error) {
        broken.push(`${name}: ${(error as Error).message}`)
      }
    }
  }
  t.diagnostic(`${JSON.stringify(Object.fromEntries(tried))}; seed ${seed}`)
  assert.deepEqual(broken, [], `replay with HOLDFAST_SEED=${seed}`)
})
