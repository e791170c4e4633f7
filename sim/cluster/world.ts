/**
 * One world of several nodes: they copy one another over a simulated network, an etcd decides who leads, clients work, and
 * whatever can go wrong does, up to the end, when all is well again and everything is held against what was promised.
 */

import { HoldfastError } from '../../src/core/errors.js'
import type { Logger } from '../../src/core/logger.js'
import { streamOf } from '../plan.js'
import { Scheduler } from '../scheduler.js'
import { groups } from '../world/actors/groups.js'
import { idempotent } from '../world/actors/idempotent.js'
import { producers } from '../world/actors/producers.js'
import { readers } from '../world/actors/readers.js'
import { createNow } from '../world/actors/topics.js'
import { transactions } from '../world/actors/transactions.js'
import { compare } from '../world/comparing.js'
import { WorldModel } from '../world/model.js'
import { type Actor, pick, type Scene } from '../world/scene.js'
import { Violation } from '../world/violation.js'
import type { Tally } from '../world/world.js'
import { administrator } from './administrator.js'
import { strike } from './blows.js'
import { careless } from './careless.js'
import { clientsOf } from './client.js'
import { compareCopies, untilTogether } from './ending.js'
import { SimulatedEtcd } from './etcd.js'
import { Life } from './life.js'
import { ClusterMember } from './member.js'
import { Network } from './network.js'
import type { ClusterPlan } from './plan.js'
import { Watching } from './watching.js'

const actors: Record<string, Actor> = {
  producers,
  idempotent,
  transactions,
  readers,
  groups,
  topics: administrator,
  careless,
}
const patienceMs = 20 * 60_000

export class ClusterWorld {
  readonly tally: Tally = { crashes: 0, inRecovery: 0, acknowledged: 0, events: 0, faults: 0 }
  readonly #plan: ClusterPlan
  readonly #scheduler: Scheduler
  readonly #network: Network
  readonly #watching = new Watching()
  readonly #members: readonly ClusterMember[]
  readonly #model: WorldModel
  readonly #clients: Life
  readonly #log: boolean
  #isEnding = false
  #fail: (violation: unknown) => void = () => {}

  constructor(plan: ClusterPlan, { log = false }: { log?: boolean } = {}) {
    this.#plan = plan
    this.#log = log
    this.#scheduler = new Scheduler(streamOf(plan.seed, 'scheduler'), 1_700_000_000_000)
    this.#network = new Network(this.#scheduler, streamOf(plan.seed, 'network'))
    this.#clients = new Life(this.#scheduler)
    this.#model = new WorldModel(plan)
    const etcd = new SimulatedEtcd(this.#scheduler, (key, value) => {
      if (this.#log) this.#say(`etcd ${key} ${value}`)
      this.#guarded(() => this.#watching.put(key, value))
    })
    const options = {
      plan,
      scheduler: this.#scheduler,
      network: this.#network,
      etcd,
      asked: <T>(port: number, question: (service: never) => Promise<T>) =>
        this.#asked(port, ({ node }) => question(node?.replicated.replicas as never)),
      logger: (id: number) => this.#logger(id),
    }
    this.#members = Array.from({ length: plan.nodes }, (_, i) => new ClusterMember(i + 1, options))
  }

  /** @throws Violation */
  async run(): Promise<void> {
    const failing = new Promise<never>((_, reject) => {
      this.#fail = reject
    })
    const work = Promise.race([this.#live(), failing])
    const happened = await this.#scheduler.run(work, { patienceMs, events: 20_000_000 })
    this.tally.events = this.#scheduler.events
    this.tally.faults = this.#network.lost
    this.tally.inRecovery = this.#watching.epochs
    this.tally.acknowledged = this.#model.acknowledged
    if (happened !== 'settled') throw new Violation('a world comes to its end', `it has not: ${happened}`)
    await work
  }

  async #live(): Promise<void> {
    const scene = this.#scene()
    for (const member of this.#members) this.#bringUp(member)
    await this.#make(scene)
    const work = Promise.all(
      [...this.#plan.actors, 'careless'].map((kind) => actors[kind](scene, streamOf(this.#plan.seed, kind))),
    )
    await Promise.race([this.#befall(), work])
    this.#isEnding = true
    this.#network.heal()
    await work
    await untilTogether(this.#members, this.#scheduler)
    await compare(scene)
    await this.#scheduler.sleep(3000)
    await untilTogether(this.#members, this.#scheduler)
    await Promise.all(this.#members.map((member) => member.stop()))
    for (const member of this.#members) member.life = this.#clients
    await compareCopies(this.#members, this.#plan.settings, this.#scheduler)
  }

  async #make(scene: Scene): Promise<void> {
    for (const topic of this.#model.topics)
      for (let tries = 0; topic.state !== 'present'; tries++) {
        if (tries > 200) throw new Violation('a cluster begins', `${topic.name} cannot be created`)
        await createNow(scene, topic)
        // Another attempt has made it.
        if (topic.state === 'maybe' && (await scene.broker.describeTopics([topic.name]).catch(() => [])).length > 0)
          topic.state = 'present'
      }
  }

  /** One blow after the other; some of them overlap. */
  async #befall(): Promise<void> {
    const random = streamOf(this.#plan.seed, 'blows')
    const { blows, times, quietMs } = this.#plan
    const stage = {
      members: this.#members,
      network: this.#network,
      scheduler: this.#scheduler,
      watching: this.#watching,
      bringUp: (member: ClusterMember) => this.#bringUp(member),
      died: () => void this.tally.crashes++,
    }
    let last: Promise<void> = Promise.resolve()
    for (let i = 0; i < times && blows.length > 0; i++) {
      await this.#scheduler.sleep(random.below(quietMs))
      const blow = pick(random, blows)
      if (this.#log) this.#say(`blow: ${blow}`)
      const before = last
      last = strike(stage, random, blow)
      last.catch((error: unknown) => this.#fail(error))
      await (random.once(3) ? before : Promise.all([before, last]))
    }
    await last
    await this.#scheduler.sleep(random.below(quietMs))
  }

  #bringUp(member: ClusterMember): void {
    this.#start(member).catch((error: unknown) => {
      if (error instanceof Violation) this.#fail(error)
      else this.#fail(new Violation('a node starts', `${member.id}: ${(error as Error).stack}`))
    })
  }

  async #start(member: ClusterMember): Promise<void> {
    while (member.life.isOver) {
      try {
        await member.start()
      } catch (error) {
        const isLater = error instanceof HoldfastError && error.code === 'REPLICATION_UNAVAILABLE'
        if (!isLater && !/alive/.test((error as Error).message)) throw error
        member.life.end()
        await this.#scheduler.sleep(500)
      }
    }
  }

  /** Asks a node while its process lives and has started. */
  #asked<T>(id: number, question: (member: ClusterMember) => Promise<T>): Promise<T> | undefined {
    const member = this.#members[id - 1]
    if (member.node === undefined || member.life.isOver) return undefined
    const { life, node } = member
    this.#guarded(() => this.#watching.look(this.#members))
    const work = new Promise<T>((resolve, reject) => {
      life.do(() => {
        if (member.node === node) inTurn(() => question(member)).then(resolve, reject)
        else reject(new HoldfastError('CONNECTION_FAILED', `${member.name} has stopped`))
      })
    })
    return life.still(work)
  }

  #scene(): Scene {
    const isEnding = () => this.#isEnding
    const broker = clientsOf({
      network: this.#network,
      scheduler: this.#scheduler,
      random: streamOf(this.#plan.seed, 'clients'),
      life: this.#clients,
      members: this.#members,
      isPatient: isEnding,
      asked: (id, question) => this.#asked(id, question),
    })
    return {
      broker,
      scheduler: this.#scheduler,
      model: this.#model,
      plan: this.#plan,
      mayForget: false,
      get isEnding() {
        return isEnding()
      },
    }
  }

  #guarded(check: () => void): void {
    try {
      check()
    } catch (violation) {
      this.#fail(violation)
    }
  }

  /** What a node says, where it is wanted; and what it must not say. */
  #logger(id: number): Logger {
    const write = (level: string) => (fields: object, text: string) => {
      if (this.#log) this.#say(`node ${id} ${level} ${text} ${JSON.stringify(fields, errorsAsText)}`)
      const { err } = fields as { readonly err?: unknown }
      if (err instanceof Error && !(err instanceof HoldfastError && err.code !== 'UNKNOWN_SERVER_ERROR'))
        this.#fail(new Violation('errors are of the table', `node ${id}: ${text} ${err.stack}`))
    }
    return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
  }

  #say(text: string): void {
    process.stdout.write(`${this.#scheduler.monotonic().toFixed(1)} ${text}\n`)
  }
}

function errorsAsText(_key: string, value: unknown): unknown {
  return value instanceof Error ? value.stack : value
}

/** What is thrown at once is an answer too. */
async function inTurn<T>(question: () => Promise<T>): Promise<T> {
  return question()
}
