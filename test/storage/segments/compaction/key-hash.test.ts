/** The hash of keys against the published vectors of Chaskey-12, and the map that holds it against a plain one. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { KeyHash } from '../../../../src/storage/segments/compaction/key-hash.js'
import { entryBytes, OffsetMap } from '../../../../src/storage/segments/compaction/offset-map.js'

const seed = Buffer.from('33343d839f389f004fe6982339cf7a41', 'hex')

function hashed(hash: KeyHash, bytes: Uint8Array, start = 0, end = bytes.length): string {
  hash.update(bytes, start, end)
  return [hash.h0, hash.h1, hash.h2, hash.h3].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join(' ')
}

describe('the hash of keys', () => {
  // Of the bytes 0, 1, 2 … under that key, by their number; from the authors' reference implementation.
  const vectors: Record<number, string> = {
    0: '43cb1f41 51eba0c2 ff0a8ac3 7ee3f642',
    1: 'f9ac2067 9c35a846 441aad3d 777b7330',
    3: '8c5e6ab9 5035adfb bff69f98 965516d9',
    4: '0b2b62db 1e9e3f50 a1b8dcad b4279ae0',
    7: 'b7d29cb8 40a2819d ae403cdb 6fbefa95',
    8: '9faf57d6 f4bc02cf 6af6d831 d2930d90',
    12: 'c040258c f25392c0 9f6b5dc0 35c3d638',
    15: '03cfb44b 283c8163 fca71448 c40a0aea',
    16: '5dd0e2a9 fb5eac8c 633a392e 500c36f3',
    17: '8b5f6d5a 202314f6 22092368 9639e606',
    31: '1d3d30b1 01d74fca 3b2eb54c d8cd36b4',
    32: '77962784 07c647fa dd752c0f d2f5a799',
    33: 'd74bb867 2c0dfb3a b697e9cd 5658edda',
    48: 'f36e748b 8f34677f 1e00ba1b dd7da46d',
    63: '2dd072e1 42b89efe fb26b615 049aa451',
  }
  for (const [length, expected] of Object.entries(vectors)) {
    test(`of ${length} bytes is the published one`, () => {
      const bytes = Buffer.from(Array.from({ length: 80 }, (_, i) => (i - 8) & 0xff))
      assert.equal(hashed(new KeyHash(seed), bytes, 8, 8 + Number(length)), expected)
    })
  }

  test('depends on the seed and on every byte', () => {
    const key = Buffer.from('a key of some length')
    const one = hashed(new KeyHash(seed), key)
    assert.notEqual(hashed(new KeyHash(Buffer.alloc(16)), key), one)
    for (let i = 0; i < key.length; i++) {
      const other = Buffer.from(key)
      other[i] ^= 1
      assert.notEqual(hashed(new KeyHash(seed), other), one)
    }
  })
})

describe('the map of offsets', () => {
  test('finds what a plain map finds, up to its load', () => {
    const put = fc.record({ key: fc.integer({ min: 0, max: 40 }), step: fc.integer({ min: 1, max: 2 ** 45 }) })
    fc.assert(
      fc.property(fc.array(put, { maxLength: 120 }), fc.integer({ min: 3, max: 60 }), (puts, slots) => {
        const map = new OffsetMap(new KeyHash(seed), slots * entryBytes, 0.9)
        const model = new Map<number, number>()
        let offset = -1
        for (const { key, step } of puts) {
          if (map.isFull) break
          offset += step
          const bytes = Buffer.from(`key ${key}`)
          map.put(bytes, 0, bytes.length, offset)
          model.set(key, offset)
          assert.equal(map.latestOffset, offset)
        }
        assert.equal(map.size, model.size)
        assert.ok(map.size <= Math.max(1, Math.floor(slots * 0.9)))
        for (let key = 0; key <= 41; key++) {
          const bytes = Buffer.from(`key ${key}`)
          assert.equal(map.get(bytes, 0, bytes.length), model.get(key) ?? -1)
        }
      }),
    )
  })

  test('takes no more than it was given', () => {
    const map = new OffsetMap(new KeyHash(seed), 1000 * entryBytes, 0.5)
    let offset = 0
    while (!map.isFull) map.put(Buffer.from(`${offset}`), 0, `${offset}`.length, offset++)
    assert.equal(map.size, 500)
  })
})
