/** A key index whose disk refused for a while: who searches is told, and it catches up with what it missed. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultDisk, type Verdict } from '../../../sim/fault-disk.js'
import { MemoryDisk } from '../../../sim/memory-disk.js'
import { buildBatch } from '../../../src/records/builder.js'
import type { CommitLogStore } from '../../../src/storage/commitlog/commit-log-store.js'
import { append, storeWorld } from './store-world.js'

const key = (i: number): Buffer => Buffer.from(`key-${i}`)

async function appendKeys(store: CommitLogStore, from: number, count: number): Promise<void> {
  for (let i = from; i < from + count; i++) {
    await append(store.ensureQueue('orders', 0), buildBatch([{ key: key(i), value: Buffer.alloc(200), timestamp: i }]))
  }
}

async function find(store: CommitLogStore, i: number): Promise<number[] | undefined> {
  const times = { minTimestamp: 0, endTimestamp: Number.MAX_SAFE_INTEGER }
  const found = await store
    .finder('orders', 0)
    ?.find({ kind: 'key', bytes: key(i), minOffset: 0, endOffset: 1e6, ...times, limit: 3 })
  return found?.map(({ offset }) => offset)
}

async function assertFindsAll(store: CommitLogStore, count: number): Promise<void> {
  for (let i = 0; i < count; i++) assert.deepEqual(await find(store, i), [i])
}

for (const operation of ['write', 'sync', 'open', 'truncate'] as const) {
  for (const errno of ['ENOSPC', 'EIO'] as const) {
    test(`after ${errno} of ${operation} the next checkpoint brings all keys in again`, async () => {
      let refuses = false
      const disk = new FaultDisk(new MemoryDisk(), (call): Verdict => {
        return refuses && call.operation === operation && call.path.includes('/index/') ? errno : undefined
      })
      const world = storeWorld(disk, '/data')
      const store = await world.open()
      await appendKeys(store, 0, 300)
      await store.checkpoint()
      await appendKeys(store, 300, 120)
      refuses = true
      await assert.rejects(store.checkpoint())
      await assert.rejects(store.checkpoint(), 'it is tried again')
      await appendKeys(store, 420, 500)
      assert.equal(store.failure, undefined, 'the log goes on')
      assert.ok(store.checkpointFailure, 'who looks after the store can see it')
      await assert.rejects(find(store, 430), 'rather than to find nothing')
      refuses = false
      const [checkpoint] = [store.checkpoint(false), appendKeys(store, 920, 30)]
      await checkpoint
      await store.checkpoint()
      assert.equal(store.checkpointFailure, undefined)
      await assertFindsAll(store, 920)
      await appendKeys(store, 950, 10)
      assert.equal(await store.close(), true)
      const again = await world.open()
      assert.deepEqual([again.report.isRebuilt, again.report.scannedBytes], [false, 0])
      await assertFindsAll(again, 960)
      await again.close()
    })
  }
}

test('what appends while it catches up is found too', async () => {
  let refuses = true
  const disk = new FaultDisk(new MemoryDisk(), (call): Verdict => {
    return refuses && call.operation === 'write' && call.path.includes('/index/') ? 'ENOSPC' : undefined
  })
  const store = await storeWorld(disk, '/data').open()
  await appendKeys(store, 0, 200)
  await assert.rejects(store.checkpoint())
  refuses = false
  await Promise.all([store.checkpoint(), appendKeys(store, 200, 300)])
  await assertFindsAll(store, 500)
  await store.close()
})

test('where it could not read what it missed it says so, and goes on with the next checkpoint', async () => {
  let refused: 'write' | 'read' | undefined = 'write'
  const disk = new FaultDisk(new MemoryDisk(), ({ operation, path }): Verdict => {
    const isMeant = refused === 'write' ? path.includes('/index/') : path.includes('/commitlog/')
    return operation === refused && isMeant ? 'EIO' : undefined
  })
  const world = storeWorld(disk, '/data')
  const store = await world.open()
  await appendKeys(store, 0, 200)
  await assert.rejects(store.checkpoint())
  await appendKeys(store, 200, 200)
  refused = 'read'
  await assert.rejects(store.checkpoint())
  await assert.rejects(store.checkpoint(), 'no snapshot takes it for whole')
  refused = undefined
  await assert.rejects(find(store, 300), 'rather than to find nothing')
  await store.checkpoint()
  await assertFindsAll(store, 400)
  await store.close()
  const again = await world.open()
  await assertFindsAll(again, 400)
  await again.close()
})
