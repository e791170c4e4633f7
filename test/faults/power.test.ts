/**
 * Takes the power away: at every step of a short life, of which each run takes some, and at random ones of long lives with several crashes. What the
 * disk had not made durable is lost or torn by then (see sim/memory-disk.ts for the model).
 *
 * A failure prints its seed; HOLDFAST_TEST_SEED=<seed> runs that one alone.
 */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { SeededRandomness } from '../../sim/seeded-randomness.js'
import type { Settings } from '../../src/core/settings.js'
import { MessageStore } from '../../src/storage/message-store.js'
import { seedFor, strideFor } from '../crash/seeded.js'
import { batchOf, movesUntil, readAll } from '../storage/support.js'
import {
  type Acknowledged,
  appendWaves,
  assertKept,
  live,
  openStore,
  smallCommitLog,
  smallSettings,
} from './workload.js'

/** What somebody was told, over all lives. */
interface Told {
  readonly batches: Acknowledged
  /** Under async, what was acknowledged and may be gone after a power failure, but not after a kill. */
  readonly inPageCache: Acknowledged
  /** Topics whose creation, or deletion, was confirmed. */
  readonly topics: Map<string, boolean>
  /** Under async: everything below was durable. */
  durableOffset: number
  /** Below it records may have been deleted. */
  deletedBefore: number
}

async function begin(disk: MemoryDisk, settings: Settings): Promise<MessageStore> {
  const store = await openStore(disk, settings)
  if (store.topic('orders') === undefined) await store.createTopic({ name: 'orders', partitions: 1 })
  return store
}

async function append(store: MessageStore, random: SeededRandomness, told: Told, settings: Settings): Promise<void> {
  const log = store.log('orders', 0)
  assert.ok(log)
  const sent = Array.from({ length: 1 + random.below(4) }, () =>
    batchOf([random.bytes(random.below(300)).toString('hex')]),
  )
  await Promise.all(
    sent.map(async (batch) => {
      const { baseOffset, acknowledged } = log.append(batch)
      const bytes = Buffer.from(batch.bytes)
      await acknowledged
      const promised = settings['flush.disk.type'] === 'ASYNC_FLUSH' ? told.inPageCache : told.batches
      promised.set(baseOffset, bytes)
    }),
  )
  if (settings['flush.disk.type'] === 'ASYNC_FLUSH') {
    if (random.once(4)) await log.flush()
    for (const { baseOffset, bytes } of await readAll(log, Math.max(told.durableOffset, log.logStartOffset))) {
      if (baseOffset < log.durableOffset) told.batches.set(baseOffset, Buffer.from(bytes))
    }
    told.durableOffset = log.durableOffset
  }
}

async function deleteRecords(store: MessageStore, random: SeededRandomness, told: Told): Promise<void> {
  const log = store.log('orders', 0)
  assert.ok(log)
  const offset = random.below(log.highWatermark + 1)
  told.deletedBefore = Math.max(told.deletedBefore, offset)
  await log.deleteRecordsBefore(offset)
  assert.ok(log.logStartOffset >= offset)
}

async function changeTopics(store: MessageStore, random: SeededRandomness, told: Told): Promise<void> {
  const name = `topic-${random.below(2)}`
  const exists = store.topic(name) !== undefined
  told.topics.delete(name)
  if (exists) await store.deleteTopic(name)
  else await store.createTopic({ name, partitions: 1 + random.below(2) })
  told.topics.set(name, !exists)
}

/** Lives until the power fails. */
async function liveOn(disk: MemoryDisk, settings: Settings, random: SeededRandomness, told: Told): Promise<never> {
  let store = await begin(disk, settings)
  for (;;) {
    if (random.once(12)) {
      await store.close()
      store = await begin(disk, settings)
    } else if (random.once(8)) await changeTopics(store, random, told)
    else if (random.once(7)) await deleteRecords(store, random, told)
    else await append(store, random, told, settings)
  }
}

async function assertFound(disk: MemoryDisk, settings: Settings, told: Told): Promise<void> {
  const store = await openStore(disk, settings)
  for (const [name, exists] of told.topics) assert.equal(store.topic(name) !== undefined, exists, `topic ${name}`)
  const log = store.log('orders', 0)
  if (log === undefined) {
    assert.equal(told.batches.size, 0)
    return await store.close()
  }
  assert.equal(log.failure, undefined, log.failure?.message)
  assert.ok(log.logStartOffset <= told.deletedBefore, 'what nobody deleted is gone from the start')
  const readable = await readAll(log, log.logStartOffset)
  const found = new Map(readable.map(({ baseOffset, bytes }) => [baseOffset, bytes]))
  for (const [offset, bytes] of [...told.batches, ...told.inPageCache])
    if (offset >= told.deletedBefore)
      assert.ok(found.get(offset)?.equals(bytes), `nothing, or another batch, at ${offset}`)
  const first = readable[0]?.baseOffset ?? log.logEndOffset
  assert.equal(found.size, log.logEndOffset - first, 'offsets have no holes')
  // What was found is shown to readers from now on, and so has to stay too.
  for (const [offset, bytes] of found) told.batches.set(offset, Buffer.from(bytes))
  told.durableOffset = log.durableOffset
  told.inPageCache.clear()
  await store.close()
}

async function livesAndCrashes(seed: number, settings: Settings, supportsDsync: boolean): Promise<void> {
  const random = new SeededRandomness(seed)
  const told: Told = {
    batches: new Map(),
    topics: new Map(),
    inPageCache: new Map(),
    durableOffset: 0,
    deletedBefore: 0,
  }
  let disk = new MemoryDisk({ supportsDsync })
  for (let crash = 0; crash < 4; crash++) {
    const crashed = disk.crashAfter(1 + random.below(250))
    await movesUntil(disk, [crashed, liveOn(disk, settings, random, told)])
    const killed = random.once(2)
    disk = killed ? disk.afterKill() : disk.afterCrash(random)
    if (!killed) told.inPageCache.clear()
    // Sometimes it crashes again while it recovers, which must be no worse.
    if (random.once(2)) {
      const again = disk.crashAfter(1 + random.below(40))
      const opened = await movesUntil(disk, [again, openStore(disk, settings)])
      if (opened instanceof MessageStore) await movesUntil(disk, [again, opened.close()])
      told.inPageCache.clear()
      disk = disk.afterCrash(random)
    }
    await assertFound(disk, settings, told)
  }
}

describe('when the power fails', () => {
  const one = process.env['HOLDFAST_TEST_SEED']
  const seeds = one === undefined ? Array.from({ length: 4 }, () => Math.floor(Math.random() * 2 ** 31)) : [Number(one)]
  const worlds: Record<string, { settings: Settings; supportsDsync?: boolean }> = {
    sync: { settings: smallSettings('sync') },
    'sync, a disk without dsync': { settings: smallSettings('sync'), supportsDsync: false },
    async: { settings: smallSettings('async') },
    batch: { settings: { ...smallSettings('sync'), 'flush.disk.type': 'BATCH_FLUSH', 'flush.batch.size': 1 } },
  }
  for (const how of ['none', 'fallocate', 'zero'] as const) {
    worlds[`sync, preallocated: ${how}`] = { settings: { ...smallSettings('sync'), 'file.preallocate': how } }
  }
  for (const flush of ['sync', 'async'] as const) {
    const settings: Settings = { ...smallSettings(flush), 'file.engine': 'mmap', 'file.preallocate': 'zero' }
    worlds[`${flush}, mapped, preallocated`] = { settings }
  }
  worlds['commit log, sync'] = { settings: smallCommitLog('sync') }
  worlds['commit log, sync, a disk without dsync'] = { settings: smallCommitLog('sync'), supportsDsync: false }
  worlds['commit log, async'] = { settings: smallCommitLog('async') }
  for (const how of ['none', 'fallocate', 'zero'] as const) {
    worlds[`commit log, preallocated: ${how}`] = { settings: { ...smallCommitLog('sync'), 'file.preallocate': how } }
  }
  for (const flush of ['sync', 'async'] as const) {
    const settings: Settings = { ...smallCommitLog(flush), 'file.engine': 'mmap', 'file.preallocate': 'zero' }
    worlds[`commit log, ${flush}, mapped, preallocated`] = { settings }
  }
  for (const [how, { settings, supportsDsync = true }] of Object.entries(worlds)) {
    test(`at random, what was promised is found: ${how}`, async () => {
      for (const seed of seeds) {
        await livesAndCrashes(seed, settings, supportsDsync).catch((cause: unknown) => {
          throw new Error(`seed ${seed} (HOLDFAST_TEST_SEED=${seed}): ${(cause as Error).message}`, { cause })
        })
      }
    })
  }

  test('a directory that a killed process made, and did not live to make durable, is made durable', async () => {
    const settings = smallSettings('sync')
    for (let step = 1; step < 8; step++) {
      for (let seed = 0; seed < 4; seed++) {
        const disk = new MemoryDisk()
        await movesUntil(disk, [disk.crashAfter(step), openStore(disk, settings)])
        const killed = disk.afterKill()
        const known: Acknowledged = new Map()
        await appendWaves(await begin(killed, settings), 1, known)
        await assertKept(killed.afterCrash(new SeededRandomness(seed)), settings, known, `killed at step ${step}`)
      }
    }
  })

  for (const { supportsDsync, layout } of [
    { supportsDsync: true, layout: 'segments' },
    { supportsDsync: false, layout: 'segments' },
    { supportsDsync: true, layout: 'commitlog' },
    { supportsDsync: false, layout: 'commitlog' },
  ]) {
    test(`at every step of a life, what was acknowledged is found: ${layout}${supportsDsync ? '' : ' without dsync'}`, async (t) => {
      const seed = seedFor('HOLDFAST_TEST_SEED')
      t.diagnostic(`seed ${seed} (HOLDFAST_TEST_SEED=${seed} takes the same steps)`)
      const settings = layout === 'segments' ? smallSettings('sync') : smallCommitLog('sync')
      // A roll would sync the directory by the way.
      const roomy = layout === 'segments' ? smallSettings('sync', 100_000) : settings
      const whole = new MemoryDisk({ supportsDsync })
      await live(whole, settings)
      const stride = strideFor(5)
      for (let step = 1 + (seed % stride); step <= whole.steps; step += stride) {
        const disk = new MemoryDisk({ supportsDsync })
        const crashed = disk.crashAfter(step)
        const acknowledged: Acknowledged = new Map()
        await movesUntil(disk, [crashed, live(disk, settings, acknowledged)])
        const known = new Map(acknowledged)
        const killed = disk.afterKill()
        await assertKept(disk.afterCrash(new SeededRandomness(step)), settings, known, `power lost at step ${step}`)
        // A process that dies leaves names and bytes in the page cache, and the next one builds on them.
        const store = await begin(killed, roomy)
        await appendWaves(store, 1, known)
        for (let other = step; other < step + 4; other++) {
          await assertKept(killed.afterCrash(new SeededRandomness(other)), settings, known, `killed at step ${step}`)
        }
      }
    })
  }
})
