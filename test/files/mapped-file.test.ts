import assert from 'node:assert/strict'
import { fstatSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { type Libc, libc, pageBytes } from '../../src/files/libc.js'
import { MappedFile } from '../../src/files/mapped-file.js'
import { gate, mib, temporaryDirectory, until } from '../storage/support.js'

const skip = libc() === undefined && 'SKIPPED: files cannot be mapped here.'

interface Calls {
  /** File positions whose pages were given to msync. */
  readonly synced: { from: number; to: number }[]
  /** What each mapped address stands for, until it is unmapped. */
  readonly mapped: Map<number, { offset: number; length: number }>
  readonly reserved: { from: number; to: number }[]
  /** The name of the error that the next call of that kind fails with. */
  failing: { sync?: string; reserve?: string; map?: string }
  hold: Promise<void> | undefined
  /** Populates under way. */
  populating: number
}

const systemError = (code: string) => Object.assign(new Error(`${code}: injected`), { code })

/** libc with a witness: it counts, fails what it is told to, and refuses calls on addresses that are not mapped. */
function witnessed(): { system: Libc; calls: Calls } {
  const real = libc() as Libc
  const calls: Calls = { synced: [], mapped: new Map(), reserved: [], failing: {}, hold: undefined, populating: 0 }
  const mappingAt = (address: number) => {
    for (const [start, { offset, length }] of calls.mapped) {
      if (address >= start && address < start + length) return { position: offset + address - start }
    }
    throw new Error(`nothing is mapped at ${address}`)
  }
  const fail = (kind: keyof Calls['failing']) => {
    const code = calls.failing[kind]
    if (code === undefined) return
    calls.failing[kind] = undefined
    throw systemError(code)
  }
  const system: Libc = {
    ...real,
    map(fd, offset, length, access) {
      fail('map')
      assert.ok(offset + length <= fstatSync(fd).size, 'nothing is mapped beyond the end of the file')
      const address = real.map(fd, offset, length, access)
      calls.mapped.set(address, { offset, length })
      return address
    },
    async populate(address, length, access) {
      calls.populating++
      await calls.hold
      mappingAt(address)
      await real.populate(address, length, access).finally(() => calls.populating--)
    },
    async unmap(address, length) {
      assert.equal(calls.populating, 0)
      assert.equal(calls.mapped.get(address)?.length, length)
      calls.mapped.delete(address)
      await real.unmap(address, length)
    },
    async sync(address, length) {
      const { position } = mappingAt(address)
      calls.synced.push({ from: position, to: position + length })
      await calls.hold
      fail('sync')
      mappingAt(address)
      await real.sync(address, length)
    },
    async reserve(fd, from, length) {
      fail('reserve')
      calls.reserved.push({ from, to: from + length })
      await real.reserve(fd, from, length)
    },
  }
  return { system, calls }
}

async function mappedFile(t: TestContext, dsync = false) {
  const path = join(await temporaryDirectory(t), 'file')
  const { system, calls } = witnessed()
  const file = new MappedFile(system, path, openSync(path, 'w+'), dsync)
  t.after(() => file.close())
  return { file, calls }
}

const covers = (ranges: readonly { from: number; to: number }[], from: number, to: number) =>
  ranges.some((range) => range.from <= from && range.to >= to)

describe('a mapped file', { skip }, () => {
  test('syncs every byte that was written since the last sync, and not the whole file', async (t) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.tuple(fc.nat(4 * mib - 70_000), fc.integer({ min: 1, max: 70_000 })), { minLength: 1 }), {
          minLength: 1,
          maxLength: 5,
        }),
        async (rounds) => {
          const { file, calls } = await mappedFile(t)
          // The first sync is of the whole file; after it the file does not grow.
          await file.prepare(0, 4 * mib, 'fallocate')
          await file.sync()
          for (const writes of rounds) {
            calls.synced.length = 0
            for (const [at, length] of writes) await file.write([Buffer.alloc(length, 1)], at)
            await file.sync()
            for (const [at, length] of writes) assert.ok(covers(calls.synced, at, at + length))
            for (const { from, to } of calls.synced) {
              for (let page = from; page < to; page += pageBytes) {
                const touched = writes.some(([at, length]) => at < page + pageBytes && at + length > page)
                assert.ok(touched, `the page at ${page} is synced though nobody wrote it`)
              }
            }
          }
          calls.synced.length = 0
          await file.sync()
          assert.deepEqual(calls.synced, [])
          await file.close()
          assert.equal(calls.mapped.size, 0)
        },
      ),
      { numRuns: 30 },
    )
  })

  test('with more scattered writes than it remembers apart, all of them are synced', async (t) => {
    const { file, calls } = await mappedFile(t)
    await file.prepare(0, 16 * mib, 'fallocate')
    await file.sync()
    const places = Array.from({ length: 200 }, (_, index) => ((index * 37) % 200) * 80_000)
    for (const at of places) await file.write([Buffer.alloc(10, 1)], at)
    await file.sync()
    for (const at of places) assert.ok(covers(calls.synced, at, at + 10))
  })

  test('what is written during a sync belongs to the next one', async (t) => {
    const { file, calls } = await mappedFile(t)
    await file.prepare(0, mib, 'fallocate')
    await file.sync()
    await file.write([Buffer.alloc(10, 1)], 0)
    const held = gate()
    calls.hold = held.passed
    const first = file.sync()
    await until(() => calls.synced.length === 1)
    await file.write([Buffer.alloc(10, 2)], 5)
    const second = file.sync()
    held.open()
    await Promise.all([first, second])
    assert.deepEqual(
      calls.synced.map(({ from }) => from),
      [0, 0],
    )
  })

  test('written with dsync, it answers after the sync of its range', async (t) => {
    const { file, calls } = await mappedFile(t, true)
    await file.prepare(0, mib, 'fallocate')
    await file.write([Buffer.alloc(10, 1)], 0)
    await file.write([Buffer.alloc(10, 1)], 300_000)
    assert.ok(covers(calls.synced, 300_000, 300_010))
  })

  test('a failed sync is told, also to all syncs that come later, and none of them is tried; what is cut is cut', async (t) => {
    const { file, calls } = await mappedFile(t)
    await file.prepare(0, mib, 'fallocate')
    await file.sync()
    await file.write([Buffer.alloc(10, 1)], 0)
    calls.failing.sync = 'EIO'
    const results = await Promise.allSettled([file.sync(), file.sync()])
    assert.deepEqual(
      results.map((result) => result.status === 'rejected' && result.reason.code),
      ['DISK_FAILED', 'DISK_FAILED'],
    )
    assert.equal(calls.synced.length, 1)
    await file.truncate(10)
    assert.equal(await file.size(), 10)
    await assert.rejects(file.sync(), { code: 'DISK_FAILED' })
    await file.close()
  })

  test('touches no byte that is not reserved: a full disk is an error, and passes', async (t) => {
    const { file, calls } = await mappedFile(t)
    calls.failing.reserve = 'ENOSPC'
    // The generous piece does not fit; what is needed does.
    await file.write([Buffer.alloc(100, 1)], 0)
    assert.deepEqual(calls.reserved, [{ from: 0, to: pageBytes }])
    const { system, calls: none } = witnessed()
    const path = join(await temporaryDirectory(t), 'full')
    const full = new MappedFile(
      { ...system, reserve: () => Promise.reject(systemError('ENOSPC')) },
      path,
      openSync(path, 'w+'),
      false,
    )
    await assert.rejects(full.write([Buffer.alloc(100, 1)], 0), { code: 'DISK_FULL' })
    assert.equal(none.mapped.size, 0)
    assert.equal(await full.size(), 0)
    await full.sync()
    await full.close()
  })

  test('reserves in pieces that double, and each byte once', async (t) => {
    const { file, calls } = await mappedFile(t)
    for (let at = 0; at < 40 * mib; at += mib / 2) await file.write([Buffer.alloc(10)], at)
    const sizes = calls.reserved.map(({ from, to }) => (to - from) / mib)
    assert.deepEqual(sizes, [1, 2, 4, 8, 16, 32])
    for (const [index, { from }] of calls.reserved.entries()) {
      assert.equal(from, index === 0 ? 0 : calls.reserved[index - 1].to)
    }
  })

  test('keeps few windows once they are synced, and none that waits for a sync', async (t) => {
    const { file, calls } = await mappedFile(t)
    const write = async () => {
      for (let at = 0; at < 200 * mib; at += 20 * mib) await file.write([Buffer.alloc(10, 1)], at)
    }
    await write()
    const dirty = calls.mapped.size
    assert.ok(dirty > 4, `${dirty}`)
    await file.sync()
    calls.synced.length = 0
    await write()
    await until(() => calls.mapped.size <= dirty)
    await file.sync()
    for (let at = 0; at < 200 * mib; at += 20 * mib) assert.ok(covers(calls.synced, at, at + 10))
    await file.write([Buffer.alloc(1)], 100 * mib)
    await file.write([Buffer.alloc(1)], 0)
    await until(() => calls.mapped.size <= 5)
  })

  test('is unmapped before it is cut, and when it is closed, after what is under way', async (t) => {
    const { file, calls } = await mappedFile(t)
    await file.write([Buffer.alloc(10, 1)], 0)
    await file.truncate(5)
    assert.equal(calls.mapped.size, 0)
    await file.prepare(0, mib, 'fallocate')
    await file.sync()
    await file.write([Buffer.alloc(10, 1)], 0)
    const held = gate()
    calls.hold = held.passed
    const syncing = file.sync()
    await until(() => calls.synced.length === 1)
    const closing = file.close()
    await assert.rejects(file.write([Buffer.alloc(10)], 0), { code: 'CLOSED' })
    await assert.rejects(file.sync(), { code: 'CLOSED' })
    held.open()
    await syncing
    await closing
    assert.equal(calls.mapped.size, 0)
  })

  test('is not unmapped under a warming, which stops where the file was cut', async (t) => {
    const { file, calls } = await mappedFile(t)
    await file.prepare(0, 100 * mib, 'fallocate')
    const held = gate()
    calls.hold = held.passed
    const warming = file.warm(0, 100 * mib, 'touch')
    await until(() => calls.populating === 1)
    const cutting = file.truncate(mib)
    held.open()
    await Promise.all([warming, cutting])
    assert.equal(await file.size(), mib)
    assert.equal(calls.mapped.size, 0)
    await file.write([Buffer.alloc(10, 1)], 0)
    await file.sync()
  })

  test('where there is no room for a mapping the write fails, and nothing else', async (t) => {
    const { file, calls } = await mappedFile(t)
    calls.failing.map = 'ENOMEM'
    await assert.rejects(file.write([Buffer.alloc(10, 1)], 0), { code: 'DISK_FAILED' })
    await file.write([Buffer.alloc(10, 1)], 0)
    await file.sync()
  })

  test('a sync after the file grew is of the whole file, its length too', async (t) => {
    const { file, calls } = await mappedFile(t)
    for (const at of [0, 3 * mib]) {
      calls.synced.length = 0
      await file.write([Buffer.alloc(10, 1)], at)
      await file.sync()
      assert.deepEqual(calls.synced, [])
      await file.write([Buffer.alloc(10, 1)], at)
      await file.sync()
      assert.equal(calls.synced.length, 1)
    }
  })
})
