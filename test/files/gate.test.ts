import assert from 'node:assert/strict'
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { Gate, poolSize } from '../../src/files/gate.js'
import { libc } from '../../src/files/libc.js'
import { nodeDisk } from '../../src/files/node-disk.js'
import { gate as door, temporaryDirectory, until } from '../storage/support.js'

describe('the gate before the pool', () => {
  test('lets so many through at a time, the others in their order, also when some fail', async () => {
    const gate = new Gate(2)
    const doors = Array.from({ length: 6 }, () => door())
    const begun: number[] = []
    const results = doors.map(({ passed }, index) =>
      gate.run(async () => {
        begun.push(index)
        await passed
        if (index % 2 === 0) throw new Error(`${index} fails`)
        return index
      }),
    )
    const settled = Promise.allSettled(results)
    await until(() => begun.length === 2)
    for (let index = 0; index < 6; index++) {
      assert.deepEqual(begun.slice(0, 6), [0, 1, 2, 3, 4, 5].slice(0, index + 2))
      doors[index].open()
      await results[index].catch(() => {})
      // Whoever comes now does not overtake those who wait.
      if (index === 0) void gate.run(async () => begun.push(6))
      await until(() => begun.length >= Math.min(6, index + 3))
    }
    await settled
    await until(() => begun.length === 7)
    assert.deepEqual(begun, [0, 1, 2, 3, 4, 5, 6])
  })

  test('knows the size of the pool as libuv reads it', () => {
    const given = ['16', '0', '-3', 'many', '7 threads', '99999', '']
    assert.deepEqual(given.map(poolSize), [16, 1, 1, 1, 7, 1024, 1])
    const usual = process.env['UV_THREADPOOL_SIZE']
    delete process.env['UV_THREADPOOL_SIZE']
    assert.equal(poolSize(), 4)
    if (usual !== undefined) process.env['UV_THREADPOOL_SIZE'] = usual
  })

  test('durable writes and syncs of many files never take the last thread', async (t) => {
    let running = 0
    let most = 0
    const original = { write: fs.write, writev: fs.writev, fdatasync: fs.fdatasync, fsync: fs.fsync }
    const counted =
      <T extends unknown[]>(call: (...args: T) => void) =>
      (...args: T) => {
        running++
        most = Math.max(most, running)
        const done = args.at(-1) as (...results: unknown[]) => void
        args[args.length - 1] = (...results: unknown[]) => {
          running--
          done(...results)
        }
        call(...args)
      }
    for (const name of ['write', 'writev', 'fdatasync', 'fsync'] as const) {
      Object.assign(fs, { [name]: counted(original[name] as (...args: unknown[]) => void) })
    }
    syncBuiltinESMExports()
    t.after(() => {
      Object.assign(fs, original)
      syncBuiltinESMExports()
    })
    const directory = await temporaryDirectory(t)
    const kinds = [{ dsync: true }, { dsync: false }, ...(libc() === undefined ? [] : [{ mapped: true, dsync: true }])]
    const options = Array.from({ length: 12 }, (_, index) => kinds[index % kinds.length])
    const files = await Promise.all(
      options.map((option, index) => nodeDisk.open(join(directory, `${index}`), { mode: 'create', ...option })),
    )
    await Promise.all(
      files.map(async (file, index) => {
        if (options[index].dsync) await file.write([Buffer.alloc(5000, 1), Buffer.alloc(5000, 2)], 0)
        await Promise.all([file.prepare(10_000, 500_000, 'zero'), file.sync()])
        await file.truncate(4000)
      }),
    )
    await Promise.all(files.map((file) => file.close()))
    assert.equal(running, 0)
    assert.equal(most, Math.max(1, poolSize() - 1))
  })
})
