/** Every codec: what goes in comes out, and nothing that comes from outside crashes it or takes more than its bound. */

import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import fc from 'fast-check'
import { HoldfastError } from '../../src/core/errors.js'
import { compress, decompress, prepareCodec } from '../../src/records/compression/index.js'
import { type Codec, codecNames } from '../../src/records/format.js'

const packing: readonly Codec[] = codecNames.filter((codec) => codec !== 'none')
const tooLarge = (error: unknown) => error instanceof HoldfastError && error.code === 'RECORD_LIST_TOO_LARGE'

/** Bytes that compress, bytes that do not, and both, over several blocks of every codec. */
const contents: fc.Arbitrary<Buffer> = fc
  .tuple(fc.uint8Array({ maxLength: 300 }), fc.nat(2000), fc.uint8Array({ maxLength: 100_000, size: 'max' }))
  .map(([unit, times, rest]) => Buffer.concat([...Array.from({ length: times }, () => unit), rest]))

before(async () => {
  await prepareCodec('zstd')
})

/** Unpacks bytes from anywhere: the result within the bound, or a HoldfastError; anything else fails the test. */
function unpackAnything(codec: Codec, bytes: Buffer, maxBytes: number): void {
  try {
    assert.ok(decompress(codec, bytes, maxBytes).length <= maxBytes)
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error
    assert.ok(['INVALID_RECORD', 'RECORD_LIST_TOO_LARGE'].includes(error.code), error.code)
  }
}

for (const codec of packing) {
  describe(codec, () => {
    it('gives back what was packed', () => {
      fc.assert(
        fc.property(contents, (bytes) => {
          const packed = compress(codec, bytes)
          assert.ok(decompress(codec, packed, bytes.length).equals(bytes))
        }),
        { numRuns: 40 },
      )
      assert.equal(decompress(codec, compress(codec, Buffer.alloc(0)), 0).length, 0)
    })

    it('takes a plain Uint8Array inside a larger memory', () => {
      const bytes = new Uint8Array(1000).fill(7).subarray(100, 900)
      assert.deepEqual(decompress(codec, new Uint8Array(compress(codec, bytes)), 800), Buffer.alloc(800, 7))
    })

    it('refuses to unpack one byte more than its bound', () => {
      for (const size of [1, 1000, 65_536, 65_537, 400_000]) {
        const packed = compress(codec, Buffer.alloc(size, 'abc'))
        assert.equal(decompress(codec, packed, size).length, size)
        assert.throws(() => decompress(codec, packed, size - 1), tooLarge, `${size} bytes`)
        assert.throws(() => decompress(codec, packed, 0), tooLarge)
      }
    })

    it('refuses a bomb without unpacking it', () => {
      const bomb = compress(codec, Buffer.alloc(64 << 20))
      const before = process.memoryUsage().rss
      assert.throws(() => decompress(codec, bomb, 1 << 20), tooLarge)
      assert.ok(process.memoryUsage().rss - before < 32 << 20)
    })

    it('refuses a stream that is cut off, at every byte', () => {
      const packed = compress(codec, Buffer.from('some text, some text, some more text. '.repeat(20)))
      for (let length = 0; length < packed.length; length++) {
        if (codec === 'snappy' && length === 16) continue // The header alone is a whole stream of no chunks.
        assert.throws(() => decompress(codec, packed.subarray(0, length), 1 << 20), { code: 'INVALID_RECORD' })
      }
    })

    it('survives any bytes', () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 500 }), fc.nat(5000), (bytes, maxBytes) => {
          unpackAnything(codec, Buffer.from(bytes), maxBytes)
        }),
      )
    })

    it('survives any damage to a stream of its own', () => {
      const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 })
      fc.assert(
        fc.property(fc.string({ maxLength: 50 }), damage, fc.nat(10_000), (unit, changes, maxBytes) => {
          const packed = Buffer.from(compress(codec, Buffer.from(`${unit} and `.repeat(60))))
          for (const [position, value] of changes) packed[position % packed.length] = value
          unpackAnything(codec, packed, maxBytes)
        }),
        { numRuns: 300 },
      )
    })
  })
}

describe('none', () => {
  it('is the same bytes, under the same bound', () => {
    const bytes = Buffer.from('records')
    assert.equal(compress('none', bytes), bytes)
    assert.equal(decompress('none', bytes, 7), bytes)
    assert.throws(() => decompress('none', bytes, 6), tooLarge)
    assert.equal(prepareCodec('none'), undefined)
  })
})
