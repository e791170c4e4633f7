/** The index of aborted transactions: its bytes, where its file lies, what it finds, and what becomes of it when it is damaged. */

import assert from 'node:assert/strict'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import type { RecordBatch } from '../../../src/records/batch.js'
import type { BatchOptions } from '../../../src/records/builder.js'
import { ProducerStates } from '../../../src/storage/producer-states.js'
import type { SegmentLog } from '../../../src/storage/segments/segment-log.js'
import { TransactionIndex } from '../../../src/storage/segments/transaction-index.js'
import { assertLikeModel, batchesOf } from '../../support/transaction-checks.js'
import { TransactionModel } from '../../support/transaction-model.js'
import { recordingLogger, sizedBatch as sized } from '../support.js'
import { filesIn, named, openLog, partitionDirectory } from './world.js'

const entryBytes = 34
/** Of about the time of the markers, so that no segment rolls for its age. */
const sizedBatch = (bytes: number, label = '', options: BatchOptions = {}) =>
  sized(bytes, label, { ...options, timestamp: Date.now() })
const ofKafka = '00000000000000000007000000000000002100000000000000640000000000000065'
const entry = { producerId: 7, firstOffset: 33, lastOffset: 100, lastStableOffset: 101 }

describe('the bytes of the index', () => {
  test('are Kafka’s', () => {
    const index = TransactionIndex.of(Buffer.from(ofKafka, 'hex'), 0)
    assert.deepEqual(index?.entry(0), entry)
    const written = TransactionIndex.empty()
    written.add({ ...entry, aborted: true })
    assert.equal(written.bytes.toString('hex'), ofKafka)
    assert.equal(written.isChanged, true)
  })

  test('a commit, and an entry that is there already, change nothing', () => {
    const index = TransactionIndex.of(Buffer.from(ofKafka, 'hex'), 0)
    index?.add({ ...entry, aborted: true })
    index?.add({ ...entry, lastOffset: 200, aborted: false })
    assert.deepEqual([index?.count, index?.isChanged], [1, false])
  })

  test('of another version, length or order, or of a segment that begins later, are none', () => {
    const two = Buffer.concat([Buffer.from(ofKafka, 'hex'), Buffer.from(ofKafka, 'hex')])
    assert.equal(TransactionIndex.of(two, 0), undefined)
    const one = two.subarray(0, entryBytes)
    assert.equal(TransactionIndex.of(one, 101), undefined)
    assert.equal(TransactionIndex.of(one, 100)?.count, 1)
    assert.equal(TransactionIndex.of(Buffer.alloc(0), 100)?.count, 0)
    for (let length = 1; length < two.length; length++) {
      if (length !== entryBytes) assert.equal(TransactionIndex.of(two.subarray(0, length), 0), undefined, `${length}`)
    }
    for (const at of [1, 2, 10, 18, 26]) {
      const other = Buffer.from(one)
      other[at] ^= 0x80
      assert.equal(TransactionIndex.of(other, 0), undefined, `byte ${at}`)
    }
  })

  test('beyond an offset up to which the producers are known are left out', () => {
    const index = TransactionIndex.empty()
    for (const lastOffset of [10, 20, 30])
      index.add({
        producerId: 1,
        firstOffset: lastOffset - 1,
        lastOffset,
        lastStableOffset: lastOffset + 1,
        aborted: true,
      })
    const part = TransactionIndex.of(index.bytes, 0, 30)
    assert.deepEqual([part?.count, part?.entry(1).lastOffset, part?.isChanged], [2, 20, true])
    assert.deepEqual([TransactionIndex.of(index.bytes, 0, 31)?.isChanged], [false])
  })

  test('lead to what a walk over all entries finds', () => {
    const steps = fc.array(fc.record({ gap: fc.integer({ min: 2, max: 9 }), back: fc.integer({ min: 1, max: 30 }) }))
    fc.assert(
      fc.property(steps, fc.nat(100), fc.nat(40), (all, from, length) => {
        const index = TransactionIndex.empty()
        const entries: { producerId: number; firstOffset: number; lastOffset: number }[] = []
        let lastOffset = 0
        for (const [producerId, { gap, back }] of all.entries()) {
          lastOffset += gap
          const firstOffset = Math.max(0, lastOffset - back)
          entries.push({ producerId, firstOffset, lastOffset })
        }
        for (const [i, one] of entries.entries()) {
          const later = entries.slice(i + 1).filter(({ firstOffset }) => firstOffset <= one.lastOffset)
          const lastStableOffset = Math.min(one.lastOffset + 1, ...later.map(({ firstOffset }) => firstOffset))
          index.add({ ...one, lastStableOffset, aborted: true })
        }
        const to = from + length
        const found: { producerId: number; firstOffset: number }[] = []
        const isAll = index.collect(from, to, found)
        const wanted = entries.filter((one) => one.lastOffset >= from && one.firstOffset < to)
        assert.deepEqual(
          found,
          wanted.map(({ producerId, firstOffset }) => ({ producerId, firstOffset })),
        )
        // Where it says so, no later marker can belong to a transaction that began before the end.
        if (isAll) assert.ok(entries.some((one) => one.lastOffset >= from && one.lastOffset + 1 >= to))
      }),
    )
  })
})

/** Segments of a mebibyte: the first has two aborts, the second none, the third one of a transaction that spans all. */
async function writeSegments(log: SegmentLog): Promise<void> {
  const next = new Map<number, number>()
  const within = (producerId: number): RecordBatch => {
    const baseSequence = next.get(producerId) ?? 0
    next.set(producerId, baseSequence + 1)
    return sizedBatch(500, `${producerId}`, { producerId, producerEpoch: 0, baseSequence, isTransactional: true })
  }
  const end = (producerId: number, commit: boolean) =>
    log.endTransaction({ producerId, producerEpoch: 0, coordinatorEpoch: 0, commit })
  log.append(within(9))
  for (const producerId of [1, 2, 3]) log.append(within(producerId))
  end(1, false)
  end(2, true)
  end(3, false)
  log.append(sizedBatch(1_000_000))
  log.append(within(1))
  end(1, true)
  log.append(sizedBatch(1_000_000))
  await end(9, false).acknowledged
  await log.append(within(2)).acknowledged
}

async function segments(t: TestContext): Promise<{ directory: string; model: TransactionModel }> {
  const directory = await partitionDirectory(t)
  const log = await openLog(t, directory, { clean: true })
  await writeSegments(log)
  const model = TransactionModel.of(await batchesOf(log))
  await assertLikeModel(log, model)
  await log.close()
  return { directory, model }
}

const indexesIn = async (directory: string) => (await filesIn(directory)).filter((name) => name.endsWith('.txnindex'))
const first = named(0, '.txnindex')

describe('the files of the index', () => {
  test('lie beside the segments that hold a marker of an abort, and go with them', async (t) => {
    const { directory, model } = await segments(t)
    const log = await openLog(t, directory, { clean: true, recoveryPoint: model.endOffset })
    const bases = (await filesIn(directory))
      .filter((name) => name.endsWith('.log'))
      .map((name) => Number.parseInt(name, 10))
    assert.equal(bases.length, 3)
    assert.deepEqual(await indexesIn(directory), [first, named(bases[2], '.txnindex')])
    assert.equal((await readFile(join(directory, first))).length, 2 * entryBytes)
    await log.deleteRecordsBefore(bases[1])
    assert.deepEqual(await indexesIn(directory), [named(bases[2], '.txnindex')])
    assert.deepEqual(log.abortedTransactions(bases[1], model.lastStableOffset), [{ producerId: 9, firstOffset: 0 }])
    await log.close()
  })

  const damages: Record<string, (bytes: Buffer) => Buffer> = {
    'cut in an entry': (bytes) => bytes.subarray(0, -1),
    'longer by some bytes': (bytes) => Buffer.concat([bytes, Buffer.alloc(5)]),
    zeros: (bytes) => Buffer.alloc(bytes.length),
    garbage: (bytes) => Buffer.alloc(bytes.length, 0x5a),
    'of another version': (bytes) => Buffer.concat([Buffer.from([0, 1]), bytes.subarray(2)]),
    'in another order': (bytes) => Buffer.concat([bytes.subarray(entryBytes), bytes.subarray(0, entryBytes)]),
  }
  for (const [what, damage] of Object.entries(damages)) {
    test(`that are damaged are made anew from the log, after a close in order too: ${what}`, async (t) => {
      const { directory, model } = await segments(t)
      const whole = new Map<string, Buffer>()
      for (const name of await indexesIn(directory)) whole.set(name, await readFile(join(directory, name)))
      for (const clean of [true, false]) {
        // The first lies beside a segment that is believed, the last beside the one that is appended to.
        for (const [name, bytes] of whole) {
          const damaged =
            bytes.length > entryBytes || what !== 'in another order' ? damage(bytes) : bytes.subarray(0, 30)
          await writeFile(join(directory, name), damaged)
        }
        const logger = recordingLogger()
        const log = await openLog(t, directory, { clean, recoveryPoint: model.endOffset, logger })
        await assertLikeModel(log, model)
        assert.ok(logger.said.some(({ level, message }) => level === 'warn' && message.includes('aborted')))
        await log.close()
        for (const [name, bytes] of whole) assert.ok((await readFile(join(directory, name))).equals(bytes), name)
      }
    })
  }

  test('that are lost are made anew where the log is read, which a close in order does not ask for', async (t) => {
    const { directory, model } = await segments(t)
    const names = await indexesIn(directory)
    for (const name of names) await rm(join(directory, name))
    const log = await openLog(t, directory, { clean: false, recoveryPoint: 0 })
    await assertLikeModel(log, model)
    await log.close()
    assert.deepEqual(await indexesIn(directory), names)
  })

  test('that no marker stands behind are removed when the log was read', async (t) => {
    const directory = await partitionDirectory(t)
    const log = await openLog(t, directory, { clean: true })
    await log.append(sizedBatch(500)).acknowledged
    await log.close()
    await writeFile(join(directory, first), Buffer.from(ofKafka, 'hex'))
    const again = await openLog(t, directory, { clean: false })
    assert.deepEqual(again.abortedTransactions(0, 1), [])
    await again.close()
    assert.deepEqual(await indexesIn(directory), [])
  })

  test('a tail that is cut with a marker in it opens the transaction again', async (t) => {
    const directory = await partitionDirectory(t)
    const log = await openLog(t, directory, { clean: true })
    const identity = { producerId: 1, producerEpoch: 0, baseSequence: 0, isTransactional: true }
    await log.append(sizedBatch(500, '', identity)).acknowledged
    await log.endTransaction({ ...identity, coordinatorEpoch: 0, commit: false }).acknowledged
    assert.deepEqual([log.lastStableOffset, log.abortedTransactions(0, 2).length], [2, 1])
    await log.close()
    const path = join(directory, named(0, '.log'))
    const bytes = await readFile(path)
    await writeFile(path, bytes.subarray(0, bytes.length - 3))
    const again = await openLog(t, directory, { clean: false })
    assert.deepEqual([again.logEndOffset, again.lastStableOffset], [1, 0])
    await again.endTransaction({ ...identity, coordinatorEpoch: 0, commit: true }).acknowledged
    assert.deepEqual([again.lastStableOffset, again.abortedTransactions(0, 2)], [2, []])
    await again.close()
    assert.deepEqual(await indexesIn(directory), [])
  })
})

test('producers with an open transaction are never forgotten', () => {
  const states = new ProducerStates()
  const identity = { producerEpoch: 0, baseSequence: 0, baseOffset: 5 }
  states.note(sizedBatch(500, '', { ...identity, producerId: 1, isTransactional: true }), 1000)
  states.note(sizedBatch(500, '', { ...identity, producerId: 2 }), 1000)
  states.forgetIdleSince(2000)
  assert.deepEqual(
    [...states.values()].map(({ producerId }) => producerId),
    [1],
  )
  assert.equal(states.firstOpen?.transactionFirstOffset, 5)
})
