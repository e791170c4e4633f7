/** Compressed streams as other programs write them: the zstd 1.5 and lz4 1.9 command lines (libzstd, liblz4). */

import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { HoldfastError } from '../../../src/core/errors.js'
import { decompress, prepareCodec } from '../../../src/records/compression/index.js'
import { xxhash32 } from '../../../src/records/compression/xxhash32.js'
import type { Codec } from '../../../src/records/format.js'
import { vectors } from './vectors.js'

const rawRecords = Buffer.from(vectors.none, 'hex').subarray(61)
const repeated = Buffer.from('holdfast '.repeat(20_000)).subarray(0, 150_000)

const zstdSized =
  '28b52ffd242739010022000000046b310476310402680278026e0116000a02010a68656c6c6f0010000604046b3301006b88ae4d'
const zstdStreamed =
  '28b52ffd045839010022000000046b310476310402680278026e0116000a02010a68656c6c6f0010000604046b3301006b88ae4d'
const zstdRepeated = '28b52ffd04588c000048686f6c6466617374200100f4ffcccb1145000008610100ecc90e84b7f97ad4'
const zstdRepeatedSized = '28b52ffda4f04902008c000048686f6c6466617374200100f4ffcccb1145000008610100ecc90e84b7f97ad4'
const skippable = '502a4d1803000000aabbcc'

/** With a checksum of the content, and (below) with its size and checksums of the blocks too. */
const lz4Content =
  '04224d186440a72700008022000000046b310476310402680278026e0116000a02010a68656c6c6f0010000604046b330100000000001d02e2c3'
const lz4Blocks =
  '04224d187c4027000000000000001b2700008022000000046b310476310402680278026e0116000a02010a68656c6c6f0010000604046b3301001d02e2c3000000001d02e2c3'
/** One block of 150000 bytes, in a frame of up to 256 KiB a block. */
const lz4Large = `04224d186050fb5f0200009f686f6c6466617374200900${'ff'.repeat(588)}1b506f6c64666100000000`
/** The same repeated text as three linked blocks. */
const lz4Linked = '04224d1844405e'

const unpack = (codec: Codec, hex: string, maxBytes = 1 << 20): Buffer =>
  decompress(codec, Buffer.from(hex, 'hex'), maxBytes)

const refusedAs = (code: string) => (error: unknown) => error instanceof HoldfastError && error.code === code

before(async () => {
  await prepareCodec('zstd')
})

describe('zstd streams of other programs', () => {
  it('with and without the size in the frame', () => {
    assert.deepEqual(unpack('zstd', zstdSized), rawRecords)
    assert.deepEqual(unpack('zstd', zstdStreamed), rawRecords)
    assert.deepEqual(unpack('zstd', zstdRepeated), repeated)
    assert.deepEqual(unpack('zstd', zstdRepeatedSized), repeated)
  })

  it('of several frames, skippable ones among them', () => {
    const both = unpack('zstd', skippable + zstdStreamed + skippable + zstdRepeatedSized)
    assert.deepEqual(both, Buffer.concat([rawRecords, repeated]))
  })

  it('are refused one byte past the bound and accepted at it', () => {
    for (const hex of [zstdRepeated, zstdRepeatedSized]) {
      assert.deepEqual(unpack('zstd', hex, 150_000), repeated)
      assert.throws(() => unpack('zstd', hex, 149_999), refusedAs('RECORD_LIST_TOO_LARGE'))
      assert.throws(() => unpack('zstd', hex, 0), refusedAs('RECORD_LIST_TOO_LARGE'))
    }
  })

  it('that claim more than their blocks can hold are refused before memory is taken', () => {
    const lie = `28b52ffde0${'00000000ff000000'}${zstdSized.slice(14)}`
    assert.throws(() => unpack('zstd', lie, 2 ** 31), refusedAs('INVALID_RECORD'))
  })
})

describe('lz4 frames of other programs', () => {
  it('with checksums, with the content size, with large blocks', () => {
    assert.deepEqual(unpack('lz4', lz4Content), rawRecords)
    assert.deepEqual(unpack('lz4', lz4Blocks), rawRecords)
    assert.deepEqual(unpack('lz4', lz4Large), repeated)
  })

  it('are refused one byte past the bound and accepted at it', () => {
    assert.deepEqual(unpack('lz4', lz4Large, 150_000), repeated)
    assert.throws(() => unpack('lz4', lz4Large, 149_999), refusedAs('RECORD_LIST_TOO_LARGE'))
  })

  it('with a wrong checksum of a block are refused, of the content not, as Kafka does', () => {
    assert.throws(
      () => unpack('lz4', lz4Blocks.replace('1d02e2c300000000', '1d02e2c400000000')),
      refusedAs('INVALID_RECORD'),
    )
    assert.deepEqual(unpack('lz4', lz4Content.replace(/1d02e2c3$/, '00000000')), rawRecords)
  })

  it('with linked blocks are refused with a message that says so', () => {
    assert.throws(() => unpack('lz4', lz4Linked), /blocks are linked/)
  })

  it('have the checksums of the xxHash specification', () => {
    const text = Buffer.from('Nobody inspects the spammish repetition')
    assert.equal(xxhash32(Buffer.alloc(0), 0, 0), 0x02cc5d05)
    assert.equal(xxhash32(text, 0, text.length), 0xe2293b2f)
  })
})

describe('snappy streams of other programs', () => {
  const header = '82534e41505059000000000100000001'
  /** "hello" as one raw block: its length, a literal of 5. */
  const block = `0510${Buffer.from('hello').toString('hex')}`

  it('of one raw block without the header (librdkafka)', () => {
    assert.equal(unpack('snappy', block).toString(), 'hello')
  })

  it('of several chunks, and of several streams in a row', () => {
    const chunk = `00000007${block}`
    assert.equal(unpack('snappy', header + chunk + chunk).toString(), 'hellohello')
    assert.equal(unpack('snappy', header + chunk + header + chunk).toString(), 'hellohello')
    assert.equal(unpack('snappy', header).length, 0)
  })

  it('with copies of each kind, overlapping ones too', () => {
    // A literal "ab", then copies of 4, 3 and 2 bytes with offsets of one, two and four bytes.
    assert.equal(unpack('snappy', '0b04616201020a02000702000000').toString(), 'abababababa')
  })

  it('with a literal of negative length are refused, not read for ever', () => {
    assert.throws(() => unpack('snappy', '05fcffffffff'), refusedAs('INVALID_RECORD'))
  })
})
