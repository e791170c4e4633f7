/** The clock that a program is given moves its wall clock while it runs, and nothing else. */

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'
import { buildSteppedClock, SteppedClock } from './stepped-clock.js'

const hour = 3_600_000
const told = `process.stdin.on('data', () => console.log(JSON.stringify([Date.now(), performance.now(), Date.now()])))`
const skip =
  spawnSync('gcc', ['--version']).error !== undefined && 'SKIPPED: gcc is not installed; .ci/run installs it.'
if (skip !== false) console.error(`\n!!! ${skip}\n`)

test("a step moves a running program's wall clock, not its monotonic one, and nobody else's", { skip }, async () => {
  const directory = await makeTemporaryDirectory('holdfast-clock-')
  try {
    const library = buildSteppedClock(directory.path)
    assert.ok(library)
    const clock = new SteppedClock(library, join(directory.path, 'clock'))
    const child = spawn(process.execPath, ['-e', told], { env: { ...process.env, ...clock.env } })
    const lines = createInterface({ input: child.stdout })
    const ask = async (): Promise<[number, number, number]> => {
      const line = once(lines, 'line') as Promise<[string]>
      child.stdin.write('?')
      return JSON.parse((await line)[0])
    }
    const [first, started] = await ask()
    clock.set(hour)
    const [ahead, later] = await ask()
    clock.set(-hour)
    const [behind] = await ask()
    child.stdin.end()
    await once(child, 'exit')
    const passed = later - started
    assert.ok(ahead - first >= hour + passed - 5, `${ahead - first} ms after a step of an hour`)
    assert.ok(passed < hour && first - behind > 0 && Date.now() - first < hour)
  } finally {
    await directory.remove()
  }
})
