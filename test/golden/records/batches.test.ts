/** Our record batches against those that Kafka's own classes wrote, byte for byte where the bytes are not a codec's. */

import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { RecordBatch } from '../../../src/records/batch.js'
import { type BatchOptions, buildBatch } from '../../../src/records/builder.js'
import { compress, decompress, prepareCodec } from '../../../src/records/compression/index.js'
import { controlBatch, endMarkerOf } from '../../../src/records/end-marker.js'
import { at, type Codec, codecNames } from '../../../src/records/format.js'
import { readRecords } from '../../../src/records/reader.js'
import { verifyProducedBatch } from '../../../src/records/verify.js'
import { abortMarker, vectors } from './vectors.js'

const base = 1_700_000_000_000
const limits = { maxBatchBytes: 1 << 20, maxUncompressedBytes: 1 << 20 }

const records = [
  {
    timestamp: base,
    key: Buffer.from('k1'),
    value: Buffer.from('v1'),
    headers: [
      { key: 'h', value: Buffer.from('x') },
      { key: 'n', value: null },
    ],
  },
  { timestamp: base + 5, key: null, value: Buffer.from('hello'), headers: [] },
  { timestamp: base + 3, key: Buffer.from('k3'), value: null, headers: [] },
]

const options: BatchOptions = {
  baseOffset: 42,
  partitionLeaderEpoch: 5,
  producerId: 7,
  producerEpoch: 3,
  baseSequence: 11,
}

const hexOf = (batch: RecordBatch): string => batch.bytes.toString('hex')
const rawRecords = Buffer.from(vectors.none, 'hex').subarray(at.records)

before(async () => {
  await prepareCodec('zstd')
})

describe('batches written by Kafka', () => {
  for (const [codec, hex] of Object.entries(vectors)) {
    it(`${codec}: header, CRC and records read as they were written`, () => {
      const batch = verifyProducedBatch(Buffer.from(hex, 'hex'), limits)
      assert.equal(hexOf(batch), hex, 'verifying changes nothing')
      assert.equal(batch.codec, codec)
      assert.equal(batch.baseOffset, 42)
      assert.equal(batch.lastOffset, 44)
      assert.equal(batch.nextOffset, 45)
      assert.equal(batch.partitionLeaderEpoch, 5)
      assert.equal(batch.magic, 2)
      assert.equal(batch.timestampType, 'CreateTime')
      assert.equal(batch.baseTimestamp, base)
      assert.equal(batch.maxTimestamp, base + 5)
      assert.equal(batch.producerId, 7)
      assert.equal(batch.producerEpoch, 3)
      assert.equal(batch.baseSequence, 11)
      assert.equal(batch.lastSequence, 13)
      assert.equal(batch.recordsCount, 3)
      assert.equal(batch.sizeInBytes, hex.length / 2)
      assert.ok(batch.hasProducerId && !batch.isTransactional && !batch.isControl && !batch.hasDeleteHorizon)
      assert.deepEqual(
        readRecords(batch),
        records.map((record, index) => ({ ...record, offset: 42 + index })),
      )
    })

    it(`${codec}: its records area unpacks to the bytes of the plain one`, () => {
      const packed = Buffer.from(hex, 'hex').subarray(at.records)
      assert.deepEqual(decompress(codec as Codec, packed, 1000), rawRecords)
    })
  }
})

describe('batches that we write', () => {
  it('none, snappy and lz4 are what Kafka writes, byte for byte', () => {
    // gzip's header names the system that wrote it, so it is compared by content below.
    for (const codec of ['none', 'lz4', 'snappy'] as const) {
      assert.equal(hexOf(buildBatch(records, { ...options, codec })), vectors[codec], codec)
    }
  })

  for (const codec of codecNames) {
    it(`${codec}: packed and unpacked again it is the same`, () => {
      assert.deepEqual(decompress(codec, compress(codec, rawRecords), 1000), rawRecords)
      const batch = verifyProducedBatch(buildBatch(records, { ...options, codec }).bytes, limits)
      assert.equal(batch.codec, codec)
      assert.deepEqual(
        readRecords(batch),
        records.map((record, index) => ({ ...record, offset: 42 + index })),
      )
    })
  }

  it('an ABORT marker is what Kafka writes, and reads back', () => {
    const marker = controlBatch({
      outcome: 'ABORT',
      baseOffset: 100,
      partitionLeaderEpoch: 5,
      timestamp: 1_700_000_000_999,
      producerId: 7,
      producerEpoch: 3,
      coordinatorEpoch: 9,
    })
    assert.equal(hexOf(marker), abortMarker)
    const read = new RecordBatch(Buffer.from(abortMarker, 'hex'))
    assert.ok(read.isControl && read.isTransactional && read.crcMatches())
    assert.equal(read.lastSequence, -1)
    const [record] = readRecords(read)
    assert.equal(record.offset, 100)
    assert.equal(record.key?.toString('hex'), '00000000')
    assert.equal(record.value?.toString('hex'), '000000000009')
    assert.deepEqual(endMarkerOf(read), { outcome: 'ABORT', coordinatorEpoch: 9 })
  })

  it('a COMMIT marker differs from it by its type', () => {
    const end = { producerId: 7, producerEpoch: 3, coordinatorEpoch: 9, timestamp: 1 }
    const marker = controlBatch({ ...end, outcome: 'COMMIT' })
    assert.equal(marker.sizeInBytes, 78)
    assert.equal(readRecords(marker)[0].key?.toString('hex'), '00000001')
    assert.deepEqual(endMarkerOf(marker), { outcome: 'COMMIT', coordinatorEpoch: 9 })
  })

  it('a batch of data, another control batch, and a marker without its record end nothing', () => {
    const producer = { producerId: 7, producerEpoch: 3, isTransactional: true }
    const record = { key: Buffer.from('00000001', 'hex'), value: Buffer.alloc(6), timestamp: 1 }
    assert.equal(endMarkerOf(buildBatch([record], producer)), undefined)
    for (const key of ['00000002', '0000', '']) {
      const other = buildBatch([{ ...record, key: Buffer.from(key, 'hex') }], { ...producer, isControl: true })
      assert.equal(endMarkerOf(other), undefined, key)
    }
    const short = buildBatch([{ ...record, value: Buffer.alloc(5) }], { ...producer, isControl: true })
    assert.equal(endMarkerOf(short), undefined)
  })
})
