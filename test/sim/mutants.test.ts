/**
 * The deliberate bugs of `npm run sim:mutants` fit the sources as they are, and one that is caught at once is caught here, by a
 * copy of the simulator. The run over all of them is that script.
 */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { transform } from 'esbuild'
import { hunt } from '../../sim/mutants/hunting.js'
import { type Mutant, mutants } from '../../sim/mutants/list.js'
import { pathOf, planted } from '../../sim/mutants/planting.js'

const sourceOf = (mutant: Mutant): string => readFileSync(pathOf(mutant), 'utf8')

test('there are at least twenty deliberate bugs, each with a name and a change of its own', () => {
  assert.ok(mutants.length >= 20)
  assert.equal(new Set(mutants.map(({ name }) => name)).size, mutants.length)
  const changes = mutants.map(({ file, find, replace }) => JSON.stringify([file, find, replace]))
  assert.equal(new Set(changes).size, mutants.length)
})

for (const mutant of mutants) {
  test(`${mutant.name} can be planted, and what comes of it is a program`, async () => {
    const source = sourceOf(mutant)
    const changed = planted(source, mutant)
    assert.notEqual(changed, source)
    await transform(changed, { loader: 'ts' })
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
