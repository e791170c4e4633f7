/** Backups of a store that goes on meanwhile: what they hold, what they share, and what is left of one that is not finished. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FaultDisk } from '../../../sim/fault-disk.js'
import { ManualClock } from '../../../sim/manual-clock.js'
import { MemoryDisk } from '../../../sim/memory-disk.js'
import { SeededRandomness } from '../../../sim/seeded-randomness.js'
import type { SettingsInput } from '../../../src/core/settings.js'
import type { Disk } from '../../../src/files/disk.js'
import { restore } from '../../../src/storage/backup/restore.js'
import type { BackupOptions } from '../../../src/storage/backup/store-backup.js'
import { MessageStore } from '../../../src/storage/message-store.js'
import { entriesOf, openOn, put, smallSegments } from '../compacting.js'
import { appendAll, bytesOf, gate, logOf, readAll, settingsWith, sizedBatch, until } from '../support.js'

const segmentBytes = 3800
const small = (given: SettingsInput = {}) => ({
  ...settingsWith(given),
  'log.segment.bytes': segmentBytes,
  'log.index.interval.bytes': 700,
})

async function world(disk: Disk = new MemoryDisk(), given: SettingsInput = {}) {
  const clock = new ManualClock()
  const settings = small(given)
  const open = (path = '/data', on: Disk = disk) => MessageStore.open(path, { disk: on, settings, clock })
  const store = await open()
  await store.createTopic({ name: 'orders', partitions: 2 })
  let sent = 0
  const send = async (count: number, partition = 0) => {
    const batches = Array.from({ length: count }, () => sizedBatch(500, `${sent++}`))
    await appendAll(logOf(store, 'orders', partition), batches)
    return batches
  }
  const backUp = (options: BackupOptions = {}) => store.backup('/backups', options)
  /** What a store holds that is made of the newest generation. */
  const restored = async (from = '/backups', path = '/restored') => {
    await restore(disk, from, path)
    const again = await open(path)
    const found = await Promise.all([0, 1].map((partition) => readAll(logOf(again, 'orders', partition))))
    const starts = [0, 1].map((partition) => logOf(again, 'orders', partition).logStartOffset)
    const failures = [0, 1].map((partition) => logOf(again, 'orders', partition).failure)
    await again.close()
    assert.deepEqual(failures, [undefined, undefined])
    return { found, starts }
  }
  return { disk, clock, open, store, send, backUp, restored }
}

const generations = async (disk: Disk) =>
  ((await disk.list('/backups')) ?? []).flatMap(({ name, isDirectory }) => (isDirectory ? [name] : [])).sort()

describe('a backup', () => {
  test('holds every log, sealed segments and the active one, and a store is made of it', async () => {
    const { store, send, backUp, restored } = await world()
    const [first, second] = [await send(20), await send(3, 1)]
    const report = await backUp()
    assert.equal(report.logs, 2)
    await send(5)
    const { found } = await restored()
    assert.deepEqual(found, [bytesOf(first), bytesOf(second)])
    await store.close()
  })

  test('of an empty log, and of one whose beginning was deleted', async () => {
    const { store, send, backUp, restored } = await world()
    const sent = await send(20)
    await logOf(store).deleteRecordsBefore(16)
    await backUp()
    const { found, starts } = await restored()
    assert.deepEqual(found, [bytesOf(sent.slice(16)), []])
    assert.deepEqual(starts, [16, 0])
    await store.close()
  })

  test('takes the next time only what is new, and stands by itself when the one before is removed', async () => {
    const { disk, clock, store, send, backUp, restored } = await world()
    const sent = await send(40)
    const first = await backUp()
    await clock.advance(60_000)
    sent.push(...(await send(4)))
    const second = await backUp({ keep: 1 })
    assert.ok(first.copiedBytes > 18_000)
    assert.ok(second.copiedBytes < 2 * segmentBytes, `copied ${second.copiedBytes}`)
    assert.ok(second.sizeInBytes > first.sizeInBytes)
    assert.deepEqual(await generations(disk), [second.path.slice('/backups/'.length)])
    assert.equal(second.removed.length, 1)
    const { found } = await restored()
    assert.deepEqual(found[0], bytesOf(sent))
    await store.close()
  })

  test('has a name behind the one before also where the clock goes back or stands still', async () => {
    const { disk, clock, store, backUp } = await world()
    const paths = [(await backUp()).path, (await backUp()).path]
    clock.stepWallClock(-3_600_000)
    paths.push((await backUp()).path)
    assert.deepEqual([...paths].sort(), paths)
    assert.equal(new Set(paths).size, 3)
    assert.equal((await generations(disk)).length, 3)
    await store.close()
  })

  test('with second names is not touched by what the store does to its segments', async () => {
    const { store, send, backUp, restored } = await world(new MemoryDisk(), { 'file.preallocate': 'zero' })
    const sent = await send(40)
    const { copiedBytes, sizeInBytes } = await backUp({ link: true })
    assert.ok(copiedBytes < sizeInBytes / 2, `${copiedBytes} of ${sizeInBytes}`)
    await logOf(store).deleteRecordsBefore(35)
    await send(40)
    const { found } = await restored()
    assert.deepEqual(found[0], bytesOf(sent))
    await store.close()
  })

  test('is of one moment: what follows from something is not in it without that', async () => {
    const { store, send, backUp, restored } = await world()
    let writing = true
    const writer = (async () => {
      while (writing) {
        await send(1, 0)
        await send(1, 1)
      }
    })()
    await until(() => logOf(store).highWatermark > 20)
    await backUp()
    writing = false
    await writer
    const { found } = await restored()
    assert.ok(found[0].length > 20)
    assert.ok(found[0].length - found[1].length >= 0 && found[0].length - found[1].length <= 1)
    await store.close()
  })

  test('goes on while segments are rolled and removed under it', async () => {
    const disk = new FaultDisk(new MemoryDisk())
    const { store, send, backUp, restored } = await world(disk)
    const sent = await send(30)
    const held = gate()
    let copying = false
    disk.judge = ({ operation }) => {
      if (operation !== 'copyRange') return undefined
      copying = true
      return held.passed
    }
    const taken = backUp()
    await until(() => copying)
    await logOf(store).deleteRecordsBefore(28)
    await send(30)
    held.open()
    await taken
    const { found } = await restored()
    assert.deepEqual(found[0], bytesOf(sent))
    await store.close()
  })

  test('of a log whose first compaction comes between the moment and the taking may have holes, and opens', async () => {
    const disk = new FaultDisk(new MemoryDisk())
    const store = await openOn(disk, smallSegments())
    await store.createTopic({ name: 'orders', partitions: 1 })
    const log = logOf(store)
    for (let i = 0; i < 40; i++) await put(log, [[`k${i % 3}`, `v${i}`]])
    const held = gate()
    let arrived = false
    disk.judge = ({ operation, path }) => {
      // The moment has been noted, and nothing of the logs is taken yet.
      if (operation !== 'makeDirectory' || !path.endsWith('.partial/config')) return undefined
      arrived = true
      return held.passed
    }
    const taken = store.backup('/backups')
    await until(() => arrived)
    await store.runChore('compaction')
    const compacted = await entriesOf(log)
    assert.ok(compacted.length < 40)
    held.open()
    await taken
    await restore(disk, '/backups', '/restored')
    const again = await MessageStore.open('/restored', { disk, settings: smallSegments(), clock: new ManualClock() })
    assert.equal(logOf(again).failure, undefined)
    assert.deepEqual(await entriesOf(logOf(again)), compacted)
    await again.close()
    await store.close()
  })

  for (const at of [0, 1]) {
    test(`leaves out a topic that is deleted before partition ${at} of it was taken`, async () => {
      const disk = new FaultDisk(new MemoryDisk())
      const { store, send, backUp, restored, open } = await world(disk)
      const sent = [await send(20), await send(3, 1)]
      await store.createTopic({ name: 'passing', partitions: 2 })
      await appendAll(logOf(store, 'passing', 0), [sizedBatch(500, 'it goes')])
      const held = gate()
      let arrived = false
      disk.judge = ({ operation, path }) => {
        if (operation !== 'makeDirectory' || !path.endsWith(`.partial/log/passing-${at}`)) return undefined
        arrived = true
        return held.passed
      }
      const taken = backUp()
      await until(() => arrived)
      await store.deleteTopic('passing')
      held.open()
      assert.equal((await taken).logs, 2)
      const { found } = await restored()
      assert.deepEqual(found, sent.map(bytesOf))
      const again = await open('/restored')
      assert.deepEqual(
        again.topics().map(({ name }) => name),
        ['orders'],
      )
      await again.close()
      await store.close()
    })
  }

  test('leaves nothing behind in the store, and an unfinished one is cleared away by the next', async () => {
    const disk = new FaultDisk(new MemoryDisk())
    const { store, send, backUp, restored } = await world(disk)
    const sent = await send(30)
    const before = (await disk.list('/data/log'))?.map(({ name }) => name).sort()
    await backUp()
    disk.judge = ({ operation }) => (operation === 'copyRange' ? 'ENOSPC' : undefined)
    sent.push(...(await send(10)))
    await assert.rejects(backUp(), { code: 'DISK_FULL' })
    disk.judge = () => undefined
    assert.deepEqual((await disk.list('/data/log'))?.map(({ name }) => name).sort(), before)
    assert.equal((await generations(disk)).filter((name) => name.endsWith('.partial')).length, 1)
    await backUp()
    assert.equal((await generations(disk)).filter((name) => name.endsWith('.partial')).length, 0)
    assert.deepEqual((await restored()).found[0], bytesOf(sent))
    await store.close()
  })

  test('is given up when the store closes, or when its caller does', async () => {
    const disk = new FaultDisk(new MemoryDisk())
    const { store, send, backUp } = await world(disk)
    await send(30)
    const caller = new AbortController()
    disk.judge = ({ operation }) => {
      if (operation === 'copyRange') caller.abort(new Error('enough'))
      return undefined
    }
    await assert.rejects(backUp({ signal: caller.signal }), /enough/)
    let closed: Promise<void> | undefined
    disk.judge = ({ operation }) => {
      if (operation === 'copyRange') closed ??= store.close()
      return undefined
    }
    await assert.rejects(backUp(), { code: 'CLOSED' })
    await closed
    assert.deepEqual(
      (await generations(disk)).filter((name) => !name.endsWith('.partial')),
      [],
    )
  })

  test('refuses to lie in what it backs up, and beside the backups of another cluster', async () => {
    const { disk, store, send } = await world()
    await send(1)
    for (const inside of ['/data', '/data/backups', '/data/log/backups'])
      await assert.rejects(store.backup(inside), { code: 'INVALID_ARGUMENT' })
    await assert.rejects(store.backup('/backups', { keep: 0 }), { code: 'INVALID_ARGUMENT' })
    await store.backup('/backups')
    const other = await MessageStore.open('/other', { disk, settings: small(), clock: new ManualClock() })
    await assert.rejects(other.backup('/backups'), { code: 'INVALID_ARGUMENT' })
    await other.close()
    await store.close()
  })

  test('of a log that is damaged holds its sound part, and says so', async () => {
    const { disk, open, store, send, restored } = await world()
    const sent = await send(20)
    await store.close()
    const path = '/data/log/orders-0/00000000000000000007.log'
    const file = await disk.open(path, { mode: 'write' })
    await file.write([Buffer.from([0xff])], 600)
    await file.sync()
    // Not closed in order, and nobody knows how far it was sound: the next start reads it all.
    await disk.remove('/data/log/.kafka_cleanshutdown')
    await disk.remove('/data/log/recovery-point-offset-checkpoint')
    const damaged = await open()
    const end = logOf(damaged).highWatermark
    assert.equal(logOf(damaged).failure?.code, 'LOG_DAMAGED')
    assert.ok(end > 7 && end < 20)
    const report = await damaged.backup('/backups')
    assert.equal(report.damaged.length, 1)
    assert.deepEqual((await restored()).found[0], bytesOf(sent.slice(0, end)))
    await damaged.close()
  })
})

describe('restoring', () => {
  test('refuses what is no backup, and a path that is taken', async () => {
    const { disk, store, backUp } = await world()
    await backUp()
    await assert.rejects(restore(disk, '/data', '/new'), { code: 'INVALID_ARGUMENT' })
    await assert.rejects(restore(disk, '/nowhere', '/new'), { code: 'INVALID_ARGUMENT' })
    await assert.rejects(restore(disk, '/backups', '/data'), { code: 'INVALID_ARGUMENT' })
    await store.close()
  })

  test('refuses a backup in which a bit has turned, a file is short or missing, and leaves nothing under the name', async () => {
    const { disk, store, send, backUp } = await world()
    await send(20)
    const { path } = await backUp()
    const segment = `${path}/log/orders-0/00000000000000000000.log`
    const bytes = (await disk.readFile(segment)) as Buffer
    const flipped = Buffer.from(bytes)
    flipped[700] ^= 4
    for (const wrong of [flipped, bytes.subarray(0, -1), undefined]) {
      if (wrong === undefined) await disk.remove(segment)
      else await disk.replaceFile(segment, wrong)
      await assert.rejects(restore(disk, '/backups', '/new'), { code: /BACKUP_DAMAGED|DISK_FAILED/ })
      assert.equal(await disk.list('/new'), undefined)
    }
    await disk.replaceFile(segment, bytes)
    await restore(disk, '/backups', '/new')
    await store.close()
  })

  test('refuses a manifest whose paths lead out of the backup', async () => {
    const { disk, store, backUp } = await world()
    const { path } = await backUp()
    const file = `${path}/backup.json`
    const manifest = JSON.parse(((await disk.readFile(file)) as Buffer).toString())
    manifest.files[0].path = '../../data/holdfast.json'
    await disk.replaceFile(file, Buffer.from(JSON.stringify(manifest)))
    await assert.rejects(restore(disk, '/backups', '/new'), { code: 'DATA_DIR_DAMAGED' })
    await store.close()
  })
})

describe('power that fails', () => {
  test('in the middle of a second backup leaves the first whole, the second whole or none, and the store as it was', async () => {
    const lives = 40
    let finished = 0
    for (let life = 0; life < lives; life++) {
      const random = new SeededRandomness(life)
      const memory = new MemoryDisk()
      const { clock, send, backUp } = await world(memory)
      const sent = await send(25)
      await backUp()
      await clock.advance(60_000)
      sent.push(...(await send(10)))
      const crashed = memory.crashAfter(1 + Math.floor((life * 125) / lives))
      const second = backUp({ link: life % 2 === 0 }).then(() => 'done' as const)
      const outcome = await Promise.race([second, crashed.then(() => 'crashed' as const)])
      const found = memory.afterCrash(random)
      const names = (await generations(found)).filter((name) => !name.endsWith('.partial'))
      assert.ok(names.length >= 1, `life ${life}: the first generation is gone`)
      if (outcome === 'done') {
        finished++
        assert.equal(names.length, 2, `life ${life}: a generation that was told of is gone`)
      }
      for (const [at, name] of names.entries()) {
        await restore(found, `/backups/${name}`, `/restored-${at}`)
        const again = await MessageStore.open(`/restored-${at}`, { disk: found, settings: small(), clock })
        assert.deepEqual(await readAll(logOf(again)), bytesOf(at === 0 ? sent.slice(0, 25) : sent), `life ${life}`)
        await again.close()
      }
      const next = await MessageStore.open('/data', { disk: found, settings: small(), clock })
      assert.deepEqual(await readAll(logOf(next)), bytesOf(sent), `life ${life}`)
      assert.ok(!(await found.list('/data/log'))?.some(({ name }) => name.endsWith('-delete')), `life ${life}`)
      await next.close()
    }
    assert.ok(finished < lives, 'power must fail in some lives')
  })
})
