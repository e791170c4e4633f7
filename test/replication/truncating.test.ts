/** Two logs that went different ways: what the follower cuts off, and what it keeps. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { RecordBatch } from '../../src/records/batch.js'
import type { ReplicaService } from '../../src/replication/contract.js'
import { truncate } from '../../src/replication/follower/truncating.js'
import { MessageStore } from '../../src/storage/message-store.js'
import { batchOf, readAll, settingsWith, whenEnded } from '../storage/support.js'

type Layout = 'segments' | 'commitlog'

/** What one node did while it led, by itself. */
interface Leadership {
  /** By how much the epoch is greater than the one before. */
  readonly further: number
  /** Records of each batch; an epoch may be begun without one. */
  readonly batches: readonly number[]
}

interface History {
  readonly shared: readonly Leadership[]
  readonly follower: readonly Leadership[]
  readonly leader: readonly Leadership[]
  /** Up to which batch of the shared ones the follower has come. */
  readonly followerHas: number
  /** The leader has deleted the records before one of its batches. */
  readonly leaderBegins: number
}

const leadership = fc.record({
  further: fc.integer({ min: 1, max: 3 }),
  batches: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 3 }),
})
const history = fc.record<History>({
  shared: fc.array(leadership, { maxLength: 3 }),
  follower: fc.array(leadership, { maxLength: 3 }),
  leader: fc.array(leadership, { minLength: 1, maxLength: 3 }),
  followerHas: fc.nat(9),
  leaderBegins: fc.nat(4),
})

async function openStore(t: TestContext, layout: Layout): Promise<MessageStore> {
  const settings = {
    ...settingsWith({ 'storage.layout': layout, 'log.cleaner.enable': false }),
    'mapped.file.size.commitlog': 64 * 1024,
    'mapped.file.size.consumequeue': 2000,
  }
  const elsewhere = { shownUpTo: () => 0, isCopy: true, epochOfNewLogs: 0, topicsChanged: async () => {} }
  const store = await MessageStore.open('/data', { settings, disk: new MemoryDisk(), elsewhere })
  await store.createTopic({ name: 'orders', partitions: 1, config: {} })
  whenEnded(t, () => store.close())
  return store
}

function logOf(store: MessageStore) {
  const log = store.heldBack('orders', 0)?.own
  assert.ok(log)
  return log
}

/** Each batch of a node that led alone is another one, though it has as many records. */
let written = 0

async function lead(store: MessageStore, epoch: number, batches: readonly number[]): Promise<void> {
  const log = logOf(store)
  await log.beginEpoch(epoch)
  for (const records of batches) {
    const values = Array.from({ length: records }, () => `${written++}`)
    await log.append(batchOf(values)).acknowledged
  }
}

async function copy(from: MessageStore, to: MessageStore, mostBatches: number): Promise<void> {
  let left = mostBatches
  for (const { bytes } of await readAll(logOf(from))) {
    if (left-- <= 0) return
    await logOf(to).copies.append([new RecordBatch(Buffer.from(bytes))])
  }
}

/** A leader and a follower with that history; the epochs of the two sides are never the same. */
async function both(t: TestContext, layout: Layout, given: History) {
  const leader = await openStore(t, layout)
  const follower = await openStore(t, layout)
  let epoch = 0
  for (const { further, batches } of given.shared) {
    epoch += further
    await lead(leader, epoch, batches)
  }
  await copy(leader, follower, given.followerHas)
  const sides = [
    { store: follower, led: [...given.follower] },
    { store: leader, led: [...given.leader] },
  ]
  while (sides.some(({ led }) => led.length > 0)) {
    for (const { store, led } of sides) {
      const next = led.shift()
      if (next === undefined) continue
      epoch += next.further
      await lead(store, epoch, next.batches)
    }
  }
  // Who leads now began to after all that.
  await lead(leader, ++epoch, [])
  const starts = (await readAll(logOf(leader))).map(({ baseOffset }) => baseOffset)
  await logOf(leader).deleteRecordsBefore(starts[Math.min(given.leaderBegins, starts.length - 1)] ?? 0)
  const service = {
    endOfEpochs: async (_, questions) =>
      questions.map(({ topic, partition, epoch: asked }) => {
        const found = logOf(leader).endOffsetOfEpoch(asked) ?? { epoch: -1, endOffset: -1 }
        return { topic, partition, ...found }
      }),
  } as Pick<ReplicaService, 'endOfEpochs'> as ReplicaService
  return { leader, follower, service, epoch }
}

async function batchesOf(store: MessageStore): Promise<Map<number, string>> {
  const batches = await readAll(logOf(store))
  return new Map(batches.map(({ baseOffset, bytes }) => [baseOffset, bytes.toString('hex')]))
}

/** @throws where the follower has kept what the leader lacks, or has lost what both had */
async function check(given: Awaited<ReturnType<typeof both>>, cut: () => Promise<unknown>): Promise<void> {
  const { leader, follower } = given
  const theirs = await batchesOf(leader)
  const before = await batchesOf(follower)
  await cut()
  const after = await batchesOf(follower)
  const begin = logOf(leader).logStartOffset
  for (const [offset, bytes] of after) {
    if (offset >= begin) assert.equal(theirs.get(offset), bytes, `what is kept at ${offset} is not the leader's`)
  }
  for (const [offset, bytes] of before) {
    if (theirs.get(offset) !== bytes) break
    assert.equal(after.get(offset), bytes, `what both had at ${offset} is cut off`)
  }
  const end = Math.max(begin, logOf(leader).logEndOffset)
  assert.ok(logOf(follower).logEndOffset <= end, 'it ends behind its leader')
}

for (const layout of ['segments', 'commitlog'] as const) {
  test(`${layout}: what is left is what the leader has, and nothing that both have is lost`, async (t) => {
    await fc.assert(
      fc.asyncProperty(history, async (given) => {
        const made = await both(t, layout, given)
        await check(made, () => truncate(made.follower, made.service, made.epoch))
      }),
      { numRuns: layout === 'segments' ? 30 : 12 },
    )
  })
}

test('cutting to the length of the leader is not enough, and is noticed', async (t) => {
  const side = [{ further: 1, batches: [1, 1] }]
  const made = await both(t, 'segments', {
    shared: side,
    follower: side,
    leader: side,
    followerHas: 9,
    leaderBegins: 0,
  })
  const byLength = async () => {
    const offset = Math.min(logOf(made.leader).logEndOffset, logOf(made.follower).logEndOffset)
    await made.follower.cutBack([{ topic: 'orders', partition: 0, offset }])
  }
  await assert.rejects(check(made, byLength), { message: /is not the leader's/ })
})
