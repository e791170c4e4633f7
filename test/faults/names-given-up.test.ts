/**
 * A name is made while somebody else's sync of the same directory fails, and gives it up: the sync that its maker asks for
 * then succeeds, and says nothing of it. It is made anew, and outlives the loss of power.
 */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { FaultDisk } from '../../sim/fault-disk.js'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { SeededRandomness } from '../../sim/seeded-randomness.js'
import { FileSequence } from '../../src/storage/commitlog/file-sequence.js'
import { completeSwap, stageSwap } from '../../src/storage/segments/compaction/swap.js'
import { NextSegment } from '../../src/storage/segments/next-segment.js'
import { Segment } from '../../src/storage/segments/segment.js'
import { removeSegmentsBeyond } from '../../src/storage/segments/staged-files.js'
import { directory, placeWorld } from '../storage/segments/place.js'
import { named } from '../storage/segments/world.js'
import { until } from '../storage/support.js'

const seeds = [1, 2, 3, 4, 5, 6]

/** A disk on which, when told to, another sync of the directory comes before the next one, and fails. */
function world() {
  let fails = false
  let intrudes = false
  const ask = (operation: string) =>
    fails && operation === 'syncDirectory' ? ({ errno: 'EIO', effect: 'none' } as const) : undefined
  const memory = new MemoryDisk({ faults: { ask, evicts: () => false, below: () => 0 } })
  const judge = async ({ operation, path }: { operation: string; path: string }) => {
    if (!intrudes || operation !== 'syncDirectory') return undefined
    intrudes = false
    fails = true
    await assert.rejects(memory.syncDirectory(path), { code: 'DISK_FAILED' })
    fails = false
    return undefined
  }
  return {
    memory,
    judge,
    intrude() {
      intrudes = true
    },
    async assertGone(path: string) {
      for (const seed of seeds) {
        const found = memory.afterCrash(new SeededRandomness(seed))
        assert.equal((await found.readFile(path))?.length ?? 0, 0, `${path} is back with the power, seed ${seed}`)
      }
    },
    async assertThere(path: string) {
      for (const seed of seeds) {
        const found = memory.afterCrash(new SeededRandomness(seed))
        assert.ok(await found.stat(path), `${path} is gone with the power, seed ${seed}`)
      }
    },
  }
}

test('a segment', async () => {
  const { memory, judge, intrude, assertThere } = world()
  const { place } = await placeWorld({ memory, judge })
  intrude()
  const segment = await Segment.create(place, 5)
  await assertThere(join(directory, named(5, '.log')))
  await segment.release()
})

test('the next segment, of a spare', async () => {
  const { memory, judge, intrude, assertThere } = world()
  const { place, disk } = await placeWorld({ memory, judge })
  const active = await Segment.create(place, 0)
  const next = new NextSegment(place)
  next.prepareSpare(active)
  await until(() => disk.count('close', '.spare.deleted') === 1)
  intrude()
  const segment = await next.take(5, 0)
  assert.equal(disk.count('rename'), 1)
  await assertThere(join(directory, named(5, '.log')))
  for (const one of [active, segment]) await one.release()
  assert.equal(disk.openFiles, 0)
})

test('a file of the commit log', async () => {
  const { memory, judge, intrude, assertThere } = world()
  const disk = new FaultDisk(memory, judge)
  const options = { disk, directory: '/log', fileBytes: 1000, extendShortLast: false } as const
  const files = await FileSequence.open({ ...options, setting: 'mapped.file.size.commitlog' })
  await files.create(0)
  intrude()
  await files.create(1000)
  assert.deepEqual(files.starts, [0, 1000])
  await assertThere(files.pathOf(1000))
})

test('a segment that compaction has written', async () => {
  const { memory, judge, intrude, assertThere } = world()
  const { place } = await placeWorld({ memory, judge })
  const path = join(directory, named(5, '.log'))
  await memory.replaceFile(`${path}.cleaned`, Buffer.from('cleaned'))
  intrude()
  await stageSwap(place, 5)
  await assertThere(`${path}.swap`)
})

test('the going of a segment that compaction has replaced', async () => {
  const { memory, judge, intrude, assertGone } = world()
  const { place } = await placeWorld({ memory, judge })
  const pathOf = (base: number) => join(directory, named(base, '.log'))
  for (const base of [0, 5]) await memory.replaceFile(pathOf(base), Buffer.from('replaced'))
  await memory.replaceFile(`${pathOf(0)}.swap`, Buffer.from('cleaned'))
  intrude()
  await completeSwap(place, 0, [0, 5])
  await assertGone(pathOf(5))
  assert.equal((await memory.readFile(pathOf(0)))?.toString(), 'cleaned')
})

test('the going of a segment behind the end', async () => {
  const { memory, judge, intrude, assertGone } = world()
  const { place } = await placeWorld({ memory, judge })
  const path = join(directory, named(5, '.log'))
  await memory.replaceFile(path, Buffer.from('refused'))
  intrude()
  await removeSegmentsBeyond(place, 4)
  await assertGone(path)
})
