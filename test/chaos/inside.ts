/** The run itself, in a world of its own: the program of the ways and the order as JSON are its arguments. */

import { spawnSync } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { report } from '../history/checker.js'
import { type ChaosResult, chaos } from './chaos.js'
import type { Failover, Happened } from './failovers.js'
import { Network } from './network.js'
import { electionMs, endAll, leaseMs, makeScene, type Scene } from './scene.js'

interface Order {
  readonly seed: number
  readonly minutes: number
  readonly directory: string
  /** `name=value` */
  readonly settings: readonly string[]
  readonly hasKcat: boolean
}

// Who started it is gone.
process.on('disconnect', () => process.exit(1))
const slowWayProgram = process.argv[2]
const { seed, minutes, directory, settings, hasKcat } = JSON.parse(process.argv[3]) as Order
const started = performance.now()
const seconds = (ms: number): string => (ms / 1000).toFixed(1)
const say = (line: string): void => console.log(`${seconds(performance.now() - started).padStart(7)} s  ${line}`)
/**
 * A failover takes until the lease has run out, and two seconds. A host that is cut off may have etcd's leader too: then etcd
 * elects first, for which it takes up to twice its time-out, and gives the lease its full time again.
 */
const limitMs = leaseMs + 2000 + 2 * electionMs
/** Beyond it something hangs. */
const farBeyondMs = 10 * limitMs

function tellFailovers(all: readonly Failover[]): boolean {
  if (all.length > 0)
    console.log(`\nFailovers, to the first acknowledged send that began after the fault (limit ${seconds(limitMs)} s):`)
  for (const { fault, afterMs, isAlone } of all) {
    const took = afterMs === undefined ? 'never' : `${seconds(afterMs)} s`
    const beside = isAlone ? '' : ', with another fault beside it'
    const over = (afterMs ?? farBeyondMs) > limitMs ? '  OVER THE LIMIT' : ''
    console.log(`  ${fault.kind} of ${fault.on}: ${took}${beside}${over}`)
  }
  return all.every(({ afterMs, isAlone }) => !isAlone || (afterMs ?? farBeyondMs) < farBeyondMs)
}

function tellFaults(all: readonly Happened[]): void {
  console.error('\nThe faults, in seconds:')
  for (const { kind, on, wasPrimary, beganMs, endedMs, detail } of all) {
    const span = `${seconds(beganMs - started)} to ${seconds(endedMs - started)}`
    console.error(`  ${span}  ${kind} ${detail} on ${on}${wasPrimary ? ', which led' : ''}`)
  }
}

function judge({ violations, history, happened, failovers, figures }: ChaosResult): boolean {
  console.log('')
  for (const [name, value] of Object.entries(figures)) if (value !== '') console.log(`${name}: ${value}`)
  const inTime = tellFailovers(failovers)
  if (!inTime) console.error('A failover took far longer than it may.')
  if (violations.length === 0 && inTime) return true
  const file = join(directory, 'history.json')
  writeFileSync(file, JSON.stringify({ violations, happened, failovers, history }))
  console.error(report(violations, seed, file))
  tellFaults(happened)
  return false
}

/** What lies on the small disks goes with them. */
function keepDisks({ hosts }: Scene): void {
  for (const { disks } of hosts) {
    for (const path of Object.values(disks)) {
      rmSync(join(path, 'ballast'), { force: true })
      // With their holes: a mapped file has a gibibyte, of which little is there.
      if (existsSync(path)) spawnSync('cp', ['-a', '--sparse=always', path, `${path}-kept`])
    }
  }
}

async function run(): Promise<boolean> {
  console.log(`Chaos for ${minutes} min, seed ${seed}`)
  const network = await Network.make()
  const given = Object.fromEntries(settings.map((one) => one.split(/=(.*)/s, 2)))
  const compacts = seed % 3 === 0
  const scene = await makeScene({
    directory,
    network,
    slowWayProgram,
    settings: { 'log.cleaner.enable': String(compacts), 'offsets.topic.segment.bytes': String(1 << 20), ...given },
  })
  let isWell = false
  try {
    isWell = judge(await chaos({ scene, seed, durationMs: minutes * 60_000, hasKcat, compacts, say }))
  } finally {
    await endAll(scene)
    if (!isWell) keepDisks(scene)
  }
  return isWell
}

try {
  const isWell = await run()
  console.log(isWell ? 'Nothing is wrong.' : 'The chaos run FAILED.')
  process.exit(isWell ? 0 : 1)
} catch (error) {
  console.error(error)
  process.exit(1)
}
