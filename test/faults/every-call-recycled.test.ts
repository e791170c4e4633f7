/**
 * Fails the Nth call to the disk in a life that prepares, names, deletes and recycles segments. Whatever is acknowledged
 * is found afterwards: as the files are and, where that was promised, after the power failed too; and nothing stays open.
 * Each run takes one N of sixty, beginning at another; HOLDFAST_TEST_STRIDE=1 takes them all, in two minutes.
 */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FaultDisk, type Verdict } from '../../sim/fault-disk.js'
import { ManualClock } from '../../sim/manual-clock.js'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { SeededRandomness } from '../../sim/seeded-randomness.js'
import { HoldfastError } from '../../src/core/errors.js'
import type { Settings, SettingsInput } from '../../src/core/settings.js'
import type { Disk } from '../../src/files/disk.js'
import { MessageStore } from '../../src/storage/message-store.js'
import type { PartitionLog } from '../../src/storage/partition-log.js'
import { seedFor, strideFor } from '../crash/seeded.js'
import { readAll, settingsWith, sizedBatch } from '../storage/support.js'

const batchBytes = 500
const stride = strideFor(60)

function settingsFor(given: SettingsInput): Settings {
  return {
    ...settingsWith({ 'flush.batch.size': 1, 'flush.commitlog.interval': 3, ...given }),
    'log.segment.bytes': 2300,
    'log.index.interval.bytes': 700,
    'mapped.file.size.commitlog': 4096,
    'mapped.file.size.consumequeue': 100,
    'max.hash.slot.num': 10,
    'max.index.num': 8,
  }
}

interface Told {
  readonly acknowledged: Map<number, Buffer>
  deletedBefore: number
}

/** Errors that a caller may see are ours; anything else is a mistake in the engine. */
function ours(error: unknown): undefined {
  if (error instanceof HoldfastError) return undefined
  throw new Error('not an error of the table', { cause: error })
}

async function send(log: PartitionLog, count: number, told: Told): Promise<void> {
  for (let i = 0; i < count; i++) {
    const batch = sizedBatch(batchBytes, `${told.acknowledged.size} ${i}`)
    try {
      const { baseOffset, acknowledged } = log.append(batch)
      await acknowledged
      told.acknowledged.set(baseOffset, Buffer.from(batch.bytes))
    } catch (error) {
      ours(error)
    }
  }
}

async function live(disk: Disk, settings: Settings, told: Told): Promise<void> {
  for (let opening = 0; opening < 2; opening++) {
    const store = await MessageStore.open('/data', { disk, settings, clock: new ManualClock() }).catch(ours)
    if (store === undefined) continue
    if (store.topic('orders') === undefined) await store.createTopic({ name: 'orders', partitions: 1 }).catch(ours)
    const log = store.log('orders', 0)
    if (log !== undefined) {
      // The second time a segment is wanted for recycling, since there is no spare yet.
      if (opening === 1) await remove(log, 9, told)
      await send(log, 10, told)
      const slice = await log.read(log.logStartOffset, 2000, { lend: true }).catch(ours)
      await remove(log, log.highWatermark - 2, told)
      await send(log, 3, told)
      slice?.release?.()
    }
    await store.close().catch(ours)
  }
}

async function remove(log: PartitionLog, offset: number, told: Told): Promise<void> {
  const before = Math.min(offset, log.highWatermark)
  told.deletedBefore = Math.max(told.deletedBefore, before)
  await log.deleteRecordsBefore(before).catch(ours)
}

async function assertKept(disk: Disk, settings: Settings, told: Told, what: string): Promise<void> {
  const store = await MessageStore.open('/data', { disk, settings, clock: new ManualClock() })
  const log = store.log('orders', 0)
  if (log === undefined) {
    assert.equal(told.acknowledged.size, 0, what)
    return store.close()
  }
  assert.equal(log.failure, undefined, `${what}: ${log.failure?.message}`)
  assert.ok(log.logStartOffset <= told.deletedBefore, `${what}: what nobody deleted is gone from the start`)
  const found = new Map((await readAll(log)).map(({ baseOffset, bytes }) => [baseOffset, bytes]))
  assert.equal(found.size, log.logEndOffset - log.logStartOffset, `${what}: a hole`)
  for (const [offset, bytes] of told.acknowledged) {
    if (offset >= log.logStartOffset)
      assert.ok(found.get(offset)?.equals(bytes), `${what}: what was acknowledged at ${offset} is not there`)
  }
  const more: Told = { acknowledged: new Map(), deletedBefore: 0 }
  await send(log, 6, more)
  assert.equal(more.acknowledged.size, 6, `${what}: it takes no more messages`)
  await store.close()
}

describe('failing every call of a life with rolls and deletions in turn', () => {
  const worlds: readonly SettingsInput[] = [
    { 'file.preallocate': 'zero' },
    { 'file.preallocate': 'zero', 'file.engine': 'mmap', 'flush.disk.type': 'BATCH_FLUSH' },
    { 'file.preallocate': 'zero', 'file.engine': 'mmap', 'flush.disk.type': 'ASYNC_FLUSH' },
    { 'file.preallocate': 'fallocate', 'flush.disk.type': 'ASYNC_FLUSH' },
    { 'storage.layout': 'commitlog', 'file.preallocate': 'zero' },
    { 'storage.layout': 'commitlog', 'flush.disk.type': 'ASYNC_FLUSH' },
  ]
  for (const given of worlds) {
    for (const [errno, onwards] of [
      ['EIO', false],
      ['ENOSPC', false],
      ['EMFILE', false],
      ['ENOSPC', true],
    ] as const) {
      test(`${errno}, ${onwards ? 'from then on' : 'once'}: ${Object.values(given).join(', ')}`, async (t) => {
        const seed = seedFor('HOLDFAST_TEST_SEED')
        t.diagnostic(`seed ${seed} (HOLDFAST_TEST_SEED=${seed} fails the same calls)`)
        const settings = settingsFor(given)
        for (let number = 1 + (seed % stride); ; number += stride) {
          const memory = new MemoryDisk()
          const disk = new FaultDisk(memory, (call): Verdict => {
            const fails = onwards ? call.number >= number : call.number === number
            return fails ? errno : undefined
          })
          const told: Told = { acknowledged: new Map(), deletedBefore: 0 }
          await live(disk, settings, told)
          const failed = disk.calls[number - 1]
          const what = `call ${number} (${failed?.operation} ${failed?.path})`
          assert.deepEqual([disk.openFiles, disk.mappings, memory.mappings], [0, 0, 0], `${what}: something stays open`)
          if (settings['flush.disk.type'] !== 'ASYNC_FLUSH') {
            const crashed = memory.afterCrash(new SeededRandomness(number))
            await assertKept(crashed, settings, told, `${what}, after the power failed`)
          }
          await assertKept(memory, settings, told, what)
          if (failed === undefined) {
            assert.ok(number > 150, `only ${number} calls were failed`)
            assert.equal(told.acknowledged.size, 26)
            return
          }
        }
      })
    }
  }
})
