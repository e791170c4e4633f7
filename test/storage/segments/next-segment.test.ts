import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { DiskOperation, Verdict } from '../../../sim/fault-disk.js'
import { NextSegment } from '../../../src/storage/segments/next-segment.js'
import { Segment } from '../../../src/storage/segments/segment.js'
import { batchOf, gate, turns, until } from '../support.js'
import { directory, type PlaceWorld, placeWorld } from './place.js'
import { named } from './world.js'

const sizeInBytes = 64 * 1024
const spareName = named(0, '.log.spare.deleted')
const doomedName = named(0, '.log.deleted')

async function world(given: Parameters<typeof placeWorld>[0] = {}) {
  const around = await placeWorld(given)
  const active = await Segment.create(around.place, 0)
  const next = new NextSegment(around.place)
  return { ...around, active, next }
}

async function assertUsable(segment: Segment, { bytesOf }: PlaceWorld): Promise<void> {
  const batch = batchOf(['first'])
  batch.stamp(segment.baseOffset, 0)
  await segment.append([batch])
  segment.publish()
  const found = await segment.read(segment.baseOffset, 1000)
  assert.deepEqual(found.records, [batch.bytes])
  const file = await bytesOf(named(segment.baseOffset, '.log'))
  assert.ok(file.subarray(0, batch.sizeInBytes).equals(batch.bytes))
  assert.ok(file.subarray(batch.sizeInBytes).every((byte) => byte === 0))
}

/** An old segment's file under the name of a doomed one, with something in it. */
async function doomedFile({ memory }: PlaceWorld, bytes = 50_000): Promise<string> {
  const path = join(directory, doomedName)
  const file = await memory.open(path, { mode: 'create', dsync: true })
  await file.write([Buffer.alloc(bytes, 0xab)], 0)
  await memory.syncDirectory(directory)
  return path
}

describe('the segment that comes next', () => {
  for (const preallocate of ['zero', 'fallocate', 'ahead'] as const) {
    test(`is a spare that was prepared, under its name: ${preallocate}`, async () => {
      const around = await world({ preallocate })
      const { next, active, disk, names, bytesOf } = around
      next.prepareSpare(active)
      next.prepareSpare(active)
      await until(() => disk.count('close', spareName) === 1)
      assert.deepEqual(await names(), [named(0, '.log'), spareName])
      const creating = disk.count('open', '.log')
      next.name(7, 1000)
      assert.ok(next.isNamed)
      next.name(7, 1000)
      const segment = await next.take(7, 1000)
      assert.equal(next.isNamed, false)
      assert.equal(segment.baseOffset, 7)
      assert.deepEqual(await names(), [named(0, '.log'), named(7, '.log')])
      assert.equal((await bytesOf(named(7, '.log'))).length, sizeInBytes)
      assert.equal(disk.count('open', '.log') - creating, 1, 'the name is opened once')
      await assertUsable(segment, around)
      // Another one may be prepared now.
      next.prepareSpare(segment)
      await next.discard()
      for (const one of [active, segment]) await one.release()
      assert.deepEqual(await names(), [named(0, '.log'), named(7, '.log')])
      assert.equal(disk.openFiles, 0)
    })
  }

  test('is made when it is needed where there was no spare, and no spare is made where none is wanted', async () => {
    const around = await world({ preallocate: 'none' })
    const { next, active, names, disk } = around
    next.prepareSpare(active)
    assert.equal(next.takesRecycled, false)
    await turns()
    assert.deepEqual(await names(), [named(0, '.log')])
    const segment = await next.take(3, 0)
    await assertUsable(segment, around)
    await next.discard()
    for (const one of [active, segment]) await one.release()
    assert.equal(disk.openFiles, 0)
  })

  test('begins where it was named', async () => {
    const { next, active } = await world()
    next.name(5, 0)
    await assert.rejects(next.take(6, 0), /the log goes on where its next segment begins/)
    await active.release()
  })

  test('may be a recycled file, which holds zeros by the time it has a name', async () => {
    for (const bytes of [100, 50_000, sizeInBytes, sizeInBytes + 5000]) {
      const around = await world()
      const { next, active, disk, bytesOf, names } = around
      const path = await doomedFile(around, bytes)
      assert.ok(next.takesRecycled)
      next.recycle(path)
      assert.equal(next.takesRecycled, false)
      const held = gate()
      disk.judge = ({ operation }) => (operation === 'prepare' ? held.passed : undefined)
      // Nobody waits for zeros: what is needed before they are there is made as it is needed.
      const early = await next.take(5, 0)
      await assertUsable(early, around)
      assert.deepEqual(await names(), [named(0, '.log'), doomedName, named(5, '.log')])
      held.open()
      await until(() => disk.count('close', doomedName) === 1)
      await turns(3)
      const segment = await next.take(9, 0)
      assert.deepEqual(await names(), [named(0, '.log'), named(5, '.log'), named(9, '.log')])
      assert.ok((await bytesOf(named(9, '.log'))).equals(Buffer.alloc(sizeInBytes)))
      await early.release()
      await assertUsable(segment, around)
      await next.discard()
      for (const one of [active, segment]) await one.release()
      assert.equal(disk.openFiles, 0)
    }
  })

  test('nothing is recycled where it would be given back at once, nor after the end', async () => {
    for (const preallocate of ['none', 'ahead', 'fallocate'] as const) {
      assert.equal((await world({ preallocate })).next.takesRecycled, false)
    }
    const { next, active, disk } = await world()
    await next.discard()
    assert.equal(next.takesRecycled, false)
    next.prepareSpare(active)
    next.name(3, 0)
    assert.equal(next.isNamed, false)
    await active.release()
    assert.equal(disk.openFiles, 0)
  })

  test('discard ends the preparing after the step under way, and leaves nothing', async () => {
    const { next, active, disk, names } = await world({ segmentBytes: 64 * 1024 * 1024 })
    const held = gate()
    disk.judge = ({ operation }) => (operation === 'prepare' ? held.passed : undefined)
    next.prepareSpare(active)
    await until(() => disk.count('prepare') === 1)
    const discarding = next.discard()
    await turns()
    held.open()
    await discarding
    assert.deepEqual([disk.count('prepare'), await names()], [1, [named(0, '.log')]])
    await active.release()
    assert.equal(disk.openFiles, 0)
  })
})

describe('when the disk fails while the next segment is prepared', () => {
  const preparing: readonly DiskOperation[] = ['open', 'size', 'prepare', 'close', 'truncate']
  for (const recycled of [false, true]) {
    for (const operation of preparing) {
      for (const errno of ['EIO', 'ENOSPC'] as const) {
        test(`there is no spare, and the log goes on: ${operation} of ${recycled ? 'an old file' : 'a new one'}, ${errno}`, async () => {
          const around = await world()
          const { next, active, disk, names, said } = around
          const path = recycled ? await doomedFile(around, sizeInBytes + 100) : ''
          let failed = 0
          disk.judge = (call): Verdict => {
            const isMeant = call.operation === operation && call.path.endsWith('.deleted')
            if (isMeant) failed++
            return isMeant ? errno : undefined
          }
          if (recycled) next.recycle(path)
          else next.prepareSpare(active)
          await turns(30)
          const segment = await next.take(4, 0)
          if (operation !== 'truncate' || recycled) {
            assert.equal(failed, 1)
            assert.ok(said.some(({ level }) => level === 'warn'))
          }
          await assertUsable(segment, around)
          await next.discard()
          for (const one of [active, segment]) await one.release()
          assert.deepEqual(await names(), [named(0, '.log'), named(4, '.log')])
          assert.equal(disk.openFiles, 0)
        })
      }
    }
  }

  test('a spare that cannot even be removed is said, and in nobody’s way', async () => {
    const { next, active, disk, said, names } = await world()
    disk.judge = ({ operation, path }) =>
      operation === 'prepare' || (operation === 'remove' && path.endsWith(spareName)) ? 'EIO' : undefined
    next.prepareSpare(active)
    await turns(30)
    const segment = await next.take(4, 0)
    assert.equal(said.filter(({ level }) => level === 'warn').length, 2)
    disk.judge = () => undefined
    // The next one goes by another name, and so does the old one when it is removed.
    next.prepareSpare(segment)
    await next.discard()
    for (const one of [active, segment]) await one.release()
    assert.deepEqual(await names(), [named(0, '.log'), spareName, named(4, '.log')])
  })
})

describe('when the disk fails while the next segment is named', () => {
  for (const withSpare of [true, false]) {
    for (const operation of ['rename', 'open', 'syncDirectory', 'size'] as const) {
      for (const errno of ['EIO', 'ENOSPC', 'EMFILE'] as const) {
        const how = `${operation}, ${errno}, ${withSpare ? 'with' : 'without'} a spare`
        test(`nothing stays open, and a close in order leaves nothing of it: ${how}`, async () => {
          const around = await world()
          const { next, active, disk, names } = around
          if (withSpare) {
            next.prepareSpare(active)
            await until(() => disk.count('close', spareName) === 1)
          }
          await turns()
          disk.judge = (call): Verdict => (call.operation === operation ? errno : undefined)
          next.name(4, 0)
          await turns(30)
          disk.judge = () => undefined
          await next.discard()
          await active.release()
          assert.deepEqual(await names(), [named(0, '.log')])
          assert.equal(disk.openFiles, 0)
        })

        test(`taking it tries again, but never syncs again what failed to sync: ${how}`, async () => {
          const around = await world()
          const { next, active, disk, names } = around
          if (withSpare) {
            next.prepareSpare(active)
            await until(() => disk.count('close', spareName) === 1)
          }
          let failed = 0
          disk.judge = (call): Verdict => (call.operation === operation && failed++ === 0 ? errno : undefined)
          next.name(4, 0)
          const outcome = await next.take(4, 0).then(
            (segment) => segment,
            (error: { code: string }) => error.code,
          )
          if (errno === 'EIO' && failed > 0) assert.equal(outcome, 'DISK_FAILED')
          else {
            assert.ok(outcome instanceof Segment)
            await assertUsable(outcome, around)
            await outcome.release()
            assert.deepEqual((await names()).filter((name) => name.endsWith('.log')).length, 2)
          }
          disk.judge = () => undefined
          await next.discard()
          await active.release()
          assert.equal(disk.openFiles, 0)
        })
      }
    }
  }

  test('what is taken without having been named says why it could not be had', async () => {
    const { next, active, disk } = await world()
    disk.judge = ({ operation }) => (operation === 'syncDirectory' ? 'EIO' : undefined)
    await assert.rejects(next.take(4, 0), { code: 'DISK_FAILED' })
    disk.judge = () => undefined
    await next.discard()
    await active.release()
    assert.equal(disk.openFiles, 0)
  })
})
