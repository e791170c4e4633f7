/** A small life of a store on a disk that may fail at any moment, and what must hold afterwards. */

import assert from 'node:assert/strict'
import { ManualClock } from '../../sim/manual-clock.js'
import { SeededRandomness } from '../../sim/seeded-randomness.js'
import { HoldfastError } from '../../src/core/errors.js'
import type { Settings } from '../../src/core/settings.js'
import type { Disk } from '../../src/files/disk.js'
import { MessageStore } from '../../src/storage/message-store.js'
import { batchOf, readAll, settingsWith } from '../storage/support.js'

export const dataPath = '/data'

/** Segments far smaller than a user may ask for, so that a few batches roll a few times. */
export function smallSettings(flush: 'sync' | 'async', segmentBytes = 700): Settings {
  return {
    ...settingsWith({
      'flush.disk.type': flush === 'sync' ? 'SYNC_FLUSH' : 'ASYNC_FLUSH',
      'flush.commitlog.interval': 3,
    }),
    'log.segment.bytes': segmentBytes,
    'log.index.interval.bytes': 100,
  }
}

/** The same for topics in the commit log. */
export function smallCommitLog(flush: 'sync' | 'async', fileBytes = 2000): Settings {
  return {
    ...smallSettings(flush),
    'storage.layout': 'commitlog',
    'mapped.file.size.commitlog': fileBytes,
    'mapped.file.size.consumequeue': 100,
    'max.hash.slot.num': 10,
    'max.index.num': 8,
  }
}

/** What the senders were told: offset → bytes. */
export type Acknowledged = Map<number, Buffer>

/** Errors that a caller may see are ours; anything else is a mistake in the engine. */
function assertOurs(error: unknown): void {
  if (error instanceof HoldfastError) return
  throw new Error('not an error of the table', { cause: error })
}

export function openStore(disk: Disk, settings: Settings): Promise<MessageStore> {
  return MessageStore.open(dataPath, {
    disk,
    settings,
    clock: new ManualClock(),
    randomness: new SeededRandomness(1),
  })
}

let sequence = 0

/** Appends `waves` of four batches each; what is acknowledged goes into `acknowledged`. */
export async function appendWaves(store: MessageStore, waves: number, acknowledged: Acknowledged): Promise<void> {
  const log = store.log('orders', 0)
  if (log === undefined) return
  for (let wave = 0; wave < waves; wave++) {
    const sent = Array.from({ length: 4 }, () => batchOf([`message ${sequence++} ${'.'.repeat(100)}`, 'second']))
    const outcomes = await Promise.allSettled(
      sent.map(async (batch) => {
        const receipt = log.append(batch)
        await receipt.acknowledged
        return receipt.baseOffset
      }),
    )
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.status === 'rejected') assertOurs(outcome.reason)
      else acknowledged.set(outcome.value, Buffer.from(sent[index].bytes))
    }
  }
}

/** Opens, creates the topic where it is not there, appends and closes, twice; every step may fail. */
export async function live(
  disk: Disk,
  settings: Settings,
  acknowledged: Acknowledged = new Map(),
): Promise<Acknowledged> {
  for (let opening = 0; opening < 2; opening++) {
    const store = await openStore(disk, settings).catch(assertOurs)
    if (store === undefined) continue
    if (store.topic('orders') === undefined) {
      await store.createTopic({ name: 'orders', partitions: 1 }).catch(assertOurs)
    }
    await appendWaves(store, 2, acknowledged)
    await store.log('orders', 0)?.read(0, 100).catch(assertOurs)
    await store.close().catch(assertOurs)
  }
  return acknowledged
}

/** On a healthy disk: everything that was acknowledged is there, at its offset, with its bytes, and the log goes on. */
export async function assertKept(
  disk: Disk,
  settings: Settings,
  acknowledged: Acknowledged,
  what: string,
): Promise<void> {
  const store = await openStore(disk, settings)
  const log = store.log('orders', 0)
  if (log === undefined) {
    assert.equal(acknowledged.size, 0, `${what}: the topic is gone with what was acknowledged`)
    await store.createTopic({ name: 'orders', partitions: 1 })
    await store.close()
    return
  }
  assert.equal(store.topic('orders')?.adopted, undefined, `${what}: the topic was found by its directory only`)
  assert.equal(log.failure, undefined, `${what}: ${log.failure?.message}`)
  const found = new Map((await readAll(log)).map(({ baseOffset, bytes }) => [baseOffset, bytes]))
  for (const [offset, bytes] of acknowledged) {
    assert.ok(found.get(offset)?.equals(bytes), `${what}: the batch that was acknowledged at ${offset} is not there`)
  }
  let next = 0
  for (const offset of [...found.keys()].sort((a, b) => a - b)) {
    assert.equal(offset, next, `${what}: a hole`)
    next = offset + 2
  }
  const more: Acknowledged = new Map()
  await appendWaves(store, 1, more)
  assert.equal(more.size, 4, `${what}: it takes no more messages`)
  assert.equal([...more.keys()][0], next, `${what}: offsets do not go on`)
  await store.close()
}
