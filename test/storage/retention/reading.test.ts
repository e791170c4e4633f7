/** Retention under the hands of readers and writers: what was lent stays, who comes later is told, nobody gets anything else. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ManualClock, settled } from '../../../sim/manual-clock.js'
import { SeededRandomness } from '../../../sim/seeded-randomness.js'
import { HoldfastError } from '../../../src/core/errors.js'
import { libc } from '../../../src/files/libc.js'
import { batchesIn, type RecordBatch } from '../../../src/records/batch.js'
import { MessageStore } from '../../../src/storage/message-store.js'
import { bytesOf, dataPath, readAll, sizedBatch, whenEnded } from '../support.js'
import { basesOf, batchBytes, day, segmentLogOf, sendAt, smallSettings, startMs, times, world } from './world.js'

test('a slice that was lent reads on after its segment was deleted', { skip: libc() === undefined }, async (t) => {
  const clock = new ManualClock(startMs)
  const store = await MessageStore.open(await dataPath(t), { settings: smallSettings(), clock })
  whenEnded(t, () => store.close())
  await store.createTopic({ name: 'orders', partitions: 1 })
  const log = segmentLogOf(store, 'orders')
  const batches = await sendAt(log, times(15, startMs))
  const expected = Buffer.concat(batches.slice(0, 7).map(({ bytes }) => bytes))
  let slice = await log.read(0, 4000, { lend: true })
  while (slice.release === undefined) slice = await log.read(0, 4000, { lend: true })
  clock.advance(8 * day)
  await store.runChore('retention')
  assert.equal(log.logStartOffset, 15)
  await sendAt(log, times(15, clock.now()))
  assert.deepEqual(Buffer.concat(slice.records), expected)
  slice.release()
  await assert.rejects(log.read(0, 4000, { lend: true }), { code: 'OFFSET_OUT_OF_RANGE' })
})

describe('while messages come in and are read', () => {
  for (const preallocate of ['none', 'zero'] as const) {
    test(`every answer is right or says that the offset is gone; file.preallocate=${preallocate}`, async () => {
      const random = new SeededRandomness(7)
      const { store, log } = await world({
        config: { 'retention.bytes': String(9 * batchBytes) },
        settings: { 'file.preallocate': preallocate },
      })
      const sent: RecordBatch[] = []
      let isWriting = true
      const writing = (async () => {
        for (let i = 0; i < 150; i++) {
          const batch = sizedBatch(batchBytes, `${i}`, { timestamp: startMs })
          await log.append(batch).acknowledged
          sent.push(batch)
        }
        isWriting = false
      })()
      const retaining = (async () => {
        while (isWriting) {
          await store.runChore('retention')
          await settled()
        }
      })()
      let read = 0
      let gone = 0
      const reader = async () => {
        while (isWriting) {
          const offset = random.below(log.highWatermark + 1)
          try {
            const { records, release } = await log.read(offset, 2000, { lend: random.once(2) })
            const found = records.flatMap((bytes) => [...batchesIn(bytes)])
            for (const [index, batch] of found.entries()) {
              assert.equal(batch.baseOffset, offset + index)
              assert.equal(batch.computeCrc(), batch.crc)
              read++
            }
            release?.()
          } catch (error) {
            if (!(error instanceof HoldfastError) || error.code !== 'OFFSET_OUT_OF_RANGE') throw error
            assert.ok(offset < log.logStartOffset)
            gone++
          }
          await settled()
        }
      }
      await Promise.all([writing, retaining, reader(), reader(), reader()])
      assert.ok(read > 0 && gone > 0)
      await store.runChore('retention')
      assert.ok(basesOf(log).length <= 3)
      assert.deepEqual(await readAll(log), bytesOf(sent.slice(log.logStartOffset)))
      await store.close()
    })
  }
})
