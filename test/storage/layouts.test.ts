/** Both layouts in one data directory: each topic where it belongs, over restarts, kills, deletions and what RocketMQ left. */

import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { FaultDisk } from '../../sim/fault-disk.js'
import { ManualClock } from '../../sim/manual-clock.js'
import type { SettingsInput } from '../../src/core/settings.js'
import { nodeDisk } from '../../src/files/node-disk.js'
import { commitLogRetentionChore } from '../../src/storage/commit-log-retention.js'
import { MessageStore } from '../../src/storage/message-store.js'
import type { PartitionLog } from '../../src/storage/partition-log.js'
import type { NewTopic } from '../../src/storage/store-topics.js'
import {
  appendAll,
  batchOf,
  bytesOf,
  dataPath,
  logOf,
  openStore,
  readAll,
  recordingLogger,
  settingsWith,
  sizedBatch,
} from './support.js'

const commitlog = { 'storage.layout': 'commitlog' }
const fileBytes = 1 << 20

function small(given: SettingsInput = {}) {
  return settingsWith({
    'mapped.file.size.commitlog': fileBytes,
    'mapped.file.size.consumequeue': 2000,
    'max.hash.slot.num': 100,
    'max.index.num': 1000,
    ...given,
  })
}

const shared: NewTopic = { name: 'shared', partitions: 2, config: commitlog }

/** A store with a topic of each layout, and messages in both. */
async function bothLayouts(t: TestContext) {
  const path = await dataPath(t)
  const settings = small()
  const store = await openStore(t, path, { settings })
  await store.createTopic({ name: 'own', partitions: 1 })
  await store.createTopic(shared)
  const batches = {
    own: [batchOf(['a', 'b']), batchOf(['c'])],
    shared: [batchOf(['d', 'e', 'f']), batchOf(['g'])],
  }
  await appendAll(logOf(store, 'own'), batches.own)
  await appendAll(logOf(store, 'shared', 1), batches.shared)
  return { path, settings, store, batches }
}

/** What a process leaves that was killed: a copy of the files while the store is open. */
async function killedCopy(t: TestContext, path: string): Promise<string> {
  const { cp } = await import('node:fs/promises')
  const target = await dataPath(t)
  await cp(path, target, { recursive: true })
  return target
}

describe('a store with topics of both layouts', () => {
  test('has each where it belongs, and finds it again after a close and after a kill', async (t) => {
    const { path, settings, store, batches } = await bothLayouts(t)
    const killed = await killedCopy(t, path)
    await store.close()
    assert.ok(!(await readdir(join(path, 'store'))).includes('abort'))
    assert.ok((await readdir(join(killed, 'store'))).includes('abort'))
    for (const [directory, clean] of [
      [path, true],
      [killed, false],
    ] as const) {
      const again = await openStore(t, directory, { settings })
      assert.deepEqual([again.recovery.clean, again.recovery.commitLog?.clean], [clean, clean])
      assert.deepEqual(await readAll(logOf(again, 'own')), bytesOf(batches.own))
      assert.deepEqual(await readAll(logOf(again, 'shared', 1)), bytesOf(batches.shared))
      assert.equal(logOf(again, 'shared', 0).logEndOffset, 0)
      await logOf(again, 'shared', 1).append(batchOf(['h'])).acknowledged
      assert.equal(logOf(again, 'shared', 1).logEndOffset, 5)
      assert.deepEqual(
        (await readdir(join(directory, 'log'))).filter((name) => /-\d+$/.test(name)),
        ['own-0'],
      )
      await again.close()
    }
  })

  test('without one in the commit log has none of its files', async (t) => {
    const path = await dataPath(t)
    const store = await openStore(t, path, { settings: small() })
    await store.createTopic({ name: 'own', partitions: 1 })
    assert.equal(store.recovery.commitLog, undefined)
    await store.close()
    const names = await readdir(path)
    assert.ok(!names.includes('store') && !names.includes('store-state'))
  })

  test('keeps a topic where it was made, whatever the default becomes', async (t) => {
    const { path, store, batches } = await bothLayouts(t)
    await store.close()
    const turned = await openStore(t, path, { settings: small({ 'storage.layout': 'commitlog' }) })
    await turned.createTopic({ name: 'new', partitions: 1 })
    assert.deepEqual(
      turned.topics().map(({ name, layout }) => [name, layout]),
      [
        ['own', undefined],
        ['shared', 'commitlog'],
        ['new', 'commitlog'],
      ],
    )
    assert.deepEqual(await readAll(logOf(turned, 'own')), bytesOf(batches.own))
    await assert.rejects(
      turned.createTopic({ name: '__consumer_offsets', partitions: 1, config: { 'cleanup.policy': 'delete' } }),
      { code: 'INVALID_CONFIG' },
    )
    await turned.createTopic({ name: '__consumer_offsets', partitions: 1, config: { 'storage.layout': 'segments' } })
    await turned.close()
    const back = await openStore(t, path, { settings: small() })
    assert.deepEqual(await readAll(logOf(back, 'shared', 1)), bytesOf(batches.shared))
    assert.equal(back.topic('new')?.layout, 'commitlog')
  })

  test('refuses to give a topic another layout, and takes what the layout can enforce', async (t) => {
    const { store } = await bothLayouts(t)
    const alter = (topic: string, entries: Record<string, string>) =>
      store.alterTopic(topic, (config) => ({ ...config, ...entries }))
    await assert.rejects(alter('shared', { 'storage.layout': 'segments' }), { code: 'INVALID_CONFIG' })
    await assert.rejects(alter('own', commitlog), { code: 'INVALID_CONFIG' })
    await assert.rejects(alter('shared', { 'retention.ms': '5' }), { code: 'INVALID_CONFIG' })
    await alter('shared', { 'message.timestamp.type': 'LogAppendTime' })
    const receipt = logOf(store, 'shared').append(batchOf(['late'], { timestamp: 5 }))
    assert.ok(receipt.logAppendTimeMs > 5)
    await receipt.acknowledged
    // What replaces all of a topic's entries need not name its layout.
    await store.alterTopic('shared', () => ({}))
    assert.equal(store.topic('shared')?.layout, 'commitlog')
  })

  test('flushes all, and refuses to compact what it cannot', async (t) => {
    const { store } = await bothLayouts(t)
    await store.flush()
    await assert.rejects(store.compactTopic('shared'), { code: 'INVALID_REQUEST' })
  })

  test('is not opened where the commit log is gone, or somebody has it open', async (t) => {
    const { path, settings, store } = await bothLayouts(t)
    await store.close()
    const other = await nodeDisk.lock(join(path, 'store', 'lock'))
    await assert.rejects(MessageStore.open(path, { settings }), { code: 'DATA_DIR_LOCKED' })
    await other.release()
    await rename(join(path, 'store'), join(path, 'elsewhere'))
    await assert.rejects(MessageStore.open(path, { settings }), {
      code: 'DATA_DIR_DAMAGED',
      message: /store is missing/,
    })
    await rename(join(path, 'elsewhere'), join(path, 'store'))
    await openStore(t, path, { settings })
  })
})

describe('topics in the commit log', () => {
  test('grow, and begin where they were told to, also where the snapshot is lost', async (t) => {
    const { path, settings, store, batches } = await bothLayouts(t)
    await store.addPartitions('shared', 4)
    const more = batchOf(['more'])
    await logOf(store, 'shared', 3).append(more).acknowledged
    await logOf(store, 'shared', 1).deleteRecordsBefore(3)
    await store.close()
    for (const lost of [[], ['store-state'], ['store-state', 'store/consumequeue', 'store/index']]) {
      for (const name of lost) await rm(join(path, name), { recursive: true, force: true })
      const again = await openStore(t, path, { settings })
      assert.equal(again.topic('shared')?.partitions, 4)
      assert.deepEqual(await readAll(logOf(again, 'shared', 3)), bytesOf([more]))
      assert.equal(logOf(again, 'shared', 1).logStartOffset, 3)
      assert.deepEqual(await readAll(logOf(again, 'shared', 1)), bytesOf(batches.shared.slice(1)))
      await again.close()
    }
  })

  test('that were deleted do not come back, nor do their messages in a later topic of that name', async (t) => {
    const { path, settings, store } = await bothLayouts(t)
    await logOf(store, 'shared', 1).deleteRecordsBefore(2)
    await store.createTopic({ ...shared, name: 'gone' })
    await logOf(store, 'gone').append(batchOf(['old'])).acknowledged
    await store.deleteTopic('shared')
    await store.deleteTopic('gone')
    assert.equal(store.log('shared', 1), undefined)
    await store.createTopic(shared)
    const fresh = [batchOf(['x']), batchOf(['y', 'z'])]
    await appendAll(logOf(store, 'shared', 1), fresh)
    assert.deepEqual(await readAll(logOf(store, 'shared', 1)), bytesOf(fresh))
    const killed = await killedCopy(t, path)
    await store.close()
    for (const [directory, lost] of [
      [path, []],
      [path, ['store-state', 'store/consumequeue', 'store/index']],
      [killed, []],
      [killed, ['store-state', 'store/consumequeue']],
    ] as const) {
      for (const name of lost) await rm(join(directory, name), { recursive: true, force: true })
      const again = await openStore(t, directory, { settings })
      assert.deepEqual(
        again.topics().map(({ name }) => name),
        ['own', 'shared'],
      )
      assert.deepEqual(await readAll(logOf(again, 'shared', 1)), bytesOf(fresh))
      assert.equal(logOf(again, 'shared', 1).logStartOffset, 0)
      await again.close()
    }
  })

  test('that could not be made are cleared away', async (t) => {
    const path = await dataPath(t)
    const disk = new FaultDisk(nodeDisk)
    const store = await openStore(t, path, { settings: small(), disk })
    disk.judge = ({ path: where }) => (where.includes('store-state') || where.includes('/store/') ? 'EIO' : undefined)
    await assert.rejects(store.createTopic(shared))
    disk.judge = () => undefined
    assert.deepEqual(store.topics(), [])
    await store.createTopic(shared)
    await logOf(store, 'shared').append(batchOf(['a'])).acknowledged
  })

  test('that are deleted while the disk fails do not come back with what was refused', async (t) => {
    const path = await dataPath(t)
    const disk = new FaultDisk(nodeDisk)
    const settings = small()
    const store = await openStore(t, path, { settings, disk })
    await store.createTopic(shared)
    await store.createTopic({ ...shared, name: 'kept' })
    const kept = batchOf(['kept'])
    await logOf(store, 'kept').append(kept).acknowledged
    // What was written can neither be made durable nor be taken back.
    const isOfLog = (where: string) => where.includes(join('store', 'commitlog'))
    disk.judge = ({ operation, path: where }) =>
      isOfLog(where) && (operation === 'truncate' || operation === 'open') ? 'EIO' : undefined
    const torn = Array.from({ length: 12 }, (_, i) => logOf(store, 'shared').append(sizedBatch(100_000, `${i}`)))
    const outcomes = await Promise.allSettled(torn.map(({ acknowledged }) => acknowledged))
    assert.equal(outcomes.at(-1)?.status, 'rejected')
    await store.deleteTopic('shared')
    disk.judge = () => undefined
    await store.close()
    const again = await openStore(t, path, { settings })
    assert.deepEqual(
      again.topics().map(({ name }) => name),
      ['kept'],
    )
    assert.deepEqual(await readAll(logOf(again, 'kept')), bytesOf([kept]))
    await again.createTopic(shared)
    const fresh = batchOf(['fresh'])
    await logOf(again, 'shared').append(fresh).acknowledged
    await again.close()
    const last = await openStore(t, path, { settings, fullScan: true })
    assert.deepEqual(await readAll(logOf(last, 'shared')), bytesOf([fresh]))
  })

  test('lose their oldest messages with the oldest files, at the set hour', async (t) => {
    const path = await dataPath(t)
    const clock = new ManualClock(new Date(2026, 10, 20, 12).getTime())
    const logger = recordingLogger()
    const settings = small({ 'file.reserved.time': 1, 'delete.when': '04' })
    const store = await openStore(t, path, { settings, clock, logger })
    await store.createTopic(shared)
    const batches = Array.from({ length: 40 }, (_, i) => sizedBatch(100_000, `${i}`))
    for (const [i, batch] of batches.entries()) await logOf(store, 'shared', i % 2).append(batch).acknowledged
    const files = async () => (await readdir(join(path, 'store', 'commitlog'))).length
    const before = await files()
    await store.runChore(commitLogRetentionChore)
    assert.equal(await files(), before)
    // The files' own times are those of this machine's clock.
    const day = 86_400_000
    const dueMs = new Date(Date.now() + 3 * day).setHours(4, 10)
    clock.advance(dueMs - clock.now())
    await store.runChore(commitLogRetentionChore)
    assert.ok((await files()) < 3, 'but the one that is written, and perhaps the next')
    for (const partition of [0, 1]) {
      const log = logOf(store, 'shared', partition)
      assert.ok(log.logStartOffset > 0 && log.logStartOffset < 20)
      const kept = batches.filter((_, i) => i % 2 === partition).slice(log.logStartOffset)
      assert.deepEqual(await readAll(log), bytesOf(kept))
      assert.ok(log.sizeInBytes < fileBytes)
    }
    assert.ok(logger.said.some(({ message }) => message.includes('Deleted old files')))
    await store.close()
  })

  test('keep what not all copies have, with all that lies behind it', async (t) => {
    const path = await dataPath(t)
    const clock = new ManualClock(new Date(Date.now() + 3 * 86_400_000).setHours(4, 10))
    const settings = small({ 'file.reserved.time': 1, 'delete.when': '04' })
    let copied = 5
    const shownUpTo = ({ partition, highWatermark }: PartitionLog) => (partition === 1 ? copied : highWatermark)
    const elsewhere = { shownUpTo, isCopy: false, epochOfNewLogs: 0, topicsChanged: async () => {} }
    const store = await openStore(t, path, { settings, clock, elsewhere })
    await store.createTopic(shared)
    for (let i = 0; i < 40; i++) {
      await store.heldBack('shared', i % 2)?.own.append(sizedBatch(100_000, `${i}`)).acknowledged
    }
    await store.runChore(commitLogRetentionChore)
    const held = store.heldBack('shared', 1)
    assert.ok(held !== undefined && held.logStartOffset <= 5, `it begins at ${held?.logStartOffset}`)
    assert.equal((await held.own.read(5, 0)).records.length, 1)
    copied = 20
    held.look()
    await store.runChore(commitLogRetentionChore)
    assert.ok(held.logStartOffset > 5, `it begins at ${held.logStartOffset}`)
  })

  test('take messages again by themselves once the disk has room', async (t) => {
    const path = await dataPath(t)
    const disk = new FaultDisk(nodeDisk)
    const store = await openStore(t, path, { settings: small(), disk })
    await store.createTopic(shared)
    const kept = batchOf(['kept'])
    await logOf(store, 'shared').append(kept).acknowledged
    disk.judge = ({ operation, path: where }) =>
      operation === 'write' && where.includes('commitlog') ? 'ENOSPC' : undefined
    await assert.rejects(logOf(store, 'shared', 1).append(batchOf(['lost'])).acknowledged, { code: 'DISK_FULL' })
    disk.judge = () => undefined
    const log = logOf(store, 'shared')
    while (log.failure !== undefined) await new Promise((resolve) => setTimeout(resolve, 10))
    const next = batchOf(['next'])
    await log.append(next).acknowledged
    assert.deepEqual(await readAll(log), bytesOf([kept, next]))
    assert.equal(logOf(store, 'shared', 1).logEndOffset, 0)
  })

  test('are written down from time to time, so that a start reads little', async (t) => {
    const path = await dataPath(t)
    const clock = new ManualClock()
    const store = await openStore(t, path, { settings: small(), clock })
    await store.createTopic(shared)
    await logOf(store, 'shared').append(sizedBatch(50_000)).acknowledged
    clock.advance(3_600_000)
    await store.runChore('commit log checkpoint')
    assert.ok((await stat(join(path, 'store-state', 'queues'))).size > 0)
    const killed = await killedCopy(t, path)
    const again = await openStore(t, killed, { settings: small() })
    assert.equal(again.recovery.commitLog?.scannedBytes, 0)
  })
})

describe("RocketMQ's list of topics", () => {
  const listIn = async (path: string): Promise<Record<string, number>> => {
    const text = await readFile(join(path, 'store', 'config', 'topics.json'), 'utf8')
    const table = JSON.parse(text).topicConfigTable as Record<string, { readQueueNums: number; writeQueueNums: number }>
    return Object.fromEntries(
      Object.entries(table).map(([name, { readQueueNums, writeQueueNums }]) => {
        assert.equal(readQueueNums, writeQueueNums)
        return [name, readQueueNums]
      }),
    )
  }

  test('names the topics that are in the commit log, with their queues', async (t) => {
    const { path, store, settings } = await bothLayouts(t)
    assert.deepEqual(await listIn(path), { shared: 2 })
    await store.createTopic({ ...shared, name: 'second', partitions: 3 })
    await store.addPartitions('shared', 5)
    assert.deepEqual(await listIn(path), { shared: 5, second: 3 })
    await store.deleteTopic('second')
    assert.deepEqual(await listIn(path), { shared: 5 })
    await store.close()
    await rm(join(path, 'store', 'config'), { recursive: true })
    await openStore(t, path, { settings })
    assert.deepEqual(await listIn(path), { shared: 5 })
  })

  test('lets a topic grow that RocketMQ gave more queues, and one that is taken over have all of them', async (t) => {
    const { path, store, settings } = await bothLayouts(t)
    await store.createTopic({ ...shared, name: 'quiet' })
    await store.close()
    const list = join(path, 'store', 'config', 'topics.json')
    const text = await readFile(list, 'utf8')
    await writeFile(list, text.replaceAll(/"(read|write)QueueNums":2/g, '"$1QueueNums":8'))
    const again = await openStore(t, path, { settings })
    assert.deepEqual([again.topic('shared')?.partitions, again.topic('quiet')?.partitions], [8, 8])
    await logOf(again, 'quiet', 7).append(batchOf(['a'])).acknowledged
    await again.close()
    const foreign = await dataPath(t)
    await mkdir(foreign)
    await rename(join(path, 'store'), join(foreign, 'store'))
    const taken = await openStore(t, foreign, { settings })
    assert.deepEqual([taken.topic('shared')?.partitions, taken.topic('quiet')?.partitions], [8, 8])
  })

  test('says no more queues than there are where adding some failed', async (t) => {
    const path = await dataPath(t)
    const disk = new FaultDisk(nodeDisk)
    const store = await openStore(t, path, { settings: small(), disk })
    await store.createTopic(shared)
    disk.judge = ({ path: where }) => (where.endsWith(join(path, 'config', 'topics.json')) ? 'EIO' : undefined)
    await assert.rejects(store.addPartitions('shared', 6))
    disk.judge = () => undefined
    assert.deepEqual(await listIn(path), { shared: 2 })
    assert.equal(store.topic('shared')?.partitions, 2)
    assert.equal(store.log('shared', 2), undefined)
  })
})

describe('what lies in the commit log and is no topic', () => {
  test("is taken over, but for what is RocketMQ's own", async (t) => {
    const { path, settings, store, batches } = await bothLayouts(t)
    await store.createTopic({ name: 'TBW102', partitions: 1, config: commitlog })
    await logOf(store, 'TBW102').append(batchOf(['system'])).acknowledged
    await store.close()
    // As a directory is that nobody but RocketMQ has had open.
    const foreign = await dataPath(t)
    await mkdir(foreign)
    await rename(join(path, 'store'), join(foreign, 'store'))
    const logger = recordingLogger()
    const taken = await openStore(t, foreign, { settings, logger })
    assert.deepEqual(
      taken.topics().map(({ name, partitions, layout }) => [name, partitions, layout]),
      [['shared', 2, 'commitlog']],
    )
    assert.deepEqual(await readAll(logOf(taken, 'shared', 1)), bytesOf(batches.shared))
    assert.equal(taken.log('TBW102', 0), undefined)
    assert.ok(logger.said.some(({ message }) => message.includes('Left topics of the commit log alone')))
    await assert.rejects(taken.createTopic({ name: 'TBW102', partitions: 1, config: commitlog }), {
      code: 'TOPIC_ALREADY_EXISTS',
    })
    await taken.createTopic({ name: 'TBW102', partitions: 1 })
    await taken.close()
    const again = await openStore(t, foreign, { settings })
    assert.deepEqual(
      again.topics().map(({ name, layout }) => [name, layout]),
      [
        ['shared', 'commitlog'],
        ['TBW102', undefined],
      ],
    )
  })

  test('a stray file is refused, and nothing is touched', async (t) => {
    const { path, settings, store } = await bothLayouts(t)
    await store.close()
    const stray = join(path, 'store', 'commitlog', 'notes.txt')
    await writeFile(stray, 'x')
    await assert.rejects(MessageStore.open(path, { settings }), { code: 'DATA_DIR_DAMAGED', message: /notes\.txt/ })
    await rm(stray)
    await openStore(t, path, { settings })
  })
})
