/**
 * Takes the power away, or kills the process, at every step of a compaction: the next start finds each segment old or
 * new, never both and never none, and nothing that was acknowledged is gone.
 */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { FaultDisk } from '../../sim/fault-disk.js'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { SeededRandomness } from '../../sim/seeded-randomness.js'
import type { Disk } from '../../src/files/disk.js'
import { batchesIn } from '../../src/records/batch.js'
import type { MessageStore } from '../../src/storage/message-store.js'
import { type Entry, entriesOf, latestOf, openOn, put, smallSegments } from '../storage/compacting.js'
import { logOf, turns } from '../storage/support.js'

const small = smallSegments({ 'log.cleaner.min.cleanable.ratio': 0 })
/** Larger than what the log was written with, so that neighbours become one. */
const settings = { ...small, 'log.segment.bytes': 2400 }

/** A closed store whose log was compacted once, and has as much again to compact, in several groups. */
async function builtDisk(): Promise<MemoryDisk> {
  const disk = new MemoryDisk()
  const store = await builtOn(disk)
  await store.close()
  return disk
}

/** The same, still open: nobody has read its segments yet, so that they are reached by their names. */
async function builtOn(disk: Disk): Promise<MessageStore> {
  const store = await openOn(disk, small)
  await store.createTopic({ name: 'orders', partitions: 1 })
  const log = logOf(store)
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 6; i++) {
      // Some keys are written once, so that every group keeps something.
      await put(log, [[`key ${i % 3}`, `${round} ${i} ${'.'.repeat(90)}`]])
      await put(log, [[`once ${round} ${i}`, i % 5 === 0 ? null : `${'-'.repeat(60)}`]])
    }
    if (round === 0) await store.runChore('compaction')
  }
  return store
}

/** Which records a reader may find: those of the old segments up to a place, from there on those of the new ones. */
function isOldOrNew(found: readonly Entry[], old: readonly Entry[], compacted: readonly Entry[]): boolean {
  const text = (entries: readonly Entry[]) => JSON.stringify(entries)
  const borders = [0, ...old.map(({ offset }) => offset + 1)]
  return borders.some(
    (border) =>
      text(found) ===
      text([...compacted.filter(({ offset }) => offset < border), ...old.filter(({ offset }) => offset >= border)]),
  )
}

/** Runs until the power fails, or to the end. */
async function compactUntil(disk: MemoryDisk, crashed: Promise<void>): Promise<void> {
  const store = openOn(disk, settings).then((opened) => opened.runChore('compaction'))
  store.catch(() => {})
  await Promise.race([crashed, store])
}

async function foundBy(disk: MemoryDisk): Promise<{ store: MessageStore; entries: Entry[] }> {
  const store = await openOn(disk, settings)
  const log = logOf(store)
  assert.equal(log.failure, undefined, log.failure?.message)
  await assertNoOverlap(disk)
  return { store, entries: await entriesOf(log) }
}

/** A reader goes on behind what it has read, and so would not see that records lie in two segments. */
async function assertNoOverlap(disk: MemoryDisk): Promise<void> {
  const directory = '/data/log/orders-0'
  const names = ((await disk.list(directory)) ?? []).map(({ name }) => name).sort()
  assert.deepEqual(
    names.filter((name) => /\.(cleaned|swap|deleted)$/.test(name)),
    [],
  )
  let nextOffset = 0
  for (const name of names.filter((one) => one.endsWith('.log'))) {
    assert.ok(nextOffset <= Number(name.slice(0, 20)), `${name} begins before the segment in front of it ends`)
    const content = await disk.readFile(join(directory, name))
    for (const batch of batchesIn(content ?? Buffer.alloc(0))) {
      assert.ok(batch.baseOffset >= nextOffset)
      nextOffset = batch.nextOffset
    }
  }
}

describe('a compaction that is interrupted', () => {
  test('leaves old segments or new ones, wherever the power fails', async () => {
    const built = await builtDisk()
    const random = new SeededRandomness(4)
    const before = await foundBy(built.afterCrash(random))
    const whole = built.afterCrash(random)
    const store = await openOn(whole, settings)
    const firstStep = whole.steps
    await store.runChore('compaction')
    const steps = whole.steps - firstStep
    const after = await entriesOf(logOf(store))
    assert.ok(after.length < before.entries.length, 'there was something to compact')
    for (let step = 1; step <= steps; step += 1 + random.below(2)) {
      const disk = built.afterCrash(random)
      const opened = await openOn(disk, settings)
      const crashed = disk.crashAfter(step)
      const run = opened.runChore('compaction')
      run.catch(() => {})
      await Promise.race([crashed, run])
      // What is not synced may be there in any part: several of them are looked at.
      const left = [disk.afterCrash(random), disk.afterCrash(random), disk.afterCrash(random), disk.afterKill()]
      for (const [i, one] of left.entries()) {
        const found = await foundBy(one)
        const where = `step ${step} of ${steps}, variant ${i}`
        assert.ok(isOldOrNew(found.entries, before.entries, after), where)
        assert.deepEqual(latestOf(found.entries), latestOf(before.entries), where)
        if (i > 0) continue
        // It goes on from there.
        await put(logOf(found.store), [['last', 'value']])
        await found.store.runChore('compaction')
        const wanted = latestOf([...before.entries, { offset: 0, key: 'last', value: 'value' }])
        assert.deepEqual(latestOf(await entriesOf(logOf(found.store))), wanted, where)
      }
    }
  })

  test('is finished by a start that is interrupted itself', async () => {
    const built = await builtDisk()
    for (let seed = 0; seed < 40; seed++) {
      const random = new SeededRandomness(seed)
      const before = await foundBy(built.afterCrash(random))
      let disk = built.afterCrash(random)
      const opened = await openOn(disk, settings)
      const crashed = disk.crashAfter(1 + random.below(110))
      const run = opened.runChore('compaction')
      run.catch(() => {})
      await Promise.race([crashed, run])
      for (let again = 0; again < 3; again++) {
        disk = disk.afterCrash(random)
        await compactUntil(disk, disk.crashAfter(1 + random.below(60)))
      }
      const found = await foundBy(disk.afterCrash(random))
      assert.deepEqual(latestOf(found.entries), latestOf(before.entries), `seed ${seed}`)
      for (const entry of found.entries)
        assert.ok(before.entries.some((one) => JSON.stringify(one) === JSON.stringify(entry)))
    }
  })

  test('leaves the log as it was where the disk is full, whichever call says so', async () => {
    const built = await builtDisk()
    const random = new SeededRandomness(9)
    const before = await foundBy(built.afterCrash(random))
    let failed = 0
    for (let call = 1; ; call++) {
      const disk = new FaultDisk(built.afterCrash(random))
      const store = await openOn(disk, settings)
      let calls = 0
      disk.judge = ({ operation, path }) => {
        const isCompaction =
          /\.(cleaned|swap)$/.test(path) && ['open', 'write', 'sync', 'copyRange', 'close'].includes(operation)
        return isCompaction && ++calls === call ? 'ENOSPC' : undefined
      }
      await store.runChore('compaction')
      disk.judge = () => undefined
      const log = logOf(store)
      assert.equal(log.failure, undefined)
      assert.deepEqual(latestOf(await entriesOf(log)), latestOf(before.entries))
      if (calls < call) break
      failed++
      // What was left is cleared away, and the next run does it.
      await store.runChore('compaction')
      await put(log, [['last', 'value']])
      assert.ok((await entriesOf(log)).length < before.entries.length)
      await store.close()
    }
    assert.ok(failed > 5)
    await turns()
  })

  test('tells readers what happened where a file got no other name, and loses nothing', async () => {
    let refused = 0
    for (let call = 1; ; call += 3) {
      const inner = new MemoryDisk()
      const disk = new FaultDisk(inner)
      const store = await builtOn(disk)
      const log = logOf(store)
      let calls = 0
      disk.judge = ({ operation, path }) =>
        operation === 'rename' && /\.(log|index|timeindex|swap)$/.test(path) && ++calls >= call ? 'EIO' : undefined
      await store.runChore('compaction')
      disk.judge = () => undefined
      await entriesOf(log).catch((error) => {
        assert.equal(error.code, 'LOG_FAILED', error.message)
        assert.equal(log.failure?.code, 'LOG_FAILED')
        refused++
      })
      await store.close()
      const found = latestOf((await foundBy(inner)).entries)
      assert.deepEqual(found, latestOf((await foundBy(await builtDisk())).entries))
      if (calls < call) break
    }
    assert.ok(refused > 0)
  })
})
