/** What the key index of a commit log does with chains, files and disks that are not as they should be. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultDisk } from '../../../sim/fault-disk.js'
import { MemoryDisk } from '../../../sim/memory-disk.js'
import { recordingLogger } from '../support.js'
import {
  aside,
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
  some,
} from './index-world.js'

const breaks = [
  { what: 'a slot that leads to nothing', at: slotAt(2), value: 99 },
  { what: 'a slot below zero', at: slotAt(2), value: -7 },
  { what: 'a slot that leads to an entry of another', at: slotAt(2), value: 4 },
  { what: 'an entry that leads to itself', at: entryAt(3) + 16, value: 3 },
  { what: 'an entry that leads to a later one', at: entryAt(3) + 16, value: 6 },
  { what: 'an entry that leads to one of another slot', at: entryAt(3) + 16, value: 2 },
  { what: 'an entry that leads below zero', at: entryAt(3) + 16, value: -1 },
]

for (const { what, at, value } of breaks) {
  test(`${what} hides nothing, is told once, and is made good by the next flush`, async () => {
    const disk = new MemoryDisk()
    const index = await openIndex(disk)
    // Entries 1, 3, 5 and 7 of the first file are of slot 2.
    const messages = [...[2, 1, 2, 1, 7, 1, 2].map((hash, i) => message(i, [hash])), message(7, [2])]
    await putAll(index, messages)
    await index.close()
    const [name] = index.extent.fileNames
    const before = await disk.readFile(pathOf(name))
    await change(disk, name, at, value)
    const logger = recordingLogger()
    const again = await openIndex(disk, { logger })
    await assertFinds(again, messages, [2, 2, 7, 1])
    const told = () => logger.said.filter(({ level }) => level === 'warn').map((said) => said.message)
    assert.deepEqual(told(), ['A chain of a key index file is broken; its entries are searched one by one.'])
    await again.flush()
    await assertFinds(again, messages, [2, 7, 1])
    assert.equal(told().length, 1)
    await again.close()
    assert.deepEqual(await disk.readFile(pathOf(name)), before)
  })
}

test('a broken file whose entries are damaged too is told to its owner, and read as far as it can be', async () => {
  const disk = new MemoryDisk()
  const index = await openIndex(disk)
  await putAll(index, some(9))
  await index.close()
  const [name] = index.extent.fileNames
  await change(disk, name, slotAt(2), -1)
  await change(disk, name, entryAt(4) + 12, -1)
  const again = await openIndex(disk)
  assert.equal(again.rebuildReason, undefined)
  for (let i = 0; i < 2; i++) {
    assert.deepEqual(await positionsOf(again, 2), [200])
    await again.flush()
    assert.equal(again.rebuildReason, `${name} holds entries that cannot be ones.`)
  }
  await again.close()
})

test('slots of the last file that lead too far are made anew when it is opened', async () => {
  const disk = new MemoryDisk()
  const index = await openIndex(disk)
  await putAll(index, some(5))
  await index.close()
  await change(disk, index.extent.fileNames[0], slotAt(2), 6)
  const logger = recordingLogger()
  const again = await openIndex(disk, { logger })
  assert.equal(
    logger.said[0]?.message,
    'The slots of a key index file were damaged; they are made anew from its entries.',
  )
  await assertFinds(again, some(5), hashes)
  await again.close()
  const third = await openIndex(disk)
  await assertFinds(third, some(5), hashes)
  await third.close()
})

test('what does not belong to the index is left alone and told', async () => {
  const disk = new MemoryDisk()
  await disk.makeDirectory(`${indexDirectory}/20260101000000000`)
  await disk.replaceFile(pathOf('.DS_Store'), Buffer.from('x'))
  const logger = recordingLogger()
  const index = await openIndex(disk, { logger })
  assert.equal(index.rebuildReason, undefined)
  await putAll(index, some(20))
  await index.reset()
  await index.close()
  assert.deepEqual((await disk.list(indexDirectory))?.map(({ name }) => name).sort(), [
    '.DS_Store',
    '20260101000000000',
  ])
  assert.equal(logger.said.filter(({ level }) => level === 'warn').length, 2)
})

test('a file without a byte is removed, and nothing is missing', async () => {
  const disk = new MemoryDisk()
  const index = await openIndex(disk)
  await putAll(index, some(7))
  await index.close()
  await disk.replaceFile(pathOf('29991231235959999'), Buffer.alloc(0))
  const again = await openIndex(disk, { isClean: false })
  assert.equal(again.rebuildReason, undefined)
  assert.deepEqual(again.extent, index.extent)
  await again.close()
})

const unusable = [
  { what: 'of another size', harm: (bytes: Buffer) => bytes.subarray(1) },
  { what: 'with an impossible header', harm: (bytes: Buffer) => bytes.fill(9, 36, 40) },
  { what: 'that begins before the one before it ends', harm: (bytes: Buffer) => bytes.fill(0, 16, 24) },
  { what: 'with entries out of order', harm: (bytes: Buffer) => bytes.fill(0, entryAt(2) + 8, entryAt(2) + 12) },
  { what: 'with an entry of zeros', harm: (bytes: Buffer) => bytes.fill(0, entryAt(2), entryAt(3)) },
]

for (const { what, harm } of unusable) {
  test(`a file ${what} is moved aside, and the owner is told to rebuild`, async () => {
    const disk = new MemoryDisk()
    const index = await openIndex(disk)
    const messages = some(19)
    await putAll(index, messages)
    await index.close()
    const { fileNames } = index.extent
    const bytes = harm((await disk.readFile(pathOf(fileNames[2]))) ?? Buffer.alloc(0))
    await disk.replaceFile(pathOf(fileNames[2]), bytes)
    const again = await openIndex(disk, { isClean: false })
    assert.match(again.rebuildReason ?? '', new RegExp(fileNames[2]))
    assert.equal(again.continues(index.extent, 0), false)
    assert.deepEqual(await disk.readFile(`${aside}/${fileNames[2]}`), bytes)
    await again.reset()
    assert.equal(again.rebuildReason, undefined)
    assert.deepEqual(again.extent, { fileNames: [], fileEnds: [], endPosition: -1 })
    await putAll(again, messages)
    await assertFinds(again, messages, hashes)
    await again.close()
  })
}

test('a file that was shortened under a search is an error that says so', async () => {
  const disk = new MemoryDisk()
  const index = await openIndex(disk)
  await putAll(index, some(8))
  await index.flush()
  const file = await disk.open(pathOf(index.extent.fileNames[0]), { mode: 'write' })
  await file.truncate(60)
  await assert.rejects(positionsOf(index, 3), { code: 'DATA_DIR_DAMAGED' })
  await index.close()
})

for (const operation of ['open', 'truncate', 'write', 'sync', 'syncDirectory'] as const) {
  test(`where ${operation} fails, flush and close say so, no search leaves out what came later, and a reopening finds what was durable`, async () => {
    const memory = new MemoryDisk()
    const disk = new FaultDisk(memory)
    const messages = some(4)
    const index = await openIndex(disk)
    await putAll(index, messages)
    await index.flush()
    disk.judge = (call) => (call.operation === operation && call.path.startsWith(indexDirectory) ? 'EIO' : undefined)
    const more = some(60, 4)
    for (const each of more) index.put(each)
    await assert.rejects(index.flush(), { code: 'DISK_FAILED' })
    await putAll(index, more)
    if (operation !== 'open') await assertFinds(index, [...messages, ...more], hashes)
    await putAll(index, some(1, 100))
    await assert.rejects(positionsOf(index, 1), { code: 'DISK_FAILED' })
    await assert.rejects(index.close(), { code: 'DISK_FAILED' })
    disk.judge = () => undefined
    assert.equal(disk.openFiles, 0)
    const again = await openIndex(disk, { isClean: false })
    assert.ok(again.extent.endPosition >= 300)
    await putAll(again, [...messages, ...more])
    await assertFinds(again, [...messages, ...more], hashes)
    await again.close()
  })
}
