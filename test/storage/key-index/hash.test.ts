/** The hash of keys is part of a file format, so it must stay what it is; and it must spread. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addToFilter, filterPageOf, filterPagesFor, mayHold } from '../../../src/storage/key-index/filter.js'
import { pageBytes } from '../../../src/storage/key-index/format.js'
import { type Hash, hashInto, type Kind } from '../../../src/storage/key-index/hash.js'

function hashOf(text: string, kind: Kind = 'key'): Hash {
  const bytes = Buffer.from(`..${text}`)
  const hash = { hi: 0, lo: 0 }
  hashInto(bytes, 2, bytes.length, kind, hash)
  return hash
}

test('known values', () => {
  assert.deepEqual(
    ['', 'a', 'ab', 'abc', 'abcd', 'customer-17', 'é'].map((text) => {
      const { hi, lo } = hashOf(text)
      return `${hi.toString(16)} ${lo.toString(16)}`
    }),
    [
      'f932bdda 65086395',
      'a3742316 2a4a924b',
      '893996ad 641467c5',
      '893e899b 2a859381',
      '6fec2858 48d6d63e',
      '91d5b69a efa3c1c',
      'e3b401f 4646aa31',
    ],
  )
})

test('keys and ids, lengths, and zeros at the end are told apart', () => {
  assert.notDeepEqual(hashOf('a', 'key'), hashOf('a', 'id'))
  assert.notDeepEqual(hashOf('a'), hashOf('a\0'))
  assert.notDeepEqual(hashOf(''), hashOf('\0'))
  assert.notDeepEqual(hashOf('abcd'), hashOf('abcd\0\0\0\0'))
})

test('a quarter of a million like keys do not collide, and spread over buckets', () => {
  const count = 250_000
  const seen = new Set<bigint>()
  const buckets = new Uint32Array(256)
  for (let i = 0; i < count; i++) {
    const { hi, lo } = hashOf(`customer-${i}`)
    seen.add((BigInt(hi) << 32n) | BigInt(lo))
    buckets[hi >>> 24]++
  }
  assert.equal(seen.size, count)
  const [least, most] = [Math.min(...buckets), Math.max(...buckets)]
  assert.ok(least > (count / 256) * 0.8 && most < (count / 256) * 1.2, `${least} to ${most} in a bucket`)
})

test('a filter lets pass what it holds, and one in a hundred or less of the rest', () => {
  const count = 20_000
  const pages = filterPagesFor(count)
  const bytes = Buffer.alloc(pages * pageBytes)
  const startOf = ({ hi }: Hash) => filterPageOf(hi, pages) * pageBytes
  const hashes = Array.from({ length: count }, (_, i) => hashOf(`customer-${i}`))
  for (const hash of hashes) addToFilter(bytes, startOf(hash), hash.hi, hash.lo)
  assert.ok(hashes.every((hash) => mayHold(bytes, startOf(hash), hash.hi, hash.lo)))
  const absent = Array.from({ length: count }, (_, i) => hashOf(`customer-${count + i}`))
  const passed = absent.filter((hash) => mayHold(bytes, startOf(hash), hash.hi, hash.lo)).length
  assert.ok(passed < count * 0.015, `${passed} of ${count} passed`)
})
