/**
 * Fails the Nth call to the disk under a commit log, for every N: once, or that one and all after it. Whoever waited is
 * refused, what was acknowledged is found on a healthy disk, what was refused is not, and whatever failed beside the
 * commit log itself stops nobody.
 */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FaultDisk, type Verdict } from '../../../sim/fault-disk.js'
import { ManualClock } from '../../../sim/manual-clock.js'
import { MemoryDisk } from '../../../sim/memory-disk.js'
import { SeededRandomness } from '../../../sim/seeded-randomness.js'
import { HoldfastError } from '../../../src/core/errors.js'
import type { SettingsInput } from '../../../src/core/settings.js'
import type { Disk } from '../../../src/files/disk.js'
import type { CommitLogStore } from '../../../src/storage/commitlog/commit-log-store.js'
import { batchOf, readAll } from '../support.js'
import { smallFiles, storeWorld } from './store-world.js'

interface Told {
  /** By queue and base offset. */
  readonly acknowledged: Map<string, Buffer>
  /** Values of messages that were refused for good. */
  readonly refused: Set<string>
  /** The store that refused them let them be found by the next opening, since the disk did not do what it was told. */
  mayFindRefused: boolean
}

const queues = 2

function ours(error: unknown): undefined {
  if (error instanceof HoldfastError) return undefined
  throw new Error('not an error of the table', { cause: error })
}

let sequence = 0

/** A batch into each queue at once. */
async function wave(store: CommitLogStore, told: Told): Promise<void> {
  const sent = Array.from({ length: queues }, (_, queueId) => ({
    queue: store.ensureQueue('orders', queueId),
    value: `${sequence++}:${'.'.repeat(15_000)}`,
  }))
  await Promise.all(
    sent.map(async ({ queue, value }) => {
      try {
        const batch = batchOf([value, 'second'])
        const { acknowledged, baseOffset } = queue.append(batch)
        const bytes = Buffer.from(batch.bytes)
        await acknowledged
        told.acknowledged.set(`${queue.partition} ${baseOffset}`, bytes)
      } catch (error) {
        ours(error)
        told.refused.add(value)
      }
    }),
  )
}

interface Fault {
  readonly isFull: boolean
  readonly onwards: boolean
  failed(): { operation: string; path: string } | undefined
}

/** Takes a store up again that had no room, as the healer does. */
async function heal(store: CommitLogStore, { isFull, onwards, failed }: Fault, told: Told): Promise<void> {
  if (store.failure === undefined) return
  const what = `${failed()?.operation} ${failed()?.path}`
  assert.equal(store.failure.code, isFull ? 'DISK_FULL' : 'LOG_FAILED', what)
  assert.throws(() => store.ensureQueue('orders', 0).append(batchOf(['refused'])), { code: store.failure.code })
  if (onwards) {
    told.mayFindRefused = true
    return
  }
  const { isRecoverable } = store
  if (!isRecoverable) {
    await assert.rejects(store.recover(), HoldfastError, what)
    return
  }
  await store.recover()
  assert.equal(store.failure, undefined, what)
  await assertKept(store, told, what)
}

/** Opens, appends over three files with checkpoints and a deletion between, and closes; every step may fail. */
async function live(disk: FaultDisk, settings: SettingsInput, fault: Fault, told: Told): Promise<void> {
  const world = storeWorld(disk, '/data', { settings, clock: new ManualClock() })
  const opened = await world.open().catch(ours)
  const store = opened ?? (fault.onwards ? undefined : await world.open())
  if (store === undefined) return
  for (let i = 0; i < 5; i++) {
    await wave(store, told)
    await heal(store, fault, told)
    if (i % 3 === 1) await store.checkpoint().catch(ours)
    if (i === 3) await store.ensureQueue('orders', 0).deleteRecordsBefore(2).catch(ours)
    if (i === 3) await store.deleteFilesBefore(64 * 1024).catch(ours)
    await heal(store, fault, told)
  }
  const path = fault.failed()?.path ?? ''
  const isBeside = path !== '' && !path.includes('/commitlog') && !fault.onwards
  if (isBeside) assert.equal(store.failure, undefined, `what failed was ${path}`)
  await store.close().catch(ours)
}

async function assertKept(store: CommitLogStore, told: Told, what: string): Promise<void> {
  const found = new Map<string, Buffer>()
  for (const queue of store.queues()) {
    for (const { baseOffset, bytes } of await readAll(queue)) {
      found.set(`${queue.partition} ${baseOffset}`, bytes)
      const text = bytes.toString('latin1')
      if (told.mayFindRefused) continue
      for (const value of told.refused) assert.ok(!text.includes(value), `${what}: what was refused is there`)
    }
  }
  for (const [name, bytes] of told.acknowledged) {
    const [queueId, offset] = name.split(' ').map(Number)
    if (offset < store.ensureQueue('orders', queueId).logStartOffset) continue
    assert.ok(found.get(name)?.equals(bytes), `${what}: ${name} is not there`)
  }
}

/** On a healthy disk: what was acknowledged is there, it takes more, closes in order, and is the same again. */
async function assertRecovers(disk: Disk, settings: SettingsInput, told: Told, what: string): Promise<void> {
  const world = storeWorld(disk, '/data', { settings, clock: new ManualClock() })
  const known: Told = { ...told, acknowledged: new Map(told.acknowledged), refused: new Set(told.refused) }
  for (let opening = 0; opening < 2; opening++) {
    const store = await world.open()
    assert.equal(store.report.damage, undefined, `${what}: ${store.report.damage}`)
    await assertKept(store, known, what)
    await wave(store, known)
    assert.equal(known.refused.size, told.refused.size, `${what}: it takes no more`)
    assert.equal(await store.close(), true, what)
  }
}

describe('failing every call to the disk under a commit log in turn', () => {
  const async: SettingsInput = { 'flush.disk.type': 'ASYNC_FLUSH', 'flush.commitlog.interval': 3 }
  const once = [
    ['EIO', false],
    ['ENOSPC', false],
  ] as const
  const worlds = [
    { name: 'sync', settings: {}, supportsDsync: true, faults: [...once, ['EIO', true], ['ENOSPC', true]] },
    { name: 'sync without dsync', settings: {}, supportsDsync: false, faults: once },
    { name: 'async', settings: async, supportsDsync: true, faults: [...once, ['ENOSPC', true]] },
  ] as const
  for (const { name, settings: more, supportsDsync, faults } of worlds) {
    for (const [errno, onwards] of faults) {
      test(`${errno}, ${onwards ? 'from then on' : 'once'}, ${name}`, async () => {
        const settings = { ...smallFiles, ...more }
        for (let number = 1; ; number += onwards ? 3 : 1) {
          const memory = new MemoryDisk({ supportsDsync })
          const disk = new FaultDisk(memory, (call): Verdict => {
            const fails = onwards ? call.number >= number : call.number === number
            return fails ? errno : undefined
          })
          const told: Told = { acknowledged: new Map(), refused: new Set(), mayFindRefused: false }
          const failed = () => disk.calls[number - 1]
          const what = () => `call ${number}: ${errno} of ${failed()?.operation} ${failed()?.path}`
          await live(disk, settings, { isFull: errno === 'ENOSPC', onwards, failed }, told).catch((cause: unknown) => {
            throw new Error(`${what()}: ${(cause as Error).message}`, { cause })
          })
          assert.equal(disk.openFiles, 0, `${what()}: files stay open`)
          if (more === async) told.mayFindRefused ||= false
          else
            await assertRecovers(
              memory.afterCrash(new SeededRandomness(number)),
              settings,
              told,
              `${what()}, power lost`,
            )
          await assertRecovers(memory, settings, told, what())
          if (failed() === undefined) {
            assert.ok(number > 80, `only ${number} calls were failed`)
            return
          }
        }
      })
    }
  }
})
