/** Topics of a store: made, grown, deleted, and what is left where the disk refuses. */

import assert from 'node:assert/strict'
import { cp, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { FaultDisk } from '../../sim/fault-disk.js'
import { nodeDisk } from '../../src/files/node-disk.js'
import {
  appendAll,
  batchOf,
  bytesOf,
  closedStore,
  dataPath,
  gate,
  logOf,
  mib,
  openStore,
  readAll,
  settingsWith,
  sizedBatch,
  until,
} from './support.js'

describe('topics of a store', () => {
  test('are created, grown and deleted for good', async (t) => {
    const path = await dataPath(t)
    const store = await openStore(t, path)
    const created = await store.createTopic({ name: 'orders', partitions: 2, config: { 'segment.bytes': '2000000' } })
    await store.createTopic({ name: 'gone', partitions: 1 })
    const batch = batchOf(['kept'])
    await logOf(store).append(batch).acknowledged
    await store.addPartitions('orders', 4)
    await store.deleteTopic('gone')
    assert.equal(store.log('gone', 0), undefined)
    await store.close()
    const again = await openStore(t, path)
    const topic = again.topic('orders')
    assert.deepEqual([topic?.partitions, topic?.config], [4, { 'segment.bytes': '2000000' }])
    assert.ok(topic?.id.equals(created.id))
    assert.deepEqual(
      again.topics().map(({ name }) => name),
      ['orders'],
    )
    assert.deepEqual(await readAll(logOf(again)), bytesOf([batch]))
    const directories = (await readdir(join(path, 'log'), { withFileTypes: true })).filter((entry) =>
      entry.isDirectory(),
    )
    assert.deepEqual(directories.map(({ name }) => name).sort(), ['orders-0', 'orders-1', 'orders-2', 'orders-3'])
    assert.deepEqual([again.clusterId, again.nodeId], [store.clusterId, store.nodeId])
  })

  test('are refused where they cannot be', async (t) => {
    const store = await openStore(t, await dataPath(t))
    await store.createTopic({ name: 'orders', partitions: 2 })
    await assert.rejects(store.createTopic({ name: 'orders', partitions: 1 }), { code: 'TOPIC_ALREADY_EXISTS' })
    for (const name of ['', '.', '..', 'a/b', 'ä', 'x'.repeat(250)]) {
      await assert.rejects(store.createTopic({ name, partitions: 1 }), { code: 'INVALID_TOPIC_EXCEPTION' })
    }
    for (const partitions of [0, -1, 1.5, Number.NaN, 100_001]) {
      await assert.rejects(store.createTopic({ name: 'n', partitions }), { code: 'INVALID_PARTITIONS' })
    }
    for (const partitions of [1, 2, 2.5, 100_001]) {
      await assert.rejects(store.addPartitions('orders', partitions), { code: 'INVALID_PARTITIONS' })
    }
    await assert.rejects(store.createTopic({ name: 'n', partitions: 1, config: { nonsense: '1' } }), {
      code: 'INVALID_CONFIG',
    })
    await assert.rejects(store.deleteTopic('n'), { code: 'UNKNOWN_TOPIC_OR_PARTITION' })
    assert.equal(store.topics().length, 1)
    const longest = 'x'.repeat(249)
    await store.createTopic({ name: longest, partitions: 1 })
    await store.deleteTopic(longest)
  })

  test('a topic that is created anew under an old name knows nothing of the old one', async (t) => {
    const { path, settings } = await closedStore(t)
    // Written by Kafka for a log whose first messages were deleted.
    await writeFile(join(path, 'log', 'log-start-offset-checkpoint'), '0\n1\norders 0 5\n')
    const second = await openStore(t, path, { settings })
    assert.equal(logOf(second).logStartOffset, 5)
    await second.deleteTopic('orders')
    await second.createTopic({ name: 'orders', partitions: 1 })
    await logOf(second).append(batchOf(['new'])).acknowledged
    // As a kill leaves it: no checkpoint is written any more.
    const copy = await dataPath(t)
    await cp(path, copy, { recursive: true })
    const third = await openStore(t, copy, { settings })
    const log = logOf(third)
    assert.deepEqual([log.failure, log.logStartOffset, log.logEndOffset], [undefined, 0, 1])
  })

  test('one that could not be created leaves nothing, and can be created later', async (t) => {
    for (const operation of ['open', 'syncDirectory', 'makeDirectory'] as const) {
      for (const onwards of [false, true]) {
        const path = await dataPath(t)
        const disk = new FaultDisk(nodeDisk)
        const store = await openStore(t, path, { disk })
        await store.createTopic({ name: 'orders', partitions: 1 })
        let failed = false
        const fails = (path: string) => path.includes('new-1') || (onwards && failed)
        disk.judge = (call) => {
          if (onwards && failed && call.operation === 'replaceFile') return 'ENOSPC'
          if (call.operation !== operation || !fails(call.path)) return undefined
          failed = true
          return 'ENOSPC'
        }
        await assert.rejects(store.createTopic({ name: 'new', partitions: 3 }), { code: 'DISK_FULL' })
        await assert.rejects(store.addPartitions('orders', 0), { code: 'INVALID_PARTITIONS' })
        disk.judge = () => undefined
        assert.equal(store.topic('new'), undefined)
        assert.deepEqual(
          store.topics().map(({ name }) => name),
          ['orders'],
        )
        await store.createTopic({ name: 'new', partitions: 2 })
        await logOf(store, 'new', 1).append(batchOf(['a'])).acknowledged
        await store.close()
        assert.equal(disk.openFiles, 0)
        const again = await openStore(t, path)
        assert.equal(again.topic('new')?.partitions, 2)
        assert.equal(logOf(again, 'new', 1).highWatermark, 1)
        await again.close()
      }
    }
  })

  test('one that could not be grown is as it was, and can be grown later', async (t) => {
    const disk = new FaultDisk(nodeDisk)
    const path = await dataPath(t)
    const store = await openStore(t, path, { disk })
    await store.createTopic({ name: 'orders', partitions: 1 })
    disk.judge = ({ operation, path }) => (operation === 'open' && path.includes('orders-2') ? 'ENOSPC' : undefined)
    await assert.rejects(store.addPartitions('orders', 4), { code: 'DISK_FULL' })
    assert.equal(store.topic('orders')?.partitions, 1)
    assert.equal(store.log('orders', 1), undefined)
    disk.judge = () => undefined
    await store.addPartitions('orders', 3)
    await logOf(store, 'orders', 2).append(batchOf(['a'])).acknowledged
    await store.close()
    assert.equal(disk.openFiles, 0)
  })

  test('one that could not be grown says why, and once deleted does not come back', async (t) => {
    const disk = new FaultDisk(nodeDisk)
    const path = await dataPath(t)
    const store = await openStore(t, path, { disk })
    await store.createTopic({ name: 'orders', partitions: 1 })
    let failed = false
    disk.judge = ({ operation, path }) => {
      if (operation === 'open' && path.includes('orders-2')) {
        failed = true
        return 'ENOSPC'
      }
      return failed && (operation === 'rename' || operation === 'replaceFile') ? 'EIO' : undefined
    }
    await assert.rejects(store.addPartitions('orders', 3), { code: 'DISK_FULL' })
    assert.equal(store.topic('orders')?.partitions, 1)
    assert.deepEqual([store.log('orders', 1), store.log('orders', 2)], [undefined, undefined])
    disk.judge = () => undefined
    await mkdir(join(path, 'log', 'orders-7'))
    await mkdir(join(path, 'log', 'orders-20251122'))
    await store.deleteTopic('orders')
    await store.close()
    const again = await openStore(t, path)
    assert.deepEqual(again.topics(), [])
    const left = (await readdir(join(path, 'log'))).filter((name) => name.startsWith('orders'))
    assert.deepEqual(left.sort(), ['orders-20251122', 'orders-7'], 'what is no partition is not ours')
  })

  test('a deletion that a crash interrupted is finished at the next start', async (t) => {
    const path = await dataPath(t)
    const store = await openStore(t, path)
    for (const name of ['orders', 'other']) await store.createTopic({ name, partitions: 3 })
    await store.close()
    const catalogPath = join(path, 'config', 'topics.json')
    const catalog = await readFile(catalogPath, 'utf8')
    await writeFile(catalogPath, catalog.replace('"name": "orders",', '"name": "orders", "deleting": true,'))
    await rename(join(path, 'log', 'orders-1'), join(path, 'log', `orders-1.${'0'.repeat(32)}-delete`))
    const again = await openStore(t, path)
    assert.deepEqual(
      again.topics().map(({ name }) => name),
      ['other'],
    )
    const left = (await readdir(join(path, 'log'))).filter((name) => name.startsWith('orders'))
    assert.deepEqual(left, [])
    await again.createTopic({ name: 'orders', partitions: 1 })
  })

  test('deleting one while it is read and waited on answers everybody', async (t) => {
    const disk = new FaultDisk(nodeDisk)
    const path = await dataPath(t)
    const store = await openStore(t, path, { disk, settings: settingsWith({ 'log.segment.bytes': mib }) })
    await store.createTopic({ name: 'orders', partitions: 1 })
    const log = logOf(store)
    await appendAll(
      log,
      Array.from({ length: 25 }, (_, i) => sizedBatch(100_000, `${i}`)),
    )
    const told = new Promise<boolean>((resolve) => log.onAdvance(() => resolve(log.isClosed)))
    const held = gate()
    disk.judge = ({ operation }) => (operation === 'read' ? held.passed : undefined)
    const reads = [log.read(3, 100), log.read(24, 100), log.offsetForTimestamp(0)].map((read) =>
      read.then(
        () => 'read',
        (error: { code: string }) => error.code,
      ),
    )
    const reading = disk.count('read')
    await until(() => disk.count('read') > reading || disk.count('read') >= 3)
    const deleting = store.deleteTopic('orders')
    await until(() => log.isClosed)
    await assert.rejects(log.read(0, 100), { code: 'CLOSED' })
    held.open()
    await deleting
    assert.deepEqual(await Promise.all(reads), ['read', 'read', 'read'])
    assert.equal(await told, true)
    await store.close()
    assert.equal(disk.openFiles, 0)
  })
})
