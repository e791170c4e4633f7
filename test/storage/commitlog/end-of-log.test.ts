/** Where a commit log of one large file ends: a torn write is cut, however long it was; behind damage nothing is. */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { MemoryDisk } from '../../../sim/memory-disk.js'
import type { CommitLogStore } from '../../../src/storage/commitlog/commit-log-store.js'
import { positionFileName } from '../../../src/storage/commitlog/format.js'
import { batchOf, mib } from '../support.js'
import { flip } from './damage-world.js'
import { append, smallFiles, storeWorld } from './store-world.js'

interface Large {
  readonly disk: MemoryDisk
  readonly path: string
  open(): Promise<CommitLogStore>
}

function large(flush: 'SYNC_FLUSH' | 'ASYNC_FLUSH'): Large {
  const disk = new MemoryDisk()
  const settings = { ...smallFiles, 'mapped.file.size.commitlog': 48 * mib, 'flush.disk.type': flush }
  const world = storeWorld(disk, '/data', { settings })
  return { disk, path: join(world.directory, 'commitlog', positionFileName(0)), open: () => world.open() }
}

/** As after a crash, and without the snapshot, which knows what was durable. */
async function reopened({ disk, open }: Large): Promise<CommitLogStore> {
  await disk.remove('/data/queues.snapshot')
  return open()
}

const value = 'x'.repeat(4 * mib)

test('behind a flipped message lies more than one write can have left: damage, under SYNC_FLUSH', async () => {
  const world = large('SYNC_FLUSH')
  const store = await world.open()
  for (let i = 0; i < 7; i++) await append(store.ensureQueue('orders', 0), batchOf([value]))
  const end = store.endPosition
  await flip(world.disk, world.path, mib)
  const damaged = await reopened(world)
  assert.match(damaged.report.damage ?? '', /position 0: .*messages follow behind it/)
  assert.equal(await damaged.close(), false)
  await flip(world.disk, world.path, mib)
  const mended = await reopened(world)
  assert.equal(mended.endPosition, end)
  await mended.close()
})

test('what may be one write is cut, and under ASYNC_FLUSH whatever no later file follows', async () => {
  for (const [flush, count] of [
    ['SYNC_FLUSH', 3],
    ['ASYNC_FLUSH', 7],
  ] as const) {
    const world = large(flush)
    const store = await world.open()
    for (let i = 0; i < count; i++) await append(store.ensureQueue('orders', 0), batchOf([value]))
    await flip(world.disk, world.path, mib)
    const cut = await reopened(world)
    assert.deepEqual([cut.report.damage, cut.endPosition, cut.report.isCut], [undefined, 0, true])
    await cut.close()
  }
})

test('one batch may be longer than any round, and is cut as a whole where it is torn', async () => {
  const world = large('SYNC_FLUSH')
  const store = await world.open()
  await append(store.ensureQueue('orders', 0), batchOf(['before']))
  const end = store.endPosition
  const receipt = store.ensureQueue('orders', 1).append(batchOf(Array.from({ length: 8 }, () => value)))
  await receipt.acknowledged
  await flip(world.disk, world.path, end + mib)
  const cut = await reopened(world)
  assert.deepEqual([cut.report.damage, cut.endPosition, cut.report.isCut], [undefined, end, true])
  await cut.close()
})
