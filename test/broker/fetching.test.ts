/** Fetches that do not wait for what they have, and what a waiting one costs those who append. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, settled } from '../../sim/manual-clock.js'
import type { FetchedPartition, FetchRequest } from '../../src/broker/contract.js'
import { fetchRecords } from '../../src/broker/fetching.js'
import { buildBatch } from '../../src/records/builder.js'
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
