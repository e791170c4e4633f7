/** The bytes of an index file, made by hand, and the names of the files. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../../sim/manual-clock.js'
import { MemoryDisk } from '../../../sim/memory-disk.js'
import { javaHash } from '../../../src/core/java-hash.js'
import {
  decodeIndexHeader,
  encodeIndexHeader,
  indexFileBytes,
  indexFileName,
  indexHash,
  usualIndexShape,
} from '../../../src/storage/commitlog/index-format.js'
import { indexDirectory, message, openIndex, startMs } from './index-world.js'

const hex = (...parts: readonly string[]) => parts.join('').replaceAll(' ', '')

test('a file has the size that RocketMQ gives it', () => {
  assert.equal(indexFileBytes(usualIndexShape), 420_000_040)
})

test('the bytes of a file: header, slots, entries with the chain of a slot', async () => {
  const disk = new MemoryDisk()
  const index = await openIndex(disk, { shape: { slots: 3, entries: 5 } })
  index.put(message(0, [7, -10], startMs))
  index.put(message(2 ** 32 + 143, [9], startMs + 2_999))
  await index.close()
  const [name] = index.extent.fileNames
  const bytes = await disk.readFile(`${indexDirectory}/${name}`)
  assert.equal(
    bytes?.toString('hex'),
    hex(
      '0000018b cfe56800', // stored first: 1700000000000
      '0000018b cfe573b7', // stored last: 2999 ms later
      '00000000 00000000', // of the first message in the log
      '00000001 0000008f', // of the last
      '00000002', // slots in use
      '00000004', // number of the next entry
      '00000003 00000002 00000000', // slots 0 to 2
      '00000000 00000000 00000000 00000000 00000000', // number 0 is not used
      '00000007 00000000 00000000 00000000 00000000', // slot 1
      '0000000a 00000000 00000000 00000000 00000001', // slot 1 again
      '00000009 00000001 0000008f 00000002 00000000', // two whole seconds later
      '00000000 00000000 00000000 00000000 00000000',
    ),
  )
})

test('the next file begins with its own first message, whose seconds are none', async () => {
  const disk = new MemoryDisk()
  const index = await openIndex(disk, { shape: { slots: 1, entries: 2 } })
  index.put(message(100, [1], startMs))
  index.put(message(200, [2], startMs + 60_000))
  await index.close()
  const bytes = await disk.readFile(`${indexDirectory}/${index.extent.fileNames[1]}`)
  assert.equal(
    bytes?.toString('hex'),
    hex(
      '0000018b cfe65260 0000018b cfe65260',
      '00000000 000000c8 00000000 000000c8',
      '00000001 00000002 00000001',
      '00000000 00000000 00000000 00000000 00000000',
      '00000002 00000000 000000c8 00000000 00000000',
    ),
  )
})

test('hashes are those of Java, without their sign', () => {
  assert.equal(indexHash(javaHash('TopicA#key0')), Math.abs(javaHash('TopicA#key0')))
  assert.equal(indexHash(-5), 5)
  assert.equal(indexHash(-(2 ** 31)), 0)
  assert.equal(javaHash('polygenelubricants'), -(2 ** 31))
})

test('headers that no file of the shape can have are refused', () => {
  const shape = { slots: 3, entries: 5 }
  const sound = { beginTimestamp: 1, endTimestamp: 2, beginPosition: 3, endPosition: 4, slotsInUse: 1, next: 5 }
  assert.deepEqual(decodeIndexHeader(encodeIndexHeader(sound), shape), sound)
  for (const wrong of [
    { next: 6 },
    { next: -1 },
    { beginPosition: 5 },
    { beginPosition: -1 },
    { endPosition: 2 ** 60 },
  ]) {
    assert.equal(decodeIndexHeader(encodeIndexHeader({ ...sound, ...wrong }), shape), undefined, JSON.stringify(wrong))
  }
  assert.equal(decodeIndexHeader(Buffer.alloc(40), shape)?.next, 1)
})

test('names are the local time in ascending order, whatever the clock does', () => {
  const local = new Date(2026, 10, 6, 7, 8, 9, 12).getTime()
  assert.equal(indexFileName(local, undefined), '20261106070809012')
  assert.equal(indexFileName(local, '20261106070809012'), '20261106070809013')
  assert.equal(indexFileName(local - 3_600_000, '20261106070809999'), '20261106070810000')
})

test('two files of one millisecond have two names', async () => {
  const index = await openIndex(new MemoryDisk(), { shape: { slots: 1, entries: 2 }, clock: new ManualClock(startMs) })
  for (let i = 0; i < 4; i++) await index.put(message(i, [i]))
  const { fileNames } = index.extent
  assert.equal(new Set(fileNames).size, 4)
  assert.deepEqual(fileNames, [...fileNames].sort())
  await index.close()
})
