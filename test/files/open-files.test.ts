import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { FaultDisk } from '../../sim/fault-disk.js'
import { nodeDisk } from '../../src/files/node-disk.js'
import { OpenFiles } from '../../src/files/open-files.js'
import { descriptorsUnder, gate, temporaryDirectory, until } from '../storage/support.js'

async function withFiles(t: Parameters<typeof temporaryDirectory>[0], count: number, limit: number) {
  const directory = await temporaryDirectory(t)
  const paths = Array.from({ length: count }, (_, index) => join(directory, `file-${index}`))
  for (const path of paths) await writeFile(path, path)
  const disk = new FaultDisk(nodeDisk)
  const files = new OpenFiles(disk, limit)
  const read = (path: string) =>
    files.use(path, async (file) => {
      const bytes = Buffer.alloc(await file.size())
      await file.read(bytes, 0)
      return bytes.toString()
    })
  return { directory, paths, disk, files, read }
}

describe('the table of open files', () => {
  test('keeps so many open as it may, the most recently used', async (t) => {
    const { paths, disk, files, read } = await withFiles(t, 5, 2)
    for (const path of paths) assert.equal(await read(path), path)
    assert.equal(disk.openFiles, 2)
    const opened = disk.count('open')
    await read(paths[3])
    await read(paths[4])
    assert.equal(disk.count('open'), opened)
    await read(paths[0])
    assert.equal(disk.count('open'), opened + 1)
    await files.dropAll()
    assert.equal(disk.openFiles, 0)
  })

  test('opens a file once for readers that come together, and closes none that is in use', async (t) => {
    const { paths, disk, files, read } = await withFiles(t, 4, 1)
    const held = gate()
    const reading = [0, 1, 2].map((index) =>
      files.use(paths[index], async (file) => {
        await held.passed
        return file.size()
      }),
    )
    const again = read(paths[0])
    assert.equal(await again, paths[0])
    assert.equal(disk.count('open'), 3)
    assert.equal(disk.openFiles, 3)
    held.open()
    await Promise.all(reading)
    assert.equal(disk.openFiles, 1)
    await files.dropAll()
  })

  test('a file that is dropped while it is read is closed by its last reader', async (t) => {
    const { paths, disk, files, read } = await withFiles(t, 1, 4)
    const held = gate()
    const reading = files.use(paths[0], async (file) => {
      await held.passed
      return file.size()
    })
    await until(() => disk.openFiles === 1)
    await files.drop(paths[0])
    assert.equal(disk.openFiles, 1)
    // Whoever comes now opens it afresh, as it may be another file under that name.
    assert.equal(await read(paths[0]), paths[0])
    assert.equal(disk.openFiles, 2)
    held.open()
    await reading
    assert.equal(disk.openFiles, 1)
    await files.dropAll()
    assert.equal(disk.openFiles, 0)
  })

  test('a file that did not open is tried afresh, and no descriptor is lost over it', async (t) => {
    const { directory, paths, disk, files, read } = await withFiles(t, 1, 4)
    const held = gate()
    let failing = true
    disk.judge = ({ operation }) =>
      operation === 'open' && failing ? held.passed.then(() => 'EMFILE' as const) : undefined
    // Two share the opening that fails; a third comes between their awakenings.
    const first = read(paths[0]).catch(() => {
      failing = false
      return read(paths[0])
    })
    const second = read(paths[0]).catch((error: { code: string }) => error.code)
    const third = first.then(() => read(paths[0]))
    held.open()
    assert.deepEqual(await Promise.all([first, second, third]), [paths[0], 'DISK_FAILED', paths[0]])
    assert.equal(disk.openFiles, 1)
    await files.dropAll()
    assert.equal(disk.openFiles, 0)
    assert.deepEqual((await descriptorsUnder(directory)) ?? [], [])
  })

  test('a close that fails is nobody’s failure', async (t) => {
    const { paths, disk, files, read } = await withFiles(t, 2, 1)
    disk.judge = ({ operation }) => (operation === 'close' ? 'EIO' : undefined)
    await read(paths[0])
    assert.equal(await read(paths[1]), paths[1])
    await files.dropAll()
  })

  test('tells who is in use, also one that was dropped, and when nothing more can be closed', async (t) => {
    const { paths, files } = await withFiles(t, 3, 1)
    const held = gate()
    const reading = [0, 1].map((index) => files.use(paths[index], () => held.passed))
    assert.deepEqual([files.isUsed(paths[0]), files.isUsed(paths[2]), files.isFull], [true, false, true])
    await files.drop(paths[0])
    assert.deepEqual([files.isUsed(paths[0]), files.isFull], [true, false])
    held.open()
    await Promise.all(reading)
    assert.deepEqual([files.isUsed(paths[0]), files.isUsed(paths[1]), files.isFull], [false, false, false])
    await files.dropAll()
  })

  test('opens its files as it was told to', async (t) => {
    const { paths } = await withFiles(t, 1, 1)
    const files = new OpenFiles(nodeDisk, 1, { mode: 'write' })
    await files.use(paths[0], (file) => file.write([Buffer.from('written')], 0))
    assert.equal((await readFile(paths[0], 'utf8')).slice(0, 7), 'written')
    await files.dropAll()
  })
})
