/** Topics whose configuration is altered while they are written to, and while the power fails. */

import assert from 'node:assert/strict'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { FaultDisk } from '../../sim/fault-disk.js'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { SeededRandomness } from '../../sim/seeded-randomness.js'
import { nodeDisk } from '../../src/files/node-disk.js'
import { buildBatch } from '../../src/records/builder.js'
import { SegmentLog } from '../../src/storage/segments/segment-log.js'
import { openStore as openOn, smallSettings } from '../faults/workload.js'
import { appendAll, batchOf, bytesOf, dataPath, logOf, mib, openStore, readAll, sizedBatch } from './support.js'

const to = (config: Record<string, string>) => () => config

describe('altering a topic', () => {
  test('holds at once for all its logs, for later ones, and after a restart', async (t) => {
    const path = await dataPath(t)
    const store = await openStore(t, path)
    await store.createTopic({ name: 'orders', partitions: 2, config: { 'index.interval.bytes': '100' } })
    await store.createTopic({ name: 'other', partitions: 1 })
    const before = store.topic('orders')
    await store.alterTopic('orders', (config, settings) => {
      assert.equal(settings['log.index.interval.bytes'], 100)
      return { ...config, 'segment.bytes': String(mib) }
    })
    await store.addPartitions('orders', 3)
    const held = (of: typeof store) =>
      [0, 1, 2].map((partition) => {
        const log = logOf(of, 'orders', partition)
        assert.ok(log instanceof SegmentLog)
        return log.settings['log.segment.bytes']
      })
    assert.deepEqual(held(store), [mib, mib, mib])
    assert.deepEqual(store.topic('orders')?.id, before?.id)
    const other = logOf(store, 'other')
    assert.ok(other instanceof SegmentLog && other.settings['log.segment.bytes'] > mib)
    await store.close()
    const again = await openStore(t, path)
    assert.deepEqual(held(again), [mib, mib, mib])
    assert.deepEqual(again.topic('orders')?.config, { 'index.interval.bytes': '100', 'segment.bytes': String(mib) })
  })

  test('loses and refuses nothing that is written meanwhile', async (t) => {
    const store = await openStore(t, await dataPath(t))
    await store.createTopic({ name: 'orders', partitions: 1 })
    const batches = Array.from({ length: 60 }, (_, index) => sizedBatch(100_000, `${index}`))
    const appending = (async () => {
      for (let at = 0; at < batches.length; at += 4) await appendAll(logOf(store), batches.slice(at, at + 4))
    })()
    for (let round = 0; round < 12; round++) {
      await store.alterTopic('orders', to({ 'segment.bytes': String(mib * (1 + (round % 3))) }))
    }
    await appending
    assert.deepEqual(await readAll(logOf(store)), bytesOf(batches))
  })

  test('is refused whole where it cannot hold, and changes nothing where it is only tried', async (t) => {
    const disk = new FaultDisk(nodeDisk)
    const store = await openStore(t, await dataPath(t), { disk })
    const config = { 'segment.bytes': String(mib) }
    await store.createTopic({ name: 'orders', partitions: 1, config })
    const refused = async (next: Record<string, string>, code = 'INVALID_CONFIG') =>
      assert.rejects(store.alterTopic('orders', to(next)), { code })
    await refused({ 'segment.bytes': '1' })
    await refused({ nonsense: '1' })
    await refused({ 'flush.disk.type': 'ASYNC_FLUSH' })
    await refused({ 'file.engine': 'mmap' })
    await refused({ 'index.interval.bytes': '100' })
    await assert.rejects(store.alterTopic('nobody', to({})), { code: 'UNKNOWN_TOPIC_OR_PARTITION' })
    await store.alterTopic('orders', to({}), { validateOnly: true })
    disk.judge = ({ operation }) => (operation === 'replaceFile' ? 'ENOSPC' : undefined)
    await refused({}, 'DISK_FULL')
    disk.judge = () => undefined
    const log = logOf(store)
    assert.ok(log instanceof SegmentLog)
    assert.deepEqual([store.topic('orders')?.config, log.settings['log.segment.bytes']], [config, mib])
  })

  test('to smaller batches does not make damage of a larger one that was being written', async (t) => {
    const torn = buildBatch([{ value: Buffer.alloc(40 * mib, '.'), timestamp: 1 }]).bytes.subarray(0, 20 * mib)
    for (const [altered, damaged] of [
      [true, false],
      [false, true],
    ] as const) {
      const path = await dataPath(t)
      const largest = { 'max.message.bytes': String(64 * mib) }
      const store = await openStore(t, path)
      await store.createTopic({ name: 'orders', partitions: 1, config: altered ? largest : {} })
      await logOf(store).append(batchOf(['kept'])).acknowledged
      if (altered) await store.alterTopic('orders', to({}))
      // As a power failure leaves a batch of 20 MiB: its first half is there.
      const copy = await dataPath(t)
      await cp(path, copy, { recursive: true })
      const log = join(copy, 'log', 'orders-0', '00000000000000000000.log')
      const kept = batchOf(['kept']).sizeInBytes
      await writeFile(log, Buffer.concat([(await readFile(log)).subarray(0, kept), torn]))
      const again = await openStore(t, copy)
      assert.equal(logOf(again).failure?.code, damaged ? 'LOG_DAMAGED' : undefined)
      await again.alterTopic('orders', to(largest))
      assert.equal(again.topic('orders')?.largestBatchBytes, undefined)
    }
  })

  test('is found whole or not at all when the power fails at any step, and for sure once it was confirmed', async () => {
    const settings = smallSettings('sync', mib)
    const life = async (disk: MemoryDisk, told: { altered?: boolean } = {}) => {
      const store = await openOn(disk, settings)
      await store.createTopic({ name: 'orders', partitions: 1, config: { 'segment.bytes': String(2 * mib) } })
      await logOf(store).append(batchOf(['kept'])).acknowledged
      await store.alterTopic('orders', to({ 'max.message.bytes': '5000', 'flush.interval.ms': '7' }))
      told.altered = true
      await store.close()
    }
    const whole = new MemoryDisk()
    await life(whole)
    for (let step = 1; step <= whole.steps; step++) {
      const disk = new MemoryDisk()
      const told: { altered?: boolean } = {}
      await Promise.race([disk.crashAfter(step), life(disk, told)])
      const store = await openOn(disk.afterCrash(new SeededRandomness(step)), settings)
      const found = JSON.stringify(store.topic('orders')?.config)
      const after = JSON.stringify({ 'max.message.bytes': '5000', 'flush.interval.ms': '7' })
      const before = JSON.stringify({ 'segment.bytes': String(2 * mib) })
      assert.ok(found === after || (!told.altered && (found === before || found === undefined)), `${step}: ${found}`)
      await store.close()
    }
  })
})
