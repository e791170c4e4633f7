/** Deleting, recycling, rolling and sealing at the same time, each held back at the worst moment. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FaultDisk, type Verdict } from '../../../sim/fault-disk.js'
import { ManualClock } from '../../../sim/manual-clock.js'
import { MemoryDisk } from '../../../sim/memory-disk.js'
import type { Settings } from '../../../src/core/settings.js'
import type { RecordBatch } from '../../../src/records/batch.js'
import { MessageStore } from '../../../src/storage/message-store.js'
import type { PartitionLog } from '../../../src/storage/partition-log.js'
import { bytesOf, gate, readAll, recordingLogger, settingsWith, sizedBatch, turns, until } from '../support.js'

/** Not a multiple of a batch, so that zeros are left behind the last one. */
const segmentBytes = 3800
const batchBytes = 500

function smallSettings(given: Partial<Settings> = {}): Settings {
  return {
    ...settingsWith(),
    'log.segment.bytes': segmentBytes,
    'log.index.interval.bytes': 700,
    'file.preallocate': 'zero',
    ...given,
  }
}

async function world(given: Partial<Settings> = {}) {
  const memory = new MemoryDisk()
  const disk = new FaultDisk(memory)
  const clock = new ManualClock()
  const logger = recordingLogger()
  const settings = smallSettings(given)
  const open = async (on: MemoryDisk | FaultDisk = disk) => {
    const store = await MessageStore.open('/data', { disk: on, settings, clock, logger })
    if (store.topic('orders') === undefined) await store.createTopic({ name: 'orders', partitions: 1 })
    return { store, log: store.log('orders', 0) as PartitionLog }
  }
  const { store, log } = await open()
  let sent = 0
  /** So many batches of an eighth of a segment, one a round. */
  const send = async (count: number, to = log): Promise<RecordBatch[]> => {
    const batches = Array.from({ length: count }, () => sizedBatch(batchBytes, `${sent++}`))
    for (const batch of batches) await to.append(batch).acknowledged
    return batches
  }
  const names = async (on: MemoryDisk = memory) => {
    const found = (await on.list('/data/log/orders-0')) ?? []
    return found.map(({ name }) => name.replace(/^0{16}/, '')).sort()
  }
  return { memory, disk, clock, logger, settings, store, log, open, send, names }
}

const isLog = (path: string) => path.endsWith('.log')

describe('a segment that is removed while the log is written', () => {
  test('is removed also where another spare was begun meanwhile', async () => {
    const first = await world()
    const batches = await first.send(15)
    await first.store.close()
    const { disk, open, send, names } = first
    const { store, log } = await open()
    const held = gate()
    let renamed = false
    let isHeld = false
    disk.judge = ({ operation, path }): Promise<undefined> | undefined => {
      renamed ||= operation === 'rename' && path.endsWith('0000.log')
      if (operation !== 'syncDirectory' || !renamed || isHeld) return undefined
      // The segment has lost its name and is about to be recycled, since there is no spare yet.
      isHeld = true
      return held.passed
    }
    const deleting = log.deleteRecordsBefore(14)
    await until(() => isHeld)
    const spares = disk.count('open', '.deleted')
    while (disk.count('open', '.deleted') === spares) batches.push(...(await send(1, log)))
    held.open()
    await deleting
    assert.deepEqual(await readAll(log, 14), bytesOf(batches.slice(14)))
    await store.close()
    assert.deepEqual(
      (await names()).filter((name) => name.endsWith('.deleted') || /^000[07]/.test(name)),
      [],
    )
    assert.equal(disk.openFiles, 0)
  })

  test('keeps nothing open where it cannot be removed, nor do those behind it', async () => {
    const { disk, store, log, send } = await world({ 'flush.disk.type': 'ASYNC_FLUSH', 'file.preallocate': 'none' })
    // What cannot be sealed keeps the file that it was written through.
    disk.judge = ({ operation, path }) =>
      (operation === 'replaceFile' && path.endsWith('.index')) || (operation === 'rename' && path.endsWith('0000.log'))
        ? 'EIO'
        : undefined
    await send(20)
    await assert.rejects(log.deleteRecordsBefore(18))
    await store.close().catch(() => {})
    assert.equal(disk.openFiles, 0)
  })

  test('is not used again while its file has another name: a backup may hold it', async () => {
    const { memory, store, log, send } = await world()
    await send(15)
    const path = '/data/log/orders-0/00000000000000000000.log'
    const before = await memory.readFile(path)
    await memory.makeDirectory('/elsewhere')
    await memory.link(path, '/elsewhere/kept.log')
    await log.deleteRecordsBefore(14)
    await send(20)
    assert.deepEqual(await memory.readFile('/elsewhere/kept.log'), before)
    await store.close()
  })

  test('is not mistaken for the spare that was begun behind it, and outlived it', async () => {
    for (const isReady of [false, true]) {
      const { disk, log, send, store, open } = await world()
      const held = gate()
      disk.judge = ({ operation, path }) =>
        operation === 'prepare' && path.endsWith('.deleted') ? held.passed : undefined
      const batches = await send(2)
      await until(() => disk.count('prepare', '.deleted') === 1)
      // While the spare is still on its way, the log goes on without it, into a segment of its own.
      const sending = (async () => batches.push(...(await send(9))))()
      await turns(200)
      if (isReady) held.open()
      await until(() => !isReady || disk.count('close', '.deleted') === 1)
      const deleting = (async () => {
        await until(() => log.highWatermark >= 7 || !isReady)
        if (log.highWatermark >= 7) await log.deleteRecordsBefore(7)
      })()
      await turns(200)
      held.open()
      await Promise.all([sending, deleting])
      batches.push(...(await send(20)))
      assert.equal(log.failure, undefined)
      assert.deepEqual(await readAll(log), bytesOf(batches.slice(log.logStartOffset)))
      await store.close()
      const again = await open()
      assert.equal(again.log.failure, undefined)
      assert.deepEqual(await readAll(again.log), bytesOf(batches.slice(again.log.logStartOffset)))
      await again.store.close()
      assert.equal(disk.openFiles, 0)
    }
  })

  test('and whose indexes are still being written leaves none of them behind', async () => {
    const { disk, log, send, names, store, logger } = await world()
    const first = gate()
    const second = gate()
    const indexes = ({ operation, path }: { operation: string; path: string }) =>
      operation === 'replaceFile' && path.endsWith('.index')
    let held = 0
    disk.judge = (call): Verdict | Promise<Verdict> => (indexes(call) ? [first, second][held++]?.passed : undefined)
    // Two segments, full to the last.
    await send(14)
    await until(() => held === 1)
    const deleting = log.deleteRecordsBefore(14)
    await turns()
    // While it waits for the first one, the second segment is rolled.
    await send(1)
    await until(() => held === 2)
    first.open()
    await turns(50)
    second.open()
    await deleting
    await store.close()
    const left = await names()
    const bases = left.filter(isLog).map((name) => name.slice(0, 4))
    const strays = left.filter((name) => /index$/.test(name) && !bases.includes(name.slice(0, 4)))
    assert.deepEqual(strays, [])
    assert.deepEqual(
      logger.said.filter(({ level }) => level === 'error'),
      [],
    )
    assert.equal(disk.openFiles, 0)
  })

  test('cannot be searched any more: the search goes on behind it', async () => {
    for (const lookFor of ['a timestamp', 'the greatest timestamp'] as const) {
      const { disk, log, open, store } = await world()
      const batches = Array.from({ length: 30 }, (_, i) => sizedBatch(batchBytes, `${i}`, { timestamp: 1000 + i }))
      for (const batch of batches) await log.append(batch).acknowledged
      await store.close()
      const again = await open()
      const held = gate()
      let reading = false
      disk.judge = ({ operation, path }): Promise<undefined> | undefined => {
        if (!(operation === 'readFile' || operation === 'open') || !/0000\.(time)?index$|0000\.log$/.test(path)) {
          return undefined
        }
        reading = true
        return held.passed
      }
      const looking = lookFor === 'a timestamp' ? again.log.offsetForTimestamp(1003) : again.log.offsetOfMaxTimestamp()
      looking.catch(() => {})
      await until(() => reading)
      disk.judge = () => undefined
      await again.log.deleteRecordsBefore(20)
      held.open()
      const expected = lookFor === 'a timestamp' ? { offset: 20, timestamp: 1020 } : { offset: 29, timestamp: 1029 }
      assert.deepEqual(await looking, expected)
      await again.store.close()
    }
  })
})

describe('a roll whose segment cannot be sealed at first', () => {
  for (const operation of ['truncate', 'replaceFile'] as const) {
    test(`leaves no zeros behind it, whenever the log is closed: ${operation}`, async () => {
      const { memory, disk, send, store, open, names } = await world()
      await send(1)
      await until(() => disk.count('prepare') > 0)
      let failed = 0
      disk.judge = ({ operation: asked, path }): Verdict =>
        asked === operation && path.includes('orders-0') && failed++ === 0 ? 'EIO' : undefined
      await send(12)
      await until(() => failed > 0)
      await turns(30)
      await store.close()
      assert.equal(failed > 0, true)
      assert.equal((await memory.readFile('/data/log/orders-0/00000000000000000000.log'))?.length, 7 * batchBytes)
      assert.deepEqual(
        (await names()).filter((name) => /^000[07].*(?<!tmp)$/.test(name)),
        ['0000.index', '0000.log', '0000.timeindex', '0007.index', '0007.log', '0007.snapshot', '0007.timeindex'],
      )
      const again = await open()
      assert.equal((await readAll(again.log)).length, 13)
      assert.equal(again.log.failure, undefined)
      await again.store.close()
      assert.equal(disk.openFiles, 0)
    })

    test(`makes the next opening recover it where it still cannot be: ${operation}`, async () => {
      const { disk, send, store, open } = await world()
      await send(1)
      await until(() => disk.count('prepare') > 0)
      let isFailing = true
      disk.judge = ({ operation: asked, path }): Verdict =>
        isFailing && asked === operation && /0000\.(log|index)$/.test(path) ? 'EIO' : undefined
      await send(12)
      await turns(30)
      await assert.rejects(store.close())
      assert.equal(disk.openFiles, 0)
      isFailing = false
      const again = await open()
      assert.equal((await readAll(again.log)).length, 13)
      assert.equal(await again.log.offsetForTimestamp(Number.MAX_SAFE_INTEGER), undefined)
      assert.equal(again.log.failure, undefined)
      await again.store.close()
    })
  }
})

describe('a roll at the very offset of the recovery point', () => {
  test('is found with the segment before it unsealed, zeros and all, and sealed then', async () => {
    for (const engine of ['disk', 'mmap'] as const) {
      const { memory, disk, clock, log, store, open } = await world({ 'file.engine': engine })
      await log.append(sizedBatch(100)).acknowledged
      await until(() => disk.count('prepare') > 0)
      await log.append(sizedBatch(1700)).acknowledged
      // The recovery points are written down.
      await clock.run(60_000)
      await until(() => disk.count('replaceFile', 'recovery-point-offset-checkpoint') > 0)
      disk.judge = ({ operation }) => (operation === 'truncate' ? new Promise(() => {}) : undefined)
      await log.append(sizedBatch(2500)).acknowledged
      const killed = memory.afterKill()
      const again = await open(killed)
      assert.equal(again.log.failure, undefined)
      assert.equal((await readAll(again.log)).length, 3)
      assert.equal(await again.log.offsetForTimestamp(Number.MAX_SAFE_INTEGER), undefined)
      assert.equal(again.log.failure, undefined)
      const sealed = await killed.readFile('/data/log/orders-0/00000000000000000000.log')
      assert.equal(sealed?.length, 1800, engine)
      await again.store.close()
      void store
    }
  })
})

describe('zeros that are still on their way when a log failed', () => {
  test('never reach what it writes after its recovery', async () => {
    const { disk, clock, log, send, store } = await world({ 'log.segment.bytes': 4_000_000 })
    const held = gate()
    disk.judge = ({ operation }) => (operation === 'prepare' ? held.passed : undefined)
    const kept = await send(1)
    await until(() => disk.count('prepare') === 1)
    // The round fails, and what it left cannot be taken back at once.
    const due = new Set(['write', 'list'])
    disk.judge = ({ operation, path }): Verdict | Promise<Verdict> => {
      if (operation === 'prepare') return held.passed
      if (operation === 'write' && !isLog(path)) return undefined
      return due.delete(operation) ? (operation === 'write' ? 'ENOSPC' : 'EIO') : undefined
    }
    const refused = assert.rejects(log.append(sizedBatch(batchBytes, 'refused')).acknowledged, { code: 'DISK_FULL' })
    await turns(50)
    for (let i = 0; i < 5 && log.failure !== undefined; i++) {
      await clock.run(1000)
      await turns(30)
    }
    // Where it has recovered over the hands of its former self, this reaches the bytes that are still to be zeroed.
    const isOpen = log.failure === undefined && log.logEndOffset === 1
    const early = isOpen ? [sizedBatch(1_500_000, 'early')] : []
    for (const batch of early) await log.append(batch).acknowledged
    held.open()
    await refused
    await turns(50)
    for (let i = 0; i < 20 && log.failure !== undefined; i++) {
      await clock.run(1000)
      await turns(30)
    }
    assert.equal(log.failure, undefined)
    const late = sizedBatch(1_500_000, 'late')
    await log.append(late).acknowledged
    assert.deepEqual(await readAll(log), bytesOf([...kept, ...early, late]))
    await store.close()
    assert.equal(disk.openFiles, 0)
  })
})
