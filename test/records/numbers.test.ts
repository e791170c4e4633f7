/** The three number formats of a batch: i64, varints and the CRC. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { readInt64, writeInt64 } from '../../src/core/codec/int64.js'
import { HoldfastError } from '../../src/core/errors.js'
import { crc32c, crc32cPure } from '../../src/records/crc32c.js'
import { VarintReader, varintSize, varlongSize, writeVarint, writeVarlong } from '../../src/records/varint.js'

const refused = (error: unknown) => error instanceof HoldfastError && error.code === 'INVALID_RECORD'
const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
const anyNumber = fc.oneof(int32, fc.maxSafeInteger())

describe('int64', () => {
  it('is exact for safe integers and the same as BigInt', () => {
    const buffer = Buffer.alloc(9)
    fc.assert(
      fc.property(anyNumber, (value) => {
        writeInt64(buffer, value, 1)
        assert.equal(buffer.readBigInt64BE(1), BigInt(value))
        assert.equal(readInt64(buffer, 1), value)
      }),
    )
  })

  it('reads the nearest double beyond, and writes it back within the range', () => {
    const buffer = Buffer.alloc(8)
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        buffer.writeBigInt64BE(value)
        const read = readInt64(buffer, 0)
        assert.equal(read, Number(value))
        writeInt64(buffer, read, 0)
        assert.equal(
          buffer.readBigInt64BE(),
          BigInt.asIntN(64, BigInt(read)) === -(2n ** 63n) && value > 0n ? 2n ** 63n - 1n : BigInt(read),
        )
      }),
    )
  })

  it('clamps at the ends of its range', () => {
    const buffer = Buffer.alloc(8)
    const written = (value: number): string => {
      writeInt64(buffer, value, 0)
      return buffer.toString('hex')
    }
    assert.equal(written(2 ** 63), '7fffffffffffffff')
    assert.equal(written(1e300), '7fffffffffffffff')
    assert.equal(written(-(2 ** 63)), '8000000000000000')
    assert.equal(written(-1e300), '8000000000000000')
    assert.equal(written(-1), 'ffffffffffffffff')
  })
})

describe('varints', () => {
  const buffer = Buffer.alloc(16)

  it('are the bytes of the format', () => {
    const written = (value: number): string => buffer.toString('hex', 0, writeVarint(buffer, 0, value))
    assert.deepEqual([0, -1, 1, 44, -64, 64, 2 ** 31 - 1, -(2 ** 31)].map(written), [
      '00',
      '01',
      '02',
      '58',
      '7f',
      '8001',
      'feffffff0f',
      'ffffffff0f',
    ])
  })

  it('are read as they were written, in the size foretold', () => {
    fc.assert(
      fc.property(int32, (value) => {
        const end = writeVarint(buffer, 0, value)
        assert.equal(end, varintSize(value))
        const reader = new VarintReader(buffer, 0, end)
        assert.equal(reader.readVarint(), value)
        assert.equal(reader.position, end)
      }),
    )
  })

  it('of 64 bits too, the same as BigInt', () => {
    fc.assert(
      fc.property(anyNumber, (value) => {
        const end = writeVarlong(buffer, 0, value)
        assert.equal(end, varlongSize(value))
        let zigzag = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n))
        for (let index = 0; index < end; index++, zigzag >>= 7n) {
          assert.equal(buffer[index], Number(zigzag & 0x7fn) + (index < end - 1 ? 0x80 : 0))
        }
        const reader = new VarintReader(buffer, 0, end)
        assert.equal(reader.readVarlong(), value)
        assert.equal(reader.position, end)
      }),
    )
  })

  it('at the ends of 64 bits are read near their value', () => {
    const longest = (first: string) => new VarintReader(Buffer.from(`${first}ffffffffffffffff01`, 'hex')).readVarlong()
    assert.equal(longest('fe'), 2 ** 63)
    assert.equal(longest('ff'), -(2 ** 63))
  })

  it('that are too long, too large or cut off are refused', () => {
    const read = (hex: string) => new VarintReader(Buffer.from(hex, 'hex'))
    for (const hex of ['', '80', 'ffffffff', 'ffffffff10', 'ffffffffff01']) {
      assert.throws(() => read(hex).readVarint(), refused, hex)
    }
    for (const hex of ['', 'ff', 'ffffffffffffffffff02', 'ffffffffffffffffffff01']) {
      assert.throws(() => read(hex).readVarlong(), refused, hex)
    }
    const bounded = new VarintReader(Buffer.from('8001', 'hex'), 0, 1)
    assert.throws(() => bounded.readVarint(), refused)
  })
})

describe('crc32c', () => {
  it('has the check value of the polynomial', () => {
    assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283)
    assert.equal(crc32cPure(Buffer.from('123456789')), 0xe3069283)
    assert.equal(crc32c(Buffer.alloc(0)), 0)
    // RFC 3720, B.4: 32 bytes of zeroes, of ones.
    assert.equal(crc32cPure(Buffer.alloc(32)), 0x8a9136aa)
    assert.equal(crc32cPure(Buffer.alloc(32, 0xff)), 0x62a8ab43)
  })

  it('is the same by native code and by tables, whole and in any two parts', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), fc.nat(2000), (bytes, at) => {
        const whole = crc32c(bytes)
        assert.equal(crc32cPure(bytes), whole)
        assert.equal(crc32c(bytes.subarray(at), crc32c(bytes.subarray(0, at))), whole)
        assert.equal(crc32cPure(bytes.subarray(at), crc32cPure(bytes.subarray(0, at))), whole)
      }),
    )
  })
})
