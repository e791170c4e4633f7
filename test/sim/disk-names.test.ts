/** The simulated disk when names are at stake: what is durable of them, what a crash may undo, and what a failed call leaves. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { durableFile, found, freshDisk, HandPace, inCrashes, ScriptedFaults, sectors } from './disk-support.js'

const bytes = sectors(1, 1)
const namesIn = async (disk: MemoryDisk, path = '/d'): Promise<string> =>
  ((await disk.list(path)) ?? [])
    .map(({ name }) => name)
    .sort()
    .join()
const namesAfterCrashes = async (disk: MemoryDisk): Promise<Set<string>> =>
  new Set(await inCrashes(disk, (after) => namesIn(after)))

describe('names that no sync covers', () => {
  test('one that was made and one that was removed are there or not, each by itself', async () => {
    const disk = await freshDisk()
    await durableFile(disk, '/d/gone', bytes)
    await disk.open('/d/made', { mode: 'create' })
    await disk.remove('/d/gone')
    assert.deepEqual(await namesAfterCrashes(disk), new Set(['', 'gone', 'made', 'gone,made']))
    await disk.syncDirectory('/d')
    assert.deepEqual(await namesAfterCrashes(disk), new Set(['made']))
  })

  test('a rename happens or is undone, and never leaves both names or none', async () => {
    const disk = await freshDisk()
    await durableFile(disk, '/d/old', bytes)
    await disk.rename('/d/old', '/d/new')
    assert.deepEqual(await namesAfterCrashes(disk), new Set(['old', 'new']))
    await disk.syncDirectory('/d')
    assert.deepEqual(await namesAfterCrashes(disk), new Set(['new']))
  })

  test('a rename over a file leaves the one or the other under its name', async () => {
    const disk = await freshDisk()
    await durableFile(disk, '/d/file', sectors(1, 1))
    await durableFile(disk, '/d/next', sectors(2, 1))
    await disk.rename('/d/next', '/d/file')
    assert.deepEqual(new Set((await found(disk, '/d/file')).map((one) => one?.[0])), new Set([1, 2]))
  })

  test('a rename into another directory is one step, durable with the sync of either', async () => {
    for (const synced of ['/d', '/e', undefined]) {
      const disk = await freshDisk()
      await disk.makeDirectory('/e')
      await durableFile(disk, '/d/file', bytes)
      await disk.rename('/d/file', '/e/file')
      if (synced !== undefined) await disk.syncDirectory(synced)
      const places = new Set(
        await inCrashes(disk, async (after) => `${await namesIn(after, '/d')}-${await namesIn(after, '/e')}`),
      )
      assert.deepEqual(places, new Set(synced === undefined ? ['file-', '-file'] : ['-file']))
    }
  })

  test('a name that was made, removed and made again may come back as any of them', async () => {
    const disk = await freshDisk()
    for (const value of [1, 2]) {
      const file = await disk.open('/d/file', { mode: 'create' })
      await file.write([sectors(value, 1)], 0)
      await file.sync()
      if (value === 1) await disk.remove('/d/file')
    }
    assert.deepEqual(new Set((await found(disk, '/d/file')).map((one) => one?.[0])), new Set([undefined, 1, 2]))
  })
})

describe('the sync of a directory', () => {
  test('covers the names that were there when it began, and no byte of their files', async () => {
    const hand = new HandPace()
    const disk = await freshDisk({ pace: hand.pace })
    const file = await disk.open('/d/early', { mode: 'create' })
    await file.write([bytes], 0)
    hand.isOpen = false
    const syncing = disk.syncDirectory('/d')
    hand.isOpen = true
    await disk.open('/d/late', { mode: 'create' })
    await hand.release()
    await syncing
    assert.deepEqual(await namesAfterCrashes(disk), new Set(['early', 'early,late']))
    assert.ok((await found(disk, '/d/early')).some((one) => one?.length === 0))
  })

  test('that failed loses the names for good, though everybody sees them and the next one succeeds', async () => {
    const faults = new ScriptedFaults()
    const disk = await freshDisk({ faults })
    await disk.open('/d/file', { mode: 'create' })
    faults.fail('syncDirectory')
    await assert.rejects(disk.syncDirectory('/d'), { code: 'DISK_FAILED' })
    await disk.syncDirectory('/d')
    assert.equal(await namesIn(disk), 'file')
    assert.equal(await namesIn(disk.afterKill()), 'file')
    assert.deepEqual(await namesAfterCrashes(disk), new Set(['']))
  })

  test('that failed may have made all durable; one that had no descriptor has done nothing', async () => {
    const faults = new ScriptedFaults()
    const disk = await freshDisk({ faults })
    await disk.open('/d/all', { mode: 'create' })
    faults.fail('syncDirectory', 'all')
    await assert.rejects(disk.syncDirectory('/d'))
    assert.deepEqual(await namesAfterCrashes(disk), new Set(['all']))
    await disk.open('/d/later', { mode: 'create' })
    faults.fail('syncDirectory', 'none', 'EMFILE')
    await assert.rejects(disk.syncDirectory('/d'))
    assert.deepEqual(await namesAfterCrashes(disk), new Set(['all', 'all,later']))
    await disk.syncDirectory('/d')
    assert.deepEqual(await namesAfterCrashes(disk), new Set(['all,later']))
  })

  test('a new directory has its name when it was made', async () => {
    const disk = await freshDisk()
    await disk.makeDirectory('/d/deep/deeper')
    const there = await inCrashes(disk, (after) => after.list('/d/deep/deeper'))
    assert.ok(there.every((entries) => entries !== undefined))
  })
})

describe('a call for names that failed', () => {
  test('has done nothing, or all', async () => {
    for (const effect of ['none', 'all'] as const) {
      const faults = new ScriptedFaults()
      const disk = await freshDisk({ faults })
      await durableFile(disk, '/d/a', bytes)
      faults.fail('link', effect)
      await assert.rejects(disk.link('/d/a', '/d/b'))
      assert.equal(await namesIn(disk), effect === 'all' ? 'a,b' : 'a')
      faults.fail('rename', effect)
      await assert.rejects(disk.rename('/d/a', '/d/c'))
      assert.equal(await namesIn(disk), effect === 'all' ? 'b,c' : 'a')
      faults.fail('open', effect)
      await assert.rejects(disk.open('/d/e', { mode: 'create' }))
      assert.equal(await namesIn(disk), effect === 'all' ? 'b,c,e' : 'a')
      assert.equal(disk.openFiles, 1)
    }
  })

  test('the removal of a directory leaves any part of what was in it', async () => {
    const left = new Set<string>()
    for (let seed = 0; seed < 30; seed++) {
      const faults = new ScriptedFaults(seed)
      const disk = await freshDisk({ faults })
      await disk.makeDirectory('/d/many')
      for (const name of ['a', 'b', 'c']) await durableFile(disk, `/d/many/${name}`, bytes)
      faults.fail('remove', 'part')
      await assert.rejects(disk.remove('/d/many'))
      left.add(await namesIn(disk, '/d/many'))
    }
    assert.ok(left.size > 2 && left.has('a,b,c'))
  })

  test('so does the power that fails in the middle of it', async () => {
    const left = new Set<string>()
    for (let steps = 1; steps <= 4; steps++) {
      const disk = new MemoryDisk()
      await disk.makeDirectory('/d/many')
      for (const name of ['a', 'b', 'c']) await durableFile(disk, `/d/many/${name}`, bytes)
      const crash = disk.crashAfter(steps)
      void disk.remove('/d/many')
      await crash
      for (const names of await inCrashes(disk, (after) => namesIn(after, '/d/many'))) left.add(names)
    }
    for (const names of ['', 'a', 'c', 'b,c', 'a,b,c']) assert.ok(left.has(names), names)
  })

  test('replaceFile leaves the old file or the new one at each of its steps, and beside it any part of the new', async () => {
    const beside = new Set<number>()
    const kept = new Set<number | undefined>()
    for (let steps = 1; ; steps++) {
      const disk = await freshDisk()
      await disk.replaceFile('/d/file', sectors(1, 3))
      const crash = disk.crashAfter(steps)
      const replacing = disk.replaceFile('/d/file', sectors(11, 3)).then(() => 'done')
      const happened = await Promise.race([crash, replacing])
      for (const one of await found(disk, '/d/file')) {
        assert.ok(one?.equals(sectors(1, 3)) || one?.equals(sectors(11, 3)))
        kept.add(one?.[0])
      }
      for (const one of await found(disk, '/d/file.tmp')) beside.add(one?.filter((byte) => byte > 10).length ?? -1)
      if (happened === 'done') break
    }
    assert.deepEqual(kept, new Set([1, 11]))
    assert.ok(beside.has(-1) && beside.has(0) && beside.size > 3)
  })

  test('a disk without power answers nothing any more', async () => {
    const disk = await freshDisk()
    const crash = disk.crashAfter(1)
    let answered = false
    const note = (): void => {
      answered = true
    }
    disk.open('/d/file', { mode: 'create' }).then(note, note)
    await crash
    disk.readFile('/d/file').then(note, note)
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
    assert.ok(disk.hasCrashed && !answered)
  })
})
