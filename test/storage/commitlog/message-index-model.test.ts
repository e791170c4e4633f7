/**
 * The key index of a commit log against a plain list, whatever is done to it, and on a disk that loses power at every step:
 * when the log has been put again, what is found is what the log holds.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MemoryDisk } from '../../../sim/memory-disk.js'
import { SeededRandomness } from '../../../sim/seeded-randomness.js'
import type { DispatchedMessage } from '../../../src/storage/commitlog/dispatch.js'
import type { MessageIndex } from '../../../src/storage/commitlog/message-index.js'
import { message, openIndex, positionsOf, putAll, startMs, truthOf } from './index-world.js'

/** Several in each slot, 0 and 2^31 among them, and two that differ in their sign. */
const hashes = [0, 1, 2, -2, 5, 6, 7, -(2 ** 31), 2 ** 31 - 1, 10]

/** The commit log as the index's owner knows it. */
class Log {
  messages: DispatchedMessage[] = []
  start = 0
  end = 0
  nowMs = startMs

  append(keyHashes: readonly number[], elapsedMs = 0): DispatchedMessage {
    this.nowMs += elapsedMs
    const added = message(this.end, keyHashes, this.nowMs)
    this.messages.push(added)
    this.end += 100
    return added
  }

  cut(position: number): void {
    this.messages = this.messages.filter((each) => each.position < position)
    this.end = Math.min(this.end, position)
  }
}

async function assertTruth(index: MessageIndex, log: Log): Promise<void> {
  for (const hash of hashes) {
    const found = await positionsOf(index, hash)
    const truth = truthOf(log.messages, hash)
    const isIn = (position: number) => position >= log.start
    assert.deepEqual(found.filter(isIn), truth.filter(isIn), `hash ${hash}`)
    assert.deepEqual(
      found.filter((position) => !truth.includes(position)),
      [],
      `hash ${hash}: what never was`,
    )
  }
}

/** As an owner opens it after an unclean stop. */
async function recovered(disk: MemoryDisk, log: Log): Promise<MessageIndex> {
  const index = await openIndex(disk, { isClean: false })
  assert.equal(index.rebuildReason, undefined)
  await index.truncateFrom(log.end)
  await putAll(index, log.messages)
  return index
}

type Step =
  | { readonly do: 'put'; readonly messages: readonly { keys: number[]; elapsedMs: number }[] }
  | { readonly do: 'flush' | 'beginFlush' | 'find' | 'reopen' | 'kill' | 'reset' }
  | { readonly do: 'remove' | 'truncate'; readonly part: number }

const puts = fc.array(
  fc.record({
    keys: fc.array(fc.constantFrom(...hashes), { maxLength: 3 }),
    elapsedMs: fc.constantFrom(0, 0, 400, 1_000, 90_000),
  }),
  { minLength: 1, maxLength: 12 },
)
const simple = fc.constantFrom(...(['flush', 'beginFlush', 'find', 'reopen', 'kill'] as const))
const parts = fc.record({
  do: fc.constantFrom('remove' as const, 'truncate' as const),
  part: fc.double({ min: 0, max: 1, noNaN: true }),
})
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('put' as const), messages: puts }) },
  { weight: 6, arbitrary: fc.record({ do: simple }) },
  { weight: 2, arbitrary: parts },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reset' as const) }) },
)

test('whatever is done to it, the index finds what was put', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      let disk = new MemoryDisk()
      const log = new Log()
      let index = await openIndex(disk)
      let flushing: Promise<unknown> = Promise.resolve()
      for (const each of steps) {
        if (each.do === 'put') {
          await putAll(
            index,
            each.messages.map(({ keys, elapsedMs }) => log.append(keys, elapsedMs)),
          )
        } else if (each.do === 'flush') await index.flush()
        else if (each.do === 'beginFlush') flushing = index.flush()
        else if (each.do === 'find') await assertTruth(index, log)
        else if (each.do === 'remove') {
          log.start = Math.max(log.start, Math.floor(log.end * each.part))
          await index.removeBefore(log.start)
        } else if (each.do === 'truncate') {
          log.cut(Math.max(log.start, Math.floor(log.end * each.part)))
          await index.truncateFrom(log.end)
        } else if (each.do === 'reset') {
          await index.reset()
          await putAll(index, log.messages)
        } else if (each.do === 'reopen') {
          await index.close()
          index = await openIndex(disk)
        } else {
          await flushing
          disk = disk.afterKill()
          index = await recovered(disk, log)
        }
      }
      await assertTruth(index, log)
      await index.close()
      await assertTruth(await openIndex(disk), log)
    }),
    { numRuns: 100 },
  )
})

/** What an index goes through in the crash test; `told` says up to where the owner was told that all is durable. */
async function life(disk: MemoryDisk, log: Log, told: (position: number) => void): Promise<void> {
  const index = await openIndex(disk)
  const put = async (count: number) => {
    for (let i = 0; i < count; i++) await index.put(log.append([hashes[(i * 3) % 10], hashes[i % 10]], 700))
  }
  const flush = async () => {
    const end = index.extent.endPosition
    await index.flush()
    told(end)
  }
  await put(2)
  await flush()
  await put(9)
  await flush()
  log.start = 500
  await index.removeBefore(log.start)
  await put(3)
  log.cut(850)
  told(-1)
  await index.truncateFrom(850)
  await put(5)
  await flush()
  told(-1)
  await index.reset()
  await putAll(index, log.messages)
  await flush()
  await put(1)
  await index.close()
}

test('power that fails at any step leaves an index that goes on where it was', async () => {
  const whole = new MemoryDisk()
  await life(whole, new Log(), () => {})
  for (let crashAt = 1; crashAt <= whole.steps; crashAt++) {
    for (let seed = 1; seed <= 3; seed++) {
      const disk = new MemoryDisk()
      const log = new Log()
      let durable = -1
      const crashed = disk.crashAfter(crashAt)
      await Promise.race([
        crashed,
        life(disk, log, (position) => {
          durable = position
        }),
      ])
      const found = disk.afterCrash(new SeededRandomness(crashAt * 10 + seed))
      const opened = await openIndex(found, { isClean: false })
      assert.ok(opened.extent.endPosition >= durable, `crash at ${crashAt}: what was flushed is there`)
      const index = await recovered(found, log)
      await assertTruth(index, log)
      await index.close()
      const again = await openIndex(found)
      await assertTruth(again, log)
      assert.deepEqual(again.extent, index.extent)
    }
  }
})
