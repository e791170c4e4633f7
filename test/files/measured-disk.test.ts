/** A measured disk does what the one behind it does, and counts it by operation and kind. */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { FaultDisk } from '../../sim/fault-disk.js'
import { ManualClock } from '../../sim/manual-clock.js'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { systemClock } from '../../src/core/clock.js'
import { noMetrics } from '../../src/core/metrics/metrics.js'
import { MetricsRegistry } from '../../src/core/metrics/registry.js'
import { measured, unmeasured } from '../../src/files/measured-disk.js'
import { nodeDisk } from '../../src/files/node-disk.js'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'
import { kindsIn } from '../../src/storage/file-kinds.js'

const kindOf = (path: string): string => (path.endsWith('.log') ? 'log' : 'other')

test('where nobody counts there is nothing in between', () => {
  assert.equal(measured(nodeDisk, noMetrics, systemClock, kindOf), nodeDisk)
})

test('bytes, durations and failures are counted by operation and kind', async () => {
  const clock = new ManualClock()
  const metrics = new MetricsRegistry()
  const faulty = new FaultDisk(new MemoryDisk())
  const disk = measured(faulty, metrics, clock, kindOf)
  assert.equal(unmeasured(disk), faulty)
  await disk.makeDirectory('/data')
  const file = await disk.open('/data/a.log', { mode: 'create' })
  faulty.judge = async ({ operation }) => {
    if (operation === 'write') clock.advance(20)
    return undefined
  }
  await file.write([Buffer.alloc(10), Buffer.alloc(5)], 0)
  faulty.judge = ({ operation }) => (operation === 'sync' ? 'EIO' : undefined)
  await assert.rejects(file.sync(), { code: 'DISK_FAILED' })
  faulty.judge = () => undefined
  assert.equal(await file.read(Buffer.alloc(100), 0), 15)
  await file.prepare(15, 115, 'zero')
  assert.equal(await file.size(), 115)
  await disk.replaceFile('/data/state', Buffer.from('abc'))
  assert.equal(String(await disk.readFile('/data/state')), 'abc')
  assert.equal(await disk.readFile('/data/none'), undefined)
  await file.close()
  const snapshot = await metrics.snapshot()
  assert.equal(snapshot.value('mq_io_bytes_total', { direction: 'written', kind: 'log' }), 115)
  assert.equal(snapshot.value('mq_io_bytes_total', { direction: 'read', kind: 'log' }), 15)
  assert.equal(snapshot.value('mq_io_bytes_total', { direction: 'written', kind: 'other' }), 3)
  assert.equal(snapshot.value('mq_io_bytes_total', { direction: 'read', kind: 'other' }), 3)
  assert.equal(snapshot.value('mq_io_errors_total', { operation: 'sync', kind: 'log' }), 1)
  const writes = snapshot.histogram('mq_io_duration_seconds', { operation: 'write', kind: 'log' })
  assert.deepEqual([writes?.count, writes?.sum], [1, 0.02])
  assert.equal(snapshot.histogram('mq_io_duration_seconds', { operation: 'replace', kind: 'other' })?.count, 1)
})

test('a range is copied between files of the system by the kernel, though they are measured', async (t) => {
  const directory = await makeTemporaryDirectory('holdfast-measured-')
  t.after(() => directory.remove())
  const metrics = new MetricsRegistry()
  const disk = measured(nodeDisk, metrics, systemClock, kindOf)
  const from = await disk.open(join(directory.path, 'from.log'), { mode: 'create' })
  const to = await disk.open(join(directory.path, 'to'), { mode: 'create' })
  await from.write([Buffer.from('0123456789')], 0)
  await disk.copyRange(from, 2, to, 0, 5)
  const copied = Buffer.alloc(5)
  await to.read(copied, 0)
  assert.equal(String(copied), '23456')
  await from.close()
  await to.close()
  const snapshot = await metrics.snapshot()
  assert.equal(snapshot.value('mq_io_bytes_total', { direction: 'read', kind: 'log' }), 5)
  assert.equal(snapshot.histogram('mq_io_duration_seconds', { operation: 'copy', kind: 'other' })?.count, 1)
})

test('the kind of a file is told by where it lies and what it is called, never by a topic', () => {
  const kind = kindsIn({ keyIndexes: '/d/index', commitLogStore: '/d/store' })
  const expected: Record<string, string> = {
    '/d/log/a-0/00000000000000000000.log': 'log',
    '/d/log/a-0/00000000000000000000.log.spare.deleted': 'log',
    '/d/log/a-0/00000000000000000000.index': 'offset-index',
    '/d/log/a-0/00000000000000000000.timeindex': 'time-index',
    '/d/log/a-0/00000000000000000000.txnindex': 'transaction-index',
    '/d/log/a-0/00000000000000000000.snapshot': 'other',
    '/d/log/a.log.b-0/partition.metadata': 'other',
    '/d/index/a-0/1-2.run': 'key-index',
    '/d/store/commitlog/00000000000000000000': 'commit-log',
    '/d/store/consumequeue/a/0/00000000000000000000': 'consume-queue',
    '/d/store/index/20261126050000000': 'message-index',
    '/d/store/config/topics.json': 'other',
  }
  for (const [path, name] of Object.entries(expected)) assert.equal(kind(path), name, path)
})
