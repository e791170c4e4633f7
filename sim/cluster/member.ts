/** One node of a world: a disk that outlives its processes, and the process that runs on it now, if one does. */

import type { Logger } from '../../src/core/logger.js'
import { EtcdAuthority } from '../../src/replication/etcd/etcd-authority.js'
import { ReplicaNode } from '../../src/replication/node.js'
import type { DiskOperation } from '../disk/faults.js'
import { MemoryDisk } from '../memory-disk.js'
import { streamOf } from '../plan.js'
import type { Scheduler } from '../scheduler.js'
import type { SeededRandomness } from '../seeded-randomness.js'
import type { SimulatedEtcd } from './etcd.js'
import { SimulatedWire } from './etcd-wire.js'
import { Life } from './life.js'
import type { Network } from './network.js'
import { type ClusterPlan, settingsOf } from './plan.js'
import { type LinkOptions, simulatedLinks } from './replica-link.js'

export const directory = '/data'

export interface MemberOptions {
  readonly plan: ClusterPlan
  readonly scheduler: Scheduler
  readonly network: Network
  readonly etcd: SimulatedEtcd
  readonly asked: LinkOptions['asked']
  readonly logger: (id: number) => Logger
}

export class ClusterMember {
  readonly id: number
  readonly #options: MemberOptions
  readonly #choices: SeededRandomness
  readonly #pace: SeededRandomness
  #lives = 0
  disk: MemoryDisk
  life: Life
  /** Once it has started. */
  node: ReplicaNode | undefined
  /** Asked before each step of a call of the disk: whether the process ends there. */
  endsAt: ((operation: DiskOperation) => boolean) | undefined
  #whenEnded: () => void = () => {}

  constructor(id: number, options: MemberOptions) {
    this.id = id
    this.#options = options
    this.#choices = streamOf(options.plan.seed, 'disk', id)
    this.#pace = streamOf(options.plan.seed, 'pace', id)
    this.disk = this.#emptyDisk()
    this.life = new Life(options.scheduler)
    this.life.end()
  }

  get name(): string {
    return `node${this.id}`
  }

  get leads(): boolean {
    return !this.life.isOver && this.node?.leads === true
  }

  get leaderEpoch(): number {
    return this.node?.replicated.leaderEpoch ?? 0
  }

  /** Resolves when it has a role, or never where the process ends before. @throws what opening and joining throw */
  async start(): Promise<void> {
    const { plan, scheduler, network, etcd, asked, logger } = this.#options
    const life = new Life(scheduler)
    this.life = life
    this.node = undefined
    const { name } = this
    const node = await ReplicaNode.open(directory, {
      settings: settingsOf(plan.settings, this.id),
      disk: this.disk,
      clock: life,
      randomness: streamOf(plan.seed, 'node', this.id, this.#lives++),
      logger: logger(this.id),
      openLink: simulatedLinks({ network, name, life, asked }),
      openAuthority: (self) =>
        EtcdAuthority.open({
          endpoints: [],
          cluster: 'simulated',
          self,
          leaseMs: plan.leaseMs,
          clock: life,
          logger: logger(this.id),
          openWire: (limitMs) => new SimulatedWire({ etcd, network, name, life, limitMs }),
        }),
    })
    try {
      await node.start({ host: name, port: this.id })
    } catch (error) {
      await node.close()
      throw error
    }
    this.node = node
  }

  /** The process is gone; the disk can be looked at when this resolves. */
  async end(how: 'kill' | 'power'): Promise<void> {
    this.life.end()
    this.node = undefined
    // What this event has begun comes to where it would wait for the disk.
    await this.#options.scheduler.sleep(0)
    const random = streamOf(this.#options.plan.seed, 'found', this.id, this.#lives)
    this.disk = how === 'power' ? this.disk.afterCrash(random) : this.disk.afterKill(random)
  }

  /** Ends the process at the first step of the disk for which `ends` holds, or after `patienceMs`. */
  async endAt(how: 'kill' | 'power', ends: (operation: DiskOperation) => boolean, patienceMs: number): Promise<void> {
    const { scheduler } = this.#options
    await new Promise<void>((resolve) => {
      this.#whenEnded = resolve
      this.endsAt = ends
      scheduler.schedule(patienceMs, resolve)
    })
    this.endsAt = undefined
    await this.end(how)
  }

  /** In order. */
  async stop(): Promise<void> {
    const { node, life } = this
    this.node = undefined
    const closed = node?.close().then(() => true)
    // It may be ended, and even begin again, while it stops.
    while (!life.isOver && (await Promise.race([closed, this.#options.scheduler.sleep(10)])) !== true) {}
    if (life.isOver) return
    life.end()
    this.disk = this.disk.afterKill()
  }

  wipe(): void {
    this.disk = this.#emptyDisk()
  }

  /** Of a step of the disk: now and then a long one, but not so often that nobody comes to anything. */
  #latencyMs(): number {
    const random = this.#pace.next()
    if (random < 0.97) return 0.01 + random / 10
    return random < 0.9995 ? 1 + this.#pace.next() * 4 : 100 + this.#pace.next() * 1000
  }

  #emptyDisk(): MemoryDisk {
    const { plan, scheduler } = this.#options
    return new MemoryDisk({
      supportsDsync: plan.supportsDsync,
      supportsMapping: plan.supportsMapping,
      pace: (operation) => {
        const { life } = this
        if (this.endsAt?.(operation)) {
          life.end()
          this.#whenEnded()
        }
        return life.isOver ? new Promise(() => {}) : life.still(scheduler.sleep(this.#latencyMs()))
      },
      faults: { ask: () => undefined, evicts: () => false, below: (limit) => this.#choices.below(limit) },
    })
  }
}
