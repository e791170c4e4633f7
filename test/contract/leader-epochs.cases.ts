/** What is promised of the leader epochs of a log: which of them wrote what, and that a cut forgets what it takes. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { batchesIn } from '../../src/records/batch.js'
import type { PartitionLog } from '../../src/storage/partition-log.js'
import { batchOf, readAll } from '../storage/support.js'
import { beforeAndAfter, type LogWorld, type OpenLog } from './partition-log.cases.js'

async function put(log: PartitionLog, value: string): Promise<void> {
  await log.append(batchOf([value])).acknowledged
}

async function epochsIn(log: PartitionLog): Promise<number[]> {
  const found = await readAll(log)
  return found.flatMap(({ bytes }) => [...batchesIn(bytes)].map(({ partitionLeaderEpoch }) => partitionLeaderEpoch))
}

/** Offsets 0 and 1 of epoch 0, 2 of epoch 3, 3 and 4 of epoch 5. */
async function led(opened: OpenLog): Promise<void> {
  const { log } = opened
  await put(log, 'a')
  await put(log, 'b')
  await log.beginEpoch(3)
  await put(log, 'c')
  // Nobody writes in it.
  await log.beginEpoch(4)
  await log.beginEpoch(5)
  await put(log, 'd')
  await put(log, 'e')
}

export function leaderEpochCases(world: LogWorld): void {
  describe(`leader epochs, ${world.name}`, () => {
    test('are stamped into batches, told of, and only grow', async (t) => {
      const opened = await world.open(t)
      await led(opened)
      await opened.log.beginEpoch(2)
      for await (const log of beforeAndAfter(opened)) {
        assert.equal(log.leaderEpoch, 5)
        assert.deepEqual(await epochsIn(log), [0, 0, 3, 5, 5])
        assert.deepEqual(log.endOffsetOfEpoch(0), { epoch: 0, endOffset: 2 })
        assert.deepEqual(log.endOffsetOfEpoch(2), { epoch: 0, endOffset: 2 })
        assert.deepEqual(log.endOffsetOfEpoch(4), { epoch: 3, endOffset: 3 })
        assert.deepEqual(log.endOffsetOfEpoch(9), { epoch: 5, endOffset: 5 })
      }
    })

    test('what a cut takes is forgotten, also when the log has grown past it and was opened anew', async (t) => {
      const opened = await world.open(t)
      await led(opened)
      const cut = await opened.cutBack(2)
      // The epoch that begins where the log ends may still be the next batch's.
      assert.deepEqual(cut.endOffsetOfEpoch(9), { epoch: 3, endOffset: 2 })
      for (const value of ['f', 'g', 'h', 'i']) await put(cut, value)
      for await (const log of beforeAndAfter({ ...opened, log: cut })) {
        assert.deepEqual(await epochsIn(log), [0, 0, 3, 3, 3, 3])
        assert.deepEqual(log.endOffsetOfEpoch(9), { epoch: 3, endOffset: 6 })
      }
    })

    test('come with the batches of another log', async (t) => {
      const source = await world.open(t)
      await led(source)
      const target = await world.open(t)
      const batches = (await readAll(source.log)).flatMap(({ bytes }) => [...batchesIn(bytes)])
      await target.log.copies.append(batches)
      for await (const log of beforeAndAfter(target)) {
        assert.deepEqual(await epochsIn(log), [0, 0, 3, 5, 5])
        assert.deepEqual(log.endOffsetOfEpoch(4), { epoch: 3, endOffset: 3 })
      }
    })
  })
}
