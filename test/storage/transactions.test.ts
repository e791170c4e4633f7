/** A log's transactions against a model of them, over many lives: closed in order, killed, and after a power failure. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { SeededRandomness } from '../../sim/seeded-randomness.js'
import type { MessageStore } from '../../src/storage/message-store.js'
import type { AppendReceipt, PartitionLog } from '../../src/storage/partition-log.js'
import { dataPath, openStore, smallSettings } from '../faults/workload.js'
import { assertFilesLikeModel, assertLikeModel, batchesOf } from '../support/transaction-checks.js'
import { TransactionModel } from '../support/transaction-model.js'
import { batchOf } from './support.js'

const producer = fc.integer({ min: 1, max: 4 })
const operation = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('write'), producer, count: fc.integer({ min: 1, max: 3 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('end'), producer, commit: fc.boolean(), fence: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('outside'), producer }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('plain') }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('again'), how: fc.constantFrom('closed', 'killed', 'crashed') }),
  },
)
type Operation = Partial<Record<'producer' | 'count', number>> & {
  kind: string
  commit?: boolean
  fence?: boolean
  how?: string
}

class World {
  #disk = new MemoryDisk()
  #store: MessageStore | undefined
  /** Of each producer, as its client knows it. */
  readonly #clients = new Map<number, { epoch: number; next: number; isOpen: boolean }>()
  #coordinatorEpoch = 0
  readonly #random: SeededRandomness
  readonly #settings = smallSettings('sync')

  constructor(seed: number) {
    this.#random = new SeededRandomness(seed)
  }

  async run(operation: Operation): Promise<void> {
    const log = await this.log()
    const { producer = 0, count = 1 } = operation
    const client = this.#clients.get(producer) ?? { epoch: 0, next: 0, isOpen: false }
    this.#clients.set(producer, client)
    const identity = { producerId: producer, producerEpoch: client.epoch, baseSequence: client.next }
    const values = Array.from({ length: count }, () => this.#random.bytes(this.#random.below(100)).toString('hex'))
    if (operation.kind === 'again') return this.#again(operation.how ?? 'closed')
    if (operation.kind === 'plain') return this.#done(log.append(batchOf(values)))
    if (operation.kind === 'end') return this.#end(log, producer, operation)
    const isTransactional = operation.kind === 'write'
    if (!isTransactional && client.isOpen) {
      assert.throws(() => log.append(batchOf(values, identity)), { code: 'INVALID_TXN_STATE' })
      return
    }
    await this.#done(log.append(batchOf(values, { ...identity, isTransactional })))
    client.next += count
    client.isOpen ||= isTransactional
  }

  async log(): Promise<PartitionLog> {
    this.#store ??= await openStore(this.#disk, this.#settings)
    if (this.#store.topic('orders') === undefined) await this.#store.createTopic({ name: 'orders', partitions: 1 })
    const log = this.#store.log('orders', 0)
    assert.ok(log)
    return log
  }

  async close(): Promise<void> {
    await this.#store?.close()
    this.#store = undefined
  }

  /** What lies in the directory of the closed log. */
  async assertFiles(model: Parameters<typeof assertFilesLikeModel>[2]): Promise<void> {
    await assertFilesLikeModel(this.#disk, `${dataPath}/log/orders-0`, model)
  }

  async #end(log: PartitionLog, producerId: number, { commit = false, fence = false }: Operation): Promise<void> {
    const client = this.#clients.get(producerId)
    assert.ok(client)
    if (fence) {
      client.epoch++
      client.next = 0
      this.#coordinatorEpoch++
    }
    const { epoch: producerEpoch } = client
    await this.#done(
      log.endTransaction({ producerId, producerEpoch, coordinatorEpoch: this.#coordinatorEpoch, commit }),
    )
    client.isOpen = false
  }

  async #again(how: string): Promise<void> {
    if (how === 'closed') await this.close()
    else this.#disk = how === 'killed' ? this.#disk.afterKill() : this.#disk.afterCrash(this.#random)
    this.#store = undefined
    const log = await this.log()
    await assertLikeModel(log, TransactionModel.of(await batchesOf(log)))
  }

  async #done({ acknowledged }: AppendReceipt): Promise<void> {
    await acknowledged
  }
}

test('last stable offset, aborted list, producers and files are what the batches say, whatever happened', async () => {
  const operations = fc.array(operation, { minLength: 5, maxLength: 60 })
  await fc.assert(
    fc.asyncProperty(operations, fc.nat(), async (all, seed) => {
      const world = new World(seed)
      for (const operation of all) await world.run(operation as Operation)
      const log = await world.log()
      const batches = await batchesOf(log)
      await assertLikeModel(log, TransactionModel.of(batches))
      await world.close()
      await world.assertFiles(batches)
      const again = await world.log()
      await assertLikeModel(again, TransactionModel.of(batches))
      await world.close()
    }),
    { numRuns: 40 },
  )
})
