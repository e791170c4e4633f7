/** Each kind of fault: how it begins on somebody, and how it ends. */

import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { type Dice, dice } from '../crash/seeded.js'
import type { HostProcess } from './host-process.js'
import { bothWays, hostNames, type Place, places, type Rule, type Traffic } from './network.js'
import type { FaultKind, PlannedFault } from './plan.js'
import { type Host, orderWays, type Scene } from './scene.js'

export interface Victim {
  readonly host: Host
  /** Whose disk, whose process, whose connections are meant. */
  readonly server: 'node' | 'etcd'
}

type End = () => void | Promise<void>

interface Hit {
  readonly scene: Scene
  readonly victim: Victim
  readonly dice: Dice
  /** What the dice gave, for the list of faults. */
  readonly tell: (detail: string) => void
}

type Begin = (hit: Hit) => End | Promise<End>

const processOf = ({ host, server }: Victim): HostProcess => host[server]
/** All of a node's host, or what an etcd says and hears. */
const trafficOf = ({ server }: Victim): Traffic => (server === 'etcd' ? 'etcd' : 'all')
const others = (host: Host): Place[] => places.filter((place) => place !== host.name)
const otherHosts = (host: Host): Place[] => hostNames.filter((name) => name !== host.name)

const imposed =
  (rules: (hit: Hit) => Rule[]): Begin =>
  (hit) =>
    hit.scene.network.impose(rules(hit))

const hour = 3_600_000
const steps = [-24 * hour, -hour, -5000, 5000, hour, 24 * hour]

export const faults: Readonly<Record<FaultKind, Begin>> = {
  async kill({ victim }) {
    await processOf(victim).end('SIGKILL')
    return () => processOf(victim).start()
  },
  async 'kill-host'({ victim: { host } }) {
    await Promise.all([host.node.end('SIGKILL'), host.etcd.end('SIGKILL')])
    return () => {
      host.etcd.start()
      host.node.start()
    }
  },
  pause({ victim }) {
    processOf(victim).pause()
    return () => processOf(victim).resume()
  },
  cut: imposed(({ victim }) => bothWays(victim.host.name, others(victim.host), { traffic: trafficOf(victim) })),
  'cut-from-hosts': imposed(({ victim: { host } }) => bothWays(host.name, otherHosts(host))),
  deaf: imposed(({ victim: { host } }) => others(host).map((from) => ({ from, to: host.name }))),
  mute: imposed(({ victim: { host } }) => others(host).map((to) => ({ from: host.name, to }))),
  resets: imposed(({ victim: { host }, dice, tell }) => {
    const percent = dice.between(1, 30)
    tell(`${percent} % of the packets`)
    return bothWays(host.name, others(host), { reset: true, percent })
  }),
  loss: imposed(({ victim, dice, tell }) => {
    const percent = dice.between(3, 40)
    tell(`${percent} %`)
    return bothWays(victim.host.name, others(victim.host), { percent, traffic: trafficOf(victim) })
  }),
  async narrow({ scene, victim: { host }, dice, tell }) {
    const kilobits = dice.between(64, 1024)
    tell(`${kilobits} kbit/s`)
    return scene.network.throttle(host.name, kilobits * 1000)
  },
  late({ victim: { host }, dice, tell }) {
    const toMs = dice.between(20, 800)
    const pieceBytes = dice.between(200, 20_000)
    tell(`up to ${toMs} ms, pieces of ${pieceBytes} bytes`)
    orderWays(host, { lateness: { fromMs: 0, toMs, pieceBytes, seed: dice.between(0, 2 ** 31 - 1) } })
    return () => orderWays(host, {})
  },
  'clock-step'({ victim: { host }, dice, tell }) {
    const aheadMs = steps[dice.between(0, steps.length - 1)]
    tell(host.clock === undefined ? 'no clock could be built' : `${aheadMs / 1000} s`)
    host.clock?.set(aheadMs)
    return () => host.clock?.set(0)
  },
  'full-disk'({ victim: { host, server } }) {
    const path = join(host.disks[server], 'ballast')
    fill(path)
    return () => rmSync(path)
  },
}

const chunk = Buffer.alloc(1 << 20)

/** Until nothing more goes in. */
function fill(path: string): void {
  const file = openSync(path, 'w')
  try {
    for (let size = chunk.length; size >= 4096; size /= 2) {
      try {
        for (;;) writeSync(file, chunk, 0, size)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      }
    }
  } finally {
    closeSync(file)
  }
}

/** Begins what was planned; resolves with its end. */
export async function begin(
  scene: Scene,
  { kind, seed }: PlannedFault,
  victim: Victim,
  tell: (detail: string) => void,
): Promise<End> {
  return faults[kind]({ scene, victim, dice: dice(seed), tell })
}

/** Faults on who leads after which somebody else has to. */
export const takesTheLead: ReadonlySet<FaultKind> = new Set([
  'kill',
  'kill-host',
  'pause',
  'cut',
  'cut-from-hosts',
  'deaf',
  'mute',
])
