/** Consume queues whose sync failed: they are written anew from the commit log, and what a snapshot says of them is true. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { DiskOperation, Errno, Fault } from '../../../sim/disk/faults.js'
import { MemoryDisk } from '../../../sim/memory-disk.js'
import { SeededRandomness } from '../../../sim/seeded-randomness.js'
import { batchesIn } from '../../../src/records/batch.js'
import { buildBatch } from '../../../src/records/builder.js'
import { readRecords } from '../../../src/records/reader.js'
import type { CommitLogStore } from '../../../src/storage/commitlog/commit-log-store.js'
import { QueueTail } from '../../../src/storage/commitlog/queue-tail.js'
import { readAll } from '../support.js'
import { appendAll, endOf, entriesFrom, openQueue, readFrom } from './queue-world.js'
import { append, storeWorld } from './store-world.js'

const queueIds = [0, 1]

async function send(store: CommitLogStore, from: number, count: number): Promise<void> {
  for (let i = from; i < from + count; i++) {
    const batch = buildBatch([{ value: Buffer.from(`message ${i}`), timestamp: i }])
    await append(store.ensureQueue('orders', queueIds[i % queueIds.length]), batch)
  }
}

async function assertHolds(store: CommitLogStore, count: number): Promise<void> {
  const found: string[] = []
  for (const id of queueIds) {
    const queue = store.queue('orders', id)
    if (queue === undefined) continue
    for (const { bytes } of await readAll(queue)) {
      for (const batch of batchesIn(bytes)) found.push(...readRecords(batch).map(({ value }) => String(value)))
    }
  }
  const number = (text: string) => Number(text.split(' ')[1])
  const sent = Array.from({ length: count }, (_, i) => `message ${i}`)
  assert.deepEqual(
    found.sort((one, other) => number(one) - number(other)),
    sent,
  )
}

/** A disk that fails one kind of call on consume queues while it is told to. */
function failingDisk(operation: DiskOperation, fault: Fault, evicts = false) {
  let fails = false
  const ask = (called: DiskOperation, path: string): Fault | undefined =>
    fails && called === operation && path.includes('/consumequeue/') ? fault : undefined
  const disk = new MemoryDisk({ faults: { ask, evicts: () => evicts && !fails, below: (limit) => limit >> 1 } })
  return {
    disk,
    fail(now: boolean) {
      fails = now
    },
  }
}

/** How many messages a first checkpoint is of, and the one that fails; a file of a queue holds the entries of 200. */
const lives: Readonly<Record<string, readonly [before: number, then: number]>> = {
  'of its first entries': [0, 120],
  'behind a checkpoint': [60, 80],
  'over the ends of files': [150, 320],
  'at the start of a file': [200, 120],
}

for (const operation of ['sync', 'syncDirectory'] as const) {
  for (const errno of ['EIO', 'ENOSPC'] as const satisfies readonly Errno[]) {
    for (const effect of ['none', 'part'] as const) {
      for (const [life, [before, then]] of Object.entries(lives)) {
        // No file is made.
        if (operation === 'syncDirectory' && life === 'behind a checkpoint') continue
        test(`a ${operation} that fails by ${errno}, ${effect} done, ${life}, is made good by the next checkpoint`, async () => {
          const { disk, fail } = failingDisk(operation, { errno, effect })
          const store = await storeWorld(disk, '/data').open()
          await send(store, 0, before)
          await store.checkpoint()
          await send(store, before, then)
          fail(true)
          await assert.rejects(store.checkpoint())
          await assert.rejects(store.checkpoint(), 'it is tried again')
          await send(store, before + then, 40)
          await assertHolds(store, before + then + 40)
          assert.equal(store.failure, undefined, 'the log goes on')
          fail(false)
          const isDue = store.checkpoint(false)
          await assertHolds(store, before + then + 40)
          await isDue
          assert.equal(store.checkpointFailure, undefined)
          await assertHolds(store, before + then + 40)
          const again = await storeWorld(disk.afterCrash(new SeededRandomness(before + 1)), '/data').open()
          assert.equal(again.report.isRebuilt, false, 'what the snapshot says of the queues is true')
          await assertHolds(again, before + then + 40)
          await again.close()
          await send(store, before + then + 40, 10)
          assert.equal(await store.close(), true)
          const closed = await storeWorld(disk.afterCrash(new SeededRandomness(before + 2)), '/data').open()
          assert.deepEqual([closed.report.isRebuilt, closed.report.scannedBytes], [false, 0])
          await assertHolds(closed, before + then + 50)
          await closed.close()
        })
      }
    }
  }
}

test('entries that the page cache forgot are written from the commit log, not from the files', async () => {
  const { disk, fail } = failingDisk('sync', { errno: 'EIO', effect: 'none' }, true)
  const store = await storeWorld(disk, '/data').open()
  await send(store, 0, 120)
  fail(true)
  await assert.rejects(store.checkpoint())
  fail(false)
  await store.checkpoint()
  await assertHolds(store, 120)
  assert.equal(await store.close(), true)
  const again = await storeWorld(disk.afterCrash(new SeededRandomness(3)), '/data').open()
  assert.deepEqual([again.report.isRebuilt, again.report.scannedBytes], [false, 0])
  await assertHolds(again, 120)
  await again.close()
})

describe('one queue', () => {
  const fault: Fault = { errno: 'EIO', effect: 'none' }

  /** Of 130 entries, 5 to a file, those behind the 40th are covered by no sync, and the last 10 are in memory. */
  async function failed() {
    const { disk, fail } = failingDisk('sync', fault)
    const queue = await openQueue(disk)
    const entries = entriesFrom(7, 130)
    appendAll(queue, entries)
    await queue.flush(endOf(entries[39]))
    await queue.sync()
    await queue.flush(endOf(entries[119]))
    fail(true)
    await assert.rejects(queue.sync(), { code: 'DISK_FAILED' })
    fail(false)
    assert.ok(queue.failure)
    await assert.rejects(queue.flush(endOf(entries[129])), { code: 'DISK_FAILED' })
    const tail = new QueueTail()
    const push = (from: number, to: number): void => {
      tail.restart(entries[from].offset)
      for (const { position, size, tagsCode } of entries.slice(from, to)) tail.push(position, size, tagsCode)
    }
    return { disk, queue, entries, tail, push }
  }

  test('takes nothing that does not lead up to what is in memory', async () => {
    const { queue, entries, tail, push } = await failed()
    for (const [from, to] of [
      [40, 119],
      [40, 121],
    ]) {
      push(from, to)
      assert.equal(await queue.writeAgain(tail), false)
      assert.ok(queue.failure)
      assert.deepEqual(await readFrom(queue), entries)
    }
  })

  for (const [what, from] of Object.entries({ 'from what is durable': 40, 'from before that': 33, 'as a whole': 0 })) {
    test(`is written again ${what}, and read all the while`, async () => {
      const { disk, queue, entries, tail, push } = await failed()
      push(from, 120)
      const reading = readFrom(queue)
      const [taken, , read] = await Promise.all([
        queue.writeAgain(tail),
        queue.flush(endOf(entries[129])).then(() => readFrom(queue)),
        reading,
      ])
      assert.equal(taken, true)
      assert.deepEqual(read, entries)
      assert.deepEqual([queue.failure, queue.maxOffset, queue.minOffset], [undefined, 137, 7])
      assert.deepEqual(await readFrom(queue), entries)
      await queue.sync()
      const found = await openQueue(disk.afterCrash(new SeededRandomness(from)), { wasClosedCleanly: true })
      await found.removeBefore(0)
      assert.deepEqual(await readFrom(found), entries)
    })
  }

  test('whose first file has no name that is believed is made anew from that file on', async () => {
    const { disk, fail } = failingDisk('syncDirectory', fault)
    const queue = await openQueue(disk)
    const entries = entriesFrom(7, 3)
    appendAll(queue, entries)
    await queue.flush(endOf(entries[2]))
    fail(true)
    await assert.rejects(queue.sync(), { code: 'DISK_FAILED' })
    fail(false)
    const tail = new QueueTail()
    tail.restart(7)
    for (const { position, size, tagsCode } of entries) tail.push(position, size, tagsCode)
    assert.equal(await queue.writeAgain(tail), true)
    await queue.flush(endOf(entries[2]))
    await queue.sync()
    for (let seed = 0; seed < 8; seed++) {
      const found = await openQueue(disk.afterCrash(new SeededRandomness(seed)), { wasClosedCleanly: true })
      await found.removeBefore(0)
      assert.deepEqual(await readFrom(found), entries)
    }
  })
})
