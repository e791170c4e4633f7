/**
 * `npm run fuzz -- --seconds 60`: fuzzes all targets in turn, a slice of time for each, or `--target` alone (several with commas),
 * or `--runs` inputs of each. `--save` keeps the corpus, distilled; `--totals FILE` adds up what was run. A finding is written to a
 * file; `--target NAME --input FILE` shows it again.
 */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { readCorpus, writeCorpus } from './corpus.js'
import { Coverage } from './coverage.js'
import { distilled, Fuzzer } from './fuzzer.js'
import { judge, type Target } from './target.js'
import { Totals } from './totals.js'
import { watchdog } from './watch.js'

// Loaded when what runs is already counted, so that the functions which nobody calls are known too.
const { targets } = await import('./targets/index.js')
const { systemClock } = await import('../src/core/clock.js')
const { systemRandomness } = await import('../src/core/randomness.js')

const { values } = parseArgs({
  options: {
    target: { type: 'string' },
    seconds: { type: 'string', default: '60' },
    slice: { type: 'string', default: '20' },
    runs: { type: 'string' },
    seed: { type: 'string' },
    input: { type: 'string' },
    findings: { type: 'string', default: 'data/fuzz/findings' },
    totals: { type: 'string' },
    save: { type: 'boolean', default: false },
  },
})

const fewest = 64
/** After so many findings in one target the rest is noise. */
const mostFindings = 20
/** A batch should take about as long as this: asking what ran costs tens of milliseconds. */
const batchMs = 2000

const names = values.target?.split(',')
const chosen = targets.filter(({ name }) => names === undefined || names.includes(name))
if (chosen.length === 0) {
  process.stderr.write(
    `No target is called ${values.target}. There are: ${targets.map(({ name }) => name).join(', ')}\n`,
  )
  process.exit(2)
}
const seed = Number(values.seed ?? systemRandomness.below(2 ** 30))
if (values.input !== undefined) {
  await chosen[0].prepare?.()
  const broken = await judge(chosen[0], readFileSync(values.input))
  process.stdout.write(`${broken?.stack ?? 'No rule is broken.'}\n`)
  process.exit(broken === undefined ? 0 : 1)
}

/** A target under way, with what it learnt, until its next slice. */
interface Course {
  readonly target: Target
  readonly fuzzer: Fuzzer
  readonly coverage: Coverage
  readonly atFirst: string
  batch: number
  seconds: number
  told: { inputs: number; findings: number }
}

const watchOf = watchdog(values.findings)
const totals = values.totals === undefined ? undefined : new Totals(values.totals)
let broken = 0
const beganMs = systemClock.monotonic()
const sliceMs = Math.min(Number(values.slice), Number(values.seconds) / chosen.length) * 1000
const courses = new Map<Target, Course>()
let isOver = false
while (!isOver) {
  for (const target of chosen) {
    const course = courses.get(target) ?? (await begun(target))
    courses.set(target, course)
    await slice(course)
    isOver =
      values.runs !== undefined || systemClock.monotonic() - beganMs >= Number(values.seconds) * 1000 - sliceMs / 2
    if (isOver && values.runs === undefined && courses.size === chosen.length) break
  }
}
const inputs = [...courses.values()].reduce((sum, { fuzzer }) => sum + fuzzer.inputs, 0)
const inAll = totals === undefined ? '' : `; ${totals.inputs} in all runs of ${values.totals}`
process.stdout.write(`${inputs} inputs, ${broken} findings, seed ${seed}${inAll}\n`)
process.exit(broken === 0 ? 0 : 1)

async function begun(target: Target): Promise<Course> {
  await target.prepare?.()
  const coverage = new Coverage(target.files)
  const fuzzer = new Fuzzer(target, readCorpus(target.name), seed, coverage, watchOf(target))
  await fuzzer.begin()
  return {
    target,
    fuzzer,
    coverage,
    atFirst: percent(coverage),
    batch: fewest,
    seconds: 0,
    told: { inputs: 0, findings: 0 },
  }
}

/** Runs a target for its share of the time: small batches where much is new, large ones where nothing is. */
async function slice(course: Course): Promise<void> {
  const { target, fuzzer, coverage } = course
  coverage.forget()
  const startMs = systemClock.monotonic()
  const isDone = (): boolean =>
    fuzzer.findings.size >= mostFindings ||
    (values.runs === undefined ? systemClock.monotonic() - startMs >= sliceMs : fuzzer.inputs >= Number(values.runs))
  while (!isDone()) {
    const batchStartMs = systemClock.monotonic()
    const grew = await fuzzer.batch(course.batch)
    const tookMs = systemClock.monotonic() - batchStartMs
    if (grew || tookMs > batchMs) course.batch = Math.max(fewest, course.batch >> 1)
    else if (tookMs < batchMs / 2) course.batch *= 2
  }
  const seconds = (systemClock.monotonic() - startMs) / 1000
  course.seconds += seconds
  const findings = fuzzer.findings.size - course.told.findings
  const fresh = fuzzer.inputs - course.told.inputs
  process.stdout.write(
    `${target.name}: ${fuzzer.inputs} inputs, ${Math.round(fresh / seconds)}/s, covered ${course.atFirst} -> ${percent(coverage)} of its files, corpus ${fuzzer.corpus.length}\n`,
  )
  totals?.add(target.name, {
    date: new Date(systemClock.now()).toISOString().slice(0, 10),
    inputs: fresh,
    seconds,
    findings,
  })
  report(course)
  course.told = { inputs: fuzzer.inputs, findings: fuzzer.findings.size }
  if (values.save) writeCorpus(target.name, await distilled(target, fuzzer.corpus, new Coverage(target.files)))
}

function percent(coverage: Coverage): string {
  const { ran, all } = coverage.characters
  return `${((100 * ran) / Math.max(1, all)).toFixed(2)} %`
}

function report({ target, fuzzer, told }: Course): void {
  for (const { message, bytes } of [...fuzzer.findings.values()].slice(told.findings)) {
    mkdirSync(values.findings, { recursive: true })
    const path = join(values.findings, `${target.name}-${++broken}.bin`)
    writeFileSync(path, bytes)
    process.stdout.write(`FINDING ${message}\n  npm run fuzz -- --target ${target.name} --input ${path}\n`)
  }
}
