/** What the key index of a commit log finds, what it passes over, and how it is cut. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultDisk } from '../../../sim/fault-disk.js'
import { MemoryDisk } from '../../../sim/memory-disk.js'
import { indexFileBytes } from '../../../src/storage/commitlog/index-format.js'
import {
  assertFinds,
  change,
  entryAt,
  hashes,
  indexDirectory,
  message,
  openIndex,
  pathOf,
  positionsOf,
  putAll,
  slotAt,
  small,
  some,
  startMs,
} from './index-world.js'

test('finds the newest first over all files, flushed or not, and after a reopening', async () => {
  const disk = new MemoryDisk()
  const index = await openIndex(disk)
  const messages = some(40)
  await putAll(index, messages)
  await assertFinds(index, messages, hashes)
  await index.flush()
  await assertFinds(index, messages, hashes)
  assert.equal(index.extent.fileNames.length, 6)
  await index.close()
  const again = await openIndex(disk)
  assert.equal(again.extent.endPosition, 3900)
  await assertFinds(again, messages, hashes)
  const more = some(30, 40)
  await putAll(again, more)
  await assertFinds(again, [...messages, ...more], hashes)
  await again.close()
})

test('a message is found by each of its keys, once also where they share a hash', async () => {
  const index = await openIndex(new MemoryDisk())
  index.put(message(0, [3, 8, 3, -3]))
  index.put(message(100, []))
  index.put(message(200, [-(2 ** 31)]))
  assert.deepEqual(await positionsOf(index, 3), [0])
  assert.deepEqual(await positionsOf(index, 8), [0])
  assert.deepEqual(await positionsOf(index, 0), [200])
  assert.equal(index.extent.endPosition, 200)
  await index.close()
})

test('messages that are there already are passed over', async () => {
  const disk = new MemoryDisk()
  const index = await openIndex(disk)
  const messages = [...some(10), message(1000, [1, 2, 3])]
  await putAll(index, messages)
  await putAll(index, messages)
  await index.close()
  const bytes = await disk.readFile(pathOf(index.extent.fileNames[1]))
  assert.equal(bytes?.readInt32BE(36), 7)
  const again = await openIndex(disk)
  await putAll(again, messages)
  await again.close()
  assert.deepEqual(await disk.readFile(pathOf(index.extent.fileNames[1])), bytes)
})

test('of a message whose keys lie in two files, the ones that a crash took are put again', async () => {
  const disk = new MemoryDisk()
  const index = await openIndex(disk)
  const last = message(600, [20, 21, 22])
  await putAll(index, [...some(6), last])
  await index.close()
  const [first, second] = index.extent.fileNames
  await disk.remove(pathOf(second))
  const again = await openIndex(disk, { isClean: false })
  assert.equal(again.extent.endPosition, 600)
  assert.deepEqual(await positionsOf(again, 21), [])
  again.put(last)
  for (const hash of last.keyHashes) assert.deepEqual(await positionsOf(again, hash), [600])
  await again.close()
  assert.equal((await disk.readFile(pathOf(first)))?.readInt32BE(36), 8)
  assert.equal((await disk.readFile(pathOf(again.extent.fileNames[1])))?.readInt32BE(36), 3)
})

test('messages of a time are found, whole seconds taken for granted', async () => {
  const index = await openIndex(new MemoryDisk())
  const times = [0, 1_500, 1_999, 2_000, 60_000, 61_000, 61_001, 3_600_000, 3_600_900]
  await putAll(
    index,
    times.map((ms, i) => message(i, [4], startMs + ms)),
  )
  const found = (begin: number, end: number) => positionsOf(index, 4, startMs + begin, startMs + end)
  assert.deepEqual(await found(0, 3_600_900), [8, 7, 6, 5, 4, 3, 2, 1, 0])
  assert.deepEqual(await found(1_600, 1_700), [2, 1], 'an entry knows its second only')
  assert.deepEqual(await found(2_000, 60_000), [4, 3])
  assert.deepEqual(await found(3_600_500, 9_999_999), [8])
  assert.deepEqual(await found(100_000, 3_599_999), [])
  assert.deepEqual(await found(3_700_000, 9_999_999), [])
  await index.close()
})

test('the first entry of a file was stored when its header says, whatever seconds RocketMQ gave it', async () => {
  const disk = new MemoryDisk()
  const index = await openIndex(disk)
  await putAll(index, some(8))
  await index.close()
  await change(disk, index.extent.fileNames[1], entryAt(1) + 12, 9_999)
  const again = await openIndex(disk)
  assert.deepEqual(await positionsOf(again, 7, startMs + 7_000, startMs + 7_000), [700])
  await again.close()
})

test('files of what the log has lost at its beginning go, the last one never', async () => {
  const disk = new MemoryDisk()
  const index = await openIndex(disk)
  await putAll(index, some(30))
  await index.flush()
  const { fileNames } = index.extent
  await index.removeBefore(1300)
  assert.deepEqual(index.extent.fileNames, fileNames.slice(1), 'the second leads to 1300')
  await index.removeBefore(1_000_000)
  assert.deepEqual(index.extent.fileNames, fileNames.slice(-1))
  assert.deepEqual(
    (await disk.list(indexDirectory))?.map(({ name }) => name),
    fileNames.slice(-1),
  )
  assert.deepEqual(await positionsOf(index, 29 % 12), [2900])
  await index.close()
})

test('a search goes on when the file under it is removed', async () => {
  const index = await openIndex(new MemoryDisk())
  await putAll(
    index,
    Array.from({ length: 30 }, (_, i) => message(i, [1])),
  )
  await index.flush()
  const search = index.candidates(1, 0, Number.MAX_SAFE_INTEGER)
  assert.equal((await search.next()).value?.position, 29)
  await index.removeBefore(1_000_000)
  const rest: number[] = []
  for await (const { position } of search) rest.push(position)
  assert.deepEqual(rest, [28])
  await index.close()
})

for (const at of [0, 50, 100, 650, 700, 1000, 2100, 2101, 2900, 2901]) {
  test(`where the log is cut at ${at}, nothing leads behind, and it goes on from there`, async () => {
    const disk = new MemoryDisk()
    const index = await openIndex(disk)
    const messages = some(30)
    await putAll(index, messages)
    await index.truncateFrom(at)
    const kept = messages.filter(({ position }) => position < at)
    assert.equal(index.extent.endPosition, kept.at(-1)?.position ?? -1)
    await assertFinds(index, kept, hashes)
    const more = Array.from({ length: 20 }, (_, i) => message(at + i * 100, [i % 5], startMs + 100_000 + i))
    await putAll(index, more)
    await assertFinds(index, [...kept, ...more], hashes)
    await index.close()
    const again = await openIndex(disk)
    await assertFinds(again, [...kept, ...more], hashes)
    await again.close()
  })
}

test('the time of a file that was cut is still that of all its messages', async () => {
  const index = await openIndex(new MemoryDisk())
  await putAll(
    index,
    [0, 1_700, 5_000].map((ms, i) => message(i, [1], startMs + ms)),
  )
  await index.truncateFrom(2)
  assert.equal((await index.flush())?.endTimestamp, startMs + 1_999)
  assert.deepEqual(await positionsOf(index, 1, startMs + 1_600, startMs + 1_800), [1])
  assert.deepEqual(await positionsOf(index, 1, startMs + 2_000, startMs + 9_000), [])
  await index.close()
})

test('what was recorded of the index is known again, unless something of it is missing', async () => {
  const disk = new MemoryDisk()
  const index = await openIndex(disk)
  assert.ok(index.continues({ fileNames: [], fileEnds: [], endPosition: -1 }, 0))
  await putAll(index, some(30))
  await index.flush()
  const recorded = index.extent
  await putAll(index, some(30, 30))
  assert.ok(index.continues(recorded, 0))
  await index.flush()
  await index.removeBefore(1300)
  assert.ok(index.continues(recorded, 1300), 'less at the beginning')
  assert.equal(index.continues(recorded, 0), false, 'of which the log holds something')
  await index.truncateFrom(2900)
  assert.equal(index.continues(recorded, 1300), false, 'the same files, and less in them')
  await index.reset()
  assert.equal(index.continues(recorded, 1300), false)
  await index.close()
})

for (const { during, files } of [
  { during: 2, files: 1 },
  { during: 5, files: 1 },
  { during: 9, files: 2 },
]) {
  test(`${during} messages that come during a flush leave files whose slots lead to what they count`, async () => {
    const memory = new MemoryDisk()
    const messages = some(2)
    for (let write = 1; write <= 3; write++) {
      const disk = new FaultDisk(memory)
      const index = await openIndex(disk)
      await index.reset()
      await putAll(index, messages)
      let writes = 0
      const more = some(during, 2)
      disk.judge = ({ operation }) => {
        if (operation === 'write' && ++writes === write) for (const each of more) index.put(each)
        return undefined
      }
      const header = await index.flush()
      await assertFinds(index, [...messages, ...more], hashes)
      const bytes = (await memory.readFile(pathOf(index.extent.fileNames[0]))) ?? Buffer.alloc(0)
      for (let slot = 0; slot < small.slots; slot++) assert.ok(bytes.readInt32BE(slotAt(slot)) < bytes.readInt32BE(36))
      assert.ok(header !== undefined && header.next >= 3)
      await index.flush()
      await assertFinds(index, [...messages, ...more], hashes)
      assert.equal(index.extent.fileNames.length, files)
      await index.close()
    }
  })
}

test('slots that change while others are written lead to nothing that the header does not count', async () => {
  const memory = new MemoryDisk()
  const disk = new FaultDisk(memory)
  const index = await openIndex(disk, { shape: { slots: 70_000, entries: 8 } })
  index.put(message(0, [0]))
  disk.judge = ({ operation }) => {
    if (operation === 'write') index.put(message(100, [69_999]))
    return undefined
  }
  await index.flush()
  const bytes = (await memory.readFile(pathOf(index.extent.fileNames[0]))) ?? Buffer.alloc(0)
  assert.equal(bytes.readInt32BE(slotAt(69_999)), 2)
  assert.equal(bytes.readInt32BE(36), 3)
  await index.close()
})

test('put asks for patience while too much waits for the disk, and keeps little in memory', async () => {
  const index = await openIndex(new MemoryDisk(), { shape: { slots: 100, entries: 1000 } })
  let asked = 0
  for (const each of some(500)) {
    const patience = index.put(each)
    if (patience !== undefined) asked++
    await patience
  }
  assert.ok(asked > 0)
  await assertFinds(index, some(500), hashes)
  await index.close()
})

test('a closed index says so', async () => {
  const index = await openIndex(new MemoryDisk())
  await index.close()
  await index.close()
  assert.throws(() => index.put(message(0, [1])), { code: 'CLOSED' })
  for (const call of [
    () => index.flush(),
    () => index.reset(),
    () => index.removeBefore(1),
    () => positionsOf(index, 1),
  ]) {
    await assert.rejects(call(), { code: 'CLOSED' })
  }
})

test('a file is as long as it says from the beginning', async () => {
  const disk = new MemoryDisk()
  const index = await openIndex(disk)
  index.put(message(0, [1]))
  const header = await index.flush()
  assert.equal(header?.next, 2)
  assert.equal((await disk.stat(pathOf(index.extent.fileNames[0])))?.sizeInBytes, indexFileBytes(small))
  await index.close()
})
