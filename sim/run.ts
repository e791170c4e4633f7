/**
 * `npm run sim -- --seeds 1000 --jobs 2`: runs as many worlds, each from its own seed, and tells which broke a promise, made
 * small, with the command that shows it again. `--from` says the first seed, which is random else; `--seed` runs one alone.
 */

import { fork } from 'node:child_process'
import { parseArgs } from 'node:util'
import { bundle } from '../scripts/bundle.js'
import { systemClock } from '../src/core/clock.js'
import { systemRandomness } from '../src/core/randomness.js'
import type { Narrowing } from './plan.js'
import type { Shrunk } from './shrink.js'
import type { Task } from './worker.js'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '200' },
    from: { type: 'string' },
    seed: { type: 'string' },
    jobs: { type: 'string', default: '2' },
    narrow: { type: 'string', default: '{}' },
    /** Ends with the first that is found. */
    first: { type: 'boolean', default: false },
    /** What is found is told as it is, and not made small. */
    whole: { type: 'boolean', default: false },
    /** Worlds of several nodes that copy one another. */
    cluster: { type: 'boolean', default: false },
    /** What the nodes of such a world say. */
    log: { type: 'boolean', default: false },
  },
})

/** No world takes so long; one that does hangs. */
const longestWorldMs = 120_000

/** Simulated disks make much garbage that is young. Stacks in the words of the sources cost too much for many worlds. */
const flags = ['--max-semi-space-size=32', ...(values.seed === undefined ? [] : ['--enable-source-maps'])]

const from = Number(values.seed ?? values.from ?? systemRandomness.below(2 ** 30))
const count = values.seed === undefined ? Number(values.seeds) : 1
const narrowing = JSON.parse(values.narrow) as Narrowing
const total = { worlds: 0, crashes: 0, inRecovery: 0, acknowledged: 0, events: 0, faults: 0 }
const broken = new Map<string, number>()
const beganMs = systemClock.monotonic()
let next = from

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
const worker = (await bundle(['sim/worker.ts'])).pathOf('sim/worker.ts')
const jobs = Array.from({ length: Math.min(Number(values.jobs), count) }, () => work())
const progress = setInterval(() => say(`${sum()}\n`), 10_000)
await Promise.all(jobs)
clearInterval(progress)
say(`${sum()}\n`)
for (const [rule, times] of broken) say(`BROKEN ${times} times: ${rule}\n`)
process.exitCode = broken.size === 0 ? 0 : 1

async function work(): Promise<void> {
  while (next < from + count && !(values.first && broken.size > 0)) {
    const ended = await until(from + count)
    if (ended !== undefined) report({ ...ended, narrowing })
  }
}

/** Runs seeds in a process of its own, up to the end, or to the seed at which that process hangs or dies. */
function until(end: number): Promise<{ outcome: Shrunk['outcome'] } | undefined> {
  return new Promise((resolve) => {
    const child = fork(worker, { execArgv: flags })
    let seed = next
    let watchdog = systemClock.schedule(longestWorldMs, () => {})
    const dies = (message: string) => {
      const nothing = { crashes: 0, inRecovery: 0, acknowledged: 0, events: 0, faults: 0 }
      resolve({ outcome: { seed, ...nothing, violation: { rule: 'a world comes to its end', message } } })
    }
    const give = (): void => {
      watchdog.cancel()
      if (next >= end || (values.first && broken.size > 0)) {
        child.off('exit', died)
        child.kill()
        resolve(undefined)
        return
      }
      seed = next++
      const task: Task = { seed, narrowing, shrink: !values.whole, cluster: values.cluster, log: values.log }
      child.send(task)
      watchdog = systemClock.schedule(longestWorldMs, () => child.kill('SIGKILL'))
    }
    const died = (code: number | null, signal: string | null): void => {
      watchdog.cancel()
      dies(`its process ended by ${signal ?? code}, or had to be ended after ${longestWorldMs} ms`)
    }
    child.on('exit', died)
    child.on('message', (message: 'ready' | Shrunk) => {
      if (message !== 'ready') report(message)
      give()
    })
  })
}

function report({ outcome, narrowing: small }: Shrunk): void {
  total.worlds++
  for (const figure of ['crashes', 'inRecovery', 'acknowledged', 'events', 'faults'] as const)
    total[figure] += outcome[figure]
  const { violation, seed } = outcome
  if (violation === undefined) return
  const times = (broken.get(violation.rule) ?? 0) + 1
  broken.set(violation.rule, times)
  if (times > 3) return
  const narrow = Object.keys(small).length === 0 ? '' : ` --narrow '${JSON.stringify(small)}'`
  say(
    `BROKEN by seed ${seed}: ${violation.message}\n  again: npm run ${values.cluster ? 'sim:cluster' : 'sim'} -- --seed ${seed}${narrow}\n`,
  )
}

function sum(): string {
  const seconds = (systemClock.monotonic() - beganMs) / 1000
  const { worlds, crashes, inRecovery, acknowledged, events, faults } = total
  const [second, third] = values.cluster ? ['leaderships', 'messages lost'] : ['while recovering', 'faults']
  return `${worlds} of ${count} worlds from seed ${from}: ${crashes} crashes (${inRecovery} ${second}), ${acknowledged} batches acknowledged, ${events} events, ${faults} ${third}, ${Math.round(crashes / seconds)} crashes/s, ${seconds.toFixed(0)} s`
}

function say(text: string): void {
  process.stdout.write(text)
}
