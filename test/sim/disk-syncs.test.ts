/** The simulated disk when a sync, a write or a length is at stake: each promise of ../../sim/memory-disk.ts, and each that it does not give. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Fault } from '../../sim/disk/faults.js'
import type { MemoryDisk } from '../../sim/memory-disk.js'
import { SeededRandomness } from '../../sim/seeded-randomness.js'
import type { DiskFile } from '../../src/files/disk.js'
import { durableFile, found, freshDisk, HandPace, ScriptedFaults, sector, sectors } from './disk-support.js'

const path = '/d/file'
const old = sectors(1, 4)
const fresh = sectors(11, 4)
const isOf = (bytes: Buffer | undefined, ...allowed: readonly Buffer[]): boolean =>
  bytes !== undefined && allowed.some((one) => one.equals(bytes))
const sectorAt = (bytes: Buffer, index: number): Buffer => bytes.subarray(index * sector, (index + 1) * sector)

describe('a write that no sync covers', () => {
  test('any subset of its sectors is there, each whole, also a later one without an earlier one', async () => {
    const disk = await freshDisk()
    const file = await durableFile(disk, path, old)
    await file.write([fresh], 0)
    const shapes = new Set<string>()
    for (const bytes of await found(disk, path)) {
      const shape = [0, 1, 2, 3].map((index) => {
        const one = sectorAt(bytes as Buffer, index)
        assert.ok(isOf(one, sectorAt(old, index), sectorAt(fresh, index)), 'a sector is torn inside')
        return isOf(one, sectorAt(fresh, index)) ? 'n' : 'o'
      })
      shapes.add(shape.join(''))
    }
    for (const shape of ['oooo', 'nnnn']) assert.ok(shapes.has(shape), shape)
    assert.ok([...shapes].some((shape) => /o.*n/.test(shape)) && [...shapes].some((shape) => /n.*o/.test(shape)))
  })

  test('a sector in which it begins or ends keeps what the write does not touch', async () => {
    const disk = await freshDisk()
    const file = await durableFile(disk, path, old)
    await file.write([Buffer.alloc(sector, 99)], 100)
    for (const bytes of await found(disk, path)) {
      assert.ok(bytes?.subarray(0, 100).equals(old.subarray(0, 100)))
      assert.ok(bytes?.subarray(100 + sector).equals(old.subarray(100 + sector)))
    }
  })

  test('where it makes the file longer the length may come without the bytes, as zeros, or not at all', async () => {
    const disk = await freshDisk()
    const file = await durableFile(disk, path, old)
    await file.write([fresh], old.length)
    const all = (await found(disk, path)) as Buffer[]
    assert.ok(all.every((bytes) => bytes.subarray(0, old.length).equals(old)))
    assert.ok(all.some(({ length }) => length === old.length))
    const grown = all.filter(({ length }) => length === 2 * old.length).map((bytes) => bytes.subarray(old.length))
    assert.ok(grown.some((bytes) => bytes.equals(fresh)))
    assert.ok(grown.some((bytes) => bytes.equals(Buffer.alloc(fresh.length))))
    assert.ok(new Set(all.map(({ length }) => length)).size > 2)
  })

  test('what was written before is no safer than what was written after it', async () => {
    const disk = await freshDisk()
    const file = await durableFile(disk, path, Buffer.alloc(2 * sector))
    await file.write([Buffer.alloc(sector, 1)], 0)
    await file.write([Buffer.alloc(sector, 2)], sector)
    const pairs = new Set((await found(disk, path)).map((bytes) => `${bytes?.[0]}${bytes?.[sector]}`))
    assert.deepEqual(pairs, new Set(['00', '10', '02', '12']))
  })

  test('a sync covers what was written when it began, and not what is written while it runs', async () => {
    const hand = new HandPace()
    const disk = await freshDisk({ pace: hand.pace })
    const file = await durableFile(disk, path, Buffer.alloc(2 * sector))
    await file.write([Buffer.alloc(sector, 1)], 0)
    hand.isOpen = false
    const syncing = file.sync()
    hand.isOpen = true
    await file.write([Buffer.alloc(sector, 2)], sector)
    await hand.release()
    await syncing
    const all = (await found(disk, path)) as Buffer[]
    assert.ok(all.every((bytes) => bytes[0] === 1))
    assert.ok(all.some((bytes) => bytes[sector] === 0))
  })

  test('under way at the crash, it is there in any part; under way at a kill, any front of it is', async () => {
    const hand = new HandPace()
    const disk = await freshDisk({ pace: hand.pace })
    const file = await durableFile(disk, path, old)
    hand.isOpen = false
    void file.write([fresh], 0)
    await new Promise((resolve) => setImmediate(resolve))
    hand.isOpen = true
    const shapes = new Set(
      (await found(disk, path)).map((bytes) => [0, 1, 2, 3].map((i) => bytes?.[i * sector]).join()),
    )
    assert.ok(shapes.size > 3)
    const lengths = new Set<number>()
    for (let seed = 0; seed < 20; seed++) {
      const own = await freshDisk({ pace: hand.pace })
      const other = await durableFile(own, path, old)
      hand.isOpen = false
      void other.write([fresh], 0)
      await new Promise((resolve) => setImmediate(resolve))
      hand.isOpen = true
      const bytes = (await own.afterKill(new SeededRandomness(seed)).readFile(path)) as Buffer
      const front = bytes.findIndex((byte, at) => byte !== fresh[at])
      assert.ok(front === -1 || bytes.subarray(front).equals(old.subarray(front)))
      lengths.add(front)
    }
    assert.ok(lengths.size > 5)
  })
})

/** A file of `old` sectors that are durable and `fresh` ones over them whose sync failed, with what it brought to the disk. */
async function failedSync(effect: Fault['effect'], how: 'sync' | 'dsync' = 'sync') {
  const faults = new ScriptedFaults()
  const disk = await freshDisk({ faults })
  await durableFile(disk, path, old)
  const file = await disk.open(path, { mode: 'write', dsync: how === 'dsync' })
  if (how === 'sync') await file.write([fresh], 0)
  faults.fail('sync', effect)
  await assert.rejects(how === 'sync' ? file.sync() : file.write([fresh], 0), { code: 'DISK_FAILED' })
  return { faults, disk, file }
}

const readOf = async (file: DiskFile): Promise<Buffer> => {
  const bytes = Buffer.alloc(await file.size())
  await file.read(bytes, 0)
  return bytes
}

describe('a sync that failed', () => {
  for (const how of ['sync', 'dsync'] as const) {
    test(`the next one succeeds and saves nothing of it, and everybody reads it until the crash: ${how}`, async () => {
      const { disk, file } = await failedSync('none', how)
      await file.sync()
      assert.deepEqual(await readOf(file), fresh)
      assert.deepEqual(await disk.readFile(path), fresh)
      assert.ok((await found(disk, path)).every((bytes) => isOf(bytes, old)))
    })
  }

  test('has brought all, or some sectors, to the disk, which the crash does not change any more', async () => {
    const all = await failedSync('all')
    assert.ok((await found(all.disk, path)).every((bytes) => isOf(bytes, fresh)))
    const part = await failedSync('part')
    const [first, ...others] = await found(part.disk, path)
    assert.ok(!isOf(first, old, fresh))
    assert.ok(others.every((bytes) => isOf(bytes, first as Buffer)))
  })

  test('the page cache may forget it, and what was written since stays', async () => {
    const { faults, file, disk } = await failedSync('none')
    await file.write([Buffer.alloc(sector, 50)], 3 * sector)
    assert.deepEqual((await readOf(file)).subarray(0, 3 * sector), fresh.subarray(0, 3 * sector))
    faults.evicting = true
    const expected = Buffer.concat([old.subarray(0, 3 * sector), Buffer.alloc(sector, 50)])
    assert.deepEqual(await readOf(file), expected)
    faults.evicting = false
    assert.deepEqual(await disk.readFile(path), expected)
    await file.sync()
    assert.ok((await found(disk, path)).every((bytes) => isOf(bytes, expected)))
  })

  test('nothing is forgotten of a file whose syncs succeeded', async () => {
    const faults = new ScriptedFaults()
    faults.evicting = true
    const disk = await freshDisk({ faults })
    const file = await durableFile(disk, path, old)
    await file.write([fresh], 0)
    assert.deepEqual(await readOf(file), fresh)
  })

  test('the next process reads it too, and what it writes and syncs over it is durable', async () => {
    const { disk } = await failedSync('none')
    const next = disk.afterKill()
    assert.deepEqual(await next.readFile(path), fresh)
    const file = await next.open(path, { mode: 'write' })
    await file.write([fresh.subarray(0, sector)], 0)
    await file.sync()
    const expected = Buffer.concat([fresh.subarray(0, sector), old.subarray(sector)])
    assert.ok((await found(next, path)).every((bytes) => isOf(bytes, expected)))
  })
})

describe('a write that failed', () => {
  test('has written nothing, all, or any front', async () => {
    const fronts = new Set<number>()
    for (let seed = 0; seed < 30; seed++) {
      const faults = new ScriptedFaults(seed)
      const disk = await freshDisk({ faults })
      const file = await durableFile(disk, path, old)
      faults.fail('write', 'part')
      await assert.rejects(file.write([fresh], 0), { code: 'DISK_FAILED' })
      const bytes = await readOf(file)
      const front = bytes.findIndex((byte, at) => byte !== fresh[at])
      assert.ok(front === -1 || bytes.subarray(front).equals(old.subarray(front)))
      fronts.add(front)
    }
    assert.ok(fronts.size > 10)
    for (const [effect, expected] of [
      ['none', old],
      ['all', fresh],
    ] as const) {
      const faults = new ScriptedFaults()
      const file = await durableFile(await freshDisk({ faults }), path, old)
      faults.fail('write', effect)
      await assert.rejects(file.write([fresh], 0), { code: 'DISK_FAILED' })
      assert.deepEqual(await readOf(file), expected)
    }
  })
})

describe('a disk without room', () => {
  const full = (capacityBytes: number, refuses: 'writes' | 'syncs'): Promise<MemoryDisk> =>
    freshDisk({ capacityBytes, refuses, faults: new ScriptedFaults(capacityBytes) })

  test('at any byte: what fits may be there, the rest is not, and the error says which it is', async () => {
    for (let room = 0; room <= 4 * sector + 1; room += 37) {
      const disk = await full(room, 'writes')
      const file = await disk.open(path, { mode: 'create' })
      const writing = file.write([fresh], 0)
      if (room >= fresh.length) await writing
      else await assert.rejects(writing, { code: 'DISK_FULL' })
      const bytes = await readOf(file)
      assert.ok(bytes.length <= room && bytes.equals(fresh.subarray(0, bytes.length)))
      assert.ok((await disk.space('/d'))?.totalBytes === room)
    }
  })

  test('what lies over bytes that have space needs none, a hole has none, and space comes back with the last name', async () => {
    const disk = await full(2 * sector, 'writes')
    const file = await disk.open(path, { mode: 'create' })
    await file.truncate(8 * sector)
    await file.write([sectors(1, 2)], 0)
    await file.write([sectors(5, 2)], 0)
    await assert.rejects(file.write([sectors(1, 1)], 4 * sector), { code: 'DISK_FULL' })
    await disk.link(path, '/d/other')
    const next = await disk.open('/d/next', { mode: 'create' })
    await disk.remove(path)
    await disk.remove('/d/other')
    await next.write([sectors(9, 2)], 0)
    assert.deepEqual(await readOf(next), sectors(9, 2))
  })

  test('prepared space is refused as a whole', async () => {
    const disk = await full(2 * sector, 'writes')
    const file = await disk.open(path, { mode: 'create' })
    await assert.rejects(file.prepare(0, 3 * sector, 'fallocate'), { code: 'DISK_FULL' })
    assert.equal(await file.size(), 0)
  })

  test('a thin volume takes every write, and its sync fails and loses it', async () => {
    const disk = await full(2 * sector, 'syncs')
    const file = await disk.open(path, { mode: 'create' })
    await disk.syncDirectory('/d')
    await file.write([sectors(1, 2)], 0)
    await file.sync()
    await file.write([sectors(3, 2)], 2 * sector)
    await assert.rejects(file.sync(), { code: 'DISK_FULL' })
    assert.deepEqual(await readOf(file), sectors(1, 4))
    await file.sync()
    assert.ok((await found(disk, path)).every((bytes) => bytes?.subarray(0, 2 * sector).equals(sectors(1, 2))))
    assert.ok((await found(disk, path)).every((bytes) => !bytes?.subarray(2 * sector).some((byte) => byte !== 0)))
  })
})

describe('what a caller must not do', () => {
  test('the use of a closed file is an error, and a mapped file that is cut is noted', async () => {
    const disk = await freshDisk()
    const file = await durableFile(disk, path, old)
    const mapping = await disk.map(path)
    await file.truncate(sector)
    assert.equal(disk.misuses.length, 1)
    mapping.unmap()
    await file.close()
    await assert.rejects(file.write([old], 0))
    await assert.rejects(file.read(Buffer.alloc(1), 0))
    assert.equal(disk.misuses.length, 3)
  })

  test('a mapped file grows by pieces, and ends in zeros that nobody wrote', async () => {
    const disk = await freshDisk()
    const file = await disk.open(path, { mode: 'create', mapped: true })
    await file.write([Buffer.from('x')], 0)
    const size = await file.size()
    assert.ok(size > sector)
    assert.ok((await disk.readFile(path))?.subarray(1).every((byte) => byte === 0))
  })

  test('bytes are taken from the buffer of the caller when the write happens', async () => {
    const hand = new HandPace()
    const disk = await freshDisk({ pace: hand.pace })
    const file = await durableFile(disk, path, old)
    const mine = Buffer.alloc(sector, 7)
    hand.isOpen = false
    const writing = file.write([mine], 0)
    await new Promise((resolve) => setImmediate(resolve))
    mine.fill(8)
    hand.isOpen = true
    await hand.release()
    await writing
    assert.equal((await readOf(file))[0], 8)
  })
})
