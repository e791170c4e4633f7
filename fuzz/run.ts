/**
 * `npm run fuzz -- --seconds 60`: fuzzes all targets in turn, or `--target` alone, each for its share of the time, or for `--runs`
 * inputs. `--save` keeps the corpus, distilled. A finding is written to a file; `--target NAME --input FILE` shows it again.
 */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { systemClock } from '../src/core/clock.js'
import { systemRandomness } from '../src/core/randomness.js'
import { readCorpus, writeCorpus } from './corpus.js'
import { Coverage } from './coverage.js'
import { distilled, Fuzzer, type Watch } from './fuzzer.js'
import { judge, type Target } from './target.js'
import { targets } from './targets/index.js'

const { values } = parseArgs({
  options: {
    target: { type: 'string' },
    seconds: { type: 'string', default: '60' },
    runs: { type: 'string' },
    seed: { type: 'string' },
    input: { type: 'string' },
    findings: { type: 'string', default: 'data/fuzz' },
    save: { type: 'boolean', default: false },
  },
})

const batchInputs = 2000
/** By the clock on the wall: a busy machine needs room. */
const limitMs = 5000
const longestInputBytes = 1 << 20

const chosen = targets.filter(({ name }) => values.target === undefined || name === values.target)
if (chosen.length === 0) {
  process.stderr.write(
    `No target is called ${values.target}. There are: ${targets.map(({ name }) => name).join(', ')}\n`,
  )
  process.exit(2)
}
const seed = Number(values.seed ?? systemRandomness.below(2 ** 30))
if (values.input !== undefined) {
  const broken = judge(chosen[0], readFileSync(values.input))
  process.stdout.write(`${broken?.stack ?? 'No rule is broken.'}\n`)
  process.exit(broken === undefined ? 0 : 1)
}

let total = 0
let broken = 0
for (const target of chosen) {
  await target.prepare?.()
  fuzz(target, (Number(values.seconds) * 1000) / chosen.length)
}
process.stdout.write(`${total} inputs, ${broken} findings, seed ${seed}\n`)
process.exit(broken === 0 ? 0 : 1)

function fuzz(target: Target, timeMs: number): void {
  const { watch, stop } = watchdog(target.name)
  const coverage = new Coverage(target.files)
  const fuzzer = new Fuzzer(target, readCorpus(target.name), seed, coverage, watch)
  const atFirst = coverage.characters
  const beganMs = systemClock.monotonic()
  const isDone = (): boolean =>
    values.runs === undefined ? systemClock.monotonic() - beganMs > timeMs : fuzzer.inputs >= Number(values.runs)
  while (!isDone()) fuzzer.batch(batchInputs)
  const tookS = (systemClock.monotonic() - beganMs) / 1000
  const perSecond = Math.round(fuzzer.inputs / tookS)
  process.stdout.write(
    `${target.name}: ${fuzzer.inputs} inputs, ${perSecond}/s, ${coverage.functions} functions, characters covered ${atFirst} -> ${coverage.characters}, corpus ${fuzzer.corpus.length}\n`,
  )
  coverage.close()
  stop()
  report(target, fuzzer)
  total += fuzzer.inputs
  if (!values.save) return
  const fresh = new Coverage(target.files)
  writeCorpus(target.name, distilled(target, fuzzer.corpus, fresh))
  fresh.close()
}

function report(target: Target, { findings }: Fuzzer): void {
  for (const { message, bytes } of findings.values()) {
    mkdirSync(values.findings, { recursive: true })
    const path = join(values.findings, `${target.name}-${++broken}.bin`)
    writeFileSync(path, bytes)
    process.stdout.write(`FINDING ${message}\n  npm run fuzz -- --target ${target.name} --input ${path}\n`)
  }
}

/** A thread that names the input which never ends. */
function watchdog(target: string): { watch: Watch; stop: () => void } {
  const shared = new SharedArrayBuffer(8 + longestInputBytes)
  const counts = new Int32Array(shared, 0, 2)
  const room = new Uint8Array(shared, 8)
  const workerData = { shared, directory: values.findings, target, limitMs }
  const thread = new Worker(new URL('./watchdog.mjs', import.meta.url), { workerData, execArgv: [] })
  let count = 0
  const watch: Watch = (bytes) => {
    if (bytes === undefined) {
      counts[0] = 0
      return
    }
    room.set(bytes)
    counts[1] = bytes.length
    count = (count % 0x7fffffff) + 1
    counts[0] = count
  }
  return { watch, stop: () => void thread.terminate() }
}
