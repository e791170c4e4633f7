/**
 * Three nodes, three etcds and real clients under everything that goes wrong with hosts, disks, clocks and networks:
 * `npm run chaos -- --minutes 2 --seed 7`. What breaks a rule is told with the seed and all faults, and what the servers
 * said and stored is kept.
 *
 * The run is a process in namespaces of its own, so that whatever happens to it nothing of it stays on the machine.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { bundle } from '../../scripts/bundle.js'
import { hasKcat, missing, ownWorld } from './needs.js'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '2' },
    seed: { type: 'string' },
    // Where disks are mounted while it runs, and what is kept of a run that fails.
    data: { type: 'string' },
    // Keeps all of it also where nothing is wrong.
    keep: { type: 'boolean', default: false },
    // A setting of the nodes, may be repeated.
    set: { type: 'string', multiple: true, default: [] },
  },
})

const absent = missing()
if (absent.length > 0) {
  console.error(`\n!!! SKIPPED: the chaos run; here is no ${absent.join(', no ')}. See .ci/run for what it installs.\n`)
  process.exit(process.env['CI'] === undefined ? 0 : 1)
}

const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
const directory = resolve(values.data ?? join(tmpdir(), `holdfast-chaos-${seed}`))
mkdirSync(directory, { recursive: true })
const programs = ['test/chaos/inside.ts', 'test/chaos/slow-way-program.ts']
const { pathOf } = await bundle(programs)
const [program, ...args] = [...ownWorld, process.execPath, '--enable-source-maps', ...programs.map(pathOf)]
const order = { seed, minutes: Number(values.minutes), directory, settings: values.set, hasKcat: hasKcat() }
const child = spawn(program, [...args, JSON.stringify(order)], { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] })
const exited = once(child, 'exit')
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => child.kill('SIGKILL'))
const [code] = await exited
if (code === 0 && !values.keep) await rm(directory, { recursive: true, force: true })
else
  console.error(
    `What the servers said and stored is in ${directory}; again with: npm run chaos -- --seed ${seed} --minutes ${values.minutes}`,
  )
process.exitCode = code ?? 1
