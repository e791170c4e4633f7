/**
 * One world, from its plan to its end: a store lives, is used, crashes, is found again, now and then crashes while it
 * recovers, and after each start everything is held against what was promised.
 */

import { Broker } from '../../src/broker/broker.js'
import { verify } from '../../src/storage/inspect/verify.js'
import { offsetsTopicName, transactionsTopicName } from '../../src/storage/internal-topics.js'
import { MessageStore } from '../../src/storage/message-store.js'
import { type DiskOperation, SeededFaults } from '../disk/faults.js'
import { MemoryDisk } from '../memory-disk.js'
import { type ActorKind, type LifeEnding, type Plan, streamOf } from '../plan.js'
import { type RunLimits, Scheduler } from '../scheduler.js'
import type { SeededRandomness } from '../seeded-randomness.js'
import { groups } from './actors/groups.js'
import { idempotent } from './actors/idempotent.js'
import { producers } from './actors/producers.js'
import { readers } from './actors/readers.js'
import { create, topics } from './actors/topics.js'
import { transactions } from './actors/transactions.js'
import { compare } from './comparing.js'
import { WorldModel } from './model.js'
import { type Actor, answerOf, type Scene } from './scene.js'
import { holds, Violation } from './violation.js'

const actors: Record<ActorKind, Actor> = { producers, idempotent, transactions, readers, groups, topics }

/**
 * Calls that move names and lengths, of which there are few, and between which a crash does the most harm: two of three
 * crashes come at one of them or, half of these, a few events later.
 */
const turningPoints = ['rename', 'remove', 'link', 'truncate', 'makeDirectory', 'syncDirectory'] as const
/** What a crash may come at alone: a sync that has not ended is what every promise waits for. */
const kindsOfMoments = [...turningPoints, 'sync', 'sync', 'write', 'unsyncedNames', 'unsyncedNames'] as const
/** A step of a call beside so many changes of names in its directory that no sync covers: any part of them may be found. */
const manyNames = 5
type Moment = DiskOperation | 'unsyncedNames'
/** Of a life, or of an opening; where there are fewer the crash comes by the number of events. */
const mostTurns = { life: 160, opening: 24 } as const

/** Simulated time that anything may take on a disk that works. */
const patienceMs = 20 * 60_000
const path = '/data'

export interface Tally {
  crashes: number
  /** Of those, in the middle of a recovery. */
  inRecovery: number
  acknowledged: number
  events: number
  /** Calls of the disk that failed on purpose. */
  faults: number
}

export class World {
  readonly tally: Tally = { crashes: 0, inRecovery: 0, acknowledged: 0, events: 0, faults: 0 }
  readonly #plan: Plan
  readonly #model: WorldModel
  #disk: MemoryDisk
  #scheduler: Scheduler
  /** While there are some. */
  #faults: SeededFaults | undefined
  #wallMs = 1_700_000_000_000
  /** Steps of the disk's calls so far: of each there are two, one before its effect and one behind it. */
  readonly #steps = new Map<Moment, number>()
  #life = 0

  constructor(plan: Plan) {
    this.#plan = plan
    this.#model = new WorldModel(plan)
    this.#scheduler = this.#begin()
    const { supportsDsync, supportsMapping } = plan
    const choices = this.#stream('disk')
    this.#disk = new MemoryDisk({
      supportsDsync,
      supportsMapping,
      pace: (operation, path) => {
        this.#count(operation)
        if (this.#disk.unsyncedNames(path) >= manyNames) this.#count('unsyncedNames')
        return this.#scheduler.pace(plan.slowSyncs && (operation === 'sync' || operation === 'syncDirectory'))
      },
      faults: {
        ask: (operation, path) => this.#faults?.ask(operation, path),
        evicts: (path) => this.#faults?.evicts(path) ?? false,
        below: (limit) => choices.below(limit),
      },
    })
  }

  /** @throws Violation */
  async run(): Promise<void> {
    for (this.#life = 0; this.#life < this.#plan.lives; this.#life++) {
      const broker = await this.#openAndCompare()
      await this.#live(broker)
      if (this.#plan.crashesWhileRecovering) await this.#crashWhileRecovering()
    }
    const broker = await this.#openAndCompare()
    await this.#finish(broker.close(), 'a store can be closed')
    await this.#finish(this.#verify(), 'a store that was closed is sound')
    this.#tallyUp()
  }

  /** In what a close in order leaves, after all that came before it, `holdfast verify` finds no error. */
  async #verify(): Promise<void> {
    const { findings } = await verify(path, { disk: this.#disk, clock: this.#scheduler, settings: this.#plan.settings })
    const worse = findings.find(({ severity }) => severity === 'error')
    holds(
      worse === undefined,
      'a store that was closed is sound',
      () => `${worse?.code} in ${worse?.path}: ${worse?.what}`,
    )
  }

  #stream(...names: readonly (string | number)[]) {
    return streamOf(this.#plan.seed, this.#life, ...names)
  }

  /** Another process: nothing of the one before goes on. */
  #begin(): Scheduler {
    this.#scheduler = new Scheduler(this.#stream('scheduler', this.tally.crashes), this.#wallMs)
    return this.#scheduler
  }

  #tallyUp(): void {
    this.tally.events += this.#scheduler.events
    this.#wallMs = this.#scheduler.now() + 1
    this.tally.acknowledged = this.#model.acknowledged
  }

  #open(): Promise<Broker> {
    const { settings } = this.#plan
    const randomness = this.#stream('broker')
    // What is derived must be the same when it is made anew from the messages alone.
    const fullScan = this.#stream('full scan', this.tally.crashes).once(6)
    return Broker.open(path, { settings, disk: this.#disk, clock: this.#scheduler, randomness, fullScan })
  }

  async #openAndCompare(): Promise<Broker> {
    if (this.#life === 0) await this.#finish(this.#makeOwnTopics(), 'a store opens')
    const broker = await this.#finish(this.#open(), 'a store opens')
    const scene = this.#scene(broker, { isEnding: () => false, mayForget: false })
    await this.#finish(compare(scene), 'everything can be read')
    return broker
  }

  /** With the settings of this world, so that they roll and are compacted as often as all others. */
  async #makeOwnTopics(): Promise<void> {
    const tools = { settings: this.#plan.settings, disk: this.#disk, clock: this.#scheduler }
    const store = await MessageStore.open(path, { ...tools, randomness: this.#stream('store') })
    const config = { 'cleanup.policy': 'compact', 'compression.type': 'producer', 'storage.layout': 'segments' }
    await store.createTopic({ name: offsetsTopicName, partitions: 2, config })
    const decided = { ...config, 'flush.disk.type': 'SYNC_FLUSH' }
    await store.createTopic({ name: transactionsTopicName, partitions: 2, config: decided })
    await store.close()
  }

  async #live(broker: Broker): Promise<void> {
    const random = this.#stream('life')
    const drawn: LifeEnding = random.once(3) ? 'kill' : random.once(4) ? 'close' : 'power'
    const { faults, faultRate, eventsPerLife } = this.#plan
    const isFailing = faults.length > 0 && random.once(2)
    // After a sync that failed the page cache is ahead of the disk for good, and nobody who only looks at it can know.
    const mayLie = isFailing && faults.some((kind) => kind === 'sync' || kind === 'thinSync')
    const ending = mayLie ? 'power' : drawn
    if (isFailing) {
      const rates = Object.fromEntries(faults.map((kind) => [kind, faultRate]))
      this.#faults = new SeededFaults(this.#stream('faults'), { ...rates, eviction: 0.1 })
    }
    let isEnding = false
    const scene = this.#scene(broker, { isEnding: () => isEnding, mayForget: mayLie })
    const work = this.#act(scene)
    const happened = await this.#scheduler.run(work, this.#untilCrash(random, eventsPerLife, mostTurns.life, ending))
    if (happened === 'settled') await work
    this.tally.faults += this.#faults?.injected.length ?? 0
    this.#faults = undefined
    if (ending !== 'close') return this.#crash(ending)
    isEnding = true
    await this.#finish(work, 'every call is answered')
    const closing: Promise<unknown> = isFailing ? answerOf(broker.close()) : broker.close()
    await this.#finish(closing, 'a store can be closed')
    if (isFailing) this.#model.died({ power: false })
    else this.#model.closedInOrder()
    this.#tallyUp()
    const power = !isFailing && random.once(2)
    this.#disk = power ? this.#disk.afterCrash(this.#stream('found')) : this.#disk.afterKill()
    this.#begin()
  }

  /** At any event, at any turning point, or at one of a kind: else the frequent ones would hide the rare. */
  #untilCrash(random: SeededRandomness, mostEvents: number, turns: number, ending?: LifeEnding): RunLimits {
    // Every other life is a short one, for what lasts only until the next checkpoint, or a very short one, for what lasts
    // until something is written over it.
    const most = random.once(2) ? mostEvents : random.once(2) ? Math.min(80, mostEvents) : 1 + random.below(mostEvents)
    const events = 1 + random.below(most)
    if (random.once(3)) return { events }
    const anyKind = random.once(2) ? turningPoints : [kindsOfMoments[random.below(kindsOfMoments.length)]]
    // What a process leaves that is killed, and the loss of power does not, are names which no sync covers yet.
    const kinds = ending === 'kill' && random.once(2) ? (['syncDirectory'] as const) : anyKind
    const last = this.#stepsOf(kinds) + 1 + random.below(1 + random.below(turns))
    // The others come on meanwhile: somebody reads while a sync is under way.
    let eventsLeft = random.once(2) ? 0 : random.below(30)
    return { events: mostEvents, until: () => this.#stepsOf(kinds) >= last && eventsLeft-- <= 0 }
  }

  #count(moment: Moment): void {
    this.#steps.set(moment, this.#stepsOf([moment]) + 1)
  }

  #stepsOf(moments: readonly Moment[]): number {
    return moments.reduce((sum, moment) => sum + (this.#steps.get(moment) ?? 0), 0)
  }

  async #act(scene: Scene): Promise<void> {
    for (const topic of scene.model.topics) if (topic.state === 'gone') await create(scene, topic)
    await Promise.all(this.#plan.actors.map((kind) => actors[kind](scene, this.#stream(kind))))
  }

  #crash(how: LifeEnding): void {
    this.#tallyUp()
    this.tally.crashes++
    const power = how === 'power'
    this.#model.died({ power })
    this.#disk = power ? this.#disk.afterCrash(this.#stream('found', this.tally.crashes)) : this.#disk.afterKill()
    this.#begin()
  }

  async #crashWhileRecovering(): Promise<void> {
    const random = this.#stream('recovery')
    for (let count = random.below(3); count > 0; count--) {
      const opening = answerOf(this.#open())
      const happened = await this.#scheduler.run(opening, this.#untilCrash(random, 200, mostTurns.opening))
      if (happened === 'settled') await opening
      this.tally.inRecovery++
      this.#crash(random.once(3) ? 'kill' : 'power')
    }
  }

  #scene(broker: Broker, { isEnding, mayForget }: { isEnding: () => boolean; mayForget: boolean }): Scene {
    return {
      broker,
      scheduler: this.#scheduler,
      model: this.#model,
      plan: this.#plan,
      mayForget,
      get isEnding() {
        return isEnding()
      },
    }
  }

  /** Waits for what has to come to an end, and well. */
  async #finish<T>(work: Promise<T>, rule: string): Promise<T> {
    const happened = await this.#scheduler.run(work, { patienceMs, events: 3_000_000 })
    if (happened !== 'settled') throw new Violation(rule, `it has not ended after ${patienceMs} ms: ${happened}`)
    try {
      return await work
    } catch (error) {
      if (error instanceof Violation) throw error
      throw new Violation(rule, (error as Error).stack ?? String(error))
    }
  }
}
