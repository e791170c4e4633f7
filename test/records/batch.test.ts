/** The view over a batch, and finding batches in a row. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { HoldfastError } from '../../src/core/errors.js'
import { InvariantError } from '../../src/core/invariant.js'
import { batchAt, batchesIn, RecordBatch } from '../../src/records/batch.js'
import { buildBatch } from '../../src/records/builder.js'
import { at } from '../../src/records/format.js'
import { readRecords } from '../../src/records/reader.js'

const corrupt = (error: unknown) => error instanceof HoldfastError && error.code === 'CORRUPT_MESSAGE'

const small = (count = 1): RecordBatch =>
  buildBatch(Array.from({ length: count }, (_, index) => ({ value: Buffer.from(`value ${index}`), timestamp: 1000 })))

describe('RecordBatch', () => {
  it('is over exactly one batch', () => {
    const { bytes } = small()
    assert.throws(() => new RecordBatch(bytes.subarray(0, 60)), InvariantError)
    assert.throws(() => new RecordBatch(bytes.subarray(0, bytes.length - 1)), InvariantError)
    assert.throws(() => new RecordBatch(Buffer.concat([bytes, Buffer.alloc(1)])), InvariantError)
  })

  it('is given its place without touching the CRC', () => {
    const batch = small(3)
    const crc = batch.crc
    batch.stamp(2 ** 40 + 7, 12)
    assert.equal(batch.baseOffset, 2 ** 40 + 7)
    assert.equal(batch.nextOffset, 2 ** 40 + 10)
    assert.equal(batch.partitionLeaderEpoch, 12)
    assert.equal(batch.crc, crc)
    assert.ok(batch.crcMatches())
  })

  it('is given the time of the log, for all its records', () => {
    const batch = small(2)
    batch.stampLogAppendTime(5000)
    assert.equal(batch.timestampType, 'LogAppendTime')
    assert.equal(batch.maxTimestamp, 5000)
    assert.equal(batch.baseTimestamp, 1000)
    assert.ok(batch.crcMatches())
    assert.deepEqual(
      readRecords(batch).map((record) => record.timestamp),
      [5000, 5000],
    )
  })

  it('counts sequences on from 2^31-1 to 0', () => {
    const options = { producerId: 1, producerEpoch: 0, baseSequence: 2 ** 31 - 2 }
    const records = [1, 2, 3].map((timestamp) => ({ timestamp }))
    assert.equal(buildBatch(records, options).lastSequence, 0)
    assert.equal(buildBatch(records.slice(1), options).lastSequence, 2 ** 31 - 1)
    assert.equal(buildBatch(records).lastSequence, -1)
  })

  it('names no codec for the numbers that stand for none', () => {
    for (const id of [5, 6, 7]) {
      const batch = small()
      batch.bytes.writeInt16BE(id, at.attributes)
      assert.throws(() => batch.codec, { code: 'UNSUPPORTED_COMPRESSION_TYPE' })
    }
  })

  it('reads every attribute bit', () => {
    const batch = small()
    batch.bytes.writeInt16BE(0x40, at.attributes)
    assert.ok(batch.hasDeleteHorizon)
    const both = buildBatch([{ timestamp: 1 }], { isTransactional: true, isControl: true, producerId: 1 })
    assert.ok(both.isTransactional && both.isControl && both.hasProducerId)
  })
})

describe('batchAt and batchesIn', () => {
  it('find every complete batch, wherever the bytes end', () => {
    const batches = [small(1), small(5), small(2)]
    const log = Buffer.concat(batches.map((batch) => batch.bytes))
    const ends = batches.map((_, index) =>
      batches.slice(0, index + 1).reduce((sum, batch) => sum + batch.sizeInBytes, 0),
    )
    fc.assert(
      fc.property(fc.nat(log.length), (length) => {
        const found = [...batchesIn(log.subarray(0, length))]
        assert.equal(found.length, ends.filter((end) => end <= length).length)
        found.forEach((batch, index) => {
          assert.deepEqual(batch.bytes, batches[index].bytes)
        })
      }),
    )
  })

  it('give views over the same memory', () => {
    const log = Buffer.concat([small().bytes, small().bytes])
    const second = batchAt(log, log.length / 2)
    second?.stamp(99, 0)
    assert.equal(log.readBigInt64BE(log.length / 2), 99n)
  })

  it('refuse what no batch starts with', () => {
    assert.throws(() => batchAt(Buffer.alloc(4096), 0), corrupt)
    const { bytes } = small()
    bytes[at.magic] = 1
    assert.throws(() => batchAt(bytes, 0), corrupt)
    bytes[at.magic] = 2
    bytes.writeInt32BE(48, at.batchLength)
    assert.throws(() => batchAt(bytes, 0), corrupt)
    bytes.writeInt32BE(-1, at.batchLength)
    assert.throws(() => [...batchesIn(bytes)], corrupt)
  })
})
