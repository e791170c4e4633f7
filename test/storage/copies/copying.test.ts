/** One log takes what another holds, as it lies there: after that nobody can tell them apart, over closes and kills. */

import assert from 'node:assert/strict'
import { cp } from 'node:fs/promises'
import { describe, type TestContext, test } from 'node:test'
import { batchesIn, RecordBatch } from '../../../src/records/batch.js'
import { buildBatch } from '../../../src/records/builder.js'
import type { MessageStore } from '../../../src/storage/message-store.js'
import type { PartitionLog } from '../../../src/storage/partition-log.js'
import { writeTransactions } from '../../support/transactional-topic.js'
import {
  appendAll,
  batchOf,
  dataPath,
  logOf,
  mib,
  openStore,
  readAll,
  recordingLogger,
  settingsWith,
  sizedBatch,
} from '../support.js'

const settings = settingsWith({
  'log.segment.bytes': mib,
  'mapped.file.size.commitlog': 2 * mib,
  'mapped.file.size.consumequeue': 2000,
  'log.cleaner.enable': false,
})

const layouts = ['segments', 'commitlog'] as const

async function storeWith(
  t: TestContext,
  config: Record<string, string>,
): Promise<{ path: string; store: MessageStore }> {
  const path = await dataPath(t)
  const store = await openStore(t, path, { settings })
  await store.createTopic({ name: 'orders', partitions: 1, config })
  return { path, store }
}

/** Reads the one to its end and gives the other what it has not, in answers of `maxBytes`. */
async function copyAll(from: PartitionLog, to: PartitionLog, maxBytes = 100_000): Promise<void> {
  while (to.logEndOffset < from.highWatermark) {
    const { records } = await from.read(to.logEndOffset, maxBytes)
    const batches = [...batchesIn(Buffer.concat(records))]
    await to.copies.append(batches.filter(({ baseOffset }) => baseOffset >= to.logEndOffset))
  }
}

/** All that a reader, a producer or a coordinator can learn of a log. */
async function factsOf(log: PartitionLog) {
  const { logStartOffset, logEndOffset, highWatermark, lastStableOffset } = log
  const producers = log.activeProducers().map(({ lastWrittenMs, ...rest }) => rest)
  const batches = (await readAll(log)).map(({ bytes }) => bytes.toString('hex'))
  const aborted = log.abortedTransactions(logStartOffset, lastStableOffset)
  return { logStartOffset, logEndOffset, highWatermark, lastStableOffset, producers, batches, aborted }
}

/** What a process leaves that was killed: a copy of the files while the store is open. */
async function killed(t: TestContext, path: string): Promise<MessageStore> {
  const target = await dataPath(t)
  await cp(path, target, { recursive: true })
  return openStore(t, target, { settings })
}

for (const layout of layouts) {
  describe(`a copy in the layout ${layout}`, () => {
    test('of transactions that were committed, aborted and left open is the same, also after a kill and a close', async (t) => {
      const config = { 'storage.layout': layout }
      const source = logOf((await storeWith(t, config)).store)
      await writeTransactions(source)
      for (let i = 0; i < 20; i++) await appendAll(source, [sizedBatch(120_000, `${i}`)])
      const { path, store } = await storeWith(t, config)
      await copyAll(source, logOf(store))
      const expected = await factsOf(source)
      assert.ok(expected.aborted.length > 0 && expected.lastStableOffset < expected.highWatermark)
      assert.deepEqual(await factsOf(logOf(store)), expected)
      assert.deepEqual(await factsOf(logOf(await killed(t, path))), expected)
      await store.close()
      assert.deepEqual(await factsOf(logOf(await openStore(t, path, { settings }))), expected)
    })

    test('begins where the other log does, also after a kill and a close', async (t) => {
      const config = { 'storage.layout': layout }
      const { path, store } = await storeWith(t, config)
      await logOf(store).copies.beginAt(5_000_000_000)
      assert.equal((await factsOf(logOf(store))).logEndOffset, 5_000_000_000)
      const early = logOf(await killed(t, path))
      await early.copies.beginAt(5_000_000_000)
      const batch = batchOf(['a', 'b'])
      batch.stamp(5_000_000_000, 0)
      for (const log of [early, logOf(store)]) {
        await log.copies.append([new RecordBatch(Buffer.from(batch.bytes))])
        const { logStartOffset, logEndOffset, batches } = await factsOf(log)
        assert.deepEqual([logStartOffset, logEndOffset], [5_000_000_000, 5_000_000_002])
        assert.deepEqual(batches, [batch.bytes.toString('hex')])
      }
      const expected = await factsOf(logOf(store))
      assert.deepEqual(await factsOf(logOf(await killed(t, path))), expected)
      await store.close()
      assert.deepEqual(await factsOf(logOf(await openStore(t, path, { settings }))), expected)
    })

    test('takes nothing that lies before its end, and begins nowhere else once it holds something', async (t) => {
      const log = logOf((await storeWith(t, { 'storage.layout': layout })).store)
      await log.copies.append([batchOf(['a', 'b'])])
      await assert.rejects(log.copies.append([batchOf(['c'])]), { code: 'COPY_DIVERGED' })
      await assert.rejects(log.copies.beginAt(7), { code: 'COPY_DIVERGED' })
      await log.copies.beginAt(2)
      assert.equal(log.logEndOffset, 2)
    })

    test('goes on elsewhere once all that it holds is deleted, where the layout can have a hole', async (t) => {
      const log = logOf((await storeWith(t, { 'storage.layout': layout })).store)
      await log.copies.append([batchOf(['a', 'b'])])
      await log.deleteRecordsBefore(2)
      if (layout === 'commitlog') await assert.rejects(log.copies.beginAt(7), { code: 'COPY_IMPOSSIBLE' })
      else await log.copies.beginAt(7)
      assert.deepEqual([log.logStartOffset, log.logEndOffset], layout === 'commitlog' ? [2, 2] : [7, 7])
    })
  })
}

/** A log from which compaction has taken most, over several segments. */
async function compactedLog(t: TestContext): Promise<{ store: MessageStore; log: PartitionLog }> {
  const { store } = await storeWith(t, { 'cleanup.policy': 'compact' })
  const log = logOf(store)
  for (let round = 0; round < 40; round++) {
    const value = Buffer.alloc(60_000, `${round}`)
    await appendAll(log, [keyed(`key ${round % 7}`, value)])
  }
  await store.compactTopic('orders')
  return { store, log }
}

function keyed(key: string, value: Buffer): RecordBatch {
  return buildBatch([{ key: Buffer.from(key), value, timestamp: 1_700_000_000_000 }])
}

describe('a copy with holes', () => {
  test('has the holes of the other log, and is not taken for damaged after a kill or a close', async (t) => {
    const { log: source } = await compactedLog(t)
    const { path, store } = await storeWith(t, { 'cleanup.policy': 'compact' })
    await copyAll(source, logOf(store))
    const expected = await factsOf(source)
    assert.ok(expected.batches.length < 30, `${expected.batches.length} batches of 40 are left`)
    assert.deepEqual(await factsOf(logOf(store)), expected)
    assert.deepEqual(await factsOf(logOf(await killed(t, path))), expected)
    await store.close()
    const logger = recordingLogger()
    const again = await openStore(t, path, { settings, logger })
    assert.deepEqual(await factsOf(logOf(again)), expected)
    assert.deepEqual(
      logger.said.filter(({ level }) => level === 'error'),
      [],
    )
  })

  test('is refused where every offset is a message', async (t) => {
    const { log: source } = await compactedLog(t)
    const { store } = await storeWith(t, { 'storage.layout': 'commitlog' })
    await assert.rejects(copyAll(source, logOf(store)), { code: 'COPY_IMPOSSIBLE' })
  })
})

describe('leader epochs of a copy', () => {
  test('are those of the other log', async (t) => {
    const { path, store } = await storeWith(t, {})
    const log = logOf(store)
    const epochs = [0, 0, 3, 7]
    for (const [i, epoch] of epochs.entries()) {
      const batch = batchOf([`${i}`])
      batch.stamp(i, epoch)
      await log.copies.append([batch])
    }
    const check = (one: PartitionLog): void => {
      assert.equal(one.leaderEpoch, 7)
      assert.deepEqual(one.endOffsetOfEpoch(0), { epoch: 0, endOffset: 2 })
      assert.deepEqual(one.endOffsetOfEpoch(5), { epoch: 3, endOffset: 3 })
      assert.deepEqual(one.endOffsetOfEpoch(7), { epoch: 7, endOffset: 4 })
    }
    check(log)
    check(logOf(await killed(t, path)))
    await store.close()
    check(logOf(await openStore(t, path, { settings })))
  })
})
