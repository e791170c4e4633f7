/** Logs of which nothing is of use any more begin anew elsewhere, before or behind what they held, and stay what they are. */

import assert from 'node:assert/strict'
import { cp } from 'node:fs/promises'
import { describe, type TestContext, test } from 'node:test'
import { systemClock } from '../../../src/core/clock.js'
import { nodeDisk } from '../../../src/files/node-disk.js'
import { RecordBatch } from '../../../src/records/batch.js'
import { commitLogRetentionChore } from '../../../src/storage/commit-log-retention.js'
import { verify } from '../../../src/storage/inspect/verify.js'
import type { MessageStore } from '../../../src/storage/message-store.js'
import { appendAll, batchOf, dataPath, logOf, openStore, readAll, settingsWith, turns } from '../support.js'

const settings = settingsWith({
  'mapped.file.size.commitlog': 64 * 1024,
  'mapped.file.size.consumequeue': 2000,
  'log.cleaner.enable': false,
})

/** Two partitions of ten messages each, in turns, the first three of which are deleted. */
async function filled(t: TestContext, layout: string): Promise<{ path: string; store: MessageStore }> {
  const path = await dataPath(t)
  const store = await openStore(t, path, { settings })
  await store.createTopic({ name: 'orders', partitions: 2, config: { 'storage.layout': layout } })
  for (let i = 0; i < 10; i++) {
    for (const partition of [0, 1]) await appendAll(logOf(store, 'orders', partition), [batchOf([`${partition} ${i}`])])
  }
  for (const partition of [0, 1]) await logOf(store, 'orders', partition).deleteRecordsBefore(3)
  return { path, store }
}

async function copyTo(store: MessageStore, offset: number, epoch: number, value: string): Promise<string> {
  const batch = batchOf([value])
  batch.stamp(offset, epoch)
  const bytes = Buffer.from(batch.bytes)
  await logOf(store).copies.append([new RecordBatch(bytes)])
  return bytes.toString('hex')
}

async function factsOf(store: MessageStore, partition = 0) {
  const log = logOf(store, 'orders', partition)
  const { logStartOffset, logEndOffset, highWatermark, sizeInBytes, leaderEpoch, failure } = log
  assert.equal(failure, undefined)
  const batches = (await readAll(log)).map(({ bytes }) => bytes.toString('hex'))
  return { logStartOffset, logEndOffset, highWatermark, sizeInBytes, leaderEpoch, batches }
}

/** What a process leaves that was killed, and then every other way a store is opened. */
async function everyStart(t: TestContext, { path, store }: { path: string; store: MessageStore }) {
  const copyPath = await dataPath(t)
  await cp(path, copyPath, { recursive: true })
  const killed = await openStore(t, copyPath, { settings })
  const found = [await Promise.all([factsOf(killed), factsOf(killed, 1)])]
  await store.close()
  for (const fullScan of [false, true]) {
    const again = await openStore(t, path, { settings, fullScan })
    found.push(await Promise.all([factsOf(again), factsOf(again, 1)]))
    await again.close()
  }
  return found
}

for (const layout of ['segments', 'commitlog']) {
  describe(`a log in the layout ${layout} that is emptied`, () => {
    for (const [where, begin] of [
      ['before what it held', 1],
      ['within what it held', 5],
      ['behind what it held', 70],
    ] as const) {
      test(`begins ${where}, over kills and closes; others are left alone`, async (t) => {
        const { path, store } = await filled(t, layout)
        const other = await factsOf(store, 1)
        await store.emptyLogs([{ topic: 'orders', partition: 0 }])
        assert.deepEqual(
          [logOf(store).logStartOffset, logOf(store).logEndOffset, (await readAll(logOf(store))).length],
          [0, 0, 0],
        )
        await logOf(store).copies.beginAt(begin)
        const batches = [await copyTo(store, begin, 4, 'a'), await copyTo(store, begin + 1, 6, 'b')]
        const expected = [await factsOf(store), other]
        assert.deepEqual(expected[0].batches, batches)
        assert.deepEqual([expected[0].logStartOffset, expected[0].logEndOffset], [begin, begin + 2])
        assert.deepEqual(await factsOf(store, 1), other)
        for (const found of await everyStart(t, { path, store })) assert.deepEqual(found, expected)
        const { findings } = await verify(path, { settings, disk: nodeDisk, clock: systemClock })
        assert.deepEqual(
          findings.filter(({ severity }) => severity !== 'note'),
          [],
        )
      })
    }

    test('is empty after a kill and a close before it holds anything, and where it was told to begin', async (t) => {
      const { path, store } = await filled(t, layout)
      await store.emptyLogs([{ topic: 'orders', partition: 0 }])
      await logOf(store).copies.beginAt(2)
      const expected = [await factsOf(store), await factsOf(store, 1)]
      assert.deepEqual([expected[0].logStartOffset, expected[0].logEndOffset, expected[0].batches], [2, 2, []])
      for (const found of await everyStart(t, { path, store })) assert.deepEqual(found, expected)
    })

    test('may be emptied again, and cut behind the place where it was', async (t) => {
      const { path, store } = await filled(t, layout)
      for (const begin of [20, 0, 30]) {
        await store.emptyLogs([{ topic: 'orders', partition: 0 }])
        await logOf(store).copies.beginAt(begin)
        await copyTo(store, begin, 1, 'a')
        await copyTo(store, begin + 1, 1, 'b')
      }
      await store.cutBack([{ topic: 'orders', partition: 0, offset: 31 }])
      await copyTo(store, 31, 2, 'c')
      const expected = [await factsOf(store), await factsOf(store, 1)]
      assert.deepEqual([expected[0].logStartOffset, expected[0].batches.length], [30, 2])
      for (const found of await everyStart(t, { path, store })) assert.deepEqual(found, expected)
    })
  })
}

test('what is done to a commit log from time to time is left to be done while it is opened anew', async (t) => {
  const { store } = await filled(t, 'commitlog')
  let isOver = false
  const emptying = store.emptyLogs([{ topic: 'orders', partition: 0 }]).finally(() => {
    isOver = true
  })
  let runs = 0
  for (; !isOver; runs++) {
    await store.runChore('commit log checkpoint')
    await store.runChore(commitLogRetentionChore)
    await turns(1)
  }
  await emptying
  assert.ok(runs > 1)
})

test('a queue whose commit log is cut before the place where it was emptied holds nothing of before', async (t) => {
  const { path, store } = await filled(t, 'commitlog')
  await store.emptyLogs([{ topic: 'orders', partition: 0 }])
  await logOf(store).copies.beginAt(40)
  await copyTo(store, 40, 1, 'a')
  await store.cutBack([{ topic: 'orders', partition: 1, offset: 5 }])
  const expected = [await factsOf(store), await factsOf(store, 1)]
  assert.deepEqual([expected[0].logStartOffset, expected[0].logEndOffset, expected[1].batches.length], [40, 40, 2])
  await copyTo(store, 40, 2, 'b')
  const [{ logEndOffset, batches }] = [await factsOf(store)]
  assert.deepEqual([logEndOffset, batches.length], [41, 1])
  for (const [found] of await everyStart(t, { path, store })) assert.deepEqual(found.batches, batches)
})
