/**
 * Takes the power away at the steps at which a log is emptied and begins elsewhere: it is as it was or empty, the others are
 * untouched, and the same done again holds.
 *
 * Each run takes some of the steps; HOLDFAST_TEST_STRIDE=1 takes them all.
 */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { SeededRandomness } from '../../sim/seeded-randomness.js'
import type { Settings } from '../../src/core/settings.js'
import { RecordBatch } from '../../src/records/batch.js'
import type { MessageStore } from '../../src/storage/message-store.js'
import { seedFor, strideFor } from '../crash/seeded.js'
import { appendAll, batchOf, type FoundBatch, logOf, movesUntil, readAll } from '../storage/support.js'
import { openStore, smallCommitLog, smallSettings } from './workload.js'

const emptied = [{ topic: 'orders', partition: 0 }]

/** Two logs of eight batches, of the first of which three are deleted. */
async function filled(disk: MemoryDisk, settings: Settings): Promise<MessageStore> {
  const store = await openStore(disk, settings)
  await store.createTopic({ name: 'orders', partitions: 2 })
  for (let i = 0; i < 8; i++) {
    for (const partition of [0, 1])
      await appendAll(logOf(store, 'orders', partition), [batchOf([`${partition} ${i} ${'.'.repeat(60)}`])])
  }
  await store.flush()
  await logOf(store).deleteRecordsBefore(3)
  await store.runChore('recovery point checkpoint')
  return store
}

async function contents(store: MessageStore, partition: number): Promise<FoundBatch[]> {
  const log = logOf(store, 'orders', partition)
  assert.equal(log.failure, undefined, `partition ${partition}`)
  return readAll(log)
}

async function begin(store: MessageStore, offset: number): Promise<void> {
  await store.emptyLogs(emptied)
  await logOf(store).copies.beginAt(offset)
}

async function copy(store: MessageStore, offset: number): Promise<string> {
  const batch = batchOf(['copied'])
  batch.stamp(offset, 5)
  const bytes = Buffer.from(batch.bytes)
  await logOf(store).copies.append([new RecordBatch(bytes)])
  return bytes.toString('hex')
}

async function emptyAndCrash(settings: Settings, offset: number, step: number | undefined): Promise<number> {
  const disk = new MemoryDisk()
  const store = await filled(disk, settings)
  const whole = [await contents(store, 0), await contents(store, 1)]
  const before = disk.steps
  let isDone = false
  const crashed = step === undefined ? undefined : disk.crashAfter(step)
  const work = begin(store, offset).then(() => {
    isDone = true
  })
  await (crashed === undefined ? work : movesUntil(disk, [crashed, work]))
  const steps = disk.steps - before
  const seed = seedFor('HOLDFAST_TEST_SEED')
  const at = `step ${step}, seed ${seed} (HOLDFAST_TEST_SEED=${seed})`
  const left = disk.afterCrash(new SeededRandomness(seed))
  const again = await openStore(left, settings)
  assert.deepEqual(await contents(again, 1), whole[1], at)
  const found = await contents(again, 0)
  if (isDone) assert.deepEqual([logOf(again).logStartOffset, logOf(again).logEndOffset], [offset, offset], at)
  // Of a log whose start is not written down any more while its files are still there, all is shown that is in them.
  if (found.length > 0) assert.deepEqual(found.slice(-whole[0].length), whole[0], at)
  await begin(again, offset)
  const copied = await copy(again, offset)
  await again.close()
  const last = await openStore(left.afterCrash(new SeededRandomness(seed)), settings)
  assert.deepEqual(
    (await contents(last, 0)).map(({ bytes }) => bytes.toString('hex')),
    [copied],
    at,
  )
  assert.equal(logOf(last).logStartOffset, offset, at)
  assert.deepEqual(await contents(last, 1), whole[1], at)
  await last.close()
  return steps
}

describe('when the power fails while a log is emptied and begins elsewhere', () => {
  for (const [name, settings, usual] of [
    ['segments', smallSettings('sync'), 11],
    ['segments, async', smallSettings('async'), 11],
    ['commit log', smallCommitLog('sync'), 23],
    ['commit log, async', smallCommitLog('async'), 23],
  ] as const) {
    for (const offset of [1, 50]) {
      test(`at ${offset}, nothing is mixed up: ${name}`, async (t) => {
        const steps = await emptyAndCrash(settings, offset, undefined)
        t.diagnostic(`${steps} steps`)
        const stride = strideFor(usual)
        for (let step = 1 + Math.floor(Math.random() * stride); step <= steps; step += stride)
          await emptyAndCrash(settings, offset, step)
      })
    }
  }
})
