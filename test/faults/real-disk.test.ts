/** A disk that is really full, and one that is really read-only: small file systems in memory, which only root may mount. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import type { HoldfastError } from '../../src/core/errors.js'
import type { SettingsInput } from '../../src/core/settings.js'
import { libc } from '../../src/files/libc.js'
import type { RecordBatch } from '../../src/records/batch.js'
import { MessageStore } from '../../src/storage/message-store.js'
import type { PartitionLog } from '../../src/storage/partition-log.js'
import {
  batchOf,
  bytesOf,
  descriptorsUnder,
  mib,
  readAll,
  settingsWith,
  sizedBatch,
  temporaryDirectory,
  until,
  whenEnded,
} from '../storage/support.js'

const run = promisify(execFile)

/** A file system of so many bytes, or undefined, said aloud, where it cannot be mounted. */
async function mounted(t: TestContext, bytes: number): Promise<string | undefined> {
  const path = await temporaryDirectory(t)
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', path])
  } catch (error) {
    t.diagnostic(`SKIPPED, a tmpfs cannot be mounted here: ${(error as Error).message.trim()}`)
    t.skip('a tmpfs cannot be mounted here (root is needed)')
    return undefined
  }
  whenEnded(t, () => run('umount', [path]))
  return path
}

/**
 * Sends until it is taken. What is prepared in front of the writer may take the last room for a moment, and the log then
 * refuses what would have fit; it gives that room back as it fails, and takes messages again soon.
 */
async function appendPatiently(log: PartitionLog, build: () => RecordBatch): Promise<RecordBatch> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const batch = build()
    try {
      await log.append(batch).acknowledged
      return batch
    } catch (error) {
      assert.equal((error as HoldfastError).code, 'DISK_FULL')
      await until(() => log.failure === undefined)
    }
  }
  throw new Error('it never takes the message, though there is room')
}

const worlds: readonly SettingsInput[] = [
  { 'flush.disk.type': 'SYNC_FLUSH' },
  { 'flush.disk.type': 'ASYNC_FLUSH' },
  { 'flush.disk.type': 'SYNC_FLUSH', 'file.preallocate': 'zero' },
  { 'flush.disk.type': 'ASYNC_FLUSH', 'file.preallocate': 'zero' },
  { 'flush.disk.type': 'SYNC_FLUSH', 'file.engine': 'mmap' },
  { 'flush.disk.type': 'SYNC_FLUSH', 'file.engine': 'mmap', 'file.preallocate': 'zero' },
  { 'flush.disk.type': 'BATCH_FLUSH', 'file.engine': 'mmap', 'file.preallocate': 'fallocate', 'flush.interval.ms': 1 },
  { 'flush.disk.type': 'ASYNC_FLUSH', 'file.engine': 'mmap', 'file.preallocate': 'zero' },
]

/** The disk itself is to say that it is full. */
const withoutWatermark: SettingsInput = { 'disk.watermark.delete.ratio': 100, 'disk.watermark.refuse.ratio': 100 }

describe('on a small file system of its own', () => {
  for (const world of worlds) {
    const skip = world['file.engine'] === 'mmap' && libc() === undefined
    const how = Object.values(world).join(', ')
    test(`a full disk refuses, loses nothing, and is used again once there is room: ${how}`, { skip }, async (t) => {
      const path = await mounted(t, 6 * mib)
      if (path === undefined) return
      const filler = join(path, 'filler')
      await writeFile(filler, Buffer.alloc(2 * mib))
      const settings = settingsWith({ 'log.segment.bytes': mib, ...withoutWatermark, ...world })
      const store = await MessageStore.open(join(path, 'data'), { settings })
      whenEnded(t, () => store.close().catch(() => {}))
      await store.createTopic({ name: 'orders', partitions: 1 })
      const log = store.log('orders', 0)
      assert.ok(log)
      const kept: RecordBatch[] = []
      for (let full = false; !full; ) {
        // Several at once, so that a round is refused in which some batches would have had room.
        const sent = Array.from({ length: 3 }, (_, i) => sizedBatch(70_000, `batch ${kept.length + i}`))
        const outcomes = await Promise.allSettled(sent.map((batch) => log.append(batch).acknowledged))
        full = outcomes.some(({ status }) => status === 'rejected')
        kept.push(...sent.filter((_, index) => outcomes[index].status === 'fulfilled'))
      }
      assert.equal(log.failure?.code, 'DISK_FULL')
      assert.ok(kept.length > 30)
      assert.deepEqual(await readAll(log), bytesOf(kept))
      await rm(filler)
      await until(() => log.failure === undefined)
      assert.equal(log.logEndOffset, kept.length)
      const more: RecordBatch[] = []
      for (let i = 0; i < 10; i++) more.push(await appendPatiently(log, () => sizedBatch(70_000, `more ${i}`)))
      assert.deepEqual(await readAll(log), bytesOf([...kept, ...more]))
      await store.close()
      assert.deepEqual((await descriptorsUnder(path)) ?? [], [])
      const again = await MessageStore.open(join(path, 'data'), { settings })
      whenEnded(t, () => again.close())
      const found = again.log('orders', 0)
      assert.ok(found)
      assert.deepEqual(await readAll(found), bytesOf([...kept, ...more]))
    })
  }

  test('a directory that cannot be written is refused as such', async (t) => {
    const path = await mounted(t, 2 * mib)
    if (path === undefined) return
    const store = await MessageStore.open(join(path, 'data'))
    await store.createTopic({ name: 'orders', partitions: 1 })
    await store.log('orders', 0)?.append(batchOf(['kept'])).acknowledged
    await store.close()
    await run('mount', ['-o', 'remount,ro', path])
    await assert.rejects(MessageStore.open(join(path, 'data')), { code: 'DATA_DIR_READ_ONLY' })
    await assert.rejects(MessageStore.open(join(path, 'new')), { code: 'DATA_DIR_READ_ONLY' })
    assert.deepEqual((await descriptorsUnder(path)) ?? [], [])
  })
})
