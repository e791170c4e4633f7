/** What every PartitionLog promises to idempotent producers. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { RecordBatch } from '../../src/records/batch.js'
import { batchOf, gate, readAll, turns, until } from '../storage/support.js'
import { beforeAndAfter, type LogWorld } from './partition-log.cases.js'

const producerId = 7

function sent(baseSequence: number, count = 1, producerEpoch = 0): RecordBatch {
  const values = Array.from({ length: count }, (_, i) => `${producerEpoch}:${baseSequence + i}`)
  return batchOf(values, { producerId, producerEpoch, baseSequence })
}

export function idempotenceCases(world: LogWorld): void {
  describe(`idempotent producers, ${world.name}`, () => {
    test('a batch that is sent again is answered with its first offsets and not written', async (t) => {
      const opened = await world.open(t)
      await opened.log.append(batchOf(['someone else'])).acknowledged
      await opened.log.append(sent(0, 3)).acknowledged
      await opened.log.append(sent(3, 2)).acknowledged
      for await (const log of beforeAndAfter(opened)) {
        const again = log.append(sent(3, 2))
        assert.deepEqual([again.baseOffset, again.lastOffset, again.duplicate], [4, 5, true])
        await again.acknowledged
        assert.equal(log.logEndOffset, 6)
        assert.equal((await readAll(log)).length, 3)
      }
    })

    test('a duplicate is answered only once the first sending is acknowledged', async (t) => {
      const { log, disk } = await world.open(t)
      const held = gate()
      disk.judge = ({ operation }) => (operation === 'write' ? held.passed : undefined)
      const first = log.append(sent(0))
      const again = log.append(sent(0))
      assert.equal(again.duplicate, true)
      let answered = false
      void again.acknowledged.then(() => {
        answered = true
      })
      await until(() => disk.count('write') === 1)
      await turns()
      assert.equal(answered, false)
      held.open()
      await Promise.all([first.acknowledged, again.acknowledged])
    })

    test('a duplicate of a batch that fails is refused with it', async (t) => {
      const { log, disk } = await world.open(t)
      disk.judge = ({ operation }) => (operation === 'write' ? 'EIO' : undefined)
      const receipts = [log.append(sent(0)), log.append(sent(0))]
      for (const { acknowledged } of receipts) await assert.rejects(acknowledged, { code: 'LOG_FAILED' })
    })

    test('a gap is refused, and what comes in order after it is taken', async (t) => {
      const { log } = await world.open(t)
      await log.append(sent(0, 2)).acknowledged
      assert.throws(() => log.append(sent(3)), { code: 'OUT_OF_ORDER_SEQUENCE_NUMBER' })
      assert.throws(() => log.append(sent(1, 2)), { code: 'OUT_OF_ORDER_SEQUENCE_NUMBER' })
      assert.equal(log.append(sent(2)).baseOffset, 2)
    })

    test('an older epoch is refused; a new one begins at sequence 0', async (t) => {
      const opened = await world.open(t)
      await opened.log.append(sent(0, 4, 2)).acknowledged
      for await (const log of beforeAndAfter(opened)) {
        assert.throws(() => log.append(sent(4, 1, 1)), { code: 'INVALID_PRODUCER_EPOCH' })
        assert.throws(() => log.append(sent(4, 1, 3)), { code: 'OUT_OF_ORDER_SEQUENCE_NUMBER' })
      }
      const log = await opened.reopen()
      await log.append(sent(0, 1, 3)).acknowledged
      assert.throws(() => log.append(sent(4, 1, 2)), { code: 'INVALID_PRODUCER_EPOCH' })
      assert.equal(log.append(sent(1, 1, 3)).duplicate, false)
    })

    test('the last five batches are known, older ones are out of order', async (t) => {
      const { log } = await world.open(t)
      for (let sequence = 0; sequence < 6; sequence++) await log.append(sent(sequence)).acknowledged
      for (let sequence = 1; sequence < 6; sequence++) {
        const again = log.append(sent(sequence))
        assert.deepEqual([again.duplicate, again.baseOffset], [true, sequence])
      }
      assert.throws(() => log.append(sent(0)), { code: 'OUT_OF_ORDER_SEQUENCE_NUMBER' })
    })

    test('sequences go on with 0 after 2^31-1, also inside a batch and over a restart', async (t) => {
      const opened = await world.open(t)
      const last = 2 ** 31 - 1
      await opened.log.append(sent(last - 1, 1)).acknowledged
      await opened.log.append(sent(last, 3)).acknowledged
      assert.equal(opened.log.append(sent(last, 3)).duplicate, true)
      const log = await opened.reopen()
      assert.equal(log.append(sent(last, 3)).duplicate, true)
      assert.throws(() => log.append(sent(3)), { code: 'OUT_OF_ORDER_SEQUENCE_NUMBER' })
      assert.equal(log.append(sent(2)).duplicate, false)
    })

    test('a producer that is not known may begin anywhere', async (t) => {
      const { log } = await world.open(t)
      assert.equal(log.append(sent(1234)).duplicate, false)
    })
  })
}
