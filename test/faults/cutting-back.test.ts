/**
 * Takes the power away at the steps of a cut: what was to be kept is there, what is left of the rest is what lay there
 * before, and the cut is made again and holds.
 *
 * Each run takes some of the steps; HOLDFAST_TEST_STRIDE=1 takes them all.
 */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { SeededRandomness } from '../../sim/seeded-randomness.js'
import type { Settings } from '../../src/core/settings.js'
import type { RecordBatch } from '../../src/records/batch.js'
import type { MessageStore } from '../../src/storage/message-store.js'
import { seedFor, strideFor } from '../crash/seeded.js'
import { batchOf, bytesOf, type FoundBatch, logOf, movesUntil, readAll } from '../storage/support.js'
import { openStore, smallCommitLog, smallSettings } from './workload.js'

const partitions = 3
const cuts = [
  { topic: 'orders', partition: 0, offset: 7 },
  { topic: 'orders', partition: 1, offset: 11 },
]

function batch(producerId: number, baseSequence: number): RecordBatch {
  const values = [`message ${baseSequence} ${'.'.repeat(60)}`, 'second']
  return batchOf(values, { producerId, producerEpoch: 0, baseSequence, timestamp: Date.now() })
}

/** Twelve batches of two messages in each of three logs, one after the other. */
async function filled(disk: MemoryDisk, settings: Settings): Promise<{ store: MessageStore; whole: FoundBatch[][] }> {
  const store = await openStore(disk, settings)
  await store.createTopic({ name: 'orders', partitions })
  const sent: RecordBatch[][] = [[], [], []]
  for (let i = 0; i < 12; i++) {
    for (let partition = 0; partition < partitions; partition++) {
      const one = batch(partition + 1, 2 * i)
      await logOf(store, 'orders', partition).append(one).acknowledged
      sent[partition].push(one)
    }
  }
  await store.flush()
  // What a start counts on is known to reach to the end.
  await store.runChore('recovery point checkpoint')
  return {
    store,
    whole: sent.map((batches) => bytesOf(batches).map((one) => ({ ...one, bytes: Buffer.from(one.bytes) }))),
  }
}

async function contents(store: MessageStore): Promise<FoundBatch[][]> {
  const found: FoundBatch[][] = []
  for (let partition = 0; partition < partitions; partition++) {
    const log = logOf(store, 'orders', partition)
    assert.equal(log.failure, undefined, `partition ${partition}`)
    found.push(await readAll(log))
  }
  return found
}

/** Where each log may end at the most and must at least once the cut is made, in batches. */
const afterCut = {
  segments: [
    [3, 3],
    [5, 5],
    [12, 12],
  ],
  commitlog: [
    [3, 3],
    [3, 3],
    [3, 3],
  ],
} as const

async function cutAndCrash(settings: Settings, step: number | undefined): Promise<number> {
  const layout = settings['storage.layout']
  const disk = new MemoryDisk()
  const { store, whole } = await filled(disk, settings)
  const before = disk.steps
  let isCut = false
  const crashed = step === undefined ? undefined : disk.crashAfter(step)
  const cutting = store.cutBack(cuts).then(() => {
    isCut = true
  })
  await (crashed === undefined ? cutting : movesUntil(disk, [crashed, cutting]))
  const steps = disk.steps - before
  const seed = seedFor('HOLDFAST_TEST_SEED')
  const at = `step ${step}, seed ${seed} (HOLDFAST_TEST_SEED=${seed})`
  const again = await openStore(disk.afterCrash(new SeededRandomness(seed)), settings)
  for (const [partition, found] of (await contents(again)).entries()) {
    const [least] = afterCut[layout][partition]
    assert.ok(found.length >= least, `${at}: partition ${partition} has ${found.length} batches`)
    assert.deepEqual(found, whole[partition].slice(0, found.length), at)
    if (isCut) assert.equal(found.length, afterCut[layout][partition][1], at)
  }
  await again.cutBack(cuts)
  const kept = whole.map((batches, partition) => batches.slice(0, afterCut[layout][partition][0]))
  // A commit log ends where the first of what is cut began, or where a crash had ended it for all.
  assert.deepEqual(await contents(again), kept, at)
  for (let partition = 0; partition < partitions; partition++) {
    const log = logOf(again, 'orders', partition)
    const next = batch(partition + 1, log.logEndOffset)
    const receipt = log.append(next)
    await receipt.acknowledged
    assert.equal(receipt.duplicate, false, at)
    kept[partition].push(...bytesOf([next]))
  }
  await again.close()
  const last = await openStore(disk.afterCrash(new SeededRandomness(seed)), settings)
  await last.close()
  return steps
}

describe('when the power fails under a cut', () => {
  for (const [name, settings, usual] of [
    ['segments', smallSettings('sync'), 19],
    ['segments, async', smallSettings('async'), 19],
    ['commit log', smallCommitLog('sync'), 80],
    ['commit log, async', smallCommitLog('async'), 80],
  ] as const) {
    test(`what is to be kept is found: ${name}`, async () => {
      const steps = await cutAndCrash(settings, undefined)
      const stride = strideFor(usual)
      for (let step = 1 + Math.floor(Math.random() * stride); step <= steps; step += stride)
        await cutAndCrash(settings, step)
    })
  }
})
