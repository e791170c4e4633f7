import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { FaultDisk } from '../../../sim/fault-disk.js'
import { MemoryDisk } from '../../../sim/memory-disk.js'
import { systemClock } from '../../../src/core/clock.js'
import { silentLogger } from '../../../src/core/logger.js'
import { libc } from '../../../src/files/libc.js'
import { nodeDisk } from '../../../src/files/node-disk.js'
import { OpenWriters, type Parkable } from '../../../src/files/open-writers.js'
import type { RecordBatch } from '../../../src/records/batch.js'
import { Segment } from '../../../src/storage/segments/segment.js'
import { SegmentLog } from '../../../src/storage/segments/segment-log.js'
import { sharedTables } from '../../../src/storage/shared-tables.js'
import {
  batchOf,
  bytesOf,
  gate,
  mib,
  readAll,
  settingsWith,
  sizedBatch,
  temporaryDirectory,
  turns,
  until,
  whenEnded,
} from '../support.js'
import { placeWorld } from './place.js'

class Writer implements Parkable {
  isOpen = true
  mayPark = true
  park(): Promise<void> | undefined {
    if (!this.mayPark) return undefined
    this.isOpen = false
    return Promise.resolve()
  }
}

describe('files open for writing', () => {
  test('are closed past the limit, the least recently used first, and never one that may not be', () => {
    const table = new OpenWriters(3)
    const [a, b, c, d, e] = Array.from({ length: 5 }, () => new Writer())
    for (const writer of [a, b, c]) table.used(writer)
    assert.equal(table.isCrowded, false)
    table.used(a)
    table.used(d)
    assert.deepEqual(
      [a, b, c, d].map(({ isOpen }) => isOpen),
      [true, false, true, true],
    )
    for (const writer of [a, c, d]) writer.mayPark = false
    table.used(e)
    assert.ok(table.isCrowded)
    assert.ok([a, c, d, e].every(({ isOpen }) => isOpen))
    // As soon as one may be, it is.
    d.mayPark = true
    table.used(e)
    assert.deepEqual([d.isOpen, table.isCrowded], [false, false])
    table.forget(e)
    table.used(b)
    assert.equal(table.isCrowded, false)
  })
})

describe('a segment whose file had to be closed for others', () => {
  test('is written, synced, read and sealed as if it were open', async () => {
    for (const dsync of [true, false]) {
      const world = await placeWorld({ openFilesLimit: 1, dsync, preallocate: 'none' })
      const { place, disk } = world
      const segments = [await Segment.create(place, 0), await Segment.create(place, 100)]
      assert.equal(disk.openFiles, 1, 'one of them was closed')
      for (let round = 0; round < 3; round++) {
        for (const segment of segments) {
          const batch = batchOf([`${round}`])
          batch.stamp(segment.baseOffset + round, 0)
          await segment.append([batch])
          await segment.sync()
          segment.publish()
          await turns(2)
          assert.equal(disk.openFiles, 1)
        }
      }
      for (const segment of segments) {
        assert.equal((await segment.read(segment.baseOffset, mib)).records[0].length, segment.sizeInBytes)
        await segment.seal()
        await segment.release()
      }
      assert.equal(disk.openFiles, 0)
    }
  })

  test('keeps it while bytes in it are not durable, and while somebody uses it', async () => {
    const { place, disk } = await placeWorld({ openFilesLimit: 1, dsync: false, preallocate: 'none' })
    const segment = await Segment.create(place, 0)
    const batch = batchOf(['unsynced'])
    batch.stamp(0, 0)
    await segment.append([batch])
    const other = await Segment.create(place, 100)
    assert.ok(place.writers.isCrowded)
    const closed = disk.count('close')
    const held = gate()
    disk.judge = ({ operation }) => (operation === 'sync' ? held.passed : undefined)
    const syncing = segment.sync()
    await until(() => disk.count('sync') === 1)
    const third = await Segment.create(place, 200)
    await turns()
    // The second one held nothing, and may go.
    assert.equal(disk.count('close') - closed, 1)
    held.open()
    await syncing
    assert.equal(disk.count('open', '0000.log'), 1, 'it was open all the while')
    for (const one of [segment, other, third]) await one.release()
    assert.equal(disk.openFiles, 0)
  })

  test('a busy one stays open, where others are opened beside it', async () => {
    const { place, disk } = await placeWorld({ openFilesLimit: 2, preallocate: 'none' })
    const busy = await Segment.create(place, 0)
    const others = []
    for (let i = 0; i < 10; i++) {
      others.push(await Segment.create(place, 100 * (i + 1)))
      const batch = batchOf([`${i}`])
      batch.stamp(i, 0)
      await busy.append([batch])
    }
    assert.equal(disk.count('open'), 11, 'nothing was opened twice')
    for (const one of [busy, ...others]) await one.release()
    assert.equal(disk.openFiles, 0)
  })

  test('that cannot be opened again refuses the write, and says why', async () => {
    const { place, disk } = await placeWorld({ openFilesLimit: 1, preallocate: 'none' })
    const segment = await Segment.create(place, 0)
    const other = await Segment.create(place, 100)
    disk.judge = ({ operation }) => (operation === 'open' ? 'EMFILE' : undefined)
    const batch = batchOf(['refused'])
    batch.stamp(0, 0)
    await assert.rejects(segment.append([batch]), { code: 'DISK_FAILED' })
    disk.judge = () => undefined
    await segment.append([batch])
    for (const one of [segment, other]) await one.release()
    assert.equal(disk.openFiles, 0)
  })
})

const logsCount = 40
const limit = 4

describe(`${logsCount} logs of which ${limit} may have a file open`, () => {
  for (const engine of ['disk', 'mmap'] as const) {
    for (const policy of ['SYNC_FLUSH', 'BATCH_FLUSH', 'ASYNC_FLUSH'] as const) {
      for (const where of ['on the disk', 'in memory'] as const) {
        const skip = engine === 'mmap' && where === 'on the disk' && libc() === undefined
        test(`are written and read as any others: ${engine}, ${policy}, ${where}`, { skip }, async (t) => {
          const path = where === 'in memory' ? '/logs' : await temporaryDirectory(t)
          const disk = new FaultDisk(where === 'in memory' ? new MemoryDisk() : nodeDisk)
          const settings = {
            ...settingsWith({ 'file.engine': engine, 'flush.disk.type': policy, 'flush.interval.ms': 1 }),
            'log.segment.bytes': 6000,
            'flush.batch.size': 2,
            'flush.commitlog.interval': 3,
          }
          const writers = new OpenWriters(limit)
          const tables = { ...sharedTables({ disk, clock: systemClock, settings }), writers }
          const open = (index: number, clean: boolean, recoveryPoint = 0) =>
            SegmentLog.open({
              topic: 'orders',
              partition: index,
              directory: join(path, `orders-${index}`),
              disk,
              tables,
              clock: systemClock,
              logger: silentLogger,
              settings,
              clean,
              recoveryPoint,
              logStartOffset: 0,
            })
          const directories = Array.from({ length: logsCount }, (_, i) => join(path, `orders-${i}`))
          for (const directory of directories) await disk.makeDirectory(directory)
          let logs = await Promise.all(directories.map((_, i) => open(i, true)))
          whenEnded(t, () => Promise.allSettled(logs.map((log) => log.close())))
          const sent = new Map<SegmentLog, RecordBatch[]>(logs.map((log) => [log, []]))
          for (let round = 0; round < 9; round++) {
            await Promise.all(
              logs.map(async (log, i) => {
                if ((i + round) % 3 === 0) return
                const batch = sizedBatch(700, `${i} ${round}`)
                sent.get(log)?.push(batch)
                await log.append(batch).acknowledged
              }),
            )
          }
          for (const log of logs) {
            await log.flush()
            assert.equal(log.durableOffset, log.logEndOffset)
          }
          // Nothing is dirty or busy any more: one use of any brings the number down to the limit.
          await logs[0].append(sizedBatch(700, 'last')).acknowledged
          await logs[0].flush()
          const all = logs.map((log) => sent.get(log) as RecordBatch[])
          const extra = (await readAll(logs[0])).at(-1)
          for (const [i, log] of logs.entries()) {
            const found = await readAll(log)
            const expected = i === 0 && extra !== undefined ? [...bytesOf(all[i]), extra] : bytesOf(all[i])
            assert.deepEqual(found, expected)
            assert.equal(log.failure, undefined)
          }
          for (const log of logs) assert.equal(await log.close(), true)
          tables.maps.dropAll()
          await tables.openFiles.dropAll()
          assert.deepEqual([disk.openFiles, writers.isCrowded], [0, false])
          logs = await Promise.all(directories.map((_, i) => open(i, true)))
          assert.deepEqual(
            logs.map((log) => log.logEndOffset),
            all.map((batches, i) => batches.length + (i === 0 ? 1 : 0)),
          )
          await Promise.all(logs.map((log) => log.close()))
          tables.maps.dropAll()
          await tables.openFiles.dropAll()
          assert.equal(disk.openFiles, 0)
        })
      }
    }
  }
})
