/** Where the records of a group or a transactional id lie. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { partitionOfId } from '../../src/broker/internal-log.js'
import { javaHash } from '../../src/core/java-hash.js'

describe('the partition of an id', () => {
  it("Java's String.hashCode", () => {
    assert.equal(javaHash(''), 0)
    assert.equal(javaHash('hello'), 99162322)
    // Two texts that are known for having the same hash, and one for having the least.
    assert.equal(javaHash('Aa'), javaHash('BB'))
    assert.equal(javaHash('polygenelubricants'), -(2 ** 31))
  })

  it('agrees with the definition in whole numbers', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        let hash = 0n
        for (let i = 0; i < text.length; i++) hash = BigInt.asIntN(32, hash * 31n + BigInt(text.charCodeAt(i)))
        assert.equal(javaHash(text), Number(hash))
      }),
    )
  })

  it('is the absolute value of the hash, 0 for the least number, by the count', () => {
    assert.equal(partitionOfId('hello', 50), 99162322 % 50)
    assert.equal(partitionOfId('polygenelubricants', 50), 0)
    // -1524582912 in Java: the absolute value, not the lower 31 bits.
    assert.equal(javaHash('testing') < 0, true)
    assert.equal(partitionOfId('testing', 50), Math.abs(javaHash('testing')) % 50)
    assert.notEqual(partitionOfId('testing', 50), (javaHash('testing') & 0x7fffffff) % 50)
  })
})
