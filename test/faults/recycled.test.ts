/**
 * A stale byte of a recycled segment is never taken for a record. The old file is filled with batches that would be
 * sound continuations of the new segment at every position (the base offset lies outside a batch's checksum, so nothing
 * but the zeros tells them from new ones), and the power fails at every step around deleting, recycling, rolling into the
 * file and writing it. Found is only what was sent in this life, and all that was acknowledged.
 */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FaultDisk } from '../../sim/fault-disk.js'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { SeededRandomness } from '../../sim/seeded-randomness.js'
import type { Settings } from '../../src/core/settings.js'
import type { Disk } from '../../src/files/disk.js'
import type { PartitionLog } from '../../src/storage/partition-log.js'
import { strideFor } from '../crash/seeded.js'
import { readAll, settingsWith, sizedBatch, turns } from '../storage/support.js'
import { openStore } from './workload.js'

const batchBytes = 500
/** Seven batches, and room that stays zeros. */
const segmentBytes = 3800
const perSegment = 7
const directory = '/data/log/orders-0'
const doomed = `${directory}/00000000000000000000.log.deleted`

interface World {
  readonly engine: 'disk' | 'mmap'
  readonly flush: 'SYNC_FLUSH' | 'BATCH_FLUSH' | 'ASYNC_FLUSH'
  readonly supportsDsync: boolean
}

function settingsFor({ engine, flush }: World): Settings {
  return {
    ...settingsWith({
      'file.engine': engine,
      'file.preallocate': 'zero',
      'flush.disk.type': flush,
      'flush.commitlog.interval': 3,
      'flush.batch.size': 1,
    }),
    'log.segment.bytes': segmentBytes,
    'log.index.interval.bytes': 700,
  }
}

interface Told {
  /** What was sent in the new life, by its offset. */
  readonly sent: Map<number, Buffer>
  readonly acknowledged: Set<number>
  /** Of those, what is promised to survive a power failure. */
  readonly durable: Set<number>
}

/** Batches that follow one another from `offset` on, as the new segment would have them, but not what it is given. */
function impostors(offset: number): Buffer {
  const batches = Array.from({ length: perSegment }, (_, i) => {
    const batch = sizedBatch(batchBytes, `impostor ${i}`)
    batch.stamp(offset + i, 0)
    assert.ok(batch.crcMatches())
    return batch.bytes
  })
  return Buffer.concat(batches)
}

async function send(log: PartitionLog, count: number, told: Told, flush: World['flush']): Promise<void> {
  for (let i = 0; i < count; i++) {
    const batch = sizedBatch(batchBytes, `sent ${log.logEndOffset}`)
    const { baseOffset, acknowledged } = log.append(batch)
    told.sent.set(baseOffset, Buffer.from(batch.bytes))
    await acknowledged
    told.acknowledged.add(baseOffset)
    if (flush !== 'ASYNC_FLUSH') told.durable.add(baseOffset)
  }
}

/** A disk whose old life is over: two full segments, and a third with one batch in it. */
async function oldLife(world: World): Promise<{ memory: MemoryDisk; told: Told }> {
  const memory = new MemoryDisk({ supportsDsync: world.supportsDsync })
  const store = await openStore(memory, settingsFor(world))
  await store.createTopic({ name: 'orders', partitions: 1 })
  const told: Told = { sent: new Map(), acknowledged: new Set(), durable: new Set() }
  await send(store.log('orders', 0) as PartitionLog, 2 * perSegment + 1, told, world.flush)
  await store.close()
  for (const offset of told.acknowledged) told.durable.add(offset)
  return { memory, told }
}

interface Life {
  readonly told: Told
  /** Steps of the disk at which the old file became the spare, and at which the new segment was begun in it. */
  recycledAt: number
}

/** Deletes the old segments, one of which is recycled, and goes on into the file that it was. */
async function newLife(memory: MemoryDisk, world: World, life: Life): Promise<void> {
  const disk = new FaultDisk(memory)
  const store = await openStore(disk, settingsFor(world))
  const log = store.log('orders', 0) as PartitionLog
  let wasRenamed = false
  disk.judge = async ({ operation, path }) => {
    if (operation === 'rename' && path.endsWith('0000.log')) wasRenamed = true
    if (operation !== 'syncDirectory' || !wasRenamed || life.recycledAt > 0) return undefined
    // The old file, as it is about to be recycled. It will begin where the active segment is full.
    life.recycledAt = memory.steps
    const file = await memory.open(doomed, { mode: 'write', dsync: true })
    await file.write([impostors(3 * perSegment)], 0)
    await file.sync()
    return undefined
  }
  await log.deleteRecordsBefore(2 * perSegment)
  await send(log, perSegment - 1, life.told, world.flush)
  const into = disk.calls.filter(({ operation, path }) => operation === 'rename' && path === doomed)
  if (into.length === 0) await turns(20)
  await send(log, perSegment + 1, life.told, world.flush)
  assert.equal(disk.count('rename', '0000.log.deleted'), 1, 'the old file has become a segment again')
  if (world.flush === 'ASYNC_FLUSH') {
    await log.flush()
    for (const offset of life.told.acknowledged) life.told.durable.add(offset)
  }
  await store.close()
}

async function assertFound(disk: Disk, world: World, told: Told, promised: ReadonlySet<number>, what: string) {
  const store = await openStore(disk, settingsFor(world))
  const log = store.log('orders', 0) as PartitionLog
  assert.equal(log.failure, undefined, `${what}: ${log.failure?.message}`)
  const found = await readAll(log)
  for (const { baseOffset, bytes } of found) {
    const sent = told.sent.get(baseOffset)
    assert.ok(
      sent?.equals(bytes),
      `${what}: at ${baseOffset} lies what nobody sent: ${bytes.toString('latin1', 70, 90)}`,
    )
  }
  const offsets = new Set(found.map(({ baseOffset }) => baseOffset))
  for (const offset of promised) {
    if (offset >= log.logStartOffset) assert.ok(offsets.has(offset), `${what}: ${offset} was promised and is gone`)
  }
  const before = log.logEndOffset
  // And where new ones are written behind the end, nothing old shows up behind those.
  const more: Told = { ...told, acknowledged: new Set(), durable: new Set(), sent: new Map(told.sent) }
  await send(log, 2, more, world.flush)
  assert.equal((await readAll(log)).length, log.logEndOffset - log.logStartOffset)
  assert.equal(log.logEndOffset, before + 2)
  await store.close()
}

function copyOf(told: Told): Told {
  return {
    sent: new Map(told.sent),
    acknowledged: new Set(told.acknowledged),
    durable: new Set(told.durable),
  }
}

describe('a recycled segment whose former life looks like its new one', () => {
  const worlds: readonly World[] = [
    { engine: 'disk', flush: 'SYNC_FLUSH', supportsDsync: true },
    { engine: 'disk', flush: 'SYNC_FLUSH', supportsDsync: false },
    { engine: 'disk', flush: 'BATCH_FLUSH', supportsDsync: true },
    { engine: 'disk', flush: 'ASYNC_FLUSH', supportsDsync: true },
    { engine: 'mmap', flush: 'SYNC_FLUSH', supportsDsync: true },
    { engine: 'mmap', flush: 'ASYNC_FLUSH', supportsDsync: true },
  ]
  for (const [index, world] of worlds.entries()) {
    // Of the first one twice as many; each begins at another.
    const stride = strideFor(index === 0 ? 3 : 6)
    const name = `${world.engine}, ${world.flush}${world.supportsDsync ? '' : ', no dsync'}`
    test(`never shows a batch of it, whenever the power fails or the process dies: ${name}`, async () => {
      const whole = await oldLife(world)
      const began = whole.memory.steps
      const undisturbed: Life = { told: whole.told, recycledAt: 0 }
      await newLife(whole.memory, world, undisturbed)
      assert.ok(undisturbed.recycledAt > began, 'a segment was recycled')
      const steps = whole.memory.steps - began
      for (let step = undisturbed.recycledAt - began - 4 + (index % stride); step <= steps; step += stride) {
        const { memory, told } = await oldLife(world)
        const life: Life = { told, recycledAt: 0 }
        await Promise.race([memory.crashAfter(step), newLife(memory, world, life)])
        const known = copyOf(told)
        const killed = memory.afterKill()
        for (let seed = 0; seed < 2; seed++) {
          const crashed = memory.afterCrash(new SeededRandomness(1000 * step + seed))
          await assertFound(crashed, world, known, known.durable, `power lost at step ${step}, seed ${seed}`)
        }
        await assertFound(killed, world, known, known.acknowledged, `killed at step ${step}`)
      }
    })
  }
})
