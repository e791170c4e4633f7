/** Reads lent from mapped segments: the same bytes as a copied read, for as long as somebody holds them. */

import assert from 'node:assert/strict'
import { truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { FaultDisk } from '../../../sim/fault-disk.js'
import { MemoryDisk } from '../../../sim/memory-disk.js'
import type { SettingsInput } from '../../../src/core/settings.js'
import { libc } from '../../../src/files/libc.js'
import { nodeDisk } from '../../../src/files/node-disk.js'
import type { RecordBatch } from '../../../src/records/batch.js'
import { MessageStore } from '../../../src/storage/message-store.js'
import type { LogSlice, PartitionLog } from '../../../src/storage/partition-log.js'
import { runProgram } from '../../support/tools.js'
import { until as untilTrue } from '../../support/until.js'
import {
  appendAll,
  batchOf,
  bytesOf,
  dataPath,
  logOf,
  mib,
  readAll,
  settingsWith,
  sizedBatch,
  until,
  whenEnded,
} from '../support.js'
import { named } from './world.js'

const firstLog = (path: string) => join(path, 'log/orders-0', named(0, '.log'))

interface Given {
  readonly where?: 'real' | 'memory'
  readonly settings?: SettingsInput
  readonly supportsMapping?: boolean
}

async function world(t: TestContext, { where = 'real', settings: given = {}, supportsMapping }: Given = {}) {
  const path = where === 'memory' ? '/data' : await dataPath(t)
  const disk = new FaultDisk(where === 'memory' ? new MemoryDisk() : nodeDisk, undefined, { supportsMapping })
  const settings = { ...settingsWith(given), 'log.segment.bytes': 100_000, 'log.index.interval.bytes': 3000 }
  const open = async () => {
    const store = await MessageStore.open(path, { disk, settings })
    whenEnded(t, () => store.close().catch(() => {}))
    if (store.topic('orders') === undefined) await store.createTopic({ name: 'orders', partitions: 1 })
    return { store, log: logOf(store) }
  }
  const { store, log } = await open()
  /** Several segments, all but the last one sealed. */
  const fill = async (count = 60, bytes = 9000) => {
    const batches = Array.from({ length: count }, (_, i) => sizedBatch(bytes + (i % 7) * 100, `${i}`))
    for (let i = 0; i < count; i += 5) await appendAll(log, batches.slice(i, i + 5))
    // Once its indexes are written the writer of a sealed segment is closed, and it can be mapped.
    await until(() => disk.calls.filter((call) => call.path.endsWith('.snapshot')).length >= 4)
    return batches
  }
  return { path, disk, store, log, open, fill }
}

async function lent(log: PartitionLog, offset: number, maxBytes = 30_000): Promise<Required<LogSlice>> {
  // Just rolled, it may still be open for writing.
  let slice: LogSlice = { records: [], sizeInBytes: 0 }
  const isLent = async () => {
    slice = await log.read(offset, maxBytes, { lend: true })
    return slice.release !== undefined
  }
  await untilTrue('the segment is lent', isLent)
  return slice as Required<LogSlice>
}

const skip = libc() === undefined
const bytes = (slice: LogSlice) => Buffer.concat(slice.records)

describe('a read that is lent', { skip }, () => {
  for (const where of ['real', 'memory'] as const) {
    for (const engine of ['disk', 'mmap'] as const) {
      test(`has the bytes of a plain one, wherever it begins and however long it is: ${where}, ${engine}`, async (t) => {
        const { log, fill, disk, store } = await world(t, { where, settings: { 'file.engine': engine } })
        const batches = await fill()
        const offsets = fc.nat({ max: batches.length })
        await fc.assert(
          fc.asyncProperty(offsets, fc.integer({ min: -1, max: 150_000 }), async (offset, maxBytes) => {
            const [one, other] = await Promise.all([
              log.read(offset, maxBytes, { lend: true }),
              log.read(offset, maxBytes),
            ])
            assert.deepEqual(bytes(one), bytes(other))
            assert.equal(one.sizeInBytes, other.sizeInBytes)
            assert.equal(other.release, undefined)
            one.release?.()
          }),
          { numRuns: 150 },
        )
        assert.ok(disk.mappings > 0)
        await store.close()
        assert.deepEqual([disk.mappings, disk.openFiles], [0, 0])
      })
    }
  }

  test('is never one of the active segment, nor of an empty log', async (t) => {
    const { log, disk } = await world(t)
    assert.equal((await log.read(0, mib, { lend: true })).release, undefined)
    await log.append(batchOf(['a'])).acknowledged
    const slice = await log.read(0, mib, { lend: true })
    assert.deepEqual([slice.records.length, slice.release, disk.count('map')], [1, undefined, 0])
  })

  test('stays readable when its segment is deleted, and its file is not recycled before it is given back', async (t) => {
    const { log, fill, disk, path } = await world(t, { settings: { 'file.preallocate': 'zero' } })
    const batches = await fill()
    const slice = await lent(log, 2)
    const before = Buffer.from(bytes(slice))
    await log.deleteRecordsBefore(50)
    const more = Array.from({ length: 40 }, (_, i) => sizedBatch(9000, `more ${i}`))
    await appendAll(log, more)
    assert.ok(bytes(slice).equals(before))
    assert.ok(before.subarray(0, batches[2].sizeInBytes).equals(batches[2].bytes))
    const zeroed = disk.calls.filter(
      ({ operation, path: at }) => operation === 'prepare' && at.includes(firstLog(path)),
    )
    assert.equal(zeroed.filter(({ path: at }) => at.endsWith('.deleted')).length <= 1, true)
    await assert.rejects(log.read(2, 100, { lend: true }), { code: 'OFFSET_OUT_OF_RANGE' })
    slice.release()
    slice.release()
    assert.deepEqual(await readAll(log, 50), bytesOf([...batches.slice(50), ...more]))
  })

  test('stays readable while its segment would be the one to be recycled', async (t) => {
    const first = await world(t, { settings: { 'file.preallocate': 'zero' } })
    const batches = await first.fill()
    await first.store.close()
    const { disk } = first
    const { log, store } = await first.open()
    // There is no spare yet, so that one is wanted.
    const slice = await lent(log, 0, 80_000)
    const before = Buffer.from(bytes(slice))
    const renamed = disk.count('open', '.deleted')
    await log.deleteRecordsBefore(59)
    const opened = disk.calls.filter(({ operation, path }) => operation === 'open' && path.endsWith('.deleted'))
    assert.ok(!opened.slice(renamed).some(({ path }) => path.includes(named(0, '.log'))), 'it was left alone')
    assert.ok(opened.length > renamed, 'another one was taken')
    const more = Array.from({ length: 60 }, (_, i) => sizedBatch(9000, `more ${i}`))
    for (let i = 0; i < 60; i += 5) await appendAll(log, more.slice(i, i + 5))
    assert.ok(bytes(slice).equals(before))
    slice.release()
    assert.deepEqual(await readAll(log, 59), bytesOf([...batches.slice(59), ...more]))
    await store.close()
    assert.deepEqual([disk.mappings, disk.openFiles], [0, 0])
  })

  test('stays readable after the log and the store are closed, and the mapping goes with the last who holds it', async (t) => {
    const { log, fill, disk, store } = await world(t)
    const batches = await fill()
    const slices = [await lent(log, 0), await lent(log, 0), await lent(log, 20)]
    const before = slices.map((slice) => Buffer.from(bytes(slice)))
    await store.close()
    assert.equal(disk.openFiles, 0)
    assert.deepEqual(slices.map(bytes), before)
    assert.ok(before[0].subarray(0, batches[0].sizeInBytes).equals(batches[0].bytes))
    assert.equal(disk.mappings, 2)
    slices[0].release()
    assert.equal(disk.mappings, 2, 'somebody else still holds it')
    slices[1].release()
    slices[2].release()
    assert.equal(disk.mappings, 0)
  })

  test('goes on while the log rolls, and is followed into the new segments', async (t) => {
    const { log, disk, store } = await world(t)
    const batches = Array.from({ length: 150 }, (_, i) => sizedBatch(4000, `${i}`))
    let isWritten = false
    const writing = (async () => {
      for (let i = 0; i < batches.length; i += 5) await appendAll(log, batches.slice(i, i + 5))
      isWritten = true
    })()
    const held: LogSlice[] = []
    const found: Buffer[] = []
    for (let size = 0, offset = 0; !isWritten || offset < batches.length; ) {
      const slice = await log.read(offset, 10_000, { lend: true })
      held.push(slice)
      if (slice.sizeInBytes === 0) await new Promise((resolve) => setImmediate(resolve))
      found.push(...slice.records)
      size += slice.sizeInBytes
      offset = size / 4000
      assert.ok(Number.isInteger(offset), 'whole batches')
    }
    await writing
    assert.ok(Buffer.concat(found).equals(Buffer.concat(batches.map((batch) => batch.bytes))))
    for (const slice of held) slice.release?.()
    await store.close()
    assert.deepEqual([disk.mappings, disk.openFiles], [0, 0])
  })
})

describe('where nothing can be lent', () => {
  const ways: Record<string, Given> = {
    'file.map.count is 0': { settings: { 'file.map.count': 0 } },
    'file.map.bytes is too little': { settings: { 'file.map.bytes': 1000 } },
    'the disk cannot map': { supportsMapping: false },
  }
  for (const [why, given] of Object.entries(ways)) {
    test(`reads are copied, and say the same: ${why}`, async (t) => {
      const { log, fill, disk, store } = await world(t, given)
      const batches = await fill()
      for (let offset = 0; offset < batches.length; offset += 7) {
        const slice = await log.read(offset, 30_000, { lend: true })
        assert.equal(slice.release, undefined)
        assert.deepEqual(bytes(slice), bytes(await log.read(offset, 30_000)))
      }
      assert.equal(disk.mappings, 0)
      await store.close()
      assert.equal(disk.openFiles, 0)
    })
  }

  test('without libc everything works but the mapped engine, which is refused', async (t) => {
    const program = join(import.meta.dirname, 'read-without-libc.ts')
    const env = { ...process.env, HOLDFAST_NO_LIBC: '1' }
    const args = ['--import', 'tsx', program, await dataPath(t)]
    const { code, stdout, stderr } = await runProgram(process.execPath, args, { env })
    assert.deepEqual([code, stderr], [0, ''])
    assert.deepEqual(JSON.parse(stdout.toString()), { refused: 'MMAP_UNAVAILABLE', lent: 0, same: 60 })
  })

  for (const operation of ['map', 'populate'] as const) {
    test(`a ${operation} that fails makes it a copied read`, { skip }, async (t) => {
      const { log, fill, disk, store } = await world(t)
      await fill()
      disk.judge = (call) => (call.operation === operation ? 'EIO' : undefined)
      const copied = await log.read(3, 30_000, { lend: true })
      assert.ok(disk.count(operation) > 0)
      assert.equal(copied.release, undefined)
      disk.judge = () => undefined
      const borrowed = await lent(log, 3)
      assert.deepEqual(bytes(borrowed), bytes(copied))
      borrowed.release()
      await store.close()
      assert.deepEqual([disk.mappings, disk.openFiles], [0, 0])
    })
  }
})

describe('damage that is found through a mapping', { skip }, () => {
  async function damaged(t: TestContext, damage: (file: string, batches: readonly RecordBatch[]) => Promise<void>) {
    const first = await world(t)
    const batches = await first.fill()
    await first.store.close()
    await damage(firstLog(first.path), batches)
    return { ...first, ...(await first.open()) }
  }

  test('is LOG_DAMAGED: no batch where there was one', async (t) => {
    const { log, disk, store } = await damaged(t, async (file, batches) => {
      const content = Buffer.concat(batches.slice(0, 10).map((batch) => batch.bytes))
      const at = batches[0].sizeInBytes
      content.fill(0, at, at + 61)
      await writeFile(file, content)
    })
    // An index entry may lead past it; from the front nothing does.
    await assert.rejects(log.read(1, 20_000, { lend: true }), { code: 'LOG_DAMAGED' })
    assert.equal(log.failure?.code, 'LOG_DAMAGED')
    assert.equal((await lent(log, 0, 5000)).records.length, 1)
    await store.close()
    assert.equal(disk.openFiles, 0)
  })

  test('is LOG_DAMAGED and no signal: the file was cut short under the mapping', async (t) => {
    const { log, path } = await damaged(t, async () => {})
    const held = await lent(log, 0, 5000)
    await truncate(firstLog(path), 70_000)
    await assert.rejects(
      (async () => {
        for (let offset = 0; offset < 11; offset++) (await log.read(offset, 9000, { lend: true })).release?.()
      })(),
      { code: 'LOG_DAMAGED' },
    )
    held.release()
  })
})
