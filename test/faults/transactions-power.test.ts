/** Takes the power away at every step of a life with transactions that are open, committed and aborted; a run takes some of them. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { SeededRandomness } from '../../sim/seeded-randomness.js'
import type { Settings } from '../../src/core/settings.js'
import type { RecordBatch } from '../../src/records/batch.js'
import type { AppendReceipt, PartitionLog } from '../../src/storage/partition-log.js'
import { seedFor, strideFor } from '../crash/seeded.js'
import { batchOf, turns } from '../storage/support.js'
import { assertFilesLikeModel, assertLikeModel, batchesOf } from '../support/transaction-checks.js'
import { TransactionModel } from '../support/transaction-model.js'
import { dataPath, openStore, smallCommitLog, smallSettings } from './workload.js'

/** What was acknowledged: offset → bytes. */
type Acknowledged = Map<number, Buffer>

/** Three producers whose transactions overlap over some segments; one of them stays open over a restart, one for good. */
async function writeSome(log: PartitionLog, life: number, acknowledged: Acknowledged): Promise<void> {
  const waiting: Promise<unknown>[] = []
  const submit = (batch: RecordBatch | undefined, { baseOffset, acknowledged: done }: AppendReceipt) => {
    waiting.push(done.then(() => acknowledged.set(baseOffset, batch === undefined ? Buffer.alloc(0) : batch.bytes)))
  }
  const write = (producerId: number, baseSequence: number) => {
    const value = `${producerId} ${baseSequence} `.padEnd(120, '.')
    const batch = batchOf([value], { producerId, producerEpoch: life, baseSequence, isTransactional: true })
    submit(batch, log.append(batch))
  }
  const end = (producerId: number, commit: boolean) => {
    submit(undefined, log.endTransaction({ producerId, producerEpoch: life, coordinatorEpoch: life, commit }))
  }
  const settle = () => Promise.all(waiting.splice(0))
  // What was open before is taken over by the next life, whose epoch fences the last one.
  if (life > 0) end(3, false)
  for (let round = 0; round < 3; round++) {
    write(1, 2 * round)
    write(2, round)
    await settle()
    write(1, 2 * round + 1)
    end(1, round % 2 === 0)
    if (round === 0) write(3, 0)
    await settle()
    end(2, round === 1)
    await settle()
  }
}

async function live(disk: MemoryDisk, settings: Settings, acknowledged: Acknowledged): Promise<void> {
  for (let life = 0; life < 2; life++) {
    const store = await openStore(disk, settings)
    if (store.topic('orders') === undefined) await store.createTopic({ name: 'orders', partitions: 1 })
    const log = store.log('orders', 0)
    assert.ok(log)
    await writeSome(log, life, acknowledged)
    await store.close()
  }
}

async function assertFound(disk: MemoryDisk, settings: Settings, acknowledged: Acknowledged): Promise<void> {
  const store = await openStore(disk, settings)
  const log = store.log('orders', 0)
  if (log === undefined) {
    assert.equal(acknowledged.size, 0)
    return store.close()
  }
  assert.equal(log.failure, undefined, log.failure?.message)
  const batches = await batchesOf(log)
  const found = new Map(batches.map((batch) => [batch.baseOffset, batch]))
  for (const [offset, bytes] of acknowledged) {
    const batch = found.get(offset)
    assert.ok(batch, `nothing at ${offset}`)
    if (bytes.length > 0) assert.ok(batch.bytes.equals(bytes), `another batch at ${offset}`)
    else assert.ok(batch.isControl, `no marker at ${offset}`)
  }
  const model = TransactionModel.of(batches)
  await assertLikeModel(log, model)
  await store.close()
  if (settings['storage.layout'] === 'segments') {
    await assertFilesLikeModel(disk, `${dataPath}/log/orders-0`, batches)
  }
  const again = await openStore(disk, settings)
  const same = again.log('orders', 0)
  assert.ok(same)
  await assertLikeModel(same, model)
  await again.close()
}

for (const { flush, layout } of [
  { flush: 'sync', layout: 'segments' },
  { flush: 'async', layout: 'segments' },
  { flush: 'sync', layout: 'commitlog' },
  { flush: 'async', layout: 'commitlog' },
] as const) {
  test(`at every step, what is found is what its batches say: ${layout}, ${flush}`, async (t) => {
    const seed = seedFor('HOLDFAST_TEST_SEED')
    t.diagnostic(`seed ${seed} (HOLDFAST_TEST_SEED=${seed} takes the same steps)`)
    const settings = layout === 'segments' ? smallSettings(flush) : smallCommitLog(flush)
    const whole = new MemoryDisk()
    await live(whole, settings, new Map())
    const stride = strideFor(6)
    for (let step = 1 + (seed % stride); step <= whole.steps; step += stride) {
      const disk = new MemoryDisk()
      const acknowledged: Acknowledged = new Map()
      const crashed = disk.crashAfter(step)
      await Promise.race([crashed, live(disk, settings, acknowledged)])
      await turns(1)
      const known = new Map(acknowledged)
      const what = `step ${step} of ${whole.steps}`
      const killed = disk.afterKill()
      // Under async only a dead process leaves what was acknowledged; the power may take it.
      const kept = flush === 'sync' ? known : new Map<number, Buffer>()
      await assertFound(disk.afterCrash(new SeededRandomness(step)), settings, kept).catch(inWhat(`power, ${what}`))
      await assertFound(killed, settings, known).catch(inWhat(`killed, ${what}`))
    }
  })
}

function inWhat(what: string): (cause: Error) => never {
  return (cause) => {
    throw new Error(`${what}: ${cause.message}`, { cause })
  }
}
