/**
 * A commit log that lives through crashes: what is done to it at random, what its senders were told, and what must be found
 * of that whenever it is opened again.
 */

import assert from 'node:assert/strict'
import type { Verdict } from '../../../sim/fault-disk.js'
import { ManualClock } from '../../../sim/manual-clock.js'
import type { MemoryDisk } from '../../../sim/memory-disk.js'
import type { SeededRandomness } from '../../../sim/seeded-randomness.js'
import { HoldfastError } from '../../../src/core/errors.js'
import type { SettingsInput } from '../../../src/core/settings.js'
import { batchesIn, type RecordBatch } from '../../../src/records/batch.js'
import { buildBatch } from '../../../src/records/builder.js'
import { controlBatch } from '../../../src/records/end-marker.js'
import type { CommitLogStore } from '../../../src/storage/commitlog/commit-log-store.js'
import type { QueueLog } from '../../../src/storage/commitlog/queue-log.js'
import { readAll } from '../support.js'
import { assertContent, assertPromised, type Promised, type QueueTold } from './store-content.js'
import { type StoreWorld, storeWorld } from './store-world.js'

const queuesOf = { orders: 3, temp: 1 } as const
const directory = '/data'

export class StoreLife {
  readonly told = new Map<string, QueueTold>()
  readonly #random: SeededRandomness
  readonly #settings: SettingsInput
  readonly #clock = new ManualClock()
  readonly #starts = new Map<string, number>()
  readonly #since = new Map<string, number>()
  readonly #deleting = new Set<string>()
  readonly isAsync: boolean
  /** Up to here files of the commit log may have been removed. */
  #deletedTo = 0
  #ids = 0
  #producers = 0

  readonly #isFaulty: boolean
  /** Calls to the disk fail now and then. */
  #fails = false

  /** @param isFaulty whether the disk refuses a call now and then while the store lives */
  constructor(random: SeededRandomness, settings: SettingsInput, { isFaulty = false } = {}) {
    this.#random = random
    this.#isFaulty = isFaulty
    this.#settings = settings
    this.isAsync = settings['flush.disk.type'] === 'ASYNC_FLUSH'
  }

  async open(disk: MemoryDisk): Promise<CommitLogStore> {
    const world: StoreWorld = storeWorld(disk, directory, { settings: this.#settings, clock: this.#clock })
    world.disk.judge = (): Verdict => {
      if (!this.#fails || !this.#random.once(40)) return undefined
      return this.#random.once(2) ? 'ENOSPC' : 'EIO'
    }
    const store: CommitLogStore = await world.open({
      sinceOf: (topic) => (this.#deleting.has(topic) ? Number.POSITIVE_INFINITY : (this.#since.get(topic) ?? 0)),
      startOf: (topic, queueId) => this.#starts.get(`${topic}-${queueId}`) ?? 0,
      onTakenBack: async () => {
        for (const [topic, since] of this.#since) this.#since.set(topic, Math.min(since, store.endPosition))
      },
      onStartMoved: async () => {
        for (const { topic, partition, logStartOffset } of store.queues()) {
          this.#starts.set(`${topic}-${partition}`, logStartOffset)
        }
      },
    })
    for (const topic of [...this.#deleting]) {
      await this.#finishRemoval(store, topic).catch(async (error: unknown) => {
        await store.close().catch(ours)
        throw error
      })
    }
    for (const [topic, since] of this.#since) this.#since.set(topic, Math.min(since, store.endPosition))
    for (const [topic, queues] of Object.entries(queuesOf)) {
      for (let queueId = 0; queueId < queues; queueId++) store.ensureQueue(topic, queueId)
    }
    return store
  }

  /** Does one thing after the other until the power fails. */
  async liveOn(disk: MemoryDisk): Promise<never> {
    this.#fails = this.#isFaulty
    let store = await this.#opened(disk)
    for (;;) {
      this.#clock.advance(this.#random.below(50))
      const what = this.#random.below(40)
      if (what === 0) {
        const inOrder = await store.close().catch(ours)
        assert.ok(inOrder || this.#isFaulty)
        store = await this.#opened(disk)
      } else {
        await this.#do(what, store).catch((error: unknown) => {
          if (!this.#isFaulty) throw error
          return ours(error)
        })
        if (this.#isFaulty) store = await this.#mended(store, disk)
      }
    }
  }

  /** The power is gone, or the process: the next one has a disk that works. */
  dies(): void {
    this.#fails = false
  }

  #do(what: number, store: CommitLogStore): Promise<void> {
    if (what < 3) return store.checkpoint()
    if (what === 3) return this.#removeTopic(store, 'temp')
    if (what === 4) return this.#deleteFiles(store)
    if (what < 7 && this.told.size > 0) return this.#deleteRecords(store)
    return this.append(store)
  }

  /** As often as it takes. */
  async #opened(disk: MemoryDisk): Promise<CommitLogStore> {
    for (;;) {
      const store = await this.open(disk).catch((error: unknown) => {
        if (!this.#isFaulty) throw error
        return ours(error)
      })
      if (store !== undefined) return store
    }
  }

  /** Takes a store that failed up again, as the healer does, or else opens it anew, as who restarts the program does. */
  async #mended(store: CommitLogStore, disk: MemoryDisk): Promise<CommitLogStore> {
    if (store.failure !== undefined && store.isRecoverable) await store.recover().catch(ours)
    for (const topic of [...this.#deleting]) await this.#finishRemoval(store, topic).catch(ours)
    if (store.failure === undefined && this.#deleting.size === 0) return store
    await store.close().catch(ours)
    return this.#opened(disk)
  }

  async append(store: CommitLogStore): Promise<void> {
    const sent = await Promise.allSettled(Array.from({ length: 1 + this.#random.below(4) }, () => this.#send(store)))
    for (const one of sent) if (one.status === 'rejected') throw one.reason
    if (!this.isAsync) return
    if (this.#random.once(4)) {
      const before = [...this.told].map(([, { cached }]) => [...cached.keys()])
      await store.flush()
      for (const [i, { cached, promised }] of [...this.told.values()].entries()) move(cached, promised, before[i])
    }
    for (const [name, { cached, promised }] of this.told) {
      const durable = queueOf(store, name).durableOffset
      move(
        cached,
        promised,
        [...cached.keys()].filter((offset) => offset < durable),
      )
    }
  }

  /** What is found is what was promised, each batch once, and nothing that nobody sent. It counts as promised from now on. */
  async assertFound(store: CommitLogStore, { killed }: { killed: boolean }): Promise<void> {
    assert.equal(store.report.damage, undefined)
    assert.equal(store.failure, undefined)
    const ids = new Set<string>()
    for (const queue of store.queues()) {
      const told = this.#toldOf(`${queue.topic}-${queue.partition}`)
      const batches = (await readAll(queue))
        .map(({ bytes }) => Buffer.from(bytes))
        .flatMap((bytes) => [...batchesIn(bytes)])
      assertPromised(queue, batches, told, { killed, deletedTo: this.#deletedTo })
      await assertContent(store, queue, batches, ids)
      told.cached.clear()
      for (const { baseOffset, bytes } of batches) {
        const position = await queue.positionOf(baseOffset)
        if (position !== undefined) told.promised.set(baseOffset, { bytes, position })
      }
    }
  }

  async #send(store: CommitLogStore): Promise<void> {
    const name = this.#pick([...this.told.keys(), 'orders-0', 'orders-1', 'orders-2', 'temp-0'])
    const told = this.#toldOf(name)
    const queue = queueOf(store, name)
    const batch = this.#batchFor(queue)
    const { acknowledged, baseOffset } = queue.append(batch)
    const bytes = Buffer.from(batch.bytes)
    const sent = told.sent.get(baseOffset)
    if (sent === undefined) told.sent.set(baseOffset, [bytes])
    else sent.push(bytes)
    await acknowledged
    if (this.told.get(name) !== told) return
    const position = await queue.positionOf(baseOffset)
    // Deleted by who works beside it.
    if (position !== undefined) (this.isAsync ? told.cached : told.promised).set(baseOffset, { bytes, position })
  }

  /** Of one producer or of none, in a transaction or not, or the end of one. */
  #batchFor(queue: QueueLog): RecordBatch {
    const producers = queue.activeProducers()
    const open = producers.filter(({ transactionFirstOffset }) => transactionFirstOffset >= 0)
    if (open.length > 0 && this.#random.once(4)) {
      const { producerId, producerEpoch } = this.#pick(open)
      const outcome = this.#random.once(2) ? 'COMMIT' : 'ABORT'
      return controlBatch({ producerId, producerEpoch, coordinatorEpoch: 0, outcome, timestamp: this.#clock.now() })
    }
    const records = Array.from({ length: 1 + this.#random.below(4) }, () => {
      const id = this.#ids++
      const value = Buffer.from(`${id}:${'x'.repeat(this.#random.below(this.#random.once(6) ? 9000 : 900))}`)
      return { key: Buffer.from(`k${id}`), value, timestamp: this.#clock.now() - this.#random.below(100) }
    })
    if (this.#random.once(3)) return buildBatch(records)
    const isTransactional = this.#random.once(3)
    const known = producers.filter(({ producerId }) => (producerId % 2 === 1) === isTransactional)
    const isNew = known.length === 0 || this.#random.once(6)
    const { producerId, lastSequence } = isNew
      ? { producerId: this.#newProducer(isTransactional), lastSequence: -1 }
      : this.#pick(known)
    return buildBatch(records, { producerId, producerEpoch: 0, baseSequence: lastSequence + 1, isTransactional })
  }

  /** Those of transactions are odd. */
  #newProducer(isTransactional: boolean): number {
    this.#producers++
    return 2 * this.#producers + Number(isTransactional)
  }

  async #deleteRecords(store: CommitLogStore): Promise<void> {
    const [name, told] = this.#pick([...this.told])
    const queue = queueOf(store, name)
    const offset = this.#random.below(queue.highWatermark + 1)
    told.deletedBefore = Math.max(told.deletedBefore, offset)
    await queue.deleteRecordsBefore(offset)
    assert.ok(queue.logStartOffset >= offset)
  }

  async #deleteFiles(store: CommitLogStore): Promise<void> {
    const position = this.#random.below(store.endPosition + 1)
    this.#deletedTo = Math.max(this.#deletedTo, position)
    await store.deleteFilesBefore(position)
  }

  async #removeTopic(store: CommitLogStore, topic: string): Promise<void> {
    this.#deleting.add(topic)
    for (const name of [...this.told.keys()]) if (name.startsWith(`${topic}-`)) this.told.delete(name)
    await this.#finishRemoval(store, topic)
    for (let queueId = 0; queueId < queuesOf.temp; queueId++) store.ensureQueue(topic, queueId)
  }

  async #finishRemoval(store: CommitLogStore, topic: string): Promise<void> {
    await store.removeTopic(topic)
    if (store.failure === undefined) await store.flush()
    this.#since.set(topic, store.failure === undefined ? store.endPosition : Number.MAX_SAFE_INTEGER)
    for (const name of [...this.#starts.keys()]) if (name.startsWith(`${topic}-`)) this.#starts.delete(name)
    this.#deleting.delete(topic)
  }

  #toldOf(name: string): QueueTold {
    const known = this.told.get(name)
    if (known !== undefined) return known
    const told = { promised: new Map(), cached: new Map(), sent: new Map(), deletedBefore: 0 }
    this.told.set(name, told)
    return told
  }

  #pick<T>(of: readonly T[]): T {
    return of[this.#random.below(of.length)]
  }
}

/** Errors that a caller may see are ours; anything else is a mistake in the engine. */
function ours(error: unknown): undefined {
  if (error instanceof HoldfastError) return undefined
  throw new Error('not an error of the table', { cause: error })
}

function queueOf(store: CommitLogStore, name: string): QueueLog {
  const [topic, queueId] = name.split('-')
  return store.ensureQueue(topic, Number(queueId))
}

function move(from: Map<number, Promised>, to: Map<number, Promised>, offsets: readonly number[]): void {
  for (const offset of offsets) {
    const found = from.get(offset)
    if (found !== undefined) to.set(offset, found)
    from.delete(offset)
  }
}
