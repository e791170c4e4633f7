/**
 * What every PartitionLog promises, whatever its layout. A layout's test calls `partitionLogCases` with a way to open
 * one; the disk under it is a FaultDisk, so that writes can be held back and failed.
 */

import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { FaultDisk } from '../../sim/fault-disk.js'
import { HoldfastError } from '../../src/core/errors.js'
import { batchesIn, type RecordBatch } from '../../src/records/batch.js'
import type { HeldBackLog } from '../../src/storage/log/held-back-log.js'
import type { PartitionLog } from '../../src/storage/partition-log.js'
import { appendAll, batchOf, bytesOf, gate, mib, readAll, sizedBatch, turns, until } from '../storage/support.js'

export interface OpenLog {
  readonly log: PartitionLog
  readonly disk: FaultDisk
  /** Closes it in order and opens it again. */
  reopen(): Promise<PartitionLog>
  /** Takes off what reaches beyond `offset`, while it is open. */
  cutBack(offset: number): Promise<PartitionLog>
  /** Offsets of the records with this key, the newest first. */
  find(key: string): Promise<number[]>
}

export interface LogWorld {
  readonly name: string
  readonly flush: 'sync' | 'async'
  /** Bytes that a log counts for a batch of one record. */
  storedSizeOf(batch: RecordBatch): number
  /** Bytes of a file, which `segment.bytes` is the size of, that no batch can have. */
  readonly keptFreeBytes: number
  /** `config`: the topic's, e.g. segment.bytes. Everything goes when the test ends. */
  open(t: TestContext, config?: Readonly<Record<string, string>>): Promise<OpenLog>
  /** The same where nothing is shown before it is told to be. */
  openHeldBack(t: TestContext, config?: Readonly<Record<string, string>>): Promise<OpenLog & { log: HeldBackLog }>
}

/** The log as it is, and as it is after a restart. */
export async function* beforeAndAfter(opened: OpenLog): AsyncGenerator<PartitionLog> {
  yield opened.log
  yield await opened.reopen()
}

export function partitionLogCases(world: LogWorld): void {
  describe(`a partition log, ${world.name}`, () => {
    appendingCases(world)
    readingCases(world)
    durabilityCases(world)
    failureCases(world)
    closingCases(world)
  })
}

/** A batch for which the log counts so many bytes. */
function storedBatch(world: LogWorld, bytes: number): RecordBatch {
  const near = sizedBatch(bytes)
  const batch = sizedBatch(2 * bytes - world.storedSizeOf(near))
  assert.equal(world.storedSizeOf(batch), bytes)
  return batch
}

const small = { 'segment.bytes': String(mib) }

function appendingCases(world: LogWorld): void {
  test('gives offsets in call order, without holes, and stamps them into the batch', async (t) => {
    const { log } = await world.open(t)
    const batches = [batchOf(['a']), batchOf(['b', 'c', 'd']), batchOf(['e', 'f'])]
    const receipts = batches.map((batch) => log.append(batch))
    assert.deepEqual(
      receipts.map(({ baseOffset, lastOffset, duplicate }) => ({ baseOffset, lastOffset, duplicate })),
      [
        { baseOffset: 0, lastOffset: 0, duplicate: false },
        { baseOffset: 1, lastOffset: 3, duplicate: false },
        { baseOffset: 4, lastOffset: 5, duplicate: false },
      ],
    )
    assert.equal(log.logEndOffset, 6)
    const order: number[] = []
    await Promise.all(receipts.map((receipt, index) => receipt.acknowledged.then(() => order.push(index))))
    assert.deepEqual(order, [0, 1, 2])
    assert.equal(log.highWatermark, 6)
    assert.ok(batches.every((batch) => batch.crcMatches() && batch.partitionLeaderEpoch === log.leaderEpoch))
    assert.deepEqual(await readAll(log), bytesOf(batches))
  })

  test('is the same after it was closed and opened again, and goes on where it ended', async (t) => {
    const opened = await world.open(t, small)
    const batches = Array.from({ length: 12 }, (_, index) => sizedBatch(200_000, `batch ${index}`))
    await appendAll(opened.log, batches)
    const again = await opened.reopen()
    assert.deepEqual(
      [again.logStartOffset, again.highWatermark, again.logEndOffset, again.durableOffset],
      [0, 12, 12, 12],
    )
    assert.equal(again.sizeInBytes, 12 * world.storedSizeOf(batches[0]))
    assert.deepEqual(await readAll(again), bytesOf(batches))
    const next = batchOf(['next'])
    await again.append(next).acknowledged
    assert.equal(next.baseOffset, 12)
    assert.deepEqual(await readAll(again, 12), bytesOf([next]))
  })

  test('refuses a batch that is larger than a file, and gives its offset to the next', async (t) => {
    const { log } = await world.open(t, small)
    const most = mib - world.keptFreeBytes
    assert.throws(() => log.append(storedBatch(world, most + 1)), { code: 'RECORD_LIST_TOO_LARGE' })
    const exact = storedBatch(world, most)
    await log.append(exact).acknowledged
    assert.deepEqual(await readAll(log), bytesOf([exact]))
  })

  test('stamps the time of the append where the topic asks for it', async (t) => {
    const opened = await world.open(t, { 'message.timestamp.type': 'LogAppendTime' })
    const batch = batchOf(['a', 'b'], { timestamp: 5, producerId: 1, producerEpoch: 0, baseSequence: 0 })
    const receipt = opened.log.append(batch)
    await receipt.acknowledged
    assert.ok(receipt.logAppendTimeMs > 5)
    assert.equal(batch.maxTimestamp, receipt.logAppendTimeMs)
    assert.ok(batch.crcMatches())
    assert.deepEqual(await opened.log.offsetForTimestamp(6), { offset: 0, timestamp: receipt.logAppendTimeMs })
    const twice = batchOf(['a', 'b'], { timestamp: 5, producerId: 1, producerEpoch: 0, baseSequence: 0 })
    assert.equal(opened.log.append(twice).logAppendTimeMs, receipt.logAppendTimeMs)
  })

  test('tells listeners of each advance, and counts what was published', async (t) => {
    const { log } = await world.open(t)
    const seen: number[] = []
    const stop = log.onAdvance(() => seen.push(log.highWatermark))
    // A listener that throws is not the log's affair.
    log.onAdvance(() => {
      throw new Error('a listener that fails')
    })
    const first = batchOf(['a', 'b'])
    await log.append(first).acknowledged
    assert.deepEqual(seen, [2])
    assert.equal(log.publishedBytes, first.sizeInBytes)
    stop()
    const second = batchOf(['c'])
    await log.append(second).acknowledged
    assert.deepEqual(seen, [2])
    assert.equal(log.publishedBytes, first.sizeInBytes + second.sizeInBytes)
    assert.equal(log.failure, undefined)
  })
}

function readingCases(world: LogWorld): void {
  test('reads whole batches from the one that holds the offset, within the byte limit', async (t) => {
    const { log } = await world.open(t)
    const batches = [batchOf(['a', 'b', 'c']), sizedBatch(5000, 'large'), batchOf(['d']), batchOf(['e', 'f'])]
    await appendAll(log, batches)
    const basesOf = async (offset: number, maxBytes: number) =>
      (await log.read(offset, maxBytes)).records.flatMap((bytes) => [...batchesIn(bytes)].map((one) => one.baseOffset))
    assert.deepEqual(await basesOf(0, mib), [0, 3, 4, 5])
    assert.deepEqual(await basesOf(2, mib), [0, 3, 4, 5])
    assert.deepEqual(await basesOf(3, 1), [3])
    assert.deepEqual(await basesOf(3, 0), [3])
    assert.deepEqual(await basesOf(0, batches[0].sizeInBytes + 4999), [0])
    assert.deepEqual(await basesOf(0, batches[0].sizeInBytes + 5000), [0, 3])
    assert.deepEqual(await basesOf(6, mib), [5])
    const slice = await log.read(0, mib)
    assert.equal(
      slice.sizeInBytes,
      slice.records.reduce((sum, bytes) => sum + bytes.length, 0),
    )
  })

  test('is empty at the high watermark and refuses offsets outside the log', async (t) => {
    const { log } = await world.open(t)
    assert.deepEqual(await log.read(0, 100), { records: [], sizeInBytes: 0 })
    await log.append(batchOf(['a', 'b'])).acknowledged
    assert.deepEqual(await log.read(2, 100), { records: [], sizeInBytes: 0 })
    await assert.rejects(log.read(3, 100), { code: 'OFFSET_OUT_OF_RANGE' })
    await assert.rejects(log.read(-1, 100), { code: 'OFFSET_OUT_OF_RANGE' })
  })

  test('finds timestamps as a walk over all records would, also out of order and equal ones', async (t) => {
    const opened = await world.open(t, { ...small, 'index.interval.bytes': '300' })
    const times = Array.from({ length: 150 }, (_, i) => 1000 + ((i * 7919) % 400) + (i % 3 === 0 ? 0 : i))
    const batches = times.map((time, i) => {
      const filler = i % 50 === 0 ? 600_000 : 100
      return sizedBatch(filler, `${i}`, { timestamp: time })
    })
    await appendAll(opened.log, batches)
    for await (const log of beforeAndAfter(opened)) {
      for (const time of [0, 1000, 1100, 1200, 1201, 1399, 1500, 1548, 1600, ...times.slice(0, 20)]) {
        const offset = times.findIndex((candidate) => candidate >= time)
        const expected = offset === -1 ? undefined : { offset, timestamp: times[offset] }
        assert.deepEqual(await log.offsetForTimestamp(time), expected, `from ${time} on`)
      }
      const greatest = Math.max(...times)
      assert.deepEqual(await log.offsetOfMaxTimestamp(), { offset: times.indexOf(greatest), timestamp: greatest })
    }
  })

  test('finds a timestamp inside a batch, and nothing in an empty log', async (t) => {
    const { log } = await world.open(t)
    assert.equal(await log.offsetForTimestamp(0), undefined)
    assert.equal(await log.offsetOfMaxTimestamp(), undefined)
    await log.append(batchOf(['a', 'b', 'c'], { timestamp: 100 })).acknowledged
    await log.append(batchOf(['d'], { timestamp: 102 })).acknowledged
    assert.deepEqual(await log.offsetForTimestamp(101), { offset: 1, timestamp: 101 })
    assert.deepEqual(await log.offsetOfMaxTimestamp(), { offset: 2, timestamp: 102 })
    assert.equal(await log.offsetForTimestamp(103), undefined)
  })

  test('reads across rolls while it is appended to', async (t) => {
    const { log } = await world.open(t, small)
    const batches = Array.from({ length: 60 }, (_, index) => sizedBatch(120_000, `batch ${index}`))
    let appended = false
    const writing = (async () => {
      for (let i = 0; i < batches.length; i += 4) await appendAll(log, batches.slice(i, i + 4))
      appended = true
    })()
    const found: Buffer[] = []
    for (let offset = 0; !appended || offset < log.highWatermark; ) {
      const { records } = await log.read(offset, 300_000)
      if (records.length === 0) await turns(1)
      for (const batch of records.flatMap((bytes) => [...batchesIn(bytes)])) {
        assert.equal(batch.baseOffset, offset)
        found.push(batch.bytes)
        offset = batch.nextOffset
      }
    }
    await writing
    assert.deepEqual(
      found,
      batches.map((batch) => batch.bytes),
    )
  })

  test('begins where it was told to, also after a restart, and who borrowed reads on', async (t) => {
    const opened = await world.open(t, small)
    const batches = Array.from({ length: 12 }, (_, i) => sizedBatch(300_000, `${i}`))
    await appendAll(opened.log, batches)
    const early = await opened.log.read(0, 1, { lend: true })
    const bytes = Buffer.concat(early.records)
    await assert.rejects(opened.log.deleteRecordsBefore(13), { code: 'OFFSET_OUT_OF_RANGE' })
    const sizeBefore = opened.log.sizeInBytes
    await opened.log.deleteRecordsBefore(8)
    await opened.log.deleteRecordsBefore(3)
    assert.ok(opened.log.sizeInBytes < sizeBefore, 'whole segments are gone')
    assert.deepEqual(Buffer.concat(early.records), bytes)
    early.release?.()
    for await (const log of beforeAndAfter(opened)) {
      assert.equal(log.logStartOffset, 8)
      await assert.rejects(log.read(7, mib), { code: 'OFFSET_OUT_OF_RANGE' })
      assert.deepEqual(await readAll(log), bytesOf(batches.slice(8)))
    }
    await opened.reopen().then(async (log) => {
      await log.deleteRecordsBefore(12)
      const more = Array.from({ length: 6 }, (_, i) => sizedBatch(300_000, `more ${i}`))
      await appendAll(log, more)
      assert.deepEqual(await readAll(log), bytesOf(more))
    })
  })

  test('lends what it reads, the same bytes as a copy', async (t) => {
    const { log } = await world.open(t, small)
    const batches = Array.from({ length: 9 }, (_, i) => sizedBatch(300_000, `${i}`))
    await appendAll(log, batches)
    for (let offset = 0; offset < 9; offset++) {
      const lent = await log.read(offset, 700_000, { lend: true })
      const copied = await log.read(offset, 700_000)
      assert.deepEqual(Buffer.concat(lent.records), Buffer.concat(copied.records))
      lent.release?.()
    }
  })

  test('answers for the end of a leader epoch', async (t) => {
    const { log } = await world.open(t)
    await log.append(batchOf(['a', 'b'])).acknowledged
    assert.deepEqual(log.endOffsetOfEpoch(log.leaderEpoch), { epoch: log.leaderEpoch, endOffset: 2 })
    assert.equal(log.endOffsetOfEpoch(log.leaderEpoch - 1), undefined)
  })
}

function durabilityCases(world: LogWorld): void {
  const { flush } = world

  test('shows readers nothing that is not acknowledged', async (t) => {
    const { log, disk } = await world.open(t)
    await log.append(batchOf(['before'], { timestamp: 10 })).acknowledged
    const held = gate()
    // What the policy waits for: the write itself under a dsync file or under async, the sync where there is no dsync.
    const waitsFor = flush === 'sync' && !disk.supportsDsync ? 'sync' : 'write'
    disk.judge = ({ operation }) => (operation === waitsFor ? held.passed : undefined)
    const calls = disk.count(waitsFor)
    const receipt = log.append(batchOf(['after'], { timestamp: 20 }))
    let acknowledged = false
    void receipt.acknowledged.then(() => {
      acknowledged = true
    })
    await until(() => disk.count(waitsFor) > calls)
    await turns()
    assert.deepEqual([log.logEndOffset, log.highWatermark, acknowledged], [2, 1, false])
    assert.deepEqual(await log.read(1, 100), { records: [], sizeInBytes: 0 })
    assert.deepEqual(await log.offsetOfMaxTimestamp(), { offset: 0, timestamp: 10 })
    assert.equal(await log.offsetForTimestamp(11), undefined)
    held.open()
    await receipt.acknowledged
    assert.equal(log.highWatermark, 2)
    assert.deepEqual(await log.offsetOfMaxTimestamp(), { offset: 1, timestamp: 20 })
  })

  test('flush makes durable whatever was appended before it', async (t) => {
    const { log } = await world.open(t, small)
    const receipts = Array.from({ length: 15 }, (_, i) => log.append(sizedBatch(150_000, `${i}`)))
    await log.flush()
    assert.equal(log.durableOffset, 15)
    await Promise.all(receipts.map((receipt) => receipt.acknowledged))
  })

  test('the high watermark never passes the durable offset under sync', { skip: flush !== 'sync' }, async (t) => {
    const { log } = await world.open(t, small)
    log.onAdvance(() => assert.ok(log.highWatermark <= log.durableOffset))
    await appendAll(
      log,
      Array.from({ length: 20 }, (_, i) => sizedBatch(150_000, `${i}`)),
    )
    assert.equal(log.durableOffset, 20)
  })

  test('flush waits for the sync that is under way', { skip: flush !== 'async' }, async (t) => {
    const { log, disk } = await world.open(t)
    const held = gate()
    disk.judge = ({ operation }) => (operation === 'sync' ? held.passed : undefined)
    await log.append(batchOf(['a'])).acknowledged
    // The one that the interval starts; whatever it covers, nobody may be told before it is through.
    await until(() => disk.count('sync') === 1)
    let flushed = false
    const flushing = log.flush().then(() => {
      flushed = true
    })
    await turns()
    assert.deepEqual([flushed, log.durableOffset], [false, 0])
    held.open()
    await flushing
    assert.equal(log.durableOffset, 1)
  })
}

function failureCases(world: LogWorld): void {
  const { flush } = world

  test('a write that fails refuses all who wait, and everybody after them; readers go on', async (t) => {
    const { log, disk } = await world.open(t)
    const kept = batchOf(['kept'])
    await log.append(kept).acknowledged
    let notified = 0
    log.onAdvance(() => notified++)
    const held = gate()
    disk.judge = ({ operation }) => (operation === 'write' ? held.passed.then(() => 'EIO' as const) : undefined)
    const first = log.append(batchOf(['first']))
    await until(() => disk.count('write') === 2)
    const queued = [log.append(batchOf(['second'])), log.append(batchOf(['third']))]
    held.open()
    for (const receipt of [first, ...queued]) await assert.rejects(receipt.acknowledged, { code: 'LOG_FAILED' })
    disk.judge = () => undefined
    assert.throws(() => log.append(batchOf(['later'])), { code: 'LOG_FAILED' })
    await assert.rejects(log.flush(), { code: 'LOG_FAILED' })
    assert.equal(log.failure?.code, 'LOG_FAILED')
    assert.equal(notified, 1)
    assert.equal(log.highWatermark, 1)
    assert.deepEqual(await readAll(log), bytesOf([kept]))
  })

  test('a refusal that nobody listens to harms nobody', async (t) => {
    const { log, disk } = await world.open(t)
    disk.judge = ({ operation }) => (operation === 'write' ? 'EIO' : undefined)
    const producer = { producerId: 3, producerEpoch: 0, baseSequence: 0 }
    log.append(batchOf(['dropped'], producer))
    log.append(batchOf(['dropped'], producer))
    await until(() => log.failure !== undefined)
    await turns()
  })

  test('a sync that fails behind the writer fails the log', { skip: flush !== 'async' }, async (t) => {
    const { log, disk } = await world.open(t)
    disk.judge = ({ operation }) => (operation === 'sync' ? 'EIO' : undefined)
    const kept = batchOf(['kept'])
    await log.append(kept).acknowledged
    await assert.rejects(log.flush(), (error) => error instanceof HoldfastError && error.code === 'LOG_FAILED')
    assert.throws(() => log.append(batchOf(['later'])), { code: 'LOG_FAILED' })
    assert.deepEqual(await readAll(log), bytesOf([kept]))
  })
}

function closingCases(world: LogWorld): void {
  test('appends in flight are answered before it closes, and nothing is accepted after', async (t) => {
    const opened = await world.open(t)
    const { log } = opened
    const receipts = [log.append(batchOf(['a'])), log.append(batchOf(['b']))]
    let closedSeen = false
    log.onAdvance(() => {
      closedSeen ||= log.isClosed
    })
    const reopened = opened.reopen()
    await Promise.all(receipts.map((receipt) => receipt.acknowledged))
    const again = await reopened
    assert.ok(log.isClosed && closedSeen)
    assert.throws(() => log.append(batchOf(['c'])), { code: 'CLOSED' })
    await assert.rejects(log.read(0, 100), { code: 'CLOSED' })
    await assert.rejects(log.offsetForTimestamp(0), { code: 'CLOSED' })
    assert.equal(again.highWatermark, 2)
  })
}
