/**
 * `npm run sim:mutants`: puts each deliberate bug of the list into a copy of the engine and tells by which seed the simulator
 * catches it. The control is the engine as it is: it has to pass the first seeds, and each seed that caught a bug.
 * `--only NAME` takes one of them, `--seeds` and `--from` say how long it is looked for, `--jobs` with how many processes.
 */

import { parseArgs } from 'node:util'
import { type Hunt, hunt, type Seeds } from './hunting.js'
import { type Mutant, mutants } from './list.js'

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    seeds: { type: 'string', default: '10000' },
    from: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '1' },
  },
})

/** So many worlds of the unchanged engine have to pass before anything is said of a bug. */
const controlSeeds = 20

const seeds: Seeds = { from: Number(values.from), count: Number(values.seeds), jobs: Number(values.jobs) }
const chosen = mutants.filter(({ name }) => values.only?.includes(name) ?? true)
const unknown = values.only?.filter((name) => !mutants.some((mutant) => mutant.name === name)) ?? []
if (unknown.length > 0) throw new Error(`There is no deliberate bug ${unknown.join(', ')}.`)

row('bug', 'seed', 'rule that was broken', 'crashes', 'seconds')
row('---', '---', '---', '---', '---')
let failures = 0
for (const world of new Set(chosen.map((mutant) => mutant.world))) {
  const control = await hunt(undefined, { ...seeds, count: controlSeeds }, world)
  const name = `none (control, ${world ?? 'one node'})`
  if (control.found === undefined) tell(name, control, `none, in ${control.worlds} worlds`)
  else failed(name, control, 'THE UNCHANGED ENGINE IS CAUGHT')
}
for (const mutant of chosen) await look(mutant)
process.stdout.write(`${chosen.length} deliberate bugs, ${failures} failures\n`)
process.exitCode = failures === 0 ? 0 : 1

async function look(mutant: Mutant): Promise<void> {
  const outcome = await hunt(mutant, seeds)
  const { found, worlds } = outcome
  if (found === undefined) return failed(mutant.name, outcome, `NOT CAUGHT within ${worlds} seeds`)
  const same = await hunt(undefined, { from: found.seed, count: 1, jobs: 1 }, mutant.world)
  if (same.found !== undefined) return failed(mutant.name, outcome, `THE UNCHANGED ENGINE BREAKS ${same.found.rule}`)
  tell(mutant.name, outcome, found.rule)
}

function failed(name: string, outcome: Hunt, what: string): void {
  failures++
  tell(name, outcome, what)
}

function tell(name: string, { found, crashes, seconds }: Hunt, what: string): void {
  row(name, String(found?.seed ?? '-'), what, String(crashes), seconds.toFixed(0))
}

function row(...cells: readonly string[]): void {
  process.stdout.write(`| ${cells.join(' | ')} |\n`)
}
