/** Fetches that do not wait for what they have, what a waiting one costs those who append, and what becomes of what is lent. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, settled } from '../../sim/manual-clock.js'
import type { FetchedPartition, FetchRequest } from '../../src/broker/contract.js'
import { fetchRecords } from '../../src/broker/fetching.js'
import { HoldfastError } from '../../src/core/errors.js'
import { batchesIn } from '../../src/records/batch.js'
import { buildBatch } from '../../src/records/builder.js'
import { readRecords } from '../../src/records/reader.js'
import { tagsOf } from '../../src/records/tags-and-keys.js'
import type { LogSlice, ReadOptions } from '../../src/storage/partition-log.js'
import { parseTagExpression } from '../../src/storage/tag-expression.js'
import { MemoryLog } from './groups/memory-log.js'

class CountingLog extends MemoryLog {
  looks = 0

  override get publishedBytes(): number {
    this.looks++
    return super.publishedBytes
  }
}

const valueBytes = 1000
const append = (log: MemoryLog) => log.append(buildBatch([{ value: Buffer.alloc(valueBytes), timestamp: 1 }]))

function fetchFrom(log: MemoryLog, change: Partial<FetchRequest>, limit = 1 << 20, times = 1) {
  const position = { topic: 't', partition: 0, offset: 0, maxBytes: limit, currentLeaderEpoch: -1 }
  const positions = Array.from({ length: times }, () => position)
  const request = { positions, maxBytes: 1 << 20, minBytes: 1, maxWaitMs: 1000, ...change }
  return fetchRecords(request, () => log, new ManualClock(), new AbortController().signal)
}

const bytesOf = (partitions: readonly FetchedPartition[]) =>
  partitions.flatMap(({ records }) => records).reduce((sum, { length }) => sum + length, 0)

test('a backlog is answered at once, though its batches do not fill the limit exactly', async () => {
  const log = new MemoryLog()
  for (let at = 0; at < 5; at++) append(log)
  assert.ok(bytesOf(await fetchFrom(log, { minBytes: 2500 }, 2500)) > 2 * valueBytes)
  assert.ok(bytesOf(await fetchFrom(log, { minBytes: 1 << 20, maxBytes: 2500 })) > 2 * valueBytes)
})

test('more is not waited for than the answer may hold', async () => {
  const log = new MemoryLog()
  append(log)
  assert.ok(bytesOf(await fetchFrom(log, { minBytes: 1 << 20, maxBytes: 500 })) > valueBytes)
})

test('a log that is named many times is looked at once', async () => {
  const log = new CountingLog()
  const waiting = fetchFrom(log, { minBytes: 2 * valueBytes }, 1 << 20, 1000)
  await settled()
  log.looks = 0
  append(log)
  assert.ok(log.looks < 10, `${log.looks} looks`)
  append(log)
  await waiting
})

test('more positions than anybody reads are refused', async () => {
  await assert.rejects(fetchFrom(new MemoryLog(), {}, 1 << 20, 100_001), { code: 'INVALID_REQUEST' })
})

/** Lends every slice that holds something, and knows what became of it. */
class LendingLog extends MemoryLog {
  readonly asked: (boolean | undefined)[] = []
  lent = 0
  released = 0
  /** Called before a slice is handed out. */
  onLent = (): void => {}

  override async read(offset: number, maxBytes: number, options: ReadOptions = {}): Promise<LogSlice> {
    this.asked.push(options.lend)
    const slice = await super.read(offset, maxBytes)
    if (options.lend !== true || slice.sizeInBytes === 0) return slice
    this.lent++
    this.onLent()
    let isReleased = false
    const release = () => {
      assert.ok(!isReleased, 'a slice is released once')
      isReleased = true
      this.released++
    }
    return { ...slice, release }
  }
}

const releaseAll = (partitions: readonly FetchedPartition[]) => {
  for (const { release } of partitions) release?.()
}

test('records are lent to those alone who asked, and are theirs until they release them', async () => {
  const log = new LendingLog()
  append(log)
  const [own] = await fetchFrom(log, {})
  assert.equal(own.release, undefined)
  const lent = await fetchFrom(log, { lend: true })
  assert.deepEqual(log.asked, [undefined, true])
  assert.equal(log.released, 0)
  releaseAll(lent)
  assert.equal(log.released, 1)
})

test('what is lent and read again after waiting is released before the waiting', async () => {
  const log = new LendingLog()
  append(log)
  const waiting = fetchFrom(log, { lend: true, minBytes: 2 * valueBytes })
  await settled()
  assert.deepEqual([log.lent, log.released], [1, 1])
  append(log)
  releaseAll(await waiting)
  assert.deepEqual([log.lent, log.released], [2, 2])
})

test('what is lent and lies over the limit is released', async () => {
  const log = new LendingLog()
  append(log)
  // The second position has a few bytes left, and gets the one batch that is larger.
  const fetched = await fetchFrom(log, { lend: true, maxBytes: 1500 }, 1 << 20, 3)
  assert.deepEqual(
    fetched.map(({ records }) => records.length),
    [1, 0, 0],
  )
  assert.deepEqual([log.lent, log.released], [3, 2])
  releaseAll(fetched)
  assert.equal(log.released, 3)
})

test('what is lent beside a position that fails is handed out with the error', async () => {
  const log = new LendingLog()
  append(log)
  const good = { topic: 't', partition: 0, offset: 0, maxBytes: 1 << 20, currentLeaderEpoch: -1 }
  const lookup = ({ topic }: { topic: string }) => {
    if (topic === 't') return log
    throw new HoldfastError('UNKNOWN_TOPIC_OR_PARTITION')
  }
  const request = { positions: [good, { ...good, topic: 'u' }], maxBytes: 1 << 20, minBytes: 1 << 20, maxWaitMs: 1000 }
  const { signal } = new AbortController()
  const fetched = await fetchRecords({ ...request, lend: true }, lookup, new ManualClock(), signal)
  assert.equal(fetched[1].error?.code, 'UNKNOWN_TOPIC_OR_PARTITION')
  assert.deepEqual([log.lent, log.released], [1, 0])
  releaseAll(fetched)
})

test('a fetch that is ended while it reads hands out what it was lent', async () => {
  const log = new LendingLog()
  append(log)
  const ending = new AbortController()
  log.onLent = () => ending.abort()
  const fetched = await fetchFrom(log, { lend: true, minBytes: 1 << 20, signal: ending.signal })
  assert.equal(bytesOf(fetched) > 0, true)
  assert.deepEqual([log.lent, log.released], [1, 0])
  releaseAll(fetched)
})

/** Leaves out batches of other tags, and looks at so many batches in one read. */
class TaggedLog extends MemoryLog {
  readonly #batchesPerRead: number

  constructor(batchesPerRead: number) {
    super()
    this.#batchesPerRead = batchesPerRead
  }

  override async read(offset: number, maxBytes: number, { tags }: ReadOptions = {}): Promise<LogSlice> {
    const { records } = await super.read(offset, maxBytes)
    const looked = records.flatMap((bytes) => [...batchesIn(bytes)]).slice(0, this.#batchesPerRead)
    const meant = looked.filter((batch) => readRecords(batch).some(({ headers }) => tags?.matches(tagsOf(headers))))
    const sizeInBytes = meant.reduce((sum, batch) => sum + batch.sizeInBytes, 0)
    return { records: meant.map(({ bytes }) => bytes), sizeInBytes, nextOffset: looked.at(-1)?.nextOffset }
  }
}

const appendTagged = (log: MemoryLog, tag: string) => {
  const headers = [{ key: 'TAGS', value: Buffer.from(tag) }]
  return log.append(buildBatch([{ value: Buffer.from(tag), headers, timestamp: 1 }]))
}

const onlyB = parseTagExpression('b')

test('what is left out is passed over at once, however many reads that takes', async () => {
  const log = new TaggedLog(3)
  for (let at = 0; at < 100; at++) appendTagged(log, 'a')
  appendTagged(log, 'b')
  const [fetched] = await fetchFrom(log, { tags: onlyB })
  assert.equal(bytesOf([fetched]) > 0, true)
  assert.equal(fetched.nextOffset, 101)
  assert.equal(log.reads.count, 34)
})

test('at the end of what is left out a fetch waits, reads only what comes, and tells how far it has come', async () => {
  const log = new TaggedLog(10)
  for (let at = 0; at < 25; at++) appendTagged(log, 'a')
  const clock = new ManualClock()
  const position = { topic: 't', partition: 0, offset: 0, maxBytes: 1 << 20, currentLeaderEpoch: -1 }
  const request = { positions: [position], maxBytes: 1 << 20, minBytes: 1, maxWaitMs: 1000, tags: onlyB }
  const fetch = () => fetchRecords(request, () => log, clock, new AbortController().signal)
  const waiting = fetch()
  for (let turn = 0; turn < 10; turn++) await settled()
  assert.equal(log.reads.count, 3)
  appendTagged(log, 'a')
  for (let turn = 0; turn < 10; turn++) await settled()
  assert.equal(log.reads.count, 4)
  await clock.run(1000)
  const [nothing] = await waiting
  assert.deepEqual([nothing.records.length, nothing.nextOffset, nothing.error], [0, 26, undefined])
  const again = fetch()
  for (let turn = 0; turn < 10; turn++) await settled()
  appendTagged(log, 'b')
  const [fetched] = await again
  assert.deepEqual([bytesOf([fetched]) > 0, fetched.nextOffset], [true, 27])
})
