/** Batches that a topic keeps in a codec of its own: packed anew as a whole, and the same in all but how they are packed. */

import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import fc from 'fast-check'
import { resolveSettings } from '../../src/core/settings.js'
import { acceptBatch, codecsFor, packingOf } from '../../src/records/accept.js'
import { RecordBatch } from '../../src/records/batch.js'
import { BatchBuilder, type BatchOptions, buildBatch } from '../../src/records/builder.js'
import { decompress, prepareCodec } from '../../src/records/compression/index.js'
import { at, codecMask, codecNames } from '../../src/records/format.js'
import { readRecords } from '../../src/records/reader.js'
import type { RecordInput } from '../../src/records/record.js'
import { recordInputs } from './records.js'

const limits = { maxBatchBytes: 1 << 20, maxUncompressedBytes: 1 << 20 }
const types = ['producer', 'uncompressed', 'gzip', 'snappy', 'lz4', 'zstd'] as const
const kept = (type: (typeof types)[number]) => packingOf(resolveSettings({ 'compression.type': type }))

before(async () => {
  await prepareCodec('zstd')
})

function built(records: readonly RecordInput[], options: BatchOptions) {
  const builder = new BatchBuilder(options)
  for (const record of records) builder.append(record)
  return builder.build()
}

/** All of the header but what a codec changes. */
function headerOf({ bytes }: RecordBatch): Buffer {
  const header = Buffer.from(bytes.subarray(0, at.records))
  header.writeInt32BE(0, at.batchLength)
  header.writeUInt32BE(0, at.crc)
  header.writeInt16BE(header.readInt16BE(at.attributes) & ~codecMask, at.attributes)
  return header
}

function streamOf(batch: RecordBatch): Buffer {
  return decompress(batch.codec, batch.bytes.subarray(at.records), 1 << 24)
}

const options: fc.Arbitrary<BatchOptions> = fc.oneof(
  fc.constant({}),
  fc.record({
    producerId: fc.nat(),
    producerEpoch: fc.nat(32_767),
    baseSequence: fc.nat(2 ** 31 - 1),
    isTransactional: fc.boolean(),
  }),
)

describe('a batch of one codec in a topic of another', () => {
  for (const codec of codecNames) {
    for (const type of types) {
      test(`${codec} into ${type}: every byte of every record, and the header`, () => {
        const packing = kept(type)
        fc.assert(
          fc.property(recordInputs, options, fc.boolean(), (records, header, isBuilt) => {
            const source = built(records, { ...header, codec })
            const before = Buffer.from(source.bytes)
            const accepted = acceptBatch(source.bytes, isBuilt ? source : undefined, limits, packing)
            assert.equal(accepted.codec, packing?.codec ?? codec)
            assert.ok(accepted.crcMatches())
            const sent = new RecordBatch(before)
            assert.deepEqual(headerOf(accepted), headerOf(sent))
            assert.deepEqual(streamOf(accepted), streamOf(sent))
            assert.deepEqual(readRecords(accepted), readRecords(sent))
            if (accepted.codec === codec) assert.equal(accepted.bytes, source.bytes)
            accepted.stampLogAppendTime(77)
            assert.deepEqual(new Set(readRecords(accepted).map(({ timestamp }) => timestamp)), new Set([77]))
            assert.ok(accepted.crcMatches())
          }),
          { numRuns: 15 },
        )
      })
    }
  }

  test('is verified first, and corrected, as everywhere', () => {
    const wrong = buildBatch([{ value: Buffer.from('a'), timestamp: 5 }], { codec: 'gzip' })
    wrong.stampMaxTimestamp(9)
    assert.equal(acceptBatch(wrong.bytes, undefined, limits, kept('lz4')).maxTimestamp, 5)
    wrong.bytes[at.records + 12] ^= 1
    for (const type of types) {
      assert.throws(() => acceptBatch(wrong.bytes, undefined, limits, kept(type)), { code: 'CORRUPT_MESSAGE' })
    }
  })

  test('must not be too large, neither as it came nor as it is kept', () => {
    const text = (length: number) => [{ value: Buffer.alloc(length, 'ab'), timestamp: 1 }]
    const accept = (length: number, codec: 'none' | 'lz4', type: (typeof types)[number], isBuilt: boolean) => {
      const batch = built(text(length), { codec })
      return () => acceptBatch(batch.bytes, isBuilt ? batch : undefined, { ...limits, maxBatchBytes: 5000 }, kept(type))
    }
    for (const isBuilt of [false, true]) {
      assert.ok(accept(50_000, 'lz4', 'producer', isBuilt)().sizeInBytes < 5000)
      assert.ok(accept(50_000, 'lz4', 'gzip', isBuilt)().sizeInBytes < 5000)
      assert.throws(accept(50_000, 'lz4', 'uncompressed', isBuilt), { code: 'MESSAGE_TOO_LARGE' })
      // It would be small enough as it is kept; Kafka refuses it as well.
      assert.throws(accept(50_000, 'none', 'lz4', isBuilt), { code: 'MESSAGE_TOO_LARGE' })
    }
  })

  test('may be larger as it is unpacked where the layout is what unpacks it, but no bomb', () => {
    const batch = built([{ value: Buffer.alloc(50_000, 'ab'), timestamp: 1 }], { codec: 'lz4' })
    const unpacked = (maxUncompressedBytes: number, maxBatchBytes = 5000) => {
      const roomy = { maxBatchBytes, maxUncompressedBytes, maxRepackedBytes: Number.POSITIVE_INFINITY }
      return () => acceptBatch(batch.bytes, undefined, roomy, kept('uncompressed'))
    }
    assert.ok(unpacked(100_000)().sizeInBytes > 50_000)
    assert.throws(unpacked(40_000), { code: 'RECORD_LIST_TOO_LARGE' })
    assert.throws(unpacked(100_000, batch.sizeInBytes - 1), { code: 'MESSAGE_TOO_LARGE' })
  })

  test('is no way to make a bomb', () => {
    const small = { maxBatchBytes: 1 << 20, maxUncompressedBytes: 10_000 }
    const large = built([{ value: Buffer.alloc(20_000), timestamp: 1 }], {})
    const bomb = built([{ value: Buffer.alloc(20_000), timestamp: 1 }], { codec: 'lz4' })
    for (const type of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
      for (const batch of [large, bomb]) {
        for (const known of [undefined, batch]) {
          assert.throws(() => acceptBatch(batch.bytes, known, small, kept(type)), { code: 'RECORD_LIST_TOO_LARGE' })
        }
      }
    }
    assert.throws(() => acceptBatch(bomb.bytes, undefined, small, kept('uncompressed')), {
      code: 'RECORD_LIST_TOO_LARGE',
    })
    assert.equal(acceptBatch(large.bytes, undefined, small, kept('uncompressed')).sizeInBytes, large.sizeInBytes)
  })

  test('levels are kept to', () => {
    const records = Array.from({ length: 300 }, (_, i) => ({
      value: Buffer.from(`${i * i} ${i % 7} text`),
      timestamp: i,
    }))
    const batch = built(records, {})
    const size = (settings: Parameters<typeof resolveSettings>[0]) =>
      acceptBatch(batch.bytes, batch, limits, packingOf(resolveSettings(settings))).sizeInBytes
    const gzip = (level: number) => size({ 'compression.type': 'gzip', 'compression.gzip.level': level })
    const zstd = (level: number) => size({ 'compression.type': 'zstd', 'compression.zstd.level': level })
    assert.ok(gzip(9) < gzip(1) && gzip(1) < gzip(0))
    assert.ok(zstd(19) < zstd(1) && zstd(1) < zstd(-100))
  })
})

test('which codecs a batch will take', () => {
  const batch = (codec: (typeof codecNames)[number]) => built([{ value: Buffer.from('a'), timestamp: 1 }], { codec })
  const of = (codec: (typeof codecNames)[number], type: (typeof types)[number], isBuilt = false) =>
    codecsFor(batch(codec).bytes, isBuilt ? batch(codec) : undefined, kept(type))
  assert.deepEqual(of('none', 'producer'), [])
  assert.deepEqual(of('gzip', 'producer'), ['gzip'])
  assert.deepEqual(of('gzip', 'producer', true), [])
  assert.deepEqual(of('gzip', 'gzip'), ['gzip'])
  assert.deepEqual(of('gzip', 'gzip', true), [])
  assert.deepEqual(of('gzip', 'zstd', true), ['gzip', 'zstd'])
  assert.deepEqual(of('none', 'zstd'), ['zstd'])
  assert.deepEqual(of('none', 'uncompressed'), [])
  assert.deepEqual(of('lz4', 'uncompressed'), ['lz4'])
  for (let length = 0; length < 61; length++)
    assert.deepEqual(codecsFor(Buffer.alloc(length), undefined, kept('lz4')), [])
  assert.deepEqual(codecsFor(Buffer.alloc(70, 0xff), undefined, kept('lz4')), [])
})
