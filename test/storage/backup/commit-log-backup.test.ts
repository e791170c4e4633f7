/** Backups of a store with a commit log: of one moment with the other logs, sharing what does not change, restored whole. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FaultDisk } from '../../../sim/fault-disk.js'
import { ManualClock } from '../../../sim/manual-clock.js'
import { MemoryDisk } from '../../../sim/memory-disk.js'
import { SeededRandomness } from '../../../sim/seeded-randomness.js'
import type { Disk } from '../../../src/files/disk.js'
import type { RecordBatch } from '../../../src/records/batch.js'
import { restore } from '../../../src/storage/backup/restore.js'
import type { BackupOptions } from '../../../src/storage/backup/store-backup.js'
import { commitLogRetentionChore } from '../../../src/storage/commit-log-retention.js'
import { verify } from '../../../src/storage/inspect/verify.js'
import { MessageStore } from '../../../src/storage/message-store.js'
import { fileBytes, keyed, smallStore } from '../inspect/commitlog/world.js'
import { appendAll, bytesOf, gate, logOf, readAll, sizedBatch, until } from '../support.js'

const commitlog = { 'storage.layout': 'commitlog' }

async function world(disk: Disk = new MemoryDisk()) {
  const clock = new ManualClock()
  const open = (path = '/data', on = disk) => MessageStore.open(path, { disk: on, settings: smallStore, clock })
  const store = await open()
  await store.createTopic({ name: 'orders', partitions: 2, config: commitlog })
  await store.createTopic({ name: 'own', partitions: 1 })
  let sent = 0
  const send = async (count: number, partition = 0): Promise<RecordBatch[]> => {
    const batches = Array.from({ length: count }, () => keyed(sent++))
    await appendAll(logOf(store, 'orders', partition), batches)
    return batches
  }
  const backUp = (options: BackupOptions = {}) => store.backup('/backups', options)
  const restored = async (path = '/restored', from = '/backups'): Promise<MessageStore> => {
    await restore(disk, from, path)
    const report = await verify(path, { disk, clock, settings: smallStore })
    assert.deepEqual(
      report.findings.filter(({ severity }) => severity === 'error'),
      [],
    )
    return open(path)
  }
  return { disk, clock, open, store, send, backUp, restored }
}

const contentOf = (store: MessageStore, partition = 0, topic = 'orders') => readAll(logOf(store, topic, partition))

describe('a backup of a store with a commit log', () => {
  test('holds every message of both layouts, and the store that is made of it goes on', async () => {
    const { store, send, backUp, restored } = await world()
    const sent = [await send(200), await send(30, 1)]
    const own = [sizedBatch(500, 'own')]
    await appendAll(logOf(store, 'own'), own)
    const report = await backUp()
    assert.deepEqual([report.logs, report.damaged], [3, []])
    assert.ok(report.sizeInBytes < 230 * 1000 + fileBytes / 2, `${report.sizeInBytes}`)
    await send(50)
    const again = await restored()
    assert.deepEqual(await contentOf(again), bytesOf(sent[0]))
    assert.deepEqual(await contentOf(again, 1), bytesOf(sent[1]))
    assert.deepEqual(await contentOf(again, 0, 'own'), bytesOf(own))
    assert.equal(again.recovery.commitLog?.clean, false)
    await appendAll(logOf(again, 'orders'), [keyed(1000)])
    assert.equal(logOf(again, 'orders').highWatermark, 201)
    await again.close()
    await store.close()
  })

  test('takes the next time only what is new, shares full files, and stands by itself when the one before is removed', async () => {
    const { disk, clock, store, send, backUp, restored } = await world()
    const sent = await send(300)
    const first = await backUp()
    await clock.advance(60_000)
    sent.push(...(await send(10)))
    const second = await backUp({ keep: 1 })
    assert.ok(first.copiedBytes > 3 * fileBytes)
    assert.ok(second.copiedBytes < 2 * fileBytes, `${second.copiedBytes}`)
    assert.deepEqual([second.removed.length, await disk.list(first.path)], [1, undefined])
    const again = await restored()
    assert.deepEqual(await contentOf(again), bytesOf(sent))
    await again.close()
    await store.close()
  })

  test('with second names is not touched by what the store does afterwards', async () => {
    const { store, send, backUp, restored } = await world()
    const sent = await send(200)
    const { copiedBytes, sizeInBytes } = await backUp({ link: true })
    assert.ok(copiedBytes < sizeInBytes / 2, `${copiedBytes} of ${sizeInBytes}`)
    await send(200)
    const again = await restored()
    assert.deepEqual(await contentOf(again), bytesOf(sent))
    await again.close()
    await store.close()
  })

  test('is of one moment: what follows from something is not in it without that, across both layouts', async () => {
    const { store, send, backUp, restored } = await world()
    let writing = true
    const writer = (async () => {
      while (writing) {
        await send(1, 0)
        await appendAll(logOf(store, 'own'), [sizedBatch(300)])
        await send(1, 1)
      }
    })()
    await until(() => logOf(store, 'orders').highWatermark > 20)
    await backUp().finally(() => {
      writing = false
    })
    await writer
    const again = await restored()
    const [first, own, second] = [logOf(again, 'orders'), logOf(again, 'own'), logOf(again, 'orders', 1)].map(
      ({ highWatermark }) => highWatermark,
    )
    assert.ok(first > 20 && first - own >= 0 && own - second >= 0 && first - second <= 1, `${first} ${own} ${second}`)
    await again.close()
    await store.close()
  })

  test('goes on while files are begun and removed under it, and takes those that were there', async () => {
    const disk = new FaultDisk(new MemoryDisk())
    const { store, send, backUp, restored } = await world(disk)
    const sent = await send(200)
    const held = gate()
    let copying = false
    disk.judge = ({ operation }) => {
      if (operation !== 'copyRange') return undefined
      copying = true
      return held.passed
    }
    const taken = backUp()
    await until(() => copying)
    await send(200)
    const files = (await disk.list('/data/store/commitlog'))?.map(({ name }) => name).sort() ?? []
    await disk.remove(`/data/store/commitlog/${files[0]}`)
    held.open()
    await taken
    const again = await restored()
    assert.deepEqual(await contentOf(again), bytesOf(sent))
    await again.close()
    await store.close()
  })

  test('keeps the offsets of a queue of which no message is left, of a topic that was made anew, and where a log begins', async () => {
    const disk = new MemoryDisk()
    const { store, send, backUp, restored } = await world(disk)
    await send(7, 1)
    await store.createTopic({ name: 'again', partitions: 1, config: commitlog })
    await appendAll(logOf(store, 'again'), [keyed(1), keyed(2)])
    await store.deleteTopic('again')
    await store.createTopic({ name: 'again', partitions: 1, config: commitlog })
    const sent = await send(200)
    const third = keyed(3)
    await appendAll(logOf(store, 'again'), [third])
    await logOf(store, 'orders').deleteRecordsBefore(190)
    disk.capacityBytes = 1000
    await store.runChore(commitLogRetentionChore)
    disk.capacityBytes = undefined
    const log = logOf(store, 'orders', 1)
    assert.deepEqual([log.logStartOffset, log.highWatermark], [7, 7])
    await backUp()
    const again = await restored()
    assert.equal(logOf(again, 'orders').logStartOffset, 190)
    assert.deepEqual(await contentOf(again), bytesOf(sent.slice(190)))
    assert.equal(logOf(again, 'orders', 1).highWatermark, 7)
    assert.deepEqual(await contentOf(again, 0, 'again'), bytesOf([third]))
    await again.close()
    await store.close()
  })

  test('of a commit log without a message, and of one that ends at the end of a file', async () => {
    const { store, backUp, restored, send } = await world()
    await backUp()
    const empty = await restored('/empty')
    assert.equal(logOf(empty, 'orders').highWatermark, 0)
    await appendAll(logOf(empty, 'orders'), [keyed(1)])
    await empty.close()
    let sent: RecordBatch[] = []
    for (let i = 0; i < 70; i++) {
      sent = [...sent, ...(await send(1))]
      await backUp({ keep: 1 })
    }
    const again = await restored()
    assert.deepEqual(await contentOf(again), bytesOf(sent))
    await again.close()
    await store.close()
  })
})

describe('restoring a commit log', () => {
  test('refuses one in which a bit has turned, a file is short, missing, or of other messages; nothing is left under the name', async () => {
    const { disk, store, send, backUp } = await world()
    await send(150)
    const { path } = await backUp()
    const names = (await disk.list(`${path}/store/commitlog`))?.map(({ name }) => name).sort() ?? []
    const [first, second] = names.map((name) => `${path}/store/commitlog/${name}`)
    const bytes = (await disk.readFile(first)) as Buffer
    const flipped = Buffer.from(bytes)
    flipped[700] ^= 4
    const torn = Buffer.from(bytes)
    torn.fill(0, 60_000)
    for (const wrong of [flipped, torn, bytes.subarray(0, -1), await disk.readFile(second), undefined]) {
      if (wrong === undefined) await disk.remove(first)
      else await disk.replaceFile(first, wrong)
      await assert.rejects(restore(disk, '/backups', '/new'), { code: /BACKUP_DAMAGED|DISK_FAILED/ })
      assert.equal(await disk.list('/new'), undefined)
    }
    await disk.replaceFile(first, bytes)
    await restore(disk, '/backups', '/new')
    await store.close()
  })
})

test('power that fails in the middle of a second backup leaves the first whole, the second whole or none, and the store as it was', async () => {
  const lives = 20
  let finished = 0
  for (let life = 0; life < lives; life++) {
    const random = new SeededRandomness(life)
    const memory = new MemoryDisk()
    const { clock, send, backUp } = await world(memory)
    const sent = await send(100)
    await backUp()
    await clock.advance(60_000)
    sent.push(...(await send(40)))
    const crashed = memory.crashAfter(1 + Math.floor((life * 180) / lives))
    const second = backUp({ link: life % 2 === 0 }).then(() => 'done' as const)
    const outcome = await Promise.race([second, crashed.then(() => 'crashed' as const)])
    const found = memory.afterCrash(random)
    const names = ((await found.list('/backups')) ?? []).flatMap(({ name, isDirectory }) =>
      isDirectory && !name.endsWith('.partial') ? [name] : [],
    )
    if (outcome === 'done') finished++
    assert.ok(names.length >= (outcome === 'done' ? 2 : 1), `life ${life}`)
    for (const [at, name] of names.sort().entries()) {
      await restore(found, `/backups/${name}`, `/restored-${at}`)
      const again = await MessageStore.open(`/restored-${at}`, { disk: found, settings: smallStore, clock })
      assert.deepEqual(await contentOf(again), bytesOf(at === 0 ? sent.slice(0, 100) : sent), `life ${life}`)
      await again.close()
    }
    const next = await MessageStore.open('/data', { disk: found, settings: smallStore, clock })
    assert.deepEqual(await contentOf(next), bytesOf(sent), `life ${life}`)
    await next.close()
  }
  assert.ok(finished < lives, 'power must fail in some lives')
})
