/** Power fails at every step of a retention run, while messages come in and checkpoints are written: no hole, and no way back. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { settled } from '../../../sim/manual-clock.js'
import { SeededRandomness } from '../../../sim/seeded-randomness.js'
import type { Settings } from '../../../src/core/settings.js'
import type { RecordBatch } from '../../../src/records/batch.js'
import { bytesOf, readAll, sizedBatch } from '../support.js'
import { batchBytes, day, segmentLogOf, sendAt, startMs, times, world } from './world.js'

const topics = ['orders', 'idle']

async function life(settings: Partial<Settings>, crashAfter: number, seed: number): Promise<boolean> {
  const { memory, store, clock, open } = await world({ topics, settings })
  const sent = new Map<string, RecordBatch[]>()
  for (const name of topics) sent.set(name, await sendAt(segmentLogOf(store, name), times(9, startMs)))
  clock.advance(8 * day)
  const crash = memory.crashAfter(crashAfter)
  const acknowledged = new Map(topics.map((name) => [name, 9]))
  const writing = (async () => {
    for (let i = 0; i < 3; i++) {
      const batch = sizedBatch(batchBytes, `new ${i}`, { timestamp: clock.now() })
      sent.get('orders')?.push(batch)
      await segmentLogOf(store, 'orders').append(batch).acknowledged
      acknowledged.set('orders', 10 + i)
    }
  })()
  let isDone = false
  let hasEnded = false
  const checkpointing = (async () => {
    while (!isDone && !hasEnded) {
      await store.runChore('recovery point checkpoint')
      await settled()
    }
  })()
  const retaining = store.runChore('retention').then(() => {
    isDone = true
  })
  const done = Promise.all([writing, retaining, checkpointing])
  const isCrashed = await Promise.race([crash.then(() => true), done.then(() => false)])
  hasEnded = true
  const starts = new Map(topics.map((name) => [name, segmentLogOf(store, name).logStartOffset]))
  const again = await open(memory.afterCrash(new SeededRandomness(seed)))
  for (const name of topics) {
    const log = segmentLogOf(again, name)
    assert.equal(log.failure, undefined)
    assert.ok(log.logEndOffset >= (acknowledged.get(name) ?? 0), 'what was acknowledged is there')
    if (isDone) assert.ok(log.logStartOffset >= (starts.get(name) ?? 0), 'the log start does not move back')
    const kept = sent.get(name)?.slice(log.logStartOffset, log.logEndOffset) ?? []
    assert.deepEqual(await readAll(log), bytesOf(kept))
    assert.equal(kept.length, log.logEndOffset - log.logStartOffset)
  }
  await again.close()
  return isCrashed
}

/** Every second step each: most of them are the same. */
for (const [index, preallocate] of (['none', 'zero'] as const).entries()) {
  test(`file.preallocate=${preallocate}`, async () => {
    const seeded = process.env['HOLDFAST_TEST_SEED']
    let isCrashed = true
    for (let at = 1 + index; isCrashed; at += 2) {
      const seed = seeded === undefined ? at * 7919 : Number(seeded)
      isCrashed = await life({ 'file.preallocate': preallocate }, at, seed).catch((error: unknown) => {
        throw new Error(`power failed at step ${at}, seed ${seed}`, { cause: error })
      })
    }
  })
}
