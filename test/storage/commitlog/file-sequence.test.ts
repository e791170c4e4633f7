/** The sequence of fixed-size files: what is refused and named, what is mended, and that no crash leaves a hole. */

import assert from 'node:assert/strict'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { Fault } from '../../../sim/disk/faults.js'
import { FaultDisk } from '../../../sim/fault-disk.js'
import { MemoryDisk } from '../../../sim/memory-disk.js'
import { SeededRandomness } from '../../../sim/seeded-randomness.js'
import { nodeDisk } from '../../../src/files/node-disk.js'
import { FileSequence, type FileSequenceOptions } from '../../../src/storage/commitlog/file-sequence.js'
import { positionFileName } from '../../../src/storage/commitlog/format.js'
import { ScriptedFaults } from '../../sim/disk-support.js'
import { temporaryDirectory } from '../support.js'

const directory = '/store/commitlog'
const fileBytes = 1000
const setting = 'mapped.file.size.commitlog'

async function diskWith(files: Readonly<Record<string, number>>): Promise<MemoryDisk> {
  const disk = new MemoryDisk()
  await disk.makeDirectory(directory)
  for (const [name, length] of Object.entries(files))
    await disk.replaceFile(join(directory, name), Buffer.alloc(length))
  return disk
}

function openOn(disk: MemoryDisk, options: Partial<FileSequenceOptions> = {}): Promise<FileSequence> {
  return FileSequence.open({ disk, directory, fileBytes, setting, extendShortLast: false, ...options })
}

/** The files by number of the file rather than by position. */
function filesOf(...sizes: readonly number[]): Record<string, number> {
  return Object.fromEntries(sizes.map((size, i) => [positionFileName(i * fileBytes), size]))
}

async function lengthsOf(disk: MemoryDisk): Promise<Record<string, number>> {
  const names = ((await disk.list(directory)) ?? []).map(({ name }) => name).sort()
  const lengths: Record<string, number> = {}
  for (const name of names) lengths[name] = (await disk.stat(join(directory, name)))?.sizeInBytes ?? -1
  return lengths
}

describe('opening', () => {
  test('a directory that is missing holds no file', async () => {
    const sequence = await openOn(new MemoryDisk())
    assert.deepEqual([sequence.first, sequence.last, sequence.end], [undefined, undefined, 0])
    assert.deepEqual(sequence.findings, { holes: [] })
    assert.equal(sequence.locate(0), undefined)
  })

  test('sub-directories are skipped, and the files come in order', async () => {
    const disk = await diskWith(filesOf(1000, 1000, 1000))
    await disk.makeDirectory(join(directory, 'lost+found'))
    const sequence = await openOn(disk)
    assert.deepEqual(sequence.starts, [0, 1000, 2000])
    assert.equal(sequence.end, 3000)
  })

  test('an empty last file is removed', async () => {
    const disk = await diskWith(filesOf(1000, 0))
    const sequence = await openOn(disk)
    assert.deepEqual(sequence.starts, [0])
    assert.equal(sequence.findings.removedEmpty, join(directory, positionFileName(1000)))
    assert.deepEqual(await lengthsOf(disk.afterCrash(new SeededRandomness(1))), filesOf(1000))
  })

  test('an empty file before the last is of a wrong size', async () => {
    const disk = await diskWith(filesOf(1000, 0, 1000))
    await assert.rejects(openOn(disk), { code: 'DATA_DIR_DAMAGED', message: /0{16}1000 has 0 bytes/ })
  })

  test('a short last file is refused, or extended where the owner says so', async () => {
    const disk = await diskWith(filesOf(1000, 400))
    await assert.rejects(openOn(disk), {
      code: 'DATA_DIR_DAMAGED',
      message: /0{16}1000 has 400 bytes, and mapped\.file\.size\.commitlog is 1000/,
    })
    const sequence = await openOn(disk, { extendShortLast: true })
    assert.deepEqual(sequence.findings.extended, { path: sequence.pathOf(1000), fromBytes: 400 })
    assert.deepEqual(sequence.starts, [0, 1000])
    assert.deepEqual(await lengthsOf(disk.afterCrash(new SeededRandomness(1))), filesOf(1000, 1000))
  })

  test('only the last may be short, and none may be long', async () => {
    for (const sizes of [
      [400, 1000],
      [1000, 1001],
    ]) {
      await assert.rejects(openOn(await diskWith(filesOf(...sizes)), { extendShortLast: true }), {
        code: 'DATA_DIR_DAMAGED',
      })
    }
  })

  test('files that agree on another size tell which setting to change to what', async () => {
    const disk = await diskWith({ [positionFileName(0)]: 300, [positionFileName(300)]: 300 })
    for (const extendShortLast of [false, true]) {
      await assert.rejects(
        openOn(disk, { setting: 'mapped.file.size.consumequeue', extendShortLast }),
        / has 300 bytes, .* is opened with another size .* mapped\.file\.size\.consumequeue to 300\.$/,
      )
    }
  })

  test('of one file alone nobody can tell whether it was cut or is of another size, and both are said', async () => {
    await assert.rejects(
      openOn(await diskWith(filesOf(300)), { setting: 'mapped.file.size.consumequeue' }),
      /has 300 bytes, and mapped\.file\.size\.consumequeue is 1000\. .* to 300; else .* was cut/,
    )
  })

  test('a stray file is refused by name, and nothing is touched', async () => {
    for (const name of ['.DS_Store', '0', 'x'.repeat(20), positionFileName(1500), '9'.repeat(20)]) {
      const files = { ...filesOf(1000), [name]: 1000, [positionFileName(3000)]: 0 }
      const disk = await diskWith(files)
      await assert.rejects(openOn(disk, { extendShortLast: true }), (error: Error) =>
        error.message.startsWith(`${join(directory, name)} does not belong`),
      )
      assert.equal(Object.keys(await lengthsOf(disk)).length, Object.keys(files).length)
    }
  })

  test('holes are reported, and what lies around them is found', async () => {
    const disk = await diskWith({ [positionFileName(2000)]: 1000, ...filesOf(1000), [positionFileName(5000)]: 1000 })
    const sequence = await openOn(disk)
    assert.deepEqual(sequence.findings.holes, [
      { from: 1000, to: 2000 },
      { from: 3000, to: 5000 },
    ])
    assert.equal(sequence.locate(1500), undefined)
    assert.equal(sequence.locate(5001)?.offsetInFile, 1)
    assert.equal(sequence.locate(2999)?.start, 2000)
  })
})

describe('making and removing', () => {
  test('a file is made at its full length, on a real disk too', async (t) => {
    const path = join(await temporaryDirectory(t), 'consumequeue', 'orders', '0')
    const options = { disk: nodeDisk, directory: path, fileBytes: 60_000, setting, extendShortLast: false } as const
    const sequence = await FileSequence.open(options)
    assert.equal(await sequence.create(120_000), join(path, '00000000000000120000'))
    await sequence.create(180_000, { durably: false })
    assert.deepEqual((await readdir(path)).sort(), ['00000000000000120000', '00000000000000180000'])
    for (const start of sequence.starts) assert.equal((await stat(sequence.pathOf(start))).size, 60_000)
    assert.deepEqual(sequence.locate(179_999), { path: sequence.pathOf(120_000), start: 120_000, offsetInFile: 59_999 })
    assert.equal(sequence.locate(119_999), undefined)
    assert.equal(sequence.locate(240_000), undefined)
    assert.deepEqual((await FileSequence.open(options)).starts, [120_000, 180_000])
  })

  test('files follow each other', async () => {
    const sequence = await openOn(new MemoryDisk())
    await assert.rejects(sequence.create(1))
    await sequence.create(3000)
    await assert.rejects(sequence.create(3000))
    await assert.rejects(sequence.create(5000))
    await sequence.create(4000)
  })

  test('the last file goes only where that is said', async () => {
    const disk = await diskWith(filesOf(1000, 1000, 1000))
    const sequence = await openOn(disk)
    assert.equal(await sequence.removeFirst(), true)
    assert.equal(await sequence.removeLast(), true)
    assert.deepEqual(sequence.starts, [1000])
    assert.equal(await sequence.removeFirst(), false)
    assert.equal(await sequence.removeFirst({ evenLast: true }), true)
    assert.equal(await sequence.removeFirst({ evenLast: true }), false)
    assert.equal(await sequence.removeLast(), false)
    assert.deepEqual(await lengthsOf(disk), {})
  })

  test('power fails at every step of making and removing: no hole, no file of a wrong length', async () => {
    let hasCrashed = true
    for (let step = 1; hasCrashed; step++) {
      const disk = new MemoryDisk()
      const crash = disk.crashAfter(step)
      let made = 0
      let removed = 0
      const life = async () => {
        const sequence = await openOn(disk)
        for (; made < 4; made++) await sequence.create(made * fileBytes)
        for (; removed < 2; removed++) await sequence.removeFirst()
        await sequence.removeLast()
      }
      hasCrashed = await Promise.race([crash.then(() => true), life().then(() => false)])
      for (let seed = 0; seed < 8; seed++) {
        const found = disk.afterCrash(new SeededRandomness(seed))
        const sequence = await openOn(found)
        assert.deepEqual(sequence.findings.holes, [])
        const { first = 0, end } = sequence
        if (made < 4) assert.ok(first === 0 && end >= made * fileBytes && end <= (made + 1) * fileBytes)
        else assert.ok(first >= removed * fileBytes && first <= (removed + 1) * fileBytes && end >= 3 * fileBytes)
        for (const length of Object.values(await lengthsOf(found))) assert.equal(length, fileBytes)
      }
    }
  })
})

test('a short file before an empty last one is made whole, where that is wanted', async () => {
  const disk = await diskWith(filesOf(1000, 400, 0))
  await assert.rejects(openOn(disk), { code: 'DATA_DIR_DAMAGED' })
  const sequence = await openOn(disk, { extendShortLast: true })
  assert.deepEqual(sequence.starts, [0, 1000])
  assert.deepEqual(await lengthsOf(disk), filesOf(1000, 1000))
})

test('what is left of a file that could not be made is removed before another is made short', async () => {
  const memory = await diskWith(filesOf(1000))
  let refuses = true
  const disk = new FaultDisk(memory, ({ operation }) => (refuses && operation === 'syncDirectory' ? 'EIO' : undefined))
  const sequence = await FileSequence.open({ disk, directory, fileBytes, setting, extendShortLast: true })
  await assert.rejects(sequence.create(1000))
  assert.deepEqual(sequence.starts, [0])
  assert.deepEqual(await lengthsOf(memory), filesOf(1000, 1000))
  refuses = false
  await sequence.removeBegun()
  assert.deepEqual(await lengthsOf(memory), filesOf(1000))
  await sequence.create(1000)
  await sequence.removeBegun()
  assert.deepEqual(await lengthsOf(memory), filesOf(1000, 1000))
})

/** Of which the next sync of the directory can be made to fail, for good as far as what it was for. */
async function failingSequence() {
  const faults = new ScriptedFaults()
  const disk = new MemoryDisk({ faults })
  await disk.makeDirectory(directory)
  const failSync = (errno: Fault['errno']) => faults.fail('syncDirectory', 'none', errno)
  return { disk, sequence: await openOn(disk), failSync }
}

test('a file whose name a failed sync gave up is made anew, and no later sync is believed for it', async () => {
  const { disk, sequence, failSync } = await failingSequence()
  failSync('ENOSPC')
  await assert.rejects(sequence.create(0))
  await sequence.create(0)
  assert.deepEqual(await lengthsOf(disk.afterCrash(new SeededRandomness(1))), filesOf(1000))
})

test('a file whose removal a failed sync gave up comes back without a byte', async () => {
  const { disk, sequence, failSync } = await failingSequence()
  for (const start of [0, 1000, 2000]) await sequence.create(start)
  await sequence.emptyFrom(500, async () => {})
  failSync('EIO')
  await assert.rejects(sequence.removeLast())
  const found = disk.afterCrash(new SeededRandomness(1))
  assert.deepEqual(await lengthsOf(found), filesOf(1000, 0, 0))
  assert.deepEqual((await openOn(found)).starts, [0])
  assert.deepEqual(await lengthsOf(found), filesOf(1000))
})

test('a file at the front whose removal a failed sync gave up is the last that goes: one behind it would leave a hole', async () => {
  for (const errno of ['EIO', 'EMFILE'] as const) {
    const { disk, sequence, failSync } = await failingSequence()
    for (const start of [0, 1000, 2000]) await sequence.create(start)
    failSync(errno)
    await assert.rejects(sequence.removeFirst())
    // Without a descriptor nothing was asked of the disk: what was to be synced is synced the next time.
    for (let i = 0; i < 2; i++) assert.equal(await sequence.removeFirst(), errno === 'EMFILE')
    const found = await openOn(disk.afterCrash(new SeededRandomness(1)))
    assert.deepEqual(found.findings.holes, [])
    assert.deepEqual(found.starts, errno === 'EMFILE' ? [2000] : [0, 1000, 2000])
  }
})
