/** What a broker refuses, and with which error; and that nothing gets through, or crashes it. */

import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import fc from 'fast-check'
import { type ErrorCode, HoldfastError } from '../../src/core/errors.js'
import { RecordBatch } from '../../src/records/batch.js'
import { BatchBuilder, type BatchOptions, buildBatch } from '../../src/records/builder.js'
import { compress, prepareCodec } from '../../src/records/compression/index.js'
import { controlBatch } from '../../src/records/end-marker.js'
import { at, codecNames, logOverheadBytes } from '../../src/records/format.js'
import { readRecords } from '../../src/records/reader.js'
import { verifyBuiltBatch, verifyProducedBatch } from '../../src/records/verify.js'

const limits = { maxBatchBytes: 1 << 20, maxUncompressedBytes: 1 << 20 }
const base = 1_700_000_000_000

const records = [
  {
    timestamp: base,
    key: Buffer.from('k1'),
    value: Buffer.from('v1'),
    headers: [{ key: 'h', value: Buffer.from('x') }],
  },
  { timestamp: base + 5, value: Buffer.from('hello') },
  { timestamp: base + 3, key: Buffer.from('k3') },
]

before(async () => {
  await prepareCodec('zstd')
})

/** Sets the CRC right, so that the checks after it are reached. */
function sealed(bytes: Buffer): Buffer {
  bytes.writeUInt32BE(new RecordBatch(bytes).computeCrc(), at.crc)
  return bytes
}

/** A valid batch, changed by `change`, with the right CRC. */
function changed(change: (bytes: Buffer) => void, options = {}): Buffer {
  const { bytes } = buildBatch(records, options)
  change(bytes)
  return sealed(bytes)
}

/** A batch of these raw bytes of records. */
function raw(recordsHex: string, count: number): Buffer {
  const header = Buffer.from(buildBatch([{ timestamp: base }]).bytes.subarray(0, at.records))
  const bytes = Buffer.concat([header, Buffer.from(recordsHex, 'hex')])
  bytes.writeInt32BE(bytes.length - logOverheadBytes, at.batchLength)
  bytes.writeInt32BE(count - 1, at.lastOffsetDelta)
  bytes.writeInt32BE(count, at.recordsCount)
  return sealed(bytes)
}

function refuses(code: ErrorCode, bytes: Buffer, message?: RegExp, given = limits): void {
  assert.throws(
    () => verifyProducedBatch(bytes, given),
    (error: unknown) => {
      assert.ok(error instanceof HoldfastError, String(error))
      assert.equal(error.code, code, error.message)
      if (message) assert.match(error.message, message)
      return true
    },
  )
}

describe('the frame of a produced batch', () => {
  it('must be complete and alone', () => {
    const { bytes } = buildBatch(records)
    for (const length of [0, 12, 16, 17, 60, 61, bytes.length - 1])
      refuses('CORRUPT_MESSAGE', bytes.subarray(0, length))
    refuses('CORRUPT_MESSAGE', Buffer.concat([bytes, Buffer.alloc(1)]))
    refuses('INVALID_RECORD', Buffer.concat([bytes, bytes]), /one batch/)
    const short = Buffer.from(bytes)
    short.writeInt32BE(48, at.batchLength)
    refuses('CORRUPT_MESSAGE', short, /length of 48/)
  })

  it('must have magic 2, and the older ones have an error of their own', () => {
    for (const [magic, code] of [
      [0, 'UNSUPPORTED_FOR_MESSAGE_FORMAT'],
      [1, 'UNSUPPORTED_FOR_MESSAGE_FORMAT'],
      [3, 'CORRUPT_MESSAGE'],
      [255, 'CORRUPT_MESSAGE'],
    ] as const) {
      const { bytes } = buildBatch(records)
      bytes[at.magic] = magic
      refuses(code, bytes)
    }
    // A message set of magic 1 with one small message is shorter than the header of a batch.
    const old = Buffer.alloc(36)
    old.writeInt32BE(24, 8)
    old[16] = 1
    refuses('UNSUPPORTED_FOR_MESSAGE_FORMAT', old)
  })

  it('must not be larger than is accepted', () => {
    const { bytes } = buildBatch(records)
    refuses('MESSAGE_TOO_LARGE', bytes, /max\.message\.bytes/, { ...limits, maxBatchBytes: bytes.length - 1 })
    verifyProducedBatch(bytes, { ...limits, maxBatchBytes: bytes.length })
  })

  it('must have the right CRC', () => {
    const { bytes } = buildBatch(records)
    bytes[bytes.length - 1] ^= 1
    refuses('CORRUPT_MESSAGE', bytes, /CRC/)
  })
})

describe('the header of a produced batch', () => {
  it('must count its records as they are', () => {
    refuses(
      'INVALID_RECORD',
      changed((bytes) => bytes.writeInt32BE(0, at.recordsCount)),
      /recordsCount 0/,
    )
    refuses(
      'INVALID_RECORD',
      changed((bytes) => bytes.writeInt32BE(-1, at.recordsCount)),
    )
    refuses(
      'INVALID_RECORD',
      changed((bytes) => bytes.writeInt32BE(3, at.lastOffsetDelta)),
      /lastOffsetDelta 3; expected 2/,
    )
    for (const count of [2, 4, 2 ** 31 - 1]) {
      for (const codec of codecNames) {
        const bytes = changed(
          (batch) => {
            batch.writeInt32BE(count, at.recordsCount)
            batch.writeInt32BE(count - 1, at.lastOffsetDelta)
          },
          { codec },
        )
        refuses('INVALID_RECORD', bytes)
      }
    }
  })

  it('must not have bits that are not a producer’s', () => {
    for (const bit of [0x20, 0x40, 0x80, 0x100, 0x8000]) {
      refuses(
        'INVALID_RECORD',
        changed((bytes) => bytes.writeUInt16BE(bit, at.attributes)),
      )
    }
    refuses(
      'INVALID_TIMESTAMP',
      changed((bytes) => bytes.writeUInt16BE(8, at.attributes)),
    )
    const end = { producerId: 7, producerEpoch: 3, coordinatorEpoch: 9, timestamp: 1 }
    refuses('INVALID_RECORD', controlBatch({ ...end, outcome: 'ABORT' }).bytes, /control/)
    for (const codec of [5, 6, 7]) {
      refuses(
        'UNSUPPORTED_COMPRESSION_TYPE',
        changed((bytes) => bytes.writeUInt16BE(codec, at.attributes)),
      )
    }
  })

  it('must have the epoch and the sequence of its producer', () => {
    const producer = { producerId: 7, producerEpoch: 0, baseSequence: 0 }
    verifyProducedBatch(buildBatch(records, producer).bytes, limits)
    verifyProducedBatch(buildBatch(records, { ...producer, isTransactional: true }).bytes, limits)
    refuses('INVALID_RECORD', buildBatch(records, { ...producer, producerEpoch: -1 }).bytes, /producerEpoch -1/)
    refuses('INVALID_RECORD', buildBatch(records, { ...producer, baseSequence: -1 }).bytes, /baseSequence -1/)
    refuses('INVALID_RECORD', buildBatch(records, { isTransactional: true }).bytes, /producerId -1/)
  })

  it('must have timestamps that can be stored', () => {
    refuses(
      'INVALID_TIMESTAMP',
      changed((bytes) => bytes.writeBigInt64BE(2n ** 53n, at.baseTimestamp)),
    )
    refuses(
      'INVALID_TIMESTAMP',
      changed((bytes) => bytes.writeBigInt64BE(-(2n ** 63n), at.maxTimestamp)),
    )
    // Both header fields are fine; base and delta together are not.
    const far = changed((bytes) => bytes.writeBigInt64BE(2n ** 53n - 2n, at.baseTimestamp))
    refuses('INVALID_TIMESTAMP', far, /largest timestamp/)
  })

  it('has its largest timestamp corrected in place', () => {
    for (const codec of codecNames) {
      const bytes = changed((batch) => batch.writeBigInt64BE(99n, at.maxTimestamp), { codec })
      const batch = verifyProducedBatch(bytes, limits)
      assert.equal(batch.bytes, bytes)
      assert.equal(batch.maxTimestamp, base + 5)
      assert.ok(batch.crcMatches())
    }
  })
})

describe('the records of a produced batch', () => {
  const good = '0c000000010100'

  it('may be the smallest there are', () => {
    verifyProducedBatch(raw(good, 1), limits)
  })

  it('must hold together', () => {
    const bad: Record<string, [string, number, RegExp]> = {
      'bytes after the last': [`${good}00`, 1, /remain/],
      'a negative length': ['01000000010100', 1, /length -1/],
      'a length past the end': ['0e000000010100', 1, /length 7/],
      'a length of another field': ['0c00000001010000', 1, /remain/],
      'a length too short for its fields': ['0a00000001010000', 1, /ends at byte/],
      'a length too long for its fields': ['0e00000001010000', 1, /ends at byte/],
      'a wrong offset delta': ['0c000002010100', 1, /offset delta 1; expected 0/],
      'the same offset delta twice': [good + good, 2, /Record 1 .*offset delta 0/],
      'a key longer than the record': ['0c000000080100', 1, /key length 4/],
      'a key length under -1': ['0c000000030100', 1, /key length -2/],
      'a value longer than the record': ['0c000000010800', 1, /value length 4/],
      'a negative header count': ['0c000000010101', 1, /header count -1/],
      'more headers than bytes': ['12000000010106000000', 1, /header count 3/],
      'a header key of null': ['100000000101020100', 1, /header key length -1/],
      'a varint without end': ['ffffffffffffff', 1, /varint/],
    }
    for (const [what, [hex, count, message]] of Object.entries(bad)) {
      refuses('INVALID_RECORD', raw(hex, count), message)
      const batch = new RecordBatch(raw(hex, count))
      // A reader takes any offset deltas, since compaction leaves holes; all else it refuses as well.
      if (what.includes('offset delta')) assert.equal(readRecords(batch).length, count)
      else assert.throws(() => readRecords(batch), { code: 'INVALID_RECORD' }, what)
    }
  })

  it('must not unpack to more than is accepted', () => {
    for (const codec of codecNames.slice(1)) {
      const bytes = buildBatch([{ timestamp: base, value: Buffer.alloc(100_000) }], { codec }).bytes
      verifyProducedBatch(bytes, { ...limits, maxUncompressedBytes: 100_020 })
      refuses('RECORD_LIST_TOO_LARGE', bytes, undefined, { ...limits, maxUncompressedBytes: 100_000 })
    }
  })

  it('must be a stream of the codec that the header names', () => {
    for (const codec of codecNames.slice(1)) {
      for (const area of ['', '00', 'ffffffffffffffffffffff', good]) {
        const bytes = raw(area, 1)
        bytes.writeInt16BE(codecNames.indexOf(codec), at.attributes)
        refuses('INVALID_RECORD', sealed(bytes))
      }
    }
    // And what it holds must be records.
    const bytes = raw(compress('gzip', Buffer.from('no records')).toString('hex'), 1)
    bytes.writeInt16BE(1, at.attributes)
    refuses('INVALID_RECORD', sealed(bytes))
  })
})

describe('whatever the bytes', () => {
  it('one flipped bit is refused, or lies outside the CRC', () => {
    for (const codec of codecNames) {
      const { bytes } = buildBatch(records, { codec, producerId: 1, producerEpoch: 1, baseSequence: 1 })
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const flipped = Buffer.from(bytes)
        const position = bit >> 3
        flipped[position] ^= 1 << (bit & 7)
        const isOutside = position < at.batchLength || (position >= at.partitionLeaderEpoch && position < at.magic)
        if (isOutside) verifyProducedBatch(flipped, limits)
        else assert.throws(() => verifyProducedBatch(flipped, limits), HoldfastError, `${codec}, bit ${bit}`)
      }
    }
  })

  it('damage under a right CRC is refused or is a batch that can be read', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 })
    fc.assert(
      fc.property(fc.constantFrom(...codecNames), damage, (codec, changes) => {
        const { bytes } = buildBatch(records, { codec })
        for (const [position, value] of changes) {
          bytes[at.attributes + (position % (bytes.length - at.attributes))] = value
        }
        let batch: RecordBatch
        try {
          batch = verifyProducedBatch(sealed(bytes), limits)
        } catch (error) {
          if (!(error instanceof HoldfastError)) throw error
          return
        }
        const read = readRecords(batch)
        assert.equal(read.length, batch.recordsCount)
        assert.equal(Math.max(...read.map((record) => record.timestamp)), batch.maxTimestamp)
        assert.ok(batch.crcMatches())
      }),
      { numRuns: 2000 },
    )
  })

  it('random bytes are refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        assert.throws(() => verifyProducedBatch(Buffer.from(bytes), limits), HoldfastError)
      }),
    )
  })
})

describe('a batch that was built in this process', () => {
  const built = (options: BatchOptions = {}, size = 10) => {
    const builder = new BatchBuilder(options)
    builder.append({ value: Buffer.alloc(size), timestamp: 1 })
    return builder.build()
  }

  it('is taken as it is, in every codec', () => {
    for (const codec of codecNames) {
      const batch = built({ codec })
      const before = Buffer.from(batch.bytes)
      assert.equal(verifyBuiltBatch(batch, limits), batch)
      assert.deepEqual(batch.bytes, before)
      assert.deepEqual(verifyProducedBatch(batch.bytes, limits).bytes, before, 'the whole check finds nothing either')
    }
  })

  it('keeps the limits', () => {
    assert.throws(() => verifyBuiltBatch(built(), { ...limits, maxBatchBytes: 61 }), { code: 'MESSAGE_TOO_LARGE' })
    const bomb = built({ codec: 'gzip' }, 10_000)
    assert.throws(() => verifyBuiltBatch(bomb, { ...limits, maxUncompressedBytes: 10_000 }), {
      code: 'RECORD_LIST_TOO_LARGE',
    })
    assert.equal(verifyBuiltBatch(built({}, 10_000), { ...limits, maxUncompressedBytes: 10 }).recordsCount, 1)
  })

  it('is of a kind that a client may produce', () => {
    for (const options of [{ isControl: true }, { isTransactional: true }, { producerId: 5, producerEpoch: -1 }]) {
      assert.throws(() => verifyBuiltBatch(built(options), limits), { code: 'INVALID_RECORD' })
    }
  })
})

it('a topic that is compacted takes no record without a key, from outside or built here', () => {
  const keyed = { key: Buffer.from('k'), value: null, timestamp: 1 }
  const keyless = { key: null, value: Buffer.from('v'), timestamp: 1 }
  for (const codec of ['none', 'gzip'] as const) {
    for (const [records, isRefused] of [[[keyed, keyed], false] as const, [[keyed, keyless], true] as const]) {
      const builder = new BatchBuilder({ codec })
      for (const record of records) builder.append(record)
      const built = builder.build()
      const ways = [
        (needsKeys: boolean) => verifyProducedBatch(Buffer.from(built.bytes), { ...limits, needsKeys }),
        (needsKeys: boolean) => verifyBuiltBatch(built, { ...limits, needsKeys }),
      ]
      for (const verify of ways) {
        verify(false)
        if (isRefused) assert.throws(() => verify(true), { code: 'INVALID_RECORD' })
        else verify(true)
      }
    }
  }
})
