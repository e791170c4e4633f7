/** The parts that the sampler is made of: rings, growth, lag history, the kernel's tables, the device probe. */

import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { systemClock } from '../../src/core/clock.js'
import { nodeDisk } from '../../src/files/node-disk.js'
import { makeTemporaryDirectory } from '../../src/files/temporary-directory.js'
import { probeDevice } from '../../src/monitoring/device-probe.js'
import { growthOf, hoursUntilFull } from '../../src/monitoring/growth.js'
import { fileSystemOf, hostFacts, limitIn } from '../../src/monitoring/host.js'
import { LagHistory } from '../../src/monitoring/lag-history.js'
import { Ring } from '../../src/monitoring/ring.js'
import { probeDirectory } from '../../src/monitoring/watching.js'

test('a ring is the end of what was pushed', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.array(fc.integer()), fc.nat(12), (capacity, items, count) => {
      const ring = new Ring<number>(capacity)
      for (const item of items) ring.push(item)
      const kept = items.slice(-capacity)
      assert.deepEqual(ring.latest(), kept)
      assert.deepEqual(ring.latest(count), count === 0 ? [] : kept.slice(-count))
      assert.deepEqual([ring.oldest, ring.newest, ring.length], [kept[0], kept[kept.length - 1], kept.length])
    }),
  )
})

test('growth is the slope of a straight line, and nothing of few points', () => {
  const line = Array.from({ length: 12 }, (_, i) => ({ timeMs: i * 60_000, bytes: 1000 + i * 10 }))
  assert.deepEqual(growthOf(line), { bytesPerHour: 600, spanMs: 660_000 })
  assert.equal(growthOf(line.slice(0, 5)), undefined)
  assert.equal(growthOf(line.map((point) => ({ ...point, timeMs: 0 }))), undefined)
})

test('a disk is full where it grows, and within a year', () => {
  assert.equal(hoursUntilFull(100, 50), 2)
  assert.equal(hoursUntilFull(100, 0), undefined)
  assert.equal(hoursUntilFull(100, -5), undefined)
  assert.equal(hoursUntilFull(1e9, 1), undefined)
})

test('of many groups those that are furthest behind are kept, and those that are gone forgotten', () => {
  const history = new LagHistory({ points: 2, groups: 3 })
  const groups = (...names: string[]) => names.map((group) => ({ group, lag: Number(group.slice(1)) }))
  history.note(1, groups('g1', 'g2', 'g3', 'g4', 'g5'))
  assert.deepEqual([...history.groups()].sort(), ['g3', 'g4', 'g5'])
  for (const timeMs of [2, 3]) history.note(timeMs, groups('g4'))
  assert.deepEqual(history.groups(), ['g4'])
  assert.deepEqual(history.of('g4'), [
    { timeMs: 2, lag: 4 },
    { timeMs: 3, lag: 4 },
  ])
  assert.deepEqual(history.of('g3'), [])
})

test('limits and mounts are read as the kernel writes them', () => {
  const limits = [
    'Limit                     Soft Limit           Hard Limit           Units     ',
    'Max open files            1024                 1048576              files     ',
    'Max locked memory         unlimited            unlimited            bytes     ',
  ].join('\n')
  assert.equal(limitIn(limits, 'Max open files'), 1024)
  assert.equal(limitIn(limits, 'Max locked memory'), Number.POSITIVE_INFINITY)
  assert.equal(limitIn('', 'Max open files'), null)
  const mounts = [
    '/dev/sda1 / ext4 rw 0 0',
    'tmpfs /data tmpfs rw 0 0',
    '/dev/sdb1 /data xfs rw 0 0',
    'server:/x /my\\040files nfs4 rw 0 0',
    '',
  ].join('\n')
  const type = (path: string) => fileSystemOf(mounts, path)?.type
  assert.deepEqual(
    [type('/home'), type('/data/queue'), type('/data'), type('/database'), type('/my files/queue')],
    ['ext4', 'xfs', 'xfs', 'ext4', 'nfs4'],
  )
  assert.equal(fileSystemOf('', '/data'), null)
})

test('the facts of this host are told, where it is Linux, and nothing where the disk has no /proc', async (t) => {
  const nothing = { openFilesLimit: null, memoryLockLimitBytes: null, fileSystem: null }
  assert.deepEqual(await hostFacts('/data', new MemoryDisk()), nothing)
  if (process.platform !== 'linux') return t.skip('not Linux')
  const facts = await hostFacts('/', nodeDisk)
  assert.ok((facts.openFilesLimit ?? 0) > 0)
  assert.equal(facts.fileSystem?.mountPoint, '/')
})

test('the probe measures a device, and leaves nothing behind', async () => {
  const directory = await makeTemporaryDirectory('holdfast-probe-')
  try {
    const device = await probeDevice(directory.path, { disk: nodeDisk, clock: systemClock, writes: 8 })
    assert.equal(device.writes, 8)
    assert.ok(device.plainMs > 0 && device.syncMs > 0 && device.worstMs >= device.syncMs)
    assert.equal(device.dsyncMs === null, !nodeDisk.supportsDsync)
    assert.deepEqual(readdirSync(directory.path), [])
  } finally {
    await directory.remove()
  }
})

test('a probe that fails leaves nothing behind either', async () => {
  const disk = new MemoryDisk()
  await disk.makeDirectory('/data')
  const failing = Object.create(disk, {
    open: { value: async () => Promise.reject(new Error('no')) },
  }) as MemoryDisk
  await assert.rejects(probeDevice('/data', { disk: failing, clock: systemClock }))
  assert.deepEqual(await disk.list('/data'), [])
})

test('the probe lies beside the logs, and among them where they have a place of their own', () => {
  assert.equal(probeDirectory('./data', 'data/log'), './data')
  assert.equal(probeDirectory('/data', '/mnt/fast'), '/mnt/fast')
})
