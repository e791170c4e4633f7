/** A store is opened and closed: what it takes and lets go of, what it refuses, what it takes over. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { FaultDisk } from '../../sim/fault-disk.js'
import { ManualClock } from '../../sim/manual-clock.js'
import { nodeDisk } from '../../src/files/node-disk.js'
import {
  appendAll,
  batchOf,
  bytesOf,
  dataPath,
  descriptorsUnder,
  gate,
  logOf,
  mib,
  openStore,
  readAll,
  recordingLogger,
  settingsWith,
  sizedBatch,
} from './support.js'

describe('closing a store', () => {
  test('lets go of every descriptor, also of those that readers opened', async (t) => {
    const path = await dataPath(t)
    const settings = settingsWith({ 'log.segment.bytes': mib })
    for (let round = 0; round < 2; round++) {
      const store = await openStore(t, path, { settings })
      if (round === 0) await store.createTopic({ name: 'orders', partitions: 2 })
      for (const partition of [0, 1]) {
        await appendAll(
          logOf(store, 'orders', partition),
          Array.from({ length: 25 }, (_, i) => sizedBatch(100_000, `${i}`)),
        )
        await readAll(logOf(store, 'orders', partition))
      }
      assert.notDeepEqual(await descriptorsUnder(path), [])
      await store.close()
      assert.deepEqual((await descriptorsUnder(path)) ?? [], [])
    }
  })

  test('closes all logs although one cannot be', async (t) => {
    const disk = new FaultDisk(nodeDisk)
    const path = await dataPath(t)
    const store = await openStore(t, path, {
      disk,
      settings: settingsWith({ 'flush.disk.type': 'ASYNC_FLUSH' }),
      clock: new ManualClock(),
    })
    await store.createTopic({ name: 'orders', partitions: 20 })
    for (let partition = 0; partition < 20; partition++) {
      await logOf(store, 'orders', partition).append(batchOf([`${partition}`])).acknowledged
    }
    disk.judge = ({ operation, path }) => (operation === 'sync' && path.includes('orders-3') ? 'EIO' : undefined)
    await assert.rejects(store.close(), { code: 'LOG_FAILED' })
    assert.equal(disk.openFiles, 0)
    assert.deepEqual((await descriptorsUnder(path)) ?? [], [])
    assert.ok(!(await readdir(join(path, 'log'))).includes('.kafka_cleanshutdown'))
    disk.judge = () => undefined
    const again = await openStore(t, path)
    for (let partition = 0; partition < 20; partition++)
      assert.equal(logOf(again, 'orders', partition).highWatermark, 1)
  })

  test('flushes every log although one has failed', async (t) => {
    const disk = new FaultDisk(nodeDisk)
    const settings = settingsWith({ 'flush.disk.type': 'ASYNC_FLUSH' })
    const store = await openStore(t, await dataPath(t), { disk, settings, clock: new ManualClock() })
    await store.createTopic({ name: 'orders', partitions: 20 })
    disk.judge = ({ operation, path }) => (operation === 'write' && path.includes('orders-0') ? 'EIO' : undefined)
    const appends = Array.from({ length: 20 }, (_, partition) =>
      logOf(store, 'orders', partition).append(batchOf(['a'])),
    )
    await Promise.allSettled(appends.map(({ acknowledged }) => acknowledged))
    await assert.rejects(store.flush(), { code: 'LOG_FAILED' })
    for (let partition = 1; partition < 20; partition++)
      assert.equal(logOf(store, 'orders', partition).durableOffset, 1)
  })

  test('leaves no mark of a clean end where a log failed while others were being closed', async (t) => {
    const disk = new FaultDisk(nodeDisk)
    const path = await dataPath(t)
    const store = await openStore(t, path, { disk, clock: new ManualClock() })
    await store.createTopic({ name: 'orders', partitions: 12 })
    const kept = batchOf(['kept'])
    await logOf(store, 'orders', 11).append(kept).acknowledged
    const held = gate()
    disk.judge = async ({ operation, path }) => {
      if (operation === 'write' && path.includes('orders-11')) return 'EIO'
      // The first logs do not get closed before the last one has failed.
      return operation === 'replaceFile' && path.endsWith('.index') ? held.passed : undefined
    }
    const closing = store.close()
    await assert.rejects(logOf(store, 'orders', 11).append(batchOf(['refused'])).acknowledged, { code: 'LOG_FAILED' })
    held.open()
    await closing
    assert.ok(!(await readdir(join(path, 'log'))).includes('.kafka_cleanshutdown'))
    const again = await openStore(t, path)
    assert.equal(logOf(again, 'orders', 11).failure, undefined)
    assert.deepEqual(await readAll(logOf(again, 'orders', 11)), bytesOf([kept]))
  })

  test('leaves the mark of a clean end only in the end', async (t) => {
    const path = await dataPath(t)
    const mark = async () => (await readdir(join(path, 'log'))).includes('.kafka_cleanshutdown')
    const store = await openStore(t, path)
    await store.createTopic({ name: 'orders', partitions: 1 })
    assert.equal(await mark(), false)
    await Promise.all([store.close(), store.close()])
    assert.equal(await mark(), true)
    const again = await openStore(t, path)
    assert.equal(await mark(), false)
    await assert.rejects(store.createTopic({ name: 'late', partitions: 1 }), { code: 'CLOSED' })
    await assert.rejects(store.flush(), { code: 'CLOSED' })
    await again.close()
  })
})

describe('opening a store', () => {
  test('that fails half-way lets go of everything', async (t) => {
    const path = await dataPath(t)
    const store = await openStore(t, path)
    await store.createTopic({ name: 'orders', partitions: 12 })
    await store.close()
    const disk = new FaultDisk(nodeDisk)
    disk.judge = ({ operation, path }) => (operation === 'open' && path.includes('orders-9') ? 'EMFILE' : undefined)
    await assert.rejects(openStore(t, path, { disk }), { code: 'DISK_FAILED' })
    assert.equal(disk.openFiles, 0)
    assert.deepEqual((await descriptorsUnder(path)) ?? [], [])
    disk.judge = () => undefined
    await (await openStore(t, path, { disk })).close()
  })

  test('is refused while another one holds it, by this process or by another, which is named', async (t) => {
    const path = await dataPath(t)
    const store = await openStore(t, path)
    await assert.rejects(openStore(t, path), (error: Error & { code?: string }) => {
      assert.ok(error.code === 'DATA_DIR_LOCKED' && error.message.includes(`process ${process.pid}`), error.message)
      return true
    })
    await store.close()
    const url = new URL('../../src/storage/message-store.ts', import.meta.url).href
    const program = `
      const { MessageStore } = await import(${JSON.stringify(url)})
      await MessageStore.open(${JSON.stringify(path)})
      console.log('open')
      setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const ended = new Promise((resolve) => child.on('exit', resolve))
    await new Promise((resolve, reject) => {
      child.stdout.once('data', resolve)
      void ended.then(() => reject(new Error('the process that should hold the lock has ended')))
    })
    await assert.rejects(openStore(t, path), (error: Error & { code?: string }) => {
      assert.ok(error.code === 'DATA_DIR_LOCKED' && error.message.includes(`process ${child.pid}`), error.message)
      return true
    })
    child.kill('SIGKILL')
    await ended
    await (await openStore(t, path)).close()
  })

  test('leaves a directory of a newer format as it is', async (t) => {
    const path = await dataPath(t)
    await (await openStore(t, path)).close()
    const file = join(path, 'holdfast.json')
    const newer = (await readFile(file, 'utf8')).replace('"formatVersion": 1', '"formatVersion": 2')
    await writeFile(file, newer)
    await rm(join(path, 'log'), { recursive: true })
    await assert.rejects(openStore(t, path), { code: 'DATA_DIR_NEWER' })
    assert.equal(await readFile(file, 'utf8'), newer)
    assert.deepEqual((await readdir(path)).sort(), ['config', 'holdfast.json', 'lock'])
  })

  const damages: Record<string, string[]> = {
    'holdfast.json': [
      '',
      '{',
      '[]',
      '{"formatVersion":"1"}',
      '{"formatVersion":1}',
      '{"formatVersion":0,"clusterId":"x","nodeId":1}',
    ],
    'config/topics.json': [
      '',
      'null',
      '{"version":2,"topics":[]}',
      '{"version":1}',
      '{"version":1,"topics":[{"name":"a"}]}',
      '{"version":1,"topics":[null]}',
    ],
  }
  for (const [name, contents] of Object.entries(damages)) {
    test(`names ${name} where it cannot be understood, and does not touch it`, async (t) => {
      const path = await dataPath(t)
      await (await openStore(t, path)).close()
      for (const content of contents) {
        await writeFile(join(path, name), content)
        await assert.rejects(openStore(t, path), (error: Error & { code?: string }) => {
          assert.equal(error.code, 'DATA_DIR_DAMAGED', `${content}: ${error.message}`)
          assert.ok(error.message.includes(join(path, name)), error.message)
          return true
        })
        assert.equal(await readFile(join(path, name), 'utf8'), content)
      }
    })
  }

  test('scans every log where a checkpoint cannot be read, and says so', async (t) => {
    const path = await dataPath(t)
    const settings = settingsWith({ 'log.segment.bytes': mib })
    const store = await openStore(t, path, { settings })
    await store.createTopic({ name: 'orders', partitions: 1 })
    const batches = Array.from({ length: 25 }, (_, i) => sizedBatch(100_000, `${i}`))
    await appendAll(logOf(store), batches)
    await store.close()
    for (const content of ['1\n0\n', '0\n2\norders 0 25\n', '0\n1\norders 0 many\n', '0\n1\norders 0 -3\n', 'x']) {
      await rm(join(path, 'log', '.kafka_cleanshutdown'), { force: true })
      await writeFile(join(path, 'log', 'recovery-point-offset-checkpoint'), content)
      const logger = recordingLogger()
      const disk = new FaultDisk(nodeDisk)
      const again = await openStore(t, path, { settings, logger, disk })
      assert.ok(
        logger.said.some(({ level, message }) => level === 'warn' && message.includes('checkpoint')),
        content,
      )
      const read = new Set(disk.calls.filter((call) => call.operation === 'read').map((call) => call.path))
      assert.equal(read.size, 3, `all segments are read with ${JSON.stringify(content)}`)
      assert.deepEqual(await readAll(logOf(again)), bytesOf(batches))
      await again.close()
    }
  })

  test('takes over a log.dir that Kafka left', async (t) => {
    const path = await dataPath(t)
    const store = await openStore(t, path)
    const topic = await store.createTopic({ name: 'from-kafka', partitions: 2 })
    const batch = batchOf(['old'])
    await logOf(store, 'from-kafka', 1).append(batch).acknowledged
    const { clusterId } = store
    await store.close()
    const adopted = await dataPath(t)
    await mkdir(adopted, { recursive: true })
    await cp(join(path, 'log'), join(adopted, 'log'), { recursive: true })
    // What else may lie there: a controller's log, a replica that was moved away, somebody's own directories.
    for (const name of [
      '__cluster_metadata-0',
      `x-0.${'a'.repeat(32)}-stray`,
      'notes',
      'backup-20261122',
      'photos-7',
    ]) {
      await mkdir(join(adopted, 'log', name))
      if (name.startsWith('backup')) await writeFile(join(adopted, 'log', name, 'partition.metadata'), '')
    }
    const again = await openStore(t, adopted)
    assert.deepEqual(
      again.topics().map(({ name, partitions }) => [name, partitions]),
      [['from-kafka', 2]],
    )
    assert.ok(again.topic('from-kafka')?.id.equals(topic.id))
    assert.equal(again.clusterId, clusterId)
    assert.deepEqual(await readAll(logOf(again, 'from-kafka', 1)), bytesOf([batch]))
    await again.close()
    const third = await openStore(t, adopted)
    assert.equal(third.topics().length, 1)
  })
})
