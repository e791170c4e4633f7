/** Every flush policy on either engine, on a disk that fails, fills up or hangs: what a sender is told, and what is found. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FaultDisk, type Verdict } from '../../sim/fault-disk.js'
import { ManualClock, settled } from '../../sim/manual-clock.js'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { SeededRandomness } from '../../sim/seeded-randomness.js'
import type { Settings } from '../../src/core/settings.js'
import type { Disk } from '../../src/files/disk.js'
import { MessageStore } from '../../src/storage/message-store.js'
import type { PartitionLog } from '../../src/storage/partition-log.js'
import { batchOf, bytesOf, gate, readAll, settingsWith, sizedBatch, turns, until } from '../storage/support.js'

interface World {
  readonly flush: 'SYNC_FLUSH' | 'BATCH_FLUSH' | 'ASYNC_FLUSH'
  readonly engine: 'disk' | 'mmap'
  readonly supportsDsync: boolean
}

const worlds = (['SYNC_FLUSH', 'BATCH_FLUSH', 'ASYNC_FLUSH'] as const).flatMap((flush) =>
  (['disk', 'mmap'] as const).flatMap((engine) =>
    [true, false].map((supportsDsync): World => ({ flush, engine, supportsDsync })),
  ),
)
const named = ({ flush, engine, supportsDsync }: World) =>
  `${flush}, ${engine}${supportsDsync ? '' : ', a disk without dsync'}`

const timeoutMs = 5000
const intervalMs = 1000
const mark = '/data/log/.kafka_cleanshutdown'

async function world({ flush, engine, supportsDsync }: World, given: Partial<Settings> = {}) {
  const memory = new MemoryDisk({ supportsDsync })
  const disk = new FaultDisk(memory)
  const clock = new ManualClock()
  const settings: Settings = {
    ...settingsWith({
      'flush.disk.type': flush,
      'file.engine': engine,
      'flush.batch.size': 3,
      'flush.interval.ms': intervalMs,
      'flush.commitlog.timeout': timeoutMs,
    }),
    'log.segment.bytes': 4000,
    ...given,
  }
  const openOn = async (on: Disk, at = new ManualClock()) => {
    const store = await MessageStore.open('/data', { disk: on, clock: at, settings })
    if (store.topic('orders') === undefined) await store.createTopic({ name: 'orders', partitions: 1 })
    return { store, log: store.log('orders', 0) as PartitionLog }
  }
  const { store, log } = await openOn(disk, clock)
  /** Three batches, which close a round of BATCH_FLUSH. */
  const send = async (label: string) => {
    const batches = [0, 1, 2].map((i) => sizedBatch(400, `${label} ${i}`))
    const outcomes = await Promise.allSettled(batches.map((batch) => log.append(batch).acknowledged))
    return { batches, codes: outcomes.map((one) => (one.status === 'fulfilled' ? 'ok' : one.reason.code)) }
  }
  return { memory, disk, clock, store, log, send, openOn }
}

const isLog = (path: string) => path.endsWith('.log')
const syncsApart = ({ flush, supportsDsync }: World) => flush === 'ASYNC_FLUSH' || !supportsDsync

describe('a disk that refuses a write', () => {
  for (const where of worlds) {
    for (const errno of ['EIO', 'ENOSPC'] as const) {
      test(`of which a part was written: ${errno}, ${named(where)}`, async () => {
        const { memory, disk, store, log, send, openOn } = await world(where)
        const kept = (await send('kept')).batches
        disk.judge = ({ operation, path }): Verdict => (operation === 'write' && isLog(path) ? errno : undefined)
        const code = errno === 'ENOSPC' ? 'DISK_FULL' : 'LOG_FAILED'
        assert.deepEqual((await send('refused')).codes, [code, code, code])
        assert.equal(log.failure?.code, code)
        assert.throws(() => log.append(batchOf(['later'])), { code })
        assert.deepEqual(await readAll(log), bytesOf(kept))
        disk.judge = () => undefined
        const found = await openOn(memory.afterKill())
        assert.deepEqual(await readAll(found.log), bytesOf(kept))
        if (where.flush !== 'ASYNC_FLUSH') {
          const crashed = await openOn(memory.afterCrash(new SeededRandomness(1)))
          assert.deepEqual(await readAll(crashed.log), bytesOf(kept))
        }
        await store.close()
        assert.equal(await memory.readFile(mark), undefined, 'a log that failed was not closed in order')
        assert.deepEqual([disk.openFiles, disk.mappings], [0, 0])
      })
    }
  }
})

describe('a disk that refuses a sync', () => {
  for (const where of worlds.filter(syncsApart)) {
    for (const errno of ['EIO', 'ENOSPC'] as const) {
      test(`is believed no more: ${errno}, ${named(where)}`, async () => {
        const { memory, disk, clock, store, log, send, openOn } = await world(where)
        const kept = (await send('kept')).batches
        await log.flush()
        let syncs = 0
        disk.judge = ({ operation, path }): Verdict =>
          operation === 'sync' && isLog(path) && ++syncs === 1 ? errno : undefined
        const code = errno === 'ENOSPC' ? 'DISK_FULL' : 'LOG_FAILED'
        const { codes, batches } = await send('unsure')
        if (where.flush === 'ASYNC_FLUSH') {
          assert.deepEqual(codes, ['ok', 'ok', 'ok'])
          await assert.rejects(log.flush(), { code })
          kept.push(...batches)
        } else assert.deepEqual(codes, [code, code, code])
        assert.equal(syncs, 1, 'it is not tried again')
        assert.throws(() => log.append(batchOf(['later'])), { code })
        // Nothing heals it: only a new start reads the disk afresh.
        await clock.run(60_000)
        await turns()
        assert.equal(log.failure?.code, code)
        assert.deepEqual(await readAll(log), bytesOf(kept))
        await store.close()
        assert.equal(await memory.readFile(mark), undefined)
        assert.equal(disk.openFiles, 0)
        const again = await openOn(memory)
        assert.deepEqual(await readAll(again.log), bytesOf(kept))
      })
    }
  }
})

describe('a disk that hangs', () => {
  for (const where of worlds) {
    const waitsFor = where.flush !== 'ASYNC_FLUSH' && !where.supportsDsync ? 'sync' : 'write'
    test(`senders are told that the outcome is unknown, and the log goes on when it does: ${named(where)}`, async () => {
      const { disk, clock, store, log, send } = await world(where)
      const kept = (await send('kept')).batches
      const held = gate()
      disk.judge = ({ operation, path }) => (operation === waitsFor && isLog(path) ? held.passed : undefined)
      const calls = disk.count(waitsFor, '.log')
      const sending = send('hangs')
      await until(() => disk.count(waitsFor, '.log') > calls)
      // The wall clock has no say in it.
      clock.stepWallClock(-3_600_000)
      await clock.run(timeoutMs - 1)
      clock.stepWallClock(7_200_000)
      let isAnswered = false
      void sending.then(() => {
        isAnswered = true
      })
      await turns()
      assert.equal(isAnswered, false)
      await clock.run(1)
      const { codes, batches } = await sending
      assert.deepEqual(codes, Array(3).fill('FLUSH_DISK_TIMEOUT'))
      assert.deepEqual([log.failure, log.highWatermark], [undefined, 3])
      assert.deepEqual(await readAll(log), bytesOf(kept))
      // Those who come meanwhile wait behind it, each for as long.
      const behind = send('behind')
      await clock.run(timeoutMs)
      assert.deepEqual((await behind).codes, Array(3).fill('FLUSH_DISK_TIMEOUT'))
      disk.judge = () => undefined
      held.open()
      await until(() => log.highWatermark === 9)
      const after = await send('after')
      assert.deepEqual(after.codes, ['ok', 'ok', 'ok'])
      assert.deepEqual(await readAll(log), bytesOf([...kept, ...batches, ...(await behind).batches, ...after.batches]))
      await store.close()
      assert.equal(disk.openFiles, 0)
      assert.equal(clock.scheduled, 0)
    })

    test(`a close that waits for it says nothing before the disk does: ${named(where)}`, async () => {
      for (const ending of ['goes on', 'fails'] as const) {
        const { memory, disk, clock, store, log, send, openOn } = await world(where)
        const kept = (await send('kept')).batches
        const held = gate()
        disk.judge = ({ operation, path }) =>
          operation === waitsFor && isLog(path)
            ? held.passed.then(() => (ending === 'fails' ? 'EIO' : undefined))
            : undefined
        const calls = disk.count(waitsFor, '.log')
        const sending = send('hangs')
        await until(() => disk.count(waitsFor, '.log') > calls)
        let isClosed = false
        const closing = store.close().finally(() => {
          isClosed = true
        })
        closing.catch(() => {})
        await clock.run(10 * timeoutMs)
        await turns(50)
        assert.deepEqual([isClosed, await memory.readFile(mark)], [false, undefined])
        const { codes, batches } = await sending
        assert.deepEqual(codes, Array(3).fill('FLUSH_DISK_TIMEOUT'))
        held.open()
        if (ending === 'goes on') await closing
        else await assert.rejects(closing, { code: 'LOG_FAILED' })
        assert.equal((await memory.readFile(mark)) !== undefined, ending === 'goes on')
        assert.ok(log.isClosed)
        assert.equal(disk.openFiles, 0)
        const again = await openOn(memory)
        assert.deepEqual(await readAll(again.log), bytesOf(ending === 'goes on' ? [...kept, ...batches] : kept))
      }
    })
  }

  test('a sync behind the writer delays nobody under ASYNC_FLUSH, but a flush', async () => {
    for (const engine of ['disk', 'mmap'] as const) {
      const where: World = { flush: 'ASYNC_FLUSH', engine, supportsDsync: true }
      const { disk, clock, store, log, send } = await world(where)
      const held = gate()
      disk.judge = ({ operation, path }) => (operation === 'sync' && isLog(path) ? held.passed : undefined)
      assert.deepEqual((await send('first')).codes, ['ok', 'ok', 'ok'])
      await clock.run(intervalMs)
      await until(() => disk.count('sync', '.log') === 1)
      assert.deepEqual((await send('second')).codes, ['ok', 'ok', 'ok'])
      assert.deepEqual([log.highWatermark, log.durableOffset], [6, 0])
      let isFlushed = false
      const flushing = log.flush().then(() => {
        isFlushed = true
      })
      await clock.run(10 * timeoutMs)
      assert.equal(isFlushed, false)
      held.open()
      await flushing
      assert.equal(log.durableOffset, 6)
      await store.close()
    }
  })
})

describe('a wall clock that jumps', () => {
  for (const engine of ['disk', 'mmap'] as const) {
    test(`neither closes a round of BATCH_FLUSH early nor keeps it open: ${engine}`, async () => {
      for (const jumpMs of [-86_400_000, 86_400_000]) {
        const { clock, log, store } = await world({ flush: 'BATCH_FLUSH', engine, supportsDsync: true })
        const lone = log.append(batchOf(['lone']))
        await settled()
        clock.stepWallClock(jumpMs)
        await clock.run(intervalMs - 1)
        await turns(30)
        assert.equal(log.highWatermark, 0, `${jumpMs}`)
        clock.stepWallClock(-jumpMs)
        await clock.run(1)
        await lone.acknowledged
        assert.equal(log.highWatermark, 1)
        await store.close()
      }
    })

    test(`neither hastens nor delays a flush of ASYNC_FLUSH: ${engine}`, async () => {
      const { clock, log, store, disk } = await world({ flush: 'ASYNC_FLUSH', engine, supportsDsync: true })
      await log.append(batchOf(['lone'])).acknowledged
      clock.stepWallClock(86_400_000)
      await clock.run(intervalMs - 1)
      await turns(30)
      assert.equal(disk.count('sync', '.log'), 0)
      clock.stepWallClock(-2 * 86_400_000)
      await clock.run(1)
      await until(() => log.durableOffset === 1)
      await store.close()
    })
  }
})

describe('a round of BATCH_FLUSH that is held open', () => {
  test('does not hold up the closing of a log in which a reader found damage', async () => {
    const where: World = { flush: 'BATCH_FLUSH', engine: 'disk', supportsDsync: true }
    const { memory, disk, clock, store, log, send } = await world(where)
    for (let i = 0; i < 5; i++) assert.deepEqual((await send(`${i}`)).codes, ['ok', 'ok', 'ok'])
    const open = log.append(batchOf(['open']))
    const file = await memory.open('/data/log/orders-0/00000000000000000000.log', { mode: 'write' })
    await file.write([Buffer.alloc(61)], 400)
    await assert.rejects(log.read(1, 100), { code: 'LOG_DAMAGED' })
    assert.equal(log.failure?.code, 'LOG_DAMAGED')
    let isClosed = false
    const closing = store.close().finally(() => {
      isClosed = true
    })
    await turns(100)
    assert.ok(isClosed, 'it waits for messages that cannot come')
    await closing
    await clock.run(intervalMs)
    await Promise.allSettled([open.acknowledged])
    assert.deepEqual([disk.openFiles, clock.scheduled], [0, 0])
  })
})

describe('a roll', () => {
  for (const where of worlds) {
    test(`while a flush is under way: ${named(where)}`, async () => {
      const { disk, log, store, memory, openOn } = await world(where, { 'flush.batch.size': 1 })
      const held = gate()
      const batches = Array.from({ length: 40 }, (_, i) => sizedBatch(400, `${i}`))
      const sent = batches.slice(0, 20).map((batch) => log.append(batch).acknowledged)
      disk.judge = ({ operation, path }) => (operation === 'sync' && isLog(path) ? held.passed : undefined)
      const flushing = log.flush()
      await turns(60)
      const more = batches.slice(20).map((batch) => log.append(batch).acknowledged)
      await turns(60)
      held.open()
      await Promise.all([...sent, ...more, flushing])
      await log.flush()
      assert.equal(log.durableOffset, 40)
      const crashed = await openOn(memory.afterCrash(new SeededRandomness(7)))
      assert.deepEqual(await readAll(crashed.log), bytesOf(batches))
      assert.deepEqual(await readAll(log), bytesOf(batches))
      await store.close()
      assert.equal(disk.openFiles, 0)
    })
  }
})

describe('a second opening of a directory with mapped files', () => {
  test('is refused, and harms nobody', async () => {
    const memory = new MemoryDisk()
    const settings = settingsWith({ 'file.engine': 'mmap' })
    const store = await MessageStore.open('/data', { disk: memory, settings })
    await store.createTopic({ name: 'orders', partitions: 1 })
    const log = store.log('orders', 0) as PartitionLog
    await log.append(batchOf(['one'])).acknowledged
    await assert.rejects(MessageStore.open('/data', { disk: memory, settings }), { code: 'DATA_DIR_LOCKED' })
    await log.append(batchOf(['two'])).acknowledged
    assert.equal((await readAll(log)).length, 2)
    await store.close()
    const again = await MessageStore.open('/data', { disk: memory, settings })
    assert.equal(again.log('orders', 0)?.highWatermark, 2)
    await again.close()
  })
})
