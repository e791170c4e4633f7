/** The consume queue: its bytes, what it refuses, where it begins and ends, and what it does about a disk that refuses. */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { FaultDisk } from '../../../sim/fault-disk.js'
import { MemoryDisk } from '../../../sim/memory-disk.js'
import { queueFileBytes } from '../../../src/storage/commitlog/consume-queue.js'
import { positionFileName, preBlankSize } from '../../../src/storage/commitlog/format.js'
import { appendAll, directory, endOf, entriesFrom, openQueue, readFrom } from './queue-world.js'

async function bytesOf(disk: MemoryDisk, fileStart: number): Promise<string> {
  return (await disk.readFile(join(directory, positionFileName(fileStart))))?.toString('hex') ?? 'no file'
}

async function namesOn(disk: MemoryDisk): Promise<string[]> {
  return ((await disk.list(directory)) ?? []).map(({ name }) => name).sort()
}

test('an entry has the bytes that RocketMQ gives it, down to negative hashes and times of delivery', async () => {
  const disk = new MemoryDisk()
  const queue = await openQueue(disk, { fileBytes: 80 })
  queue.append(0, 0x1_2345_6789, 0x8f, -2_147_483_648)
  queue.append(1, 0x2_0000_0000, 0x90, 1_795_324_701_984)
  queue.append(2, 2 ** 53 - 200, 0x91, 2 ** 53 - 1)
  await queue.flush(2 ** 53)
  assert.equal(
    await bytesOf(disk, 0),
    '0000000123456789' +
      '0000008f' +
      'ffffffff80000000' +
      '0000000200000000' +
      '00000090' +
      '000001a201b0ed20' +
      '001fffffffffff38' +
      '00000091' +
      '001fffffffffffff' +
      '00'.repeat(20),
  )
  const again = await openQueue(disk, { fileBytes: 80 })
  assert.deepEqual(
    (await readFrom(again)).map(({ tagsCode }) => tagsCode),
    [-2_147_483_648, 1_795_324_701_984, 2 ** 53 - 1],
  )
})

test('the size of a file is that of whole entries', () => {
  assert.deepEqual([6_000_000, 6_000_001, 1].map(queueFileBytes), [6_000_000, 6_000_020, 20])
})

describe('appending', () => {
  test('what the queue has already is ignored, wherever it lies', async () => {
    const queue = await openQueue()
    const entries = entriesFrom(0, 8)
    appendAll(queue, entries)
    await queue.flush(endOf(entries[4]))
    for (const { offset, position, size, tagsCode } of entries) {
      assert.equal(queue.append(offset, position, size, tagsCode), false)
    }
    assert.deepEqual(await readFrom(queue), entries)
    assert.equal(queue.maxPosition, endOf(entries[7]))
  })

  test('an offset that does not follow is refused by name', async () => {
    const queue = await openQueue()
    appendAll(queue, entriesFrom(5, 2))
    for (const offset of [0, 6, 8]) {
      assert.throws(() => queue.append(offset, 9000, 10, 0), {
        code: 'LOG_DAMAGED',
        message: `The message at 9000 of the commit log has offset ${offset}, and the next of ${directory} is 7.`,
      })
    }
  })

  test('nothing is on the disk before it is flushed, and then what the commit log holds durably alone', async () => {
    const disk = new MemoryDisk()
    const queue = await openQueue(disk)
    const entries = entriesFrom(0, 12)
    appendAll(queue, entries)
    assert.equal(await queue.flush(endOf(entries[0]) - 1), 0)
    assert.equal(await disk.list(directory), undefined)
    assert.equal(await queue.flush(endOf(entries[6])), 7)
    assert.equal(queue.unflushedEntries, 5)
    assert.deepEqual(await readFrom(queue), entries)
    assert.deepEqual(await readFrom(await openQueue(disk)), entries.slice(0, 7))
  })

  test('each file takes one write', async () => {
    const memory = new MemoryDisk()
    const disk = new FaultDisk(memory)
    const writes: string[] = []
    disk.judge = ({ operation, path, bytes }) => {
      if (operation === 'write' && bytes > 1) writes.push(path.slice(-3))
      return undefined
    }
    const queue = await openQueue(disk)
    const entries = entriesFrom(3, 10)
    appendAll(queue, entries)
    await queue.flush(endOf(entries[9]))
    assert.deepEqual(writes, ['000', '100', '200'])
  })
})

describe('a queue that begins later', () => {
  test('holds in its first file what stands for the offsets before', async () => {
    const disk = new MemoryDisk()
    const queue = await openQueue(disk)
    const entries = entriesFrom(7, 2, 0x100)
    appendAll(queue, entries)
    assert.equal(queue.minOffset, 7)
    await queue.flush(Number.MAX_SAFE_INTEGER)
    assert.deepEqual(await namesOn(disk), [positionFileName(100)])
    assert.ok(
      (await bytesOf(disk, 100)).startsWith(
        `${`${'00'.repeat(8)}7fffffff${'00'.repeat(8)}`.repeat(2)}0000000000000100`,
      ),
    )
    const again = await openQueue(disk)
    assert.equal(again.maxOffset, 9)
    assert.equal((await again.read(5, 1)).size(0), preBlankSize)
    await again.removeBefore(0)
    assert.equal(again.minOffset, 7)
    assert.deepEqual(await readFrom(again), entries)
    assert.equal(await again.truncateFrom(0x100), 2)
    assert.ok(again.isEmpty)
    assert.deepEqual(await namesOn(disk), [])
  })

  test('needs no such thing at the start of a file', async () => {
    const disk = new MemoryDisk()
    const queue = await openQueue(disk)
    appendAll(queue, entriesFrom(10, 1, 0x100))
    await queue.flush(Number.MAX_SAFE_INTEGER)
    assert.ok((await bytesOf(disk, 200)).startsWith('0000000000000100'))
  })
})

describe('reading', () => {
  test('mixes files and memory, and ends with the queue', async () => {
    const queue = await openQueue()
    const entries = entriesFrom(0, 14)
    appendAll(queue, entries)
    await queue.flush(endOf(entries[10]))
    for (let from = 0; from <= 14; from++) {
      for (const count of [1, 3, 20])
        assert.deepEqual(await readFrom(queue, from, count), entries.slice(from, from + count))
    }
    await assert.rejects(queue.read(15, 1), { code: 'OFFSET_OUT_OF_RANGE' })
  })

  test('an entry is found by the position of its message', async () => {
    const queue = await openQueue()
    const entries = entriesFrom(3, 600)
    appendAll(queue, entries)
    await queue.flush(endOf(entries[550]))
    for (const index of [0, 1, 4, 5, 300, 549, 550, 551, 599]) {
      const { offset, position } = entries[index]
      assert.equal(await queue.offsetAtOrAfter(position), offset)
      assert.equal(await queue.offsetAtOrAfter(position + 1), offset + 1)
    }
    assert.equal(await queue.offsetAtOrAfter(0), 3)
  })
})

test('old files go when the commit log has lost what they point at, never the last', async () => {
  const disk = new MemoryDisk()
  const queue = await openQueue(disk)
  const entries = entriesFrom(0, 15)
  appendAll(queue, entries)
  await queue.flush(Number.MAX_SAFE_INTEGER)
  assert.equal(await queue.removeBefore(entries[4].position), 0)
  assert.equal(queue.minOffset, 4)
  assert.equal(await queue.removeBefore(entries[4].position + 1), 1)
  assert.equal(queue.minOffset, 5)
  assert.equal(await queue.removeBefore(entries[8].position), 0)
  await assert.rejects(queue.read(7, 1), { code: 'OFFSET_OUT_OF_RANGE' })
  assert.equal(await queue.removeBefore(1_000_000), 1)
  assert.deepEqual(await namesOn(disk), [positionFileName(200)])
  assert.deepEqual([queue.minOffset, queue.maxOffset], [15, 15])
  appendAll(queue, entriesFrom(15, 1, 1_000_000))
  assert.equal(await queue.removeBefore(1_000_001), 0)
  assert.equal(queue.minOffset, 16)
  const again = await openQueue(disk)
  await again.removeBefore(entries[12].position)
  assert.deepEqual(await readFrom(again), entries.slice(12))
})

test('a cleared queue begins anew at any offset', async () => {
  const disk = new MemoryDisk()
  const queue = await openQueue(disk)
  appendAll(queue, entriesFrom(0, 12))
  await queue.flush(Number.MAX_SAFE_INTEGER)
  await queue.removeBefore(1100)
  await queue.clear()
  assert.deepEqual([queue.isEmpty, queue.maxOffset, queue.maxPosition], [true, 0, 0])
  const entries = entriesFrom(52, 3)
  appendAll(queue, entries)
  await queue.flush(Number.MAX_SAFE_INTEGER)
  assert.deepEqual(await readFrom(queue), entries)
  assert.deepEqual(await namesOn(disk), [positionFileName(1000)])
})

describe('a directory that is not as it was written', () => {
  async function written(count = 15): Promise<{ disk: MemoryDisk; entries: ReturnType<typeof entriesFrom> }> {
    const disk = new MemoryDisk()
    const queue = await openQueue(disk)
    const entries = entriesFrom(0, count)
    appendAll(queue, entries)
    await queue.flush(Number.MAX_SAFE_INTEGER)
    await queue.sync()
    return { disk, entries }
  }

  for (const wasClosedCleanly of [false, true]) {
    test(`behind a hole nothing is kept, since the commit log has it; closed cleanly: ${wasClosedCleanly}`, async () => {
      const { disk, entries } = await written(20)
      await disk.remove(join(directory, positionFileName(100)))
      const queue = await openQueue(disk, { wasClosedCleanly })
      assert.deepEqual(queue.findings.holes, [{ from: 100, to: 200 }])
      assert.equal(queue.findings.removed.length, 2)
      assert.equal(queue.maxPosition, endOf(entries[4]))
      appendAll(queue, entries.slice(5))
      await queue.flush(Number.MAX_SAFE_INTEGER)
      assert.deepEqual(await readFrom(queue), entries)
    })
  }

  test('an entry that does not lie behind the one before ends it, and what follows is cut', async () => {
    for (const wasClosedCleanly of [false, true]) {
      const { disk, entries } = await written(14)
      const file = await disk.open(join(directory, positionFileName(200)), { mode: 'write' })
      await file.write([Buffer.from('0000000000000001', 'hex')], 20)
      const queue = await openQueue(disk, { wasClosedCleanly })
      assert.deepEqual(await readFrom(queue), entries.slice(0, 11))
      appendAll(queue, entries.slice(11, 12))
      await queue.flush(Number.MAX_SAFE_INTEGER)
      assert.deepEqual(await readFrom(await openQueue(disk)), entries.slice(0, 12))
    }
  })

  test('of several files without an entry none is kept', async () => {
    const { disk, entries } = await written(5)
    for (const start of [100, 200, 300, 400]) {
      await disk.replaceFile(join(directory, positionFileName(start)), Buffer.alloc(100))
    }
    const queue = await openQueue(disk)
    assert.equal(queue.findings.removed.length, 4)
    assert.deepEqual(await readFrom(queue), entries)
  })

  test('wrong sizes and stray files are refused', async () => {
    const { disk } = await written()
    await assert.rejects(openQueue(disk, { fileBytes: 120 }), /mapped\.file\.size\.consumequeue to 100/)
    await disk.replaceFile(join(directory, 'notes.txt'), Buffer.alloc(1))
    await assert.rejects(openQueue(disk), /notes\.txt does not belong/)
  })

  test('a file that was cut under a reader is damage, not silence', async () => {
    const { disk } = await written()
    const queue = await openQueue(disk)
    await (await disk.open(join(directory, positionFileName(100)), { mode: 'write' })).truncate(50)
    await assert.rejects(queue.read(6, 4), { code: 'DATA_DIR_DAMAGED' })
  })
})

describe('a disk that refuses', () => {
  test('what could not be written is kept and written with the next flush', async () => {
    const memory = new MemoryDisk()
    const disk = new FaultDisk(memory)
    const queue = await openQueue(disk)
    const entries = entriesFrom(3, 20)
    appendAll(queue, entries)
    for (const refused of [1, 2, 3, 4]) {
      let writes = 0
      disk.judge = ({ operation }) => (operation === 'write' && ++writes === refused ? 'ENOSPC' : undefined)
      await assert.rejects(queue.flush(endOf(entries[10])), { code: 'DISK_FULL' })
      assert.deepEqual(await readFrom(queue), entries)
    }
    disk.judge = () => undefined
    await queue.flush(endOf(entries[19]))
    await queue.sync()
    assert.deepEqual(await readFrom(queue), entries)
    const again = await openQueue(memory, { wasClosedCleanly: true })
    await again.removeBefore(0)
    assert.deepEqual(await readFrom(again), entries)
  })

  test('after a sync that failed the queue is written no more', async () => {
    const disk = new FaultDisk(new MemoryDisk())
    const queue = await openQueue(disk)
    const entries = entriesFrom(0, 3)
    appendAll(queue, entries)
    await queue.flush(endOf(entries[1]))
    disk.judge = ({ operation }) => (operation === 'sync' ? 'EIO' : undefined)
    await assert.rejects(queue.sync(), { code: 'DISK_FAILED' })
    disk.judge = () => undefined
    await assert.rejects(queue.sync(), { code: 'DISK_FAILED' })
    await assert.rejects(queue.flush(endOf(entries[2])), { code: 'DISK_FAILED' })
    assert.deepEqual(await readFrom(queue), entries)
  })
})

test('a closed queue says so', async () => {
  const queue = await openQueue()
  appendAll(queue, entriesFrom(0, 1))
  await queue.close()
  assert.throws(() => queue.append(1, 5000, 10, 0), { code: 'CLOSED' })
  await assert.rejects(queue.read(0, 1), { code: 'CLOSED' })
  await assert.rejects(queue.flush(Number.MAX_SAFE_INTEGER), { code: 'CLOSED' })
})
