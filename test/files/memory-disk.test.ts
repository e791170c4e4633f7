/** That the simulated disk is no kinder than its word: a test that passes on it must not pass for a promise it does not give. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { SeededRandomness } from '../../sim/seeded-randomness.js'
import type { DiskFile, OpenOptions } from '../../src/files/disk.js'

const seeds = Array.from({ length: 60 }, (_, seed) => seed)

/** What is found of a file in many crashes, after `work` on it. */
async function afterCrashes(
  options: Omit<OpenOptions, 'mode'>,
  work: (file: DiskFile, disk: MemoryDisk) => Promise<void>,
): Promise<Buffer[]> {
  const disk = new MemoryDisk()
  await disk.makeDirectory('/d')
  const file = await disk.open('/d/file', { mode: 'create', ...options })
  await disk.syncDirectory('/d')
  await work(file, disk)
  const found: Buffer[] = []
  for (const seed of seeds) {
    found.push((await disk.afterCrash(new SeededRandomness(seed)).readFile('/d/file')) as Buffer)
  }
  return found
}

const ones = (length: number) => Buffer.alloc(length, 1)
const isOnes = (bytes: Buffer) => bytes.every((byte) => byte === 1)

describe('the disk in memory', () => {
  for (const mapped of [false, true]) {
    test(`what was written is lost in part until it is synced, mapped: ${mapped}`, async () => {
      const unsynced = await afterCrashes({ mapped }, (file) => file.write([ones(2048)], 0))
      assert.ok(unsynced.some((found) => !isOnes(found.subarray(0, 2048)) && found.includes(1)))
      const synced = await afterCrashes({ mapped }, async (file) => {
        await file.write([ones(2048)], 0)
        await file.sync()
      })
      assert.ok(synced.every((found) => found.length >= 2048 && isOnes(found.subarray(0, 2048))))
      const durable = await afterCrashes({ mapped, dsync: true }, (file) => file.write([ones(2048)], 0))
      assert.ok(durable.every((found) => found.length >= 2048 && isOnes(found.subarray(0, 2048))))
    })
  }

  test('prepared zeros are durable, and nothing beside them is', async () => {
    const found = await afterCrashes({}, async (file) => {
      await file.write([ones(4096)], 0)
      await file.prepare(2048, 8192, 'zero')
    })
    assert.ok(found.every((bytes) => bytes.length >= 8192 && bytes.subarray(2048, 8192).every((byte) => byte === 0)))
    assert.ok(found.some((bytes) => !isOnes(bytes.subarray(0, 2048))))
    assert.ok(found.some((bytes) => bytes.subarray(0, 2048).includes(1)))
  })

  test('a file is cut and grown by zeros, and its length is durable', async () => {
    const found = await afterCrashes({}, async (file) => {
      await file.write([ones(1024)], 0)
      await file.sync()
      await file.truncate(512)
      await file.truncate(2048)
    })
    for (const bytes of found) assert.deepEqual(bytes, Buffer.concat([ones(512), Buffer.alloc(1536)]))
  })

  test('cutting a file makes its length durable, and nothing that is left in it', async () => {
    const found = await afterCrashes({}, async (file) => {
      await file.write([ones(2048)], 0)
      await file.truncate(1024)
    })
    assert.ok(found.every(({ length }) => length === 1024))
    assert.ok(found.some((bytes) => bytes.includes(0)) && found.some((bytes) => isOnes(bytes)))
  })

  test('a write into prepared zeros is as little durable as any', async () => {
    const found = await afterCrashes({}, async (file) => {
      await file.prepare(0, 4096, 'zero')
      await file.write([ones(4096)], 0)
    })
    assert.ok(found.some((bytes) => bytes.includes(1) && bytes.includes(0)))
  })

  test('of a reservation not even the length is durable', async () => {
    const found = await afterCrashes({}, (file) => file.prepare(0, 4096, 'fallocate'))
    assert.deepEqual(new Set(found.map((bytes) => bytes.length)), new Set([0, 4096]))
  })

  test('an unmapped mapping shows rubbish, and a mapping keeps what its file was', async () => {
    const disk = new MemoryDisk()
    await disk.makeDirectory('/d')
    await disk.replaceFile('/d/file', ones(100))
    const mapping = await disk.map('/d/file')
    await disk.remove('/d/file')
    assert.ok(isOnes(mapping.bytes))
    assert.equal(disk.mappings, 1)
    mapping.unmap()
    mapping.unmap()
    assert.ok(!mapping.bytes.includes(1))
    assert.equal(disk.mappings, 0)
    await assert.rejects(disk.map('/d/file'), { code: 'DISK_FAILED' })
  })

  test('a disk that cannot map says so', async () => {
    const disk = new MemoryDisk({ supportsMapping: false })
    await disk.makeDirectory('/d')
    await assert.rejects(disk.open('/d/file', { mode: 'create', mapped: true }), { code: 'MMAP_UNAVAILABLE' })
    assert.deepEqual(await disk.list('/d'), [])
    await assert.rejects(disk.map('/d/file'), { code: 'MMAP_UNAVAILABLE' })
  })

  test('a file with two names is one file, also after a crash, and a name is as durable as its directory', async () => {
    const disk = new MemoryDisk()
    await disk.makeDirectory('/d')
    const file = await disk.open('/d/a', { mode: 'create' })
    await file.write([ones(1024)], 0)
    await disk.link('/d/a', '/d/b')
    assert.equal((await disk.stat('/d/a'))?.names, 2)
    const found = { none: 0, both: 0 }
    for (const seed of seeds) {
      const after = disk.afterCrash(new SeededRandomness(seed))
      const [a, b] = [await after.readFile('/d/a'), await after.readFile('/d/b')]
      if (a === undefined && b === undefined) found.none++
      if (a === undefined || b === undefined) continue
      found.both++
      assert.deepEqual(a, b)
    }
    assert.ok(found.none > 0 && found.both > 0)
  })
})
