/** What is built is what is read, for records of every kind. */

import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import fc from 'fast-check'
import { InvariantError } from '../../src/core/invariant.js'
import { BatchBuilder, buildBatch } from '../../src/records/builder.js'
import { prepareCodec } from '../../src/records/compression/index.js'
import { codecNames } from '../../src/records/format.js'
import { readRecords } from '../../src/records/reader.js'
import { verifyProducedBatch } from '../../src/records/verify.js'
import { recordInputs, stored } from './records.js'

const limits = { maxBatchBytes: 1 << 20, maxUncompressedBytes: 1 << 20 }

before(async () => {
  await prepareCodec('zstd')
})

describe('a built batch', () => {
  it('holds the records it was given, in every codec, and passes as a produced one', () => {
    fc.assert(
      fc.property(recordInputs, fc.constantFrom(...codecNames), fc.nat(2 ** 31), (records, codec, baseOffset) => {
        const batch = buildBatch(records, { codec, baseOffset })
        const before = Buffer.from(batch.bytes)
        assert.deepEqual(readRecords(verifyProducedBatch(batch.bytes, limits)), stored(records, baseOffset))
        assert.deepEqual(batch.bytes, before, 'nothing was to be corrected')
        assert.equal(batch.maxTimestamp, Math.max(...records.map((record) => record.timestamp)))
        assert.equal(batch.baseTimestamp, records[0].timestamp)
      }),
      { numRuns: 300 },
    )
  })

  it('has the size that the builder foretells', () => {
    fc.assert(
      fc.property(recordInputs, (records) => {
        const builder = new BatchBuilder()
        assert.equal(builder.sizeInBytes, 61)
        for (const record of records) builder.append(record)
        const foretold = builder.sizeInBytes
        assert.equal(builder.count, records.length)
        assert.equal(builder.build().sizeInBytes, foretold)
      }),
    )
  })

  it('does not change with the bytes it was made of', () => {
    const value = Buffer.from('a value that is longer than the loop copies')
    const batch = buildBatch([{ value, timestamp: 1 }])
    value.fill(0)
    assert.ok(batch.crcMatches())
  })

  it('keeps header keys of any characters', () => {
    const keys = ['', 'ascii', 'Größe', '名前', '🎈', 'a'.repeat(300)]
    const headers = keys.map((key) => ({ key, value: null }))
    const [record] = readRecords(buildBatch([{ headers, timestamp: 1 }]))
    assert.deepEqual(
      record.headers.map((header) => header.key),
      keys,
    )
    // Half a surrogate pair has no UTF-8; it becomes the replacement character, in the right length.
    const [odd] = readRecords(buildBatch([{ headers: [{ key: 'x\ud800y', value: null }], timestamp: 1 }]))
    assert.equal(odd.headers[0].key, 'x\ufffdy')
  })
})

describe('the builder', () => {
  it('refuses timestamps that cannot be stored, and goes on without them', () => {
    const builder = new BatchBuilder()
    for (const timestamp of [Number.NaN, 1.5, 2 ** 53, Number.POSITIVE_INFINITY]) {
      assert.throws(() => builder.append({ timestamp }), { code: 'INVALID_TIMESTAMP' })
    }
    builder.append({ timestamp: Number.MAX_SAFE_INTEGER })
    assert.throws(() => builder.append({ timestamp: -1 }), { code: 'INVALID_TIMESTAMP' })
    builder.append({ timestamp: 0 })
    assert.deepEqual(
      readRecords(builder.build()).map((record) => record.timestamp),
      [Number.MAX_SAFE_INTEGER, 0],
    )
  })

  it('builds once, and not from nothing', () => {
    assert.throws(() => new BatchBuilder().build(), InvariantError)
    const builder = new BatchBuilder()
    builder.append({ timestamp: 1 })
    builder.build()
    assert.throws(() => builder.build(), InvariantError)
    assert.throws(() => builder.append({ timestamp: 1 }), InvariantError)
  })
})
