/** The records of `__transaction_state`: their bytes, and those that only Kafka writes. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { transactionStatuses } from '../../../src/broker/transactions/contract.js'
import {
  decodeKey,
  decodeValue,
  encodeKey,
  encodeValue,
  type StoredTransaction,
} from '../../../src/broker/transactions/format.js'
import { noPartitions, partitionSetOf, placesOf } from '../../../src/broker/transactions/partition-set.js'
import { HoldfastError } from '../../../src/core/errors.js'

const ongoing: StoredTransaction = {
  producerId: 7,
  producerEpoch: 3,
  nextProducerId: -1,
  timeoutMs: 60_000,
  status: 'Ongoing',
  partitions: partitionSetOf([
    { topic: 'a', partition: 0 },
    { topic: 'a', partition: 2 },
  ]),
  startMs: 5,
  updatedMs: 6,
}

describe('the records of __transaction_state', () => {
  it('are written as Kafka writes them', () => {
    assert.equal(encodeKey('tx').toString('hex'), '0000' + '00027478')
    assert.equal(
      encodeValue(ongoing).toString('hex'),
      '0000' +
        '0000000000000007' +
        '0003' +
        '0000ea60' +
        '01' +
        // One topic, "a", with partitions 0 and 2.
        '00000001' +
        '000161' +
        '00000002' +
        '00000000' +
        '00000002' +
        '0000000000000006' +
        '0000000000000005',
    )
    const empty = encodeValue({ ...ongoing, status: 'Empty', partitions: noPartitions, startMs: -1 })
    assert.equal(empty.subarray(16, 21).toString('hex'), '00ffffffff', 'no partitions at all in the state Empty')
  })

  it('come back from their bytes', () => {
    const place = fc.record({ topic: fc.constantFrom('a', 'b', 'c'), partition: fc.nat(5) })
    const stored = fc.record({
      producerId: fc.maxSafeNat(),
      producerEpoch: fc.integer({ min: 0, max: 0x7fff }),
      timeoutMs: fc.nat(),
      status: fc.constantFrom(...transactionStatuses),
      places: fc.array(place),
      startMs: fc.maxSafeInteger(),
      updatedMs: fc.maxSafeInteger(),
    })
    fc.assert(
      fc.property(stored, fc.string({ unit: 'grapheme', minLength: 1 }), ({ places, ...rest }, id) => {
        const partitions = partitionSetOf(rest.status === 'Empty' ? [] : places)
        const value = { ...rest, nextProducerId: -1, partitions }
        const back = decodeValue(encodeValue(value))
        assert.deepEqual(
          { ...back, partitions: placesOf(back.partitions) },
          { ...value, partitions: placesOf(partitions) },
        )
        assert.equal(decodeKey(encodeKey(id)), id)
      }),
    )
  })

  it('are read in the flexible version that newer Kafkas write, tags and all', () => {
    const bytes = Buffer.from(
      '0001' +
        '0000000000000007' +
        '0003' +
        '0000ea60' +
        '02' +
        // One topic, compact: "a" with partition 2, and no tagged fields.
        '02' +
        '0261' +
        '02' +
        '00000002' +
        '00' +
        '0000000000000006' +
        '0000000000000005' +
        // Three tagged fields: the producer id before, the one to come, and the client's version.
        '03' +
        '0008' +
        '0000000000000001' +
        '0108' +
        '0000000000000009' +
        '0202' +
        '0002',
      'hex',
    )
    const { partitions, ...rest } = decodeValue(bytes)
    assert.deepEqual(placesOf(partitions), [{ topic: 'a', partition: 2 }])
    assert.deepEqual(rest, {
      producerId: 7,
      producerEpoch: 3,
      nextProducerId: 9,
      timeoutMs: 60_000,
      status: 'PrepareCommit',
      startMs: 5,
      updatedMs: 6,
    })
  })

  it('that make no sense are refused, and keys of other versions passed over', () => {
    const invalid = (bytes: Buffer) =>
      assert.throws(
        () => decodeValue(bytes),
        (error) => error instanceof HoldfastError && error.code === 'INVALID_RECORD',
      )
    const good = encodeValue(ongoing)
    for (let length = 0; length < good.length; length++) invalid(good.subarray(0, length))
    invalid(Buffer.concat([good, Buffer.alloc(1)]))
    const odd = Buffer.from(good)
    odd[16] = 99
    invalid(odd)
    odd.writeInt16BE(2, 0)
    invalid(odd)
    assert.equal(decodeKey(Buffer.from([0, 1, 0, 0])), undefined)
  })
})
