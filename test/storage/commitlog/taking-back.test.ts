/**
 * A round that goes on in the next files fails, and so does one more call, of those with which it is taken back or the log
 * is taken up again. Whatever stays on the disk then, or comes back to it when the power fails, is no hole: the log opens
 * and holds what it acknowledged.
 */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { DiskOperation, Fault } from '../../../sim/disk/faults.js'
import { ManualClock } from '../../../sim/manual-clock.js'
import { MemoryDisk } from '../../../sim/memory-disk.js'
import { SeededRandomness } from '../../../sim/seeded-randomness.js'
import type { SettingsInput } from '../../../src/core/settings.js'
import type { CommitLogStore } from '../../../src/storage/commitlog/commit-log-store.js'
import { appendDurably, batchOf, readAll } from '../support.js'
import { smallFiles, storeWorld } from './store-world.js'

interface World {
  readonly supportsDsync: boolean
  readonly flush: SettingsInput
  /** How much of what the other call was to do has happened. */
  readonly effects: readonly Fault['effect'][]
}

const worlds: Record<string, World> = {
  sync: { supportsDsync: true, flush: {}, effects: ['none', 'all'] },
  'sync without dsync': { supportsDsync: false, flush: {}, effects: ['none'] },
  async: {
    supportsDsync: true,
    flush: { 'flush.disk.type': 'ASYNC_FLUSH', 'flush.commitlog.interval': 1000 },
    effects: ['none'],
  },
}

const thirdFile = '131072'
/** Four of them fill a file. */
const valueBytes = 15_000

function open(disk: MemoryDisk, flush: SettingsInput): Promise<CommitLogStore> {
  return storeWorld(disk, '/data', { settings: { ...smallFiles, ...flush }, clock: new ManualClock() }).open()
}

/** The bytes of those that were acknowledged and are durable. */
function send(store: CommitLogStore, label: string, count: number): Promise<string[]> {
  const queue = store.ensureQueue('orders', 0)
  const batches = Array.from({ length: count }, (_, i) => batchOf([`${label} ${i} ${'.'.repeat(valueBytes)}`]))
  return appendDurably(
    batches,
    (batch) => queue.append(batch),
    () => store.flush(),
  )
}

interface Failing {
  readonly errno: 'EIO' | 'ENOSPC'
  /** The call for the commit log that fails too, counted from the failed write on. */
  readonly nth: number
  readonly effect: Fault['effect']
}

async function lifeOf({ supportsDsync, flush }: World, { errno, nth, effect }: Failing) {
  let calls = 0
  let isFailing = false
  const ask = (operation: DiskOperation, path: string): Fault | undefined => {
    if (!isFailing || !path.includes('/commitlog')) return undefined
    if (calls === 0 && (operation !== 'write' || !path.endsWith(thirdFile))) return undefined
    calls++
    if (calls === 1) return { errno, effect: 'all' }
    return calls === nth + 1 ? { errno, effect } : undefined
  }
  const disk = new MemoryDisk({ supportsDsync, faults: { ask, evicts: () => false, below: (limit) => limit >> 1 } })
  const store = await open(disk, flush)
  const told = await send(store, 'kept', 3)
  isFailing = true
  assert.deepEqual(await send(store, 'refused', 8), [])
  for (let attempts = 0; attempts < 3 && store.isRecoverable; attempts++) {
    await store.recover().catch(() => {})
    if (store.failure === undefined) told.push(...(await send(store, 'after', 3)))
  }
  isFailing = false
  return { disk, told, hasFailed: calls > nth }
}

describe('a round over several files that fails, and one more call with it', () => {
  for (const [name, world] of Object.entries(worlds)) {
    for (const errno of ['EIO', 'ENOSPC'] as const) {
      test(`leaves no hole: ${errno}, ${name}`, async () => {
        let nth = 0
        for (let goesOn = true; goesOn; ) {
          nth++
          for (const effect of world.effects) {
            const { disk, told, hasFailed } = await lifeOf(world, { errno, nth, effect })
            goesOn = hasFailed
            for (const seed of [1]) {
              const what = `call ${nth} failed, effect ${effect}, seed ${seed}`
              const store = await open(disk.afterCrash(new SeededRandomness(seed)), world.flush)
              assert.equal(store.failure, undefined, `${what}: ${store.failure?.message}`)
              const found = (await readAll(store.ensureQueue('orders', 0))).map(({ bytes }) => bytes.toString('hex'))
              assert.ok(
                told.every((bytes, i) => found[i] === bytes),
                `${what}: ${told.length}, ${found.length}`,
              )
              await store.close()
            }
          }
        }
        assert.ok(nth > 6, `only ${nth} calls were failed`)
      })
    }
  }
})
