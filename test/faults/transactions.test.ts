/**
 * Transactions of a whole broker on a disk that loses its power: two producers, their zombies, time-outs, and crashes at
 * any step, also between the decision and the markers and between two markers. Whatever happens, a transaction is seen
 * whole or not at all, with its offsets, and as its producer was told.
 *
 * A failure prints its seed; HOLDFAST_TEST_SEED=<seed> runs that one alone.
 */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ManualClock } from '../../sim/manual-clock.js'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { SeededRandomness } from '../../sim/seeded-randomness.js'
import { Broker } from '../../src/broker/broker.js'
import type { TransactionalProducer } from '../../src/broker/transactions/contract.js'
import { HoldfastError } from '../../src/core/errors.js'
import type { SettingsInput } from '../../src/core/settings.js'
import { batchesIn, type RecordBatch } from '../../src/records/batch.js'
import { buildBatch } from '../../src/records/builder.js'
import { endMarkerOf } from '../../src/records/end-marker.js'
import { readRecords } from '../../src/records/reader.js'
import { turns } from '../storage/support.js'

const topic = 'orders'
const partitions = [0, 1, 2]
const timeoutMs = 60_000

/** `asked`: to commit it, without an answer. */
type Outcome = 'open' | 'asked' | 'committed' | 'aborted'

/** What a producer knows of one transaction. */
interface Told {
  readonly number: number
  outcome: Outcome
  /** Acknowledged. */
  readonly values: string[]
  commitsOffset: boolean
}

/** One transactional id over all lives, and its producer in this one. */
class Actor {
  readonly id: string
  readonly told: Told[]
  /** Values that a fenced producer tried to write. */
  readonly forbidden: string[]
  producer: TransactionalProducer | undefined
  zombie: TransactionalProducer | undefined
  sequences = new Map<number, number>()
  current: Told | undefined

  constructor(id: string, before?: Actor) {
    this.id = id
    this.told = before?.told ?? []
    this.forbidden = before?.forbidden ?? []
  }
}

class World {
  readonly random: SeededRandomness
  readonly settings: SettingsInput
  readonly clock = new ManualClock()
  actors = [new Actor('a'), new Actor('b')]
  disk = new MemoryDisk()
  broker: Broker | undefined
  #number = 0

  constructor(seed: number, settings: SettingsInput) {
    this.random = new SeededRandomness(seed)
    this.settings = settings
  }

  async open(): Promise<Broker> {
    const { disk, clock, random, settings } = this
    this.broker = await Broker.open('/data', { disk, clock, randomness: random, settings })
    if ((await this.broker.describeTopics([topic])).length === 0) {
      await this.broker.createTopic({ name: topic, partitions: partitions.length })
    }
    return this.broker
  }

  /** Producers die with their broker; what is left of a life that lost its power touches nothing of the next. */
  #reborn(): readonly Actor[] {
    this.actors = this.actors.map((actor) => new Actor(actor.id, actor))
    return this.actors
  }

  async live(): Promise<void> {
    const { disk } = this
    const actors = this.#reborn()
    const broker = await this.open()
    for (let round = 0; round < 8; round++) {
      await Promise.all(actors.map((actor) => this.#act(broker, actor)))
      await this.#whileAlive(disk)
      if (this.random.once(6)) await this.#letTimePass(broker, actors)
      await this.#whileAlive(disk)
    }
    if (this.random.once(2)) await broker.close()
  }

  /** Who needs no disk would else go on without power. */
  async #whileAlive(disk: MemoryDisk): Promise<void> {
    if (this.disk !== disk || disk.hasCrashed) await new Promise(() => {})
  }

  /** Transactions that are open now are aborted by the broker, whoever their producer is. */
  async #letTimePass(broker: Broker, actors: readonly Actor[]): Promise<void> {
    const { disk } = this
    await this.clock.run(timeoutMs + 10_001)
    // Where the power is gone nothing is aborted any more.
    while (
      this.disk === disk &&
      (await broker.listTransactions({ statuses: ['Ongoing', 'PrepareAbort', 'PrepareCommit'] })).length > 0
    ) {
      await this.clock.run(100)
      await turns(1)
      await this.#whileAlive(disk)
    }
    for (const { current } of actors) if (current?.outcome === 'open') current.outcome = 'aborted'
  }

  async #act(broker: Broker, actor: Actor): Promise<void> {
    if (actor.zombie !== undefined && this.random.once(3)) await this.#haunt(broker, actor, actor.zombie)
    if (actor.producer === undefined || this.random.once(8)) return this.#begin(broker, actor)
    const { producer } = actor
    const told = actor.current
    if (told === undefined) {
      actor.current = { number: this.#number++, outcome: 'open', values: [], commitsOffset: false }
      actor.told.push(actor.current)
      return this.#write(broker, actor, producer, actor.current)
    }
    const dice = this.random.below(8)
    if (dice < 3) await this.#write(broker, actor, producer, told)
    else if (dice < 5) await this.#commitOffset(broker, actor, producer, told)
    else await this.#end(broker, actor, producer, told)
  }

  async #begin(broker: Broker, actor: Actor): Promise<void> {
    const identity = await broker.initProducer({
      transactionalId: actor.id,
      transactionTimeoutMs: timeoutMs,
      producerId: -1,
      producerEpoch: -1,
    })
    actor.zombie = actor.producer
    actor.producer = { transactionalId: actor.id, ...identity }
    actor.sequences = new Map()
    for (const told of actor.told) if (told.outcome === 'open') told.outcome = 'aborted'
    actor.current = undefined
  }

  async #write(broker: Broker, actor: Actor, producer: TransactionalProducer, told: Told): Promise<void> {
    const isDead = told.outcome === 'aborted'
    // Into several partitions, so that there is something between two markers.
    const always = this.random.below(partitions.length)
    for (const partition of partitions.filter((each) => each === always || this.random.once(2))) {
      const values = [`${told.number}/${partition}/${told.values.length}`]
      await this.#expect(isDead, async () => {
        await broker.addPartitionsToTransaction(producer, [{ topic, partition }])
        const batch = this.#batch(producer, values, actor.sequences.get(partition) ?? 0)
        if (isDead) actor.forbidden.push(...values)
        await broker.produce({ topic, partition, batch })
        actor.sequences.set(partition, (actor.sequences.get(partition) ?? 0) + values.length)
        told.values.push(...values)
      })
    }
  }

  async #commitOffset(broker: Broker, actor: Actor, producer: TransactionalProducer, told: Told): Promise<void> {
    const offset = { topic, partition: 0, offset: told.number, leaderEpoch: -1, metadata: '' }
    const member = { groupId: actor.id, memberId: '', groupInstanceId: null, generationId: -1 }
    await this.#expect(told.outcome === 'aborted', async () => {
      await broker.addOffsetsToTransaction(producer, actor.id)
      const [refusal] = await broker.commitTransactionalOffsets({ ...member, ...producer, offsets: [offset] })
      if (refusal !== undefined) throw refusal
      told.commitsOffset = true
    })
  }

  async #end(broker: Broker, actor: Actor, producer: TransactionalProducer, told: Told): Promise<void> {
    const commit = !this.random.once(3)
    const wasOpen = told.outcome === 'open'
    await this.#expect(!wasOpen, async () => {
      if (commit && wasOpen) told.outcome = 'asked'
      await broker.endTransaction(producer, commit)
      told.outcome = commit ? 'committed' : 'aborted'
    })
    actor.current = undefined
    // Whom a time-out has fenced begins anew.
    if (!wasOpen) actor.producer = undefined
  }

  /** A producer that was replaced, and does not know it yet. */
  async #haunt(broker: Broker, actor: Actor, zombie: TransactionalProducer): Promise<void> {
    const value = `zombie ${this.#number++}`
    actor.forbidden.push(value)
    const place = { topic, partition: this.random.below(partitions.length) }
    await this.#expect(true, () => broker.produce({ ...place, batch: this.#batch(zombie, [value], 0) }))
    await this.#expect(true, () => broker.addPartitionsToTransaction(zombie, [place]))
    await this.#expect(true, () => broker.endTransaction(zombie, this.random.once(2)))
  }

  async #expect(refusal: boolean, step: () => Promise<unknown>): Promise<void> {
    let error: unknown
    try {
      await step()
    } catch (thrown) {
      error = thrown
    }
    if (refusal) assert.ok(error instanceof HoldfastError, `it was let pass: ${String(error)}`)
    else if (error !== undefined) throw error
  }

  #batch({ producerId, producerEpoch }: TransactionalProducer, values: string[], baseSequence: number): Buffer {
    const records = values.map((value) => ({ key: null, value: Buffer.from(value), timestamp: this.clock.now() }))
    return buildBatch(records, { producerId, producerEpoch, baseSequence, isTransactional: true }).bytes
  }

  /** Ends what is open as new instances of the producers do, then compares what readers see with what was told. */
  async check(): Promise<void> {
    const broker = await this.open()
    const actors = this.#reborn()
    for (const actor of actors) await this.#begin(broker, actor)
    const seen = new Map<string, number>()
    for (const partition of partitions) {
      for (const value of await committedIn(broker, partition)) seen.set(value, (seen.get(value) ?? 0) + 1)
    }
    for (const actor of actors) {
      for (const value of actor.forbidden) assert.equal(seen.has(value), false, `a zombie wrote ${value}`)
      const [committed] = await broker.fetchOffsets(actor.id, [{ topic, partition: 0 }], { requireStable: true })
      assert.equal(committed?.error, undefined, 'an offset is pending though nothing is open')
      let expected = -1
      for (const told of actor.told) {
        const found = told.values.filter((value) => seen.get(value) === 1).length
        if (told.outcome === 'asked') {
          // Nobody knows, until it is seen. Of one that wrote nothing else, by its offset.
          const holds = told.values.length > 0 ? found > 0 : committed?.offset === told.number
          told.outcome = holds ? 'committed' : 'aborted'
        }
        const whole = told.outcome === 'committed' ? told.values.length : 0
        assert.equal(found, whole, `transaction ${told.number} is ${told.outcome}, and ${found} of it are seen`)
        if (told.outcome === 'committed' && told.commitsOffset) expected = told.number
      }
      assert.equal(committed?.offset ?? -1, expected, `the offset of ${actor.id}`)
    }
    await broker.close()
  }
}

/** What a reader of committed records sees, worked out from the log alone. */
async function committedIn(broker: Broker, partition: number): Promise<string[]> {
  const position = { topic, partition, offset: 0, maxBytes: 2 ** 30, currentLeaderEpoch: -1 }
  const [{ records, error }] = await broker.fetch({
    positions: [position],
    maxBytes: 2 ** 30,
    minBytes: 0,
    maxWaitMs: 0,
  })
  assert.equal(error, undefined)
  const open = new Map<number, RecordBatch[]>()
  const values: string[] = []
  for (const batch of records.flatMap((bytes) => [...batchesIn(bytes)])) {
    const { producerId } = batch
    const marker = endMarkerOf(batch)
    if (marker === undefined) open.set(producerId, [...(open.get(producerId) ?? []), batch])
    else {
      if (marker.outcome === 'COMMIT') {
        const ended = (open.get(producerId) ?? []).flatMap(readRecords)
        values.push(...ended.map(({ value }) => String(value)))
      }
      open.delete(producerId)
    }
  }
  assert.deepEqual([...open.keys()], [], 'a transaction hangs')
  return values
}

/** The first of them; a broker that stands still is given time, as long as its disk has power. */
async function first(world: World, ends: readonly Promise<unknown>[]): Promise<void> {
  let ended = false
  const outcome = Promise.race(ends).finally(() => {
    ended = true
  })
  outcome.catch(() => {})
  for (let still = 0, seen = -1; !ended; await turns(100)) {
    still = world.disk.steps === seen ? still + 1 : 0
    // A round that gathers looks so often for those it waits for, where the clock stands still.
    if (still > 150) throw new Error('nothing moves any more')
    seen = world.disk.steps
  }
  await outcome
}

async function livesAndCrashes(seed: number, settings: SettingsInput): Promise<void> {
  const world = new World(seed, settings)
  for (let life = 0; life < 4; life++) {
    const crashed = world.disk.crashAfter(20 + world.random.below(260))
    await first(world, [crashed, world.live()])
    world.disk = world.random.once(3) ? world.disk.afterKill() : world.disk.afterCrash(world.random)
    // Sometimes the power fails again while what was decided is being finished.
    if (world.random.once(2)) {
      await first(world, [world.disk.crashAfter(1 + world.random.below(80)), world.check()])
      world.disk = world.disk.afterCrash(world.random)
    }
    await first(world, [world.check()])
    world.disk = world.disk.afterCrash(world.random)
  }
}

describe('transactions, when the power fails', () => {
  const one = process.env['HOLDFAST_TEST_SEED']
  const seeds = one === undefined ? Array.from({ length: 3 }, () => Math.floor(Math.random() * 2 ** 31)) : [Number(one)]
  const base: SettingsInput = { 'file.preallocate': 'none', 'transaction.max.timeout.ms': timeoutMs }
  const layouts: Readonly<Record<string, SettingsInput>> = {
    segments: {},
    commitlog: {
      'storage.layout': 'commitlog',
      'mapped.file.size.commitlog': 1 << 16,
      'mapped.file.size.consumequeue': 200,
      'max.hash.slot.num': 10,
      'max.index.num': 20,
    },
  }
  const worlds = Object.entries(layouts).flatMap(([layout, settings]) =>
    (['SYNC_FLUSH', 'ASYNC_FLUSH'] as const).map((flush) => ({ layout, flush, settings })),
  )
  for (const { layout, flush, settings } of worlds) {
    test(`are seen whole or not at all: ${layout}, ${flush}`, async () => {
      for (const seed of seeds) {
        await livesAndCrashes(seed, { ...base, ...settings, 'flush.disk.type': flush }).catch((cause: unknown) => {
          throw new Error(`seed ${seed} (HOLDFAST_TEST_SEED=${seed}): ${(cause as Error).message}`, { cause })
        })
      }
    })
  }
})
