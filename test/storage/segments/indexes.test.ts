import assert from 'node:assert/strict'
import { readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { RecordBatch } from '../../../src/records/batch.js'
import { at, batchOverheadBytes, logOverheadBytes } from '../../../src/records/format.js'
import { SegmentIndex } from '../../../src/storage/segments/segment-index.js'
import { appendAll, batchOf, bytesOf, mib, readAll, sizedBatch } from '../support.js'
import { closedLog, contentOf, filesIn, named, openLog, partitionDirectory } from './world.js'

const shape = fc.array(
  fc.record({
    bytes: fc.integer({ min: 100, max: 3000 }),
    timestamp: fc.oneof(fc.integer({ min: 0, max: 50 }), fc.constant(-1)),
  }),
  { minLength: 1, maxLength: 40 },
)

/** As Kafka's cleaner and ours leave the last batch of a producer: the header, and no record. */
function emptiedBatch({
  lastOffsetDelta,
  maxTimestamp,
}: {
  lastOffsetDelta: number
  maxTimestamp: number
}): RecordBatch {
  const bytes = Buffer.from(batchOf(['a']).bytes.subarray(0, batchOverheadBytes))
  bytes.writeInt32BE(bytes.length - logOverheadBytes, at.batchLength)
  bytes.writeInt32BE(lastOffsetDelta, at.lastOffsetDelta)
  bytes.writeBigInt64BE(-1n, at.baseTimestamp)
  bytes.writeBigInt64BE(BigInt(maxTimestamp), at.maxTimestamp)
  bytes.writeInt32BE(0, at.recordsCount)
  const batch = new RecordBatch(bytes)
  bytes.writeUInt32BE(batch.computeCrc(), at.crc)
  return batch
}

describe('the indexes of a segment', () => {
  test('rebuilt from the log they are what was kept while writing, whatever the batches', async (t) => {
    await fc.assert(
      fc.asyncProperty(shape, fc.constantFrom(0, 500, 4096), async (shapes, interval) => {
        const batches = shapes.map(({ bytes, timestamp }, i) => sizedBatch(bytes, `${i}`, { timestamp }))
        const settings = { 'log.index.interval.bytes': interval }
        const directory = await closedLog(t, batches, { settings })
        const written = await contentOf(directory)
        for (const suffix of ['.index', '.timeindex']) await rm(join(directory, named(0, suffix)))
        const log = await openLog(t, directory, { settings, clean: true })
        await log.close()
        assert.deepEqual(await contentOf(directory), written)
      }),
      { numRuns: 25 },
    )
  })

  test('are full at segment.index.bytes, one place kept for the closing time entry, and the segment rolls before', async (t) => {
    // Eight offset entries or four time entries and the closing one, and every batch but the first gets one of each.
    const settings = { 'log.index.interval.bytes': 0, 'log.index.size.max.bytes': 64 }
    const batches = Array.from({ length: 40 }, (_, i) => sizedBatch(100 + i, `${i}`, { timestamp: 1000 + i }))
    const directory = await closedLog(t, batches, { settings })
    const sizes = await Promise.all(
      (await filesIn(directory))
        .filter((name) => name.endsWith('index'))
        .map(async (name) => ({ name, length: (await readFile(join(directory, name))).length })),
    )
    assert.ok(sizes.every(({ length }) => length <= 64))
    // Four entries, that of the last batch being the closing one as well; so five batches a segment.
    const bases = sizes.filter(({ name }) => name.endsWith('.index')).map(({ name }) => Number.parseInt(name, 10))
    assert.deepEqual(bases, [0, 5, 10, 15, 20, 25, 30, 35])
    const log = await openLog(t, directory, { settings })
    assert.deepEqual(await readAll(log), bytesOf(batches))
  })

  test('hold what Kafka writes, entry by entry, whatever the batches', async () => {
    await fc.assert(
      fc.property(shape, fc.constantFrom(0, 500, 4096), (shapes, interval) => {
        const index = new SegmentIndex(10, interval)
        const kafka = new KafkaIndexes(10, interval)
        let [position, offset] = [0, 10]
        for (const { bytes, timestamp } of shapes) {
          const batch = { lastOffset: offset + (bytes % 7), maxTimestamp: timestamp, recordsCount: 1 }
          index.add(position, batch)
          kafka.append(position, batch, bytes)
          position += bytes
          offset = batch.lastOffset + 1
        }
        index.seal()
        kafka.close()
        assert.deepEqual([...index.offsets.bytes], [...Buffer.concat(kafka.offsets)])
        assert.deepEqual([...index.times.bytes], [...Buffer.concat(kafka.times)])
      }),
    )
  })

  test('name the last offset and the place of a batch, and the time so far', async (t) => {
    const batches = [
      sizedBatch(5000, 'a'),
      batchOf(['b', 'c', 'd'], { timestamp: 7 }),
      sizedBatch(5000, 'e', { timestamp: 9 }),
      batchOf(['f'], { timestamp: 1 }),
    ]
    const directory = await closedLog(t, batches)
    const index = await readFile(join(directory, named(0, '.index')))
    const second = batches[0].sizeInBytes
    const fourth = second + batches[1].sizeInBytes + batches[2].sizeInBytes
    const entries = Array.from({ length: index.length / 8 }, (_, i) => [
      index.readInt32BE(i * 8),
      index.readInt32BE(i * 8 + 4),
    ])
    assert.deepEqual(entries, [
      [3, second],
      [5, fourth],
    ])
    const times = await readFile(join(directory, named(0, '.timeindex')))
    // The first batch has the greatest time of all, so one entry says it all.
    assert.deepEqual([times.length, Number(times.readBigInt64BE(0)), times.readInt32BE(8)], [12, 1_700_000_000_000, 0])
  })

  test('a reader that wants less than the header of a batch gets a batch, also where each has an index entry', async (t) => {
    const batches = [sizedBatch(500, 'a'), sizedBatch(500, 'b'), sizedBatch(500, 'c')]
    const settings = { 'log.index.interval.bytes': 0 }
    const log = await openLog(t, await closedLog(t, batches, { settings }), { clean: true, settings })
    for (const [offset, { bytes }] of batches.entries()) {
      const { records } = await log.read(offset, 1)
      assert.deepEqual(Buffer.concat(records), bytes)
    }
  })

  test('a batch that compaction emptied has no time that could be looked for', async (t) => {
    const emptied = emptiedBatch({ lastOffsetDelta: 2, maxTimestamp: 9 })
    const batches = [sizedBatch(5000, 'a', { timestamp: 5 }), emptied, sizedBatch(5000, 'b', { timestamp: 3 })]
    const directory = await closedLog(t, batches)
    const times = await readFile(join(directory, named(0, '.timeindex')))
    assert.deepEqual([times.length, Number(times.readBigInt64BE(0)), times.readInt32BE(8)], [12, 5, 0])
    const log = await openLog(t, directory, { clean: true, mayHaveHoles: true })
    assert.deepEqual(await log.offsetOfMaxTimestamp(), { offset: 0, timestamp: 5 })
    assert.equal(await log.offsetForTimestamp(6), undefined)
  })

  const times = Array.from({ length: 60 }, (_, i) => 1000 + ((i * 37) % 50) + i)
  const make = () => times.map((timestamp, i) => sizedBatch(i % 20 === 0 ? 400_000 : 700, `${i}`, { timestamp }))
  const damages: Record<string, (index: Buffer, times: Buffer) => { index?: Buffer; times?: Buffer }> = {
    missing: () => ({}),
    'without .timeindex': (index) => ({ index }),
    'without .index': (_, timeIndex) => ({ times: timeIndex }),
    empty: () => ({ index: Buffer.alloc(0), times: Buffer.alloc(0) }),
    'cut in an entry': (index, timeIndex) => ({ index: index.subarray(0, -3), times: timeIndex.subarray(0, -5) }),
    'an entry short': (index, timeIndex) => ({ index: index.subarray(0, -8), times: timeIndex }),
    'preallocated, as a crash of Kafka leaves them': (index, timeIndex) => ({
      index: Buffer.concat([index, Buffer.alloc(800)]),
      times: Buffer.concat([timeIndex, Buffer.alloc(1200)]),
    }),
    zeros: (index, timeIndex) => ({ index: Buffer.alloc(index.length), times: Buffer.alloc(timeIndex.length) }),
    garbage: (index, timeIndex) => ({
      index: Buffer.alloc(index.length, 0x5a),
      times: Buffer.alloc(timeIndex.length, 0x5a),
    }),
    'positions moved': (index, timeIndex) => {
      const moved = Buffer.from(index)
      for (let at = 0; at < moved.length; at += 8) moved.writeInt32BE(moved.readInt32BE(at + 4) + 1, at + 4)
      return { index: moved, times: timeIndex }
    },
    'the last position moved': (index, timeIndex) => {
      const moved = Buffer.from(index)
      moved.writeInt32BE(moved.readInt32BE(moved.length - 4) + 3, moved.length - 4)
      return { index: moved, times: timeIndex }
    },
    'offsets moved': (index, timeIndex) => {
      const moved = Buffer.from(index)
      for (let at = 0; at < moved.length; at += 8) moved.writeInt32BE(moved.readInt32BE(at) + 1, at)
      return { index: moved, times: timeIndex }
    },
    'a middle position moved': (index, timeIndex) => {
      const moved = Buffer.from(index)
      const at = 8 * (index.length >> 4)
      moved.writeInt32BE(moved.readInt32BE(at + 4) + 1, at + 4)
      return { index: moved, times: timeIndex }
    },
    'times moved': (index, timeIndex) => {
      const moved = Buffer.from(timeIndex)
      for (let at = 0; at < moved.length; at += 12) moved.writeInt32BE(moved.readInt32BE(at + 4) + 2, at + 4)
      return { index, times: moved }
    },
    'a middle time moved': (index, timeIndex) => {
      const moved = Buffer.from(timeIndex)
      const at = 12 * Math.floor(timeIndex.length / 24)
      moved.writeInt32BE(moved.readInt32BE(at + 8) + 1, at + 8)
      return { index, times: moved }
    },
    // A time index that is short by whole entries cannot be told from a right one, here or in Kafka.
    'those of another segment': () => ({
      index: Buffer.from('0000000300000800', 'hex'),
      times: Buffer.from('00000000000013880000000b', 'hex'),
    }),
  }
  for (const [what, damage] of Object.entries(damages)) {
    test(`are hints: reads are right with index files that are ${what}`, async (t) => {
      const batches: RecordBatch[] = make()
      const settings = { 'log.index.interval.bytes': 1000 }
      const directory = await closedLog(t, batches, { settings })
      const bases =
        (await contentOf(directory)) && Object.keys(await contentOf(directory)).filter((name) => name.endsWith('.log'))
      assert.equal(bases.length, 2)
      for (const base of bases) {
        const path = (suffix: string) => join(directory, base.replace('.log', suffix))
        const found = damage(await readFile(path('.index')), await readFile(path('.timeindex')))
        for (const [suffix, bytes] of [
          ['.index', found.index],
          ['.timeindex', found.times],
        ] as const) {
          if (bytes === undefined) await rm(path(suffix))
          else await writeFile(path(suffix), bytes)
        }
      }
      for (const clean of [true, false]) {
        const log = await openLog(t, directory, { settings, clean, recoveryPoint: batches.length })
        assert.equal(log.failure, undefined)
        assert.equal(log.highWatermark, batches.length)
        assert.deepEqual(await readAll(log), bytesOf(batches))
        for (let offset = 0; offset < batches.length; offset += 7) {
          const slice = await log.read(offset, 1)
          assert.deepEqual(slice.records, [batches[offset].bytes])
        }
        for (const time of [1000, 1020, 1049, 1060, 1090, 1100, 1200]) {
          const first = times.findIndex((candidate) => candidate >= time)
          const expected = first === -1 ? undefined : { offset: first, timestamp: times[first] }
          assert.deepEqual(await log.offsetForTimestamp(time), expected, `${time}, ${clean ? 'clean' : 'unclean'}`)
        }
        // Not closed: that would put right what the next round is to find.
      }
    })
  }

  test('of sealed segments are let go when there are many, and read again', async (t) => {
    const { IndexCache } = await import('../../../src/storage/segments/index-cache.js')
    const indexes = new IndexCache(200)
    const directory = await partitionDirectory(t)
    const log = await openLog(t, directory, {
      clean: true,
      tables: { indexes },
      settings: { 'log.index.interval.bytes': 0 },
    })
    const batches = Array.from({ length: 60 }, (_, i) => sizedBatch(100_000, `${i}`, { timestamp: i }))
    await appendAll(log, batches)
    for (let round = 0; round < 2; round++) {
      assert.deepEqual(await readAll(log), bytesOf(batches))
      assert.deepEqual(await log.offsetForTimestamp(33), { offset: 33, timestamp: 33 })
      assert.ok(indexes.sizeInBytes <= 200 + 12 * 20, `${indexes.sizeInBytes} bytes are kept`)
    }
    await log.close()
    assert.equal(indexes.sizeInBytes, 0)
  })

  test('a bad index of the segment that is written to does not lose what is written meanwhile', async (t) => {
    const first = Array.from({ length: 30 }, (_, i) => sizedBatch(1000, `${i}`, { timestamp: i }))
    const settings = { 'log.index.interval.bytes': 1000 }
    const directory = await closedLog(t, first, { settings })
    const path = join(directory, named(0, '.index'))
    const index = await readFile(path)
    index.writeInt32BE(index.readInt32BE(4) + 1, 4)
    await writeFile(path, index)
    const log = await openLog(t, directory, { settings, clean: true })
    const more = Array.from({ length: 30 }, (_, i) => sizedBatch(1000, `m${i}`, { timestamp: 1000 - i }))
    const [, found] = await Promise.all([appendAll(log, more), readAll(log, 3, 1000)])
    assert.ok(found.length >= 27)
    assert.deepEqual(await log.offsetOfMaxTimestamp(), { offset: 30, timestamp: 1000 })
    assert.deepEqual(await readAll(log), bytesOf([...first, ...more]))
    await log.close()
  })

  test('work at offsets beyond 2^31 and beyond 2^32', async (t) => {
    const start = 2 ** 33 + 5
    const directory = await partitionDirectory(t)
    const log = await openLog(t, directory, { clean: true, logStartOffset: start })
    const batches = Array.from({ length: 30 }, (_, i) => sizedBatch(100_000, `${i}`, { timestamp: i }))
    await appendAll(log, batches)
    await log.close()
    const again = await openLog(t, directory, { clean: true, logStartOffset: start })
    assert.deepEqual([again.logStartOffset, again.logEndOffset], [start, start + 30])
    assert.deepEqual(await readAll(again), bytesOf(batches))
    assert.deepEqual(await again.offsetForTimestamp(21), { offset: start + 21, timestamp: 21 })
    await assert.rejects(again.read(start - 1, 1), { code: 'OFFSET_OUT_OF_RANGE' })
  })

  test('a log that begins inside a segment finds nothing before its start', async (t) => {
    const batches = Array.from({ length: 10 }, (_, i) => batchOf([`${i}`], { timestamp: i }))
    const directory = await closedLog(t, batches)
    const log = await openLog(t, directory, { clean: true, logStartOffset: 4 })
    assert.deepEqual(await log.offsetForTimestamp(0), { offset: 4, timestamp: 4 })
    assert.equal((await readAll(log)).length, 6)
    await assert.rejects(log.read(3, mib), { code: 'OFFSET_OUT_OF_RANGE' })
  })

  test('a segment that somebody cut short is damaged, not ended', async (t) => {
    const batches = Array.from({ length: 15 }, (_, i) => sizedBatch(100_000, `${i}`))
    const directory = await closedLog(t, batches)
    await truncate(join(directory, named(0, '.log')), 450_000)
    const log = await openLog(t, directory, { clean: true, recoveryPoint: 15 })
    assert.deepEqual((await readAll(log, 10)).length, 5)
    await assert.rejects(log.read(4, mib), { code: 'LOG_DAMAGED' })
    await assert.rejects(log.read(7, mib), { code: 'LOG_DAMAGED' })
  })
})

/** What Kafka writes, told by its own rules: a counter of bytes since the last entry, and the greatest time so far. */
class KafkaIndexes {
  readonly offsets: Buffer[] = []
  readonly times: Buffer[] = []
  readonly #base: number
  readonly #interval: number
  #bytesSinceLastEntry = 0
  #maxTimestampSoFar = -1
  #offsetOfMax = -1
  #lastTimestamp = -1

  constructor(base: number, interval: number) {
    this.#base = base
    this.#interval = interval
  }

  append(position: number, { lastOffset, maxTimestamp }: { lastOffset: number; maxTimestamp: number }, bytes: number) {
    if (maxTimestamp > this.#maxTimestampSoFar) {
      this.#maxTimestampSoFar = maxTimestamp
      this.#offsetOfMax = lastOffset
    }
    if (this.#bytesSinceLastEntry > this.#interval) {
      const entry = Buffer.alloc(8)
      entry.writeInt32BE(lastOffset - this.#base)
      entry.writeInt32BE(position, 4)
      this.offsets.push(entry)
      this.close()
      this.#bytesSinceLastEntry = 0
    }
    this.#bytesSinceLastEntry += bytes
  }

  /** Also after each offset entry: nothing where the time has not advanced. */
  close(): void {
    if (this.#maxTimestampSoFar <= this.#lastTimestamp) return
    this.#lastTimestamp = this.#maxTimestampSoFar
    const entry = Buffer.alloc(12)
    entry.writeBigInt64BE(BigInt(this.#maxTimestampSoFar))
    entry.writeInt32BE(this.#offsetOfMax - this.#base, 8)
    this.times.push(entry)
  }
}
