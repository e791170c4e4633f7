/** 64-bit integers as numbers: exact to 2^53, nearest beyond, clamped at the ends. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { readInt64, writeInt64 } from '../../../src/core/codec/index.js'

const written = (value: number): Buffer => {
  const buffer = Buffer.alloc(8)
  writeInt64(buffer, value, 0)
  return buffer
}

describe('int64', () => {
  it('agrees with BigInt on every safe integer', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        const expected = Buffer.alloc(8)
        expected.writeBigInt64BE(BigInt(value))
        assert.deepEqual(written(value), expected)
        assert.equal(readInt64(expected, 0), value)
      }),
    )
  })

  it('reads any 64 bits as the nearest number, and writes that back as near', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        const buffer = Buffer.alloc(8)
        buffer.writeBigInt64BE(value)
        assert.equal(readInt64(buffer, 0), Number(value))
        const nearest = BigInt(Number(value))
        assert.equal(written(Number(value)).readBigInt64BE(), nearest > 2n ** 63n - 1n ? 2n ** 63n - 1n : nearest)
      }),
    )
  })

  it('clamps at the ends of the range', () => {
    assert.equal(written(2 ** 63).readBigInt64BE(), 2n ** 63n - 1n)
    assert.equal(written(Number.POSITIVE_INFINITY).readBigInt64BE(), 2n ** 63n - 1n)
    assert.equal(written(-(2 ** 63)).readBigInt64BE(), -(2n ** 63n))
    assert.equal(written(-(2 ** 70)).readBigInt64BE(), -(2n ** 63n))
  })
})
