/** Subscriptions and assignments, against kafkajs's codecs and the bytes of newer versions. */

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from '../../src/client/consumer-protocol.js'

const require = createRequire(import.meta.url)
const { MemberAssignment, MemberMetadata } = require('kafkajs/src/consumer/assignerProtocol') as {
  MemberMetadata: {
    encode(value: { version: number; topics: string[]; userData?: Buffer }): Buffer
    decode(bytes: Buffer): { version: number; topics: string[]; userData: Buffer | null }
  }
  MemberAssignment: {
    encode(value: { version: number; assignment: Record<string, number[]> }): Buffer
    decode(bytes: Buffer): { version: number; assignment: Record<string, number[]> } | null
  }
}

const topic = fc.string({ unit: fc.constantFrom(...'abcXYZ019._-'), minLength: 1, maxLength: 20 })
const assignment = fc.dictionary(topic, fc.uniqueArray(fc.nat(10_000), { maxLength: 8 }))

describe('the consumer protocol', () => {
  it('writes subscriptions that kafkajs reads, and reads those it writes', () => {
    fc.assert(
      fc.property(fc.array(topic, { maxLength: 6 }), (topics) => {
        assert.deepEqual(MemberMetadata.decode(encodeSubscription(topics)).topics, topics)
        assert.deepEqual(decodeSubscription(MemberMetadata.encode({ version: 0, topics })), topics)
      }),
    )
  })

  it('writes assignments that kafkajs reads, and reads those it writes', () => {
    fc.assert(
      fc.property(assignment, (given) => {
        const ours = MemberAssignment.decode(encodeAssignment(new Map(Object.entries(given))))
        assert.deepEqual({ ...ours?.assignment }, { ...given })
        const read = decodeAssignment(MemberAssignment.encode({ version: 0, assignment: given }))
        assert.deepEqual(read, new Map(Object.entries(given)))
      }),
    )
  })

  it('writes version 1: the topics, no user data, no owned partitions', () => {
    assert.equal(encodeSubscription(['ab']).toString('hex'), '0001' + '00000001' + '00026162' + 'ffffffff' + '00000000')
  })

  it('reads the head of every newer version', () => {
    const ownedPartitions = '00000001' + '00026162' + '00000001' + '00000003'
    const generationAndRack = '00000007' + '00017a'
    const bytes = Buffer.from(`0003000000010002616200000001ff${ownedPartitions}${generationAndRack}`, 'hex')
    assert.deepEqual(decodeSubscription(bytes), ['ab'])
  })

  it('takes no bytes for no assignment', () => {
    assert.deepEqual(decodeAssignment(Buffer.alloc(0)), new Map())
  })

  it('refuses what is cut off', () => {
    const whole = encodeSubscription(['orders', 'users']).subarray(0, -8)
    for (let length = 0; length < whole.length; length++) {
      assert.throws(() => decodeSubscription(whole.subarray(0, length)), { code: 'INVALID_REQUEST' })
    }
  })
})
