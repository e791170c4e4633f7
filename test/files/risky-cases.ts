/** Cases in which a mistake ends the process by a signal: `risky-cases.ts CASE DIRECTORY`, which exits with 0 where all holds. */

import assert from 'node:assert/strict'
import { rename, rm, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../../src/core/clock.js'
import { MappedFiles } from '../../src/files/mapped-files.js'
import { nodeDisk } from '../../src/files/node-disk.js'

const mib = 1024 * 1024

/** `directory` lies on a file system of a few megabytes. */
async function fullDisk(directory: string): Promise<void> {
  const file = await nodeDisk.open(join(directory, 'file'), { mode: 'create', mapped: true })
  const piece = Buffer.alloc(100_000, 7)
  let written = 0
  const refusal = async () => {
    for (;;) {
      await file.write([piece], written)
      written += piece.length
    }
  }
  await assert.rejects(refusal(), { code: 'DISK_FULL' })
  const { bsize, blocks } = await statfs(directory)
  assert.ok(written > (bsize * blocks) / 2, `${written} bytes of ${bsize * blocks} were written`)
  await file.sync()
  const found = Buffer.alloc(written)
  assert.equal(await file.read(found, 0), written)
  assert.ok(found.every((byte) => byte === 7))
  for (const how of ['zero', 'fallocate'] as const) {
    const size = await file.size()
    await assert.rejects(file.prepare(size, size + 64 * mib, how), { code: 'DISK_FULL' })
  }
  // Cut off, there is room again.
  await file.truncate(piece.length)
  await file.write([piece], piece.length)
  await file.sync()
  await file.close()
}

/** A file that is there, full of holes, on a disk that cannot fill them. */
async function sparseFile(directory: string): Promise<void> {
  const path = join(directory, 'sparse')
  const plain = await nodeDisk.open(path, { mode: 'create' })
  await plain.write([Buffer.from('end')], 512 * mib)
  await plain.close()
  const file = await nodeDisk.open(path, { mode: 'write', mapped: true })
  await file.warm(0, 512 * mib, 'touch')
  await assert.rejects(
    (async () => {
      for (let at = 0; at < 512 * mib; at += mib) await file.write([Buffer.alloc(mib, 1)], at)
    })(),
    { code: 'DISK_FULL' },
  )
  await file.close()
}

async function mappingOutlivesItsFile(directory: string): Promise<void> {
  const path = join(directory, 'segment')
  const bytes = Buffer.alloc(8 * mib, 'segment ')
  const table = new MappedFiles(nodeDisk, systemClock, { count: 1, bytes: 64 * mib, idleMs: 60_000 })
  for (const end of ['deleted', 'renamed', 'replaced'] as const) {
    await writeFile(path, bytes)
    const loan = await table.borrow(path)
    const other = await table.borrow(path)
    assert.ok(loan !== undefined && other !== undefined)
    table.drop(path)
    if (end === 'deleted') await rm(path)
    else if (end === 'renamed') await rename(path, `${path}.deleted`)
    else await nodeDisk.replaceFile(path, Buffer.from('another file'))
    other.release()
    other.release()
    assert.equal(await loan.populate(0, bytes.length), true)
    assert.ok(loan.bytes.equals(bytes))
    // The table is full of what is lent.
    assert.equal(await table.borrow(path), undefined)
    loan.release()
    assert.equal(await loan.populate(0, 1), false)
    assert.equal(table.count, 0)
    assert.equal(table.bytes, 0)
  }
  table.dropAll()
}

/** The same address again and again, while the garbage collector has not seen the old view go. */
async function mapsComeAndGo(directory: string): Promise<void> {
  const path = join(directory, 'many')
  await writeFile(path, Buffer.alloc(mib, 'x'))
  let last: Promise<unknown> = Promise.resolve()
  for (let i = 0; i < 2000; i++) {
    const mapping = await nodeDisk.map(path)
    const populating = mapping.populate(0, mib)
    if (i % 2 === 0) await populating
    await last
    assert.equal(mapping.bytes[i * 500], 120)
    mapping.unmap()
    mapping.unmap()
    // Ends while the next mapping is there.
    last = populating
  }
}

async function withoutLibc(directory: string): Promise<void> {
  const path = join(directory, 'plain')
  assert.equal(nodeDisk.supportsMapping, false)
  const refused = (error: Error & { code?: string }) => {
    assert.equal(error.code, 'MMAP_UNAVAILABLE')
    assert.match(error.message, /file\.engine=disk/)
    return true
  }
  await assert.rejects(nodeDisk.open(path, { mode: 'create', mapped: true }), refused)
  // Nothing was created on the way to the refusal.
  assert.deepEqual(await nodeDisk.list(directory), [])
  const file = await nodeDisk.open(path, { mode: 'create', dsync: true })
  await assert.rejects(nodeDisk.map(path), refused)
  await file.prepare(0, 3 * mib, 'zero')
  assert.equal(await file.size(), 3 * mib)
  await file.prepare(3 * mib, 4 * mib, 'fallocate')
  assert.equal(await file.size(), 3 * mib)
  await file.write([Buffer.alloc(2 * mib, 5)], mib / 2)
  await file.warm(0, 3 * mib, 'touch')
  await file.warm(0, 3 * mib, 'lock')
  const copy = await nodeDisk.open(`${path}.copy`, { mode: 'create' })
  await nodeDisk.copyRange(file, 1000, copy, 77, 3 * mib - 1000)
  await assert.rejects(nodeDisk.copyRange(file, 1000, copy, 77, 3 * mib), { code: 'DISK_FAILED' })
  const [original, copied] = [Buffer.alloc(3 * mib - 1000), Buffer.alloc(3 * mib)]
  await file.read(original, 1000)
  assert.equal(await copy.read(copied, 77), original.length)
  assert.ok(copied.subarray(0, original.length).equals(original))
  await file.close()
  await copy.close()
  const table = new MappedFiles(nodeDisk, systemClock, { count: 9, bytes: mib, idleMs: 60_000 })
  assert.equal(await table.borrow(path), undefined)
}

const cases: Record<string, (directory: string) => Promise<void>> = {
  fullDisk,
  sparseFile,
  mappingOutlivesItsFile,
  mapsComeAndGo,
  withoutLibc,
}

const [name, directory] = process.argv.slice(2)
await cases[name](directory)
console.log(`${name} holds`)
