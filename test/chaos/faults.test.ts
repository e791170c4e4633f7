/** The faults of the chaos run do what they are called after, as long as they last, and leave nothing behind. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bundle } from '../../scripts/bundle.js'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'
import { runProgram } from '../support/tools.js'
import { missing, ownWorld } from './needs.js'

const absent = missing()
const skip = absent.length > 0 && `SKIPPED: faults of hosts and networks; here is no ${absent.join(', no ')}.`
if (skip !== false) console.error(`\n!!! ${skip}\n`)

test('each fault can be seen while it lasts, not before and not after', { skip }, async () => {
  const programs = ['test/chaos/faults-program.ts', 'test/chaos/slow-way-program.ts']
  const { pathOf } = await bundle(programs)
  const directory = await makeTemporaryDirectory('holdfast-faults-')
  const [program, ...args] = [...ownWorld, process.execPath, ...programs.map(pathOf), directory.path]
  const { code, stdout, stderr } = await runProgram(program, args, { timeoutMs: 120_000 })
  await directory.remove()
  assert.equal(code, 0, stderr)
  const told = JSON.parse(stdout.toString()) as Record<string, unknown>
  assert.ok(Object.keys(told).length >= 12)
  for (const [kind, seen] of Object.entries(told))
    assert.deepEqual(seen, { before: false, while: true, after: false }, kind)
})
