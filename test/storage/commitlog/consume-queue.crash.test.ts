/**
 * Power fails at every step of a consume queue's life: what was synced is there, what is found is a prefix of what was
 * appended, and what the failure left behind its end comes never back, whether the commit log kept its messages or not.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryDisk } from '../../../sim/memory-disk.js'
import { SeededRandomness } from '../../../sim/seeded-randomness.js'
import type { ConsumeQueue } from '../../../src/storage/commitlog/consume-queue.js'
import { appendAll, type Entry, endOf, entriesFrom, openQueue, readFrom } from './queue-world.js'

/** 50 entries a file: an entry may lie across two sectors. */
const options = { fileBytes: 1000 }
const everything = Number.MAX_SAFE_INTEGER

interface Life {
  readonly entries: readonly Entry[]
  readonly disk: MemoryDisk
  flushed: number
  /** How many entries the last sync covers. */
  synced: number
}

/** Flushes of several sizes over three files, some of them synced, and a cut in between. */
async function live(life: Life, queue: ConsumeQueue): Promise<void> {
  const { entries } = life
  const add = async (count: number): Promise<void> => {
    appendAll(queue, entries.slice(life.flushed, life.flushed + count))
    await queue.flush(everything)
    life.flushed += count
  }
  const sync = async (): Promise<void> => {
    const { flushed } = life
    await queue.sync()
    life.synced = flushed
  }
  await add(20)
  await add(15)
  await sync()
  await add(40)
  life.flushed = life.synced = 30
  await queue.truncateFrom(entries[30].position)
  await add(5)
  await sync()
  await add(60)
  await sync()
  await add(35)
}

async function assertPrefix(queue: ConsumeQueue, entries: readonly Entry[], atLeast: number): Promise<number> {
  await queue.removeBefore(0)
  const found = queue.isEmpty ? [] : await readFrom(queue)
  assert.deepEqual(found, entries.slice(0, found.length))
  assert.ok(found.length >= atLeast, `${found.length} of at least ${atLeast} entries`)
  return found.length
}

/** Appends what is missing, as a recovery does, and opens the queue as after a clean end and as after another kill. */
async function goOn(disk: MemoryDisk, queue: ConsumeQueue, entries: readonly Entry[]): Promise<void> {
  const missing = entries.slice(queue.isEmpty ? 0 : queue.maxOffset - entries[0].offset)
  for (const part of [missing.slice(0, 1), missing.slice(1, 8), missing.slice(8)]) {
    appendAll(queue, part)
    await queue.flush(everything)
    const killed = await openQueue(disk.afterKill(), options)
    assert.equal(killed.maxPosition, queue.maxPosition)
  }
  await queue.sync()
  await queue.close()
  const closed = await openQueue(disk.afterKill(), { ...options, wasClosedCleanly: true })
  await assertPrefix(closed, entries, entries.length)
}

/** Undefined where the life was over before `step`. */
async function failAt(step: number, firstOffset: number): Promise<Life | undefined> {
  const disk = new MemoryDisk()
  const entries = entriesFrom(firstOffset, 135)
  const life: Life = { entries, disk, flushed: 0, synced: 0 }
  const queue = await openQueue(disk, options)
  const crash = disk.crashAfter(step)
  const hasCrashed = await Promise.race([crash.then(() => true), live(life, queue).then(() => false)])
  return hasCrashed ? life : undefined
}

async function losePower(life: Life, seed: number): Promise<void> {
  const { disk, entries } = life
  for (const lost of [0, 1]) {
    const found = disk.afterCrash(new SeededRandomness(seed + lost))
    const again = await openQueue(found, options)
    // What no sync covers may be anything.
    await again.truncateFrom(life.synced === 0 ? 0 : endOf(entries[life.synced - 1]))
    const kept = await assertPrefix(again, entries, life.synced)
    const others = entriesFrom(entries[0].offset + kept, 90, 100_000)
    await goOn(found, again, lost === 0 ? entries : [...entries.slice(0, kept), ...others])
  }
}

/** Where only the process died nothing that was written is missing, and nothing else is there. */
async function loseProcess({ disk, entries, flushed }: Life): Promise<void> {
  const found = disk.afterKill()
  const queue = await openQueue(found, options)
  await assertPrefix(queue, entries, flushed)
  await goOn(found, queue, entries)
}

for (const firstOffset of [0, 33]) {
  test(`a queue that begins at ${firstOffset}`, async () => {
    for (let step = 1; ; step++) {
      const seed = step * 7919
      const [one, other] = [await failAt(step, firstOffset), await failAt(step, firstOffset)]
      if (one === undefined || other === undefined) return assert.ok(step > 50, `only ${step} steps`)
      await losePower(one, seed)
        .then(() => loseProcess(other))
        .catch((error: unknown) => {
          throw new Error(`power failed at step ${step}, seed ${seed}`, { cause: error })
        })
    }
  })
}
