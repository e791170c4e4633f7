import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { FaultDisk } from '../../sim/fault-disk.js'
import { MemoryDisk } from '../../sim/memory-disk.js'
import type { Disk, DiskFile } from '../../src/files/disk.js'
import { nodeDisk } from '../../src/files/node-disk.js'
import { temporaryDirectory, whenEnded } from '../storage/support.js'
import { engines } from './engines.js'

const sourceBytes = 20_000_000
const source = Buffer.alloc(sourceBytes, 'the bytes of a segment that moves elsewhere, ')

async function contentOf(file: DiskFile): Promise<Buffer> {
  const found = Buffer.alloc(await file.size())
  await file.read(found, 0)
  return found
}

describe('copying from file to file', () => {
  for (const { name, disk, options, hasTail } of engines()) {
    // A disk in memory copies its whole file at each write.
    const most = name.includes('memory') ? 20_000 : sourceBytes
    test(`puts the very bytes there and no others, into ${name}`, async (t) => {
      const directory = await temporaryDirectory(t)
      await disk.makeDirectory(directory)
      const from = await disk.open(join(directory, 'source'), { mode: 'create' })
      await from.write([source.subarray(0, most)], 0)
      whenEnded(t, () => from.close())
      let number = 0
      await fc.assert(
        fc.asyncProperty(fc.nat(most), fc.nat(most), fc.nat(most), async (position, length, target) => {
          const wanted = Math.min(length, most - position)
          const to = await disk.open(join(directory, `target-${number++}`), { mode: 'create', ...options })
          await to.write([Buffer.from('before')], 0)
          await disk.copyRange(from, position, to, 6 + (target % 100_000), wanted)
          await to.write([Buffer.from('BEFORE')], 0)
          await to.sync()
          const found = await contentOf(to)
          const at = 6 + (target % 100_000)
          if (!hasTail && wanted > 0) assert.equal(found.length, at + wanted)
          assert.equal(found.subarray(0, 6).toString(), 'BEFORE')
          assert.ok(found.subarray(6, at).every((byte) => byte === 0))
          assert.ok(found.subarray(at, at + wanted).equals(source.subarray(position, position + wanted)))
          assert.ok(found.subarray(at + wanted).every((byte) => byte === 0))
          await to.close()
          await disk.remove(to.path)
        }),
        { numRuns: 12, examples: [[0, most, 0]] },
      )
    })

    test(`a source that ends early is an error, into ${name}`, async (t) => {
      const directory = await temporaryDirectory(t)
      await disk.makeDirectory(directory)
      const from = await disk.open(join(directory, 'source'), { mode: 'create' })
      const to = await disk.open(join(directory, 'target'), { mode: 'create', ...options })
      await from.write([Buffer.from('ten bytes.')], 0)
      await assert.rejects(disk.copyRange(from, 5, to, 0, 6), { code: 'DISK_FAILED' })
      await assert.rejects(disk.copyRange(from, 50, to, 0, 1), { code: 'DISK_FAILED' })
      await disk.copyRange(from, 50, to, 0, 0)
      await from.close()
      await to.close()
    })
  }

  test('within one file, where the ranges may meet and not overlap', async (t) => {
    const directory = await temporaryDirectory(t)
    const file = await nodeDisk.open(join(directory, 'file'), { mode: 'create' })
    await file.write([source.subarray(0, 3_000_000)], 0)
    await nodeDisk.copyRange(file, 7, file, 3_000_000, 2_999_993)
    const found = await contentOf(file)
    assert.ok(found.subarray(3_000_000).equals(source.subarray(7, 3_000_000)))
    // The kernel refuses ranges that overlap, and piece by piece through a buffer they would spoil one another.
    await assert.rejects(nodeDisk.copyRange(file, 0, file, 10, 1000), /a place of its own/)
    assert.ok((await contentOf(file)).subarray(10, 1010).equals(source.subarray(10, 1010)))
    await file.close()
  })

  test('a refusal of the disk is told, and a part may be there', async () => {
    const disk: Disk = new FaultDisk(new MemoryDisk(), ({ operation }) =>
      operation === 'copyRange' ? 'ENOSPC' : undefined,
    )
    await disk.makeDirectory('/d')
    const from = await disk.open('/d/from', { mode: 'create' })
    const to = await disk.open('/d/to', { mode: 'create' })
    await from.write([source.subarray(0, 900)], 0)
    await assert.rejects(disk.copyRange(from, 0, to, 0, 900), { code: 'DISK_FULL' })
    assert.ok((await contentOf(to)).equals(source.subarray(0, 600)))
  })
})
