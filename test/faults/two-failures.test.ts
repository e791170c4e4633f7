/**
 * A round that rolls a log of segments fails, and so does one more call, of those with which it is taken back or the log
 * heals. Whatever stays on the disk then, or comes back to it when the power fails, the log opens and holds what it
 * acknowledged.
 */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { DiskOperation, Fault } from '../../sim/disk/faults.js'
import { ManualClock } from '../../sim/manual-clock.js'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { SeededRandomness } from '../../sim/seeded-randomness.js'
import { MessageStore } from '../../src/storage/message-store.js'
import type { PartitionLog } from '../../src/storage/partition-log.js'
import { appendDurably, batchOf, readAll, turns } from '../storage/support.js'
import { smallSettings } from './workload.js'

/** Calls by which a log goes back or on. */
const changes: ReadonlySet<DiskOperation> = new Set(['truncate', 'sync', 'rename', 'remove', 'syncDirectory'])

interface World {
  readonly flush: 'sync' | 'async'
  readonly supportsDsync: boolean
  readonly preallocate: 'none' | 'zero'
}

const worlds: Record<string, World> = {
  'sync without dsync': { flush: 'sync', supportsDsync: false, preallocate: 'none' },
  'sync, recycled': { flush: 'sync', supportsDsync: true, preallocate: 'zero' },
  async: { flush: 'async', supportsDsync: true, preallocate: 'none' },
}

interface Failing {
  readonly errno: 'EIO' | 'ENOSPC'
  /** The call for the log that fails too, counted from the failed write on. */
  readonly nth: number
  /** What is sent to the log that healed fills the segment that it is in, and rolls. */
  readonly rolls: boolean
}

async function open(disk: MemoryDisk, { flush, preallocate }: World, clock = new ManualClock()) {
  const settings = { ...smallSettings(flush), 'file.preallocate': preallocate }
  const store = await MessageStore.open('/data', { disk, settings, clock })
  if (store.topic('orders') === undefined) await store.createTopic({ name: 'orders', partitions: 1 })
  return { store, log: store.log('orders', 0) as PartitionLog, clock }
}

/** The bytes of those that were acknowledged and are durable. */
function send(log: PartitionLog, label: string, count: number): Promise<string[]> {
  const batches = Array.from({ length: count }, (_, i) => batchOf([`${label} ${i} ${'.'.repeat(60)}`]))
  return appendDurably(
    batches,
    (batch) => log.append(batch),
    () => log.flush(),
  )
}

async function lifeOf(world: World, { errno, nth, rolls }: Failing) {
  let calls = 0
  let writes = 0
  let isFailing = false
  const ask = (operation: DiskOperation, path: string): Fault | undefined => {
    if (!isFailing || !path.includes('/orders-0')) return undefined
    if (calls === 0 && (operation !== 'write' || !path.endsWith('.log') || ++writes < 3)) return undefined
    if (calls > 0 && !changes.has(operation)) return undefined
    calls++
    if (calls === 1) return { errno, effect: 'all' }
    return calls === nth + 1 ? { errno, effect: 'none' } : undefined
  }
  const disk = new MemoryDisk({
    supportsDsync: world.supportsDsync,
    faults: { ask, evicts: () => false, below: (limit) => limit >> 1 },
  })
  const { log, clock } = await open(disk, world)
  const told = await send(log, 'kept', 3)
  assert.equal(told.length, 3)
  isFailing = true
  assert.deepEqual(await send(log, 'refused', 14), [])
  for (let i = 0; i < 10 && log.failure; i++) {
    await clock.run(200)
    await turns(20)
  }
  if (log.failure === undefined) told.push(...(await send(log, 'after', 2)))
  if (log.failure === undefined && rolls) told.push(...(await send(log, 'rolled', 5)))
  isFailing = false
  return { disk, told, hasFailed: calls > nth }
}

describe('a round over several segments that fails, and one more call with it', () => {
  for (const [name, world] of Object.entries(worlds)) {
    for (const errno of ['EIO', 'ENOSPC'] as const) {
      test(`lose nothing: ${errno}, ${name}`, async () => {
        let nth = 0
        for (let goesOn = true; goesOn; ) {
          nth++
          for (const rolls of errno === 'EIO' ? [false] : [false, true]) {
            const { disk, told, hasFailed } = await lifeOf(world, { errno, nth, rolls })
            goesOn = hasFailed
            const what = `call ${nth} failed, ${rolls ? 'and it rolled' : 'without a roll'}`
            const { store, log } = await open(disk.afterCrash(new SeededRandomness(nth)), world)
            assert.equal(log.failure, undefined, `${what}: ${log.failure?.message}`)
            const found = (await readAll(log)).map(({ bytes }) => bytes.toString('hex'))
            assert.ok(
              told.every((bytes, i) => found[i] === bytes),
              `${what}: ${told.length} were acknowledged, and ${found.length} are found`,
            )
            await store.close()
          }
        }
        assert.ok(nth > 6, `only ${nth} calls were failed`)
      })
    }
  }
})

test('a segment whose name was given up as the log rolled to it, and again, is made anew by the recovery', async () => {
  let failures = 0
  const ask = (operation: DiskOperation, path: string): Fault | undefined => {
    if (operation !== 'syncDirectory' || !path.endsWith('/orders-0') || failures === 0) return undefined
    failures--
    return { errno: 'ENOSPC', effect: 'none' }
  }
  const world: World = { flush: 'sync', supportsDsync: true, preallocate: 'none' }
  const disk = new MemoryDisk({ faults: { ask, evicts: () => false, below: (limit) => limit >> 1 } })
  const { log, clock } = await open(disk, world)
  failures = 2
  const told: string[] = []
  for (let i = 0; i < 20 && log.failure === undefined; i++) told.push(...(await send(log, `full ${i}`, 1)))
  assert.equal(failures, 0, 'the log rolled')
  for (let i = 0; i < 10 && log.failure; i++) {
    await clock.run(200)
    await turns(20)
  }
  told.push(...(await send(log, 'after', 2)))
  const { store, log: found } = await open(disk.afterCrash(new SeededRandomness(1)), world)
  assert.equal(found.failure, undefined, found.failure?.message)
  const bytes = (await readAll(found)).map((batch) => batch.bytes.toString('hex'))
  assert.ok(told.every((one, i) => bytes[i] === one))
  await store.close()
})
