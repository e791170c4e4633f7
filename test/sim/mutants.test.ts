/**
 * The deliberate bugs of `npm run sim:mutants` fit the sources as they are, and one that is caught at once is caught here, by a
 * copy of the simulator. The run over all of them is that script.
 */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { transform } from 'esbuild'
import { hunt } from '../../sim/mutants/hunting.js'
import { type Change, mutants } from '../../sim/mutants/list.js'
import { changesOf, pathOf, planted } from '../../sim/mutants/planting.js'

const sourceOf = (change: Change): string => readFileSync(pathOf(change), 'utf8')

test('there are at least twenty deliberate bugs, each with a name and a change of its own', () => {
  assert.ok(mutants.length >= 20)
  assert.equal(new Set(mutants.map(({ name }) => name)).size, mutants.length)
  const changes = mutants.map((mutant) => JSON.stringify(changesOf(mutant)))
  assert.equal(new Set(changes).size, mutants.length)
})

for (const mutant of mutants) {
  test(`${mutant.name} can be planted, and what comes of it is a program`, async () => {
    for (const change of changesOf(mutant)) {
      const source = sourceOf(change)
      const changed = planted(source, change)
      assert.notEqual(changed, source)
      await transform(changed, { loader: 'ts' })
    }
  })
}

test('a bug whose text is gone, or is there twice, is refused', () => {
  const [mutant] = mutants
  const source = sourceOf(mutant)
  assert.throws(() => planted(source.replace(mutant.find, ''), mutant), /occurs 0 times/)
  assert.throws(() => planted(source + mutant.find, mutant), /occurs 2 times/)
})

test('the simulator catches a planted bug by a seed that the engine as it is passes', async () => {
  const mutant = mutants.find(({ name }) => name === 'group-replay-short')
  const seeds = { from: 2, count: 1, jobs: 1 }
  assert.equal((await hunt(mutant, seeds)).found?.rule, 'a committed offset does not go back')
  const control = await hunt(undefined, seeds)
  assert.equal(control.found, undefined)
  assert.ok(control.worlds === 1 && control.crashes > 0)
})

test('so it does in worlds of several nodes', async () => {
  const mutant = mutants.find(({ name }) => name === 'epoch-not-raised')
  const { found } = await hunt(mutant, { from: 1, count: 12, jobs: 1 })
  assert.ok(found !== undefined)
  const control = await hunt(undefined, { from: found.seed, count: 1, jobs: 1 }, 'cluster')
  assert.equal(control.found, undefined)
})
