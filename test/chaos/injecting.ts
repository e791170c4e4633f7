/** Lets what was planned happen: finds on whom, begins it, and ends it in its time. */

import { setTimeout as pause } from 'node:timers/promises'
import { dice } from '../crash/seeded.js'
import type { Happened } from './failovers.js'
import { begin, type Victim } from './faults.js'
import type { PlannedFault } from './plan.js'
import type { Host, Scene } from './scene.js'
import type { Watch } from './watch.js'

export class Injecting {
  readonly happened: Happened[] = []
  readonly #scene: Scene
  readonly #watch: Watch
  readonly #say: (line: string) => void
  /** Hosts that something is wrong with. */
  readonly #busy = new Set<Host>()
  readonly #lasting = new Set<Promise<void>>()
  #isStopped = false

  constructor(scene: Scene, watch: Watch, say: (line: string) => void) {
    this.#scene = scene
    this.#watch = watch
    this.#say = say
  }

  /** Resolves when the last fault has ended, and everything runs. */
  async run(planned: readonly PlannedFault[]): Promise<void> {
    const started = performance.now()
    for (const fault of planned) {
      while (!this.#isStopped && performance.now() < started + fault.atMs) await pause(20)
      if (this.#isStopped) break
      const lasting = this.#inflict(fault)
      this.#lasting.add(lasting)
      void lasting.finally(() => this.#lasting.delete(lasting)).catch(() => {})
    }
    await Promise.all(this.#lasting)
    this.#restartWhatEnded()
  }

  /** No more begins. */
  stop(): void {
    this.#isStopped = true
  }

  async #inflict(fault: PlannedFault): Promise<void> {
    const victim = this.#find(fault)
    if (victim === undefined) {
      this.#say(`${fault.kind} on ${fault.target}: left out, since everybody has a fault already`)
      return
    }
    const { host, server } = victim
    this.#busy.add(host)
    const wasPrimary = server === 'node' && host === this.#watch.primary
    let detail = ''
    const beganMs = performance.now()
    const end = await begin(this.#scene, fault, victim, (told) => {
      detail = told
    })
    const on = `${server} ${host.name}`
    this.#say(`${fault.kind} ${detail === '' ? '' : `(${detail}) `}on ${on}${wasPrimary ? ', which leads' : ''}`)
    for (let left = fault.forMs; left > 0 && !this.#isStopped; left -= 50) await pause(Math.min(50, left))
    await end()
    // An etcd with a full disk ends by itself; so may a node, and it is noted.
    this.#restart(host)
    this.#busy.delete(host)
    this.happened.push({ kind: fault.kind, on, wasPrimary, beganMs, endedMs: performance.now(), detail })
    this.#say(`${fault.kind} on ${on} is over`)
  }

  #find({ target, seed }: PlannedFault): Victim | undefined {
    const { primary } = this.#watch
    const server = target === 'etcd' ? 'etcd' : 'node'
    const free = this.#scene.hosts.filter((host) => !this.#busy.has(host))
    const meant = free.filter((host) => server === 'etcd' || (host === primary) === (target === 'primary'))
    // A second fault at a time is on somebody else.
    const fitting = meant.length > 0 ? meant : free
    if (fitting.length === 0) return undefined
    return { host: fitting[dice(seed).between(0, fitting.length - 1)], server }
  }

  #restart({ name, node, etcd }: Host): void {
    for (const [what, one] of [
      ['node', node],
      ['etcd', etcd],
    ] as const) {
      if (one.isRunning) continue
      this.#say(`${what} ${name} is not running: started again`)
      one.start()
    }
  }

  #restartWhatEnded(): void {
    for (const host of this.#scene.hosts) this.#restart(host)
  }
}
