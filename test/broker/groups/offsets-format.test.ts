/** The record formats against bytes laid out by hand from Kafka's schemas, and back and forth with anything. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  decodeGroupValue,
  decodeKey,
  decodeOffsetValue,
  encodeGroupKey,
  encodeGroupValue,
  encodeOffsetKey,
  encodeOffsetValue,
  type StoredGroup,
} from '../../../src/broker/groups/offsets-format.js'
import { HoldfastError } from '../../../src/core/errors.js'

/** Bytes from hex with spaces, and text in quotes. */
function bytes(...parts: string[]): Buffer {
  return Buffer.concat(
    parts.map((part) =>
      part.startsWith("'") ? Buffer.from(part.slice(1, -1)) : Buffer.from(part.replaceAll(' ', ''), 'hex'),
    ),
  )
}

const member = {
  memberId: 'm-1',
  groupInstanceId: 'i',
  clientId: 'c',
  clientHost: '/h',
  rebalanceTimeoutMs: 60_000,
  sessionTimeoutMs: 10_000,
  subscription: Buffer.from([1, 2]),
  assignment: Buffer.from([3]),
}

const group: StoredGroup = {
  protocolType: 'consumer',
  generationId: 7,
  protocolName: 'range',
  leaderId: 'm-1',
  stateTimestamp: 1_700_000_000_000,
  members: [member],
}

describe('keys of __consumer_offsets', () => {
  it('an offset key is version 1, group, topic, partition', () => {
    const expected = bytes('0001', '0001', "'g'", '0006', "'orders'", '00000003')
    assert.deepEqual(encodeOffsetKey('g', 'orders', 3), expected)
    const key = { kind: 'offset', groupId: 'g', topic: 'orders', partition: 3 } as const
    assert.deepEqual(decodeKey(expected), key)
    expected[1] = 0
    assert.deepEqual(decodeKey(expected), key, 'version 0 is the same')
  })

  it('a group key is version 2 and the group', () => {
    const expected = bytes('0002', '0003', "'gxr'")
    assert.deepEqual(encodeGroupKey('gxr'), expected)
    assert.deepEqual(decodeKey(expected), { kind: 'group', groupId: 'gxr' })
    assert.deepEqual(encodeGroupKey('gü'), bytes('0002', '0003', '67 c3 bc'), 'lengths count UTF-8 bytes')
  })

  it('other versions are told apart, not refused', () => {
    assert.deepEqual(decodeKey(bytes('0003', '0001', "'g'")), { kind: 'unknown', version: 3 })
  })

  it('a text that its length field cannot hold is refused', () => {
    assert.throws(() => encodeGroupKey('x'.repeat(0x8000)), { code: 'INVALID_REQUEST' })
  })
})

describe('values of committed offsets', () => {
  const value = { offset: 42, leaderEpoch: 5, metadata: 'note', commitTimestamp: 1_700_000_000_000 }
  const time = '0000018bcfe56800'

  it('version 3 is written: offset, leader epoch, metadata, commit time', () => {
    const expected = bytes('0003', '000000000000002a', '00000005', '0004', "'note'", time)
    assert.deepEqual(encodeOffsetValue(value), expected)
    assert.deepEqual(decodeOffsetValue(expected), value)
  })

  it('no leader epoch is -1', () => {
    const encoded = encodeOffsetValue({ ...value, leaderEpoch: -1 })
    assert.deepEqual(encoded.subarray(10, 14), bytes('ffffffff'))
  })

  it('versions 0, 1 and 2 have no leader epoch; 1 ends in a time of expiry', () => {
    const older = { ...value, leaderEpoch: -1 }
    const fields = ['000000000000002a', '0004', "'note'", time]
    assert.deepEqual(decodeOffsetValue(bytes('0000', ...fields)), older)
    assert.deepEqual(decodeOffsetValue(bytes('0001', ...fields, '0000018bcfe56801')), older)
    assert.deepEqual(decodeOffsetValue(bytes('0002', ...fields)), older)
  })

  it('version 4 has compact texts and tagged fields, which are skipped', () => {
    const fields = ['0004', '000000000000002a', '00000005', '05', "'note'", time]
    assert.deepEqual(decodeOffsetValue(bytes(...fields, '00')), value)
    assert.deepEqual(decodeOffsetValue(bytes(...fields, '01', '00', '02', 'abcd')), value)
  })

  it('an unknown version and bytes that end too early are refused', () => {
    assert.throws(() => decodeOffsetValue(bytes('0005')), { code: 'INVALID_RECORD' })
    const whole = encodeOffsetValue(value)
    for (let length = 0; length < whole.length; length++) {
      assert.throws(() => decodeOffsetValue(whole.subarray(0, length)), { code: 'INVALID_RECORD' })
    }
  })
})

describe('values of group metadata', () => {
  const head = ['0008', "'consumer'", '00000007', '0005', "'range'", '0003', "'m-1'"]
  const time = '0000018bcfe56800'

  it('version 3 is written, members with instance id and both timeouts', () => {
    const expected = bytes(
      '0003',
      ...head,
      time,
      '00000001',
      ...['0003', "'m-1'", '0001', "'i'", '0001', "'c'", '0002', "'/h'"],
      ...['0000ea60', '00002710', '00000002', '0102', '00000001', '03'],
    )
    assert.deepEqual(encodeGroupValue(group), expected)
    assert.deepEqual(decodeGroupValue(expected), group)
  })

  it('an empty group has null for protocol and leader, and no members', () => {
    const empty = { ...group, protocolName: null, leaderId: null, members: [] }
    const expected = bytes('0003', '0008', "'consumer'", '00000007', 'ffff', 'ffff', time, '00000000')
    assert.deepEqual(encodeGroupValue(empty), expected)
    assert.deepEqual(decodeGroupValue(expected), empty)
  })

  it('version 0 has neither a state time nor a rebalance timeout: the session timeout stands for it', () => {
    const old = bytes(
      '0000',
      ...head,
      '00000001',
      ...['0003', "'m-1'", '0001', "'c'", '0002', "'/h'", '00002710', '00000002', '0102', '00000001', '03'],
    )
    const expected = { ...member, groupInstanceId: null, rebalanceTimeoutMs: 10_000 }
    assert.deepEqual(decodeGroupValue(old), { ...group, stateTimestamp: -1, members: [expected] })
  })

  it('version 1 brings the rebalance timeout, version 2 the state time', () => {
    const members = [
      '00000001',
      ...['0003', "'m-1'", '0001', "'c'", '0002', "'/h'"],
      ...['0000ea60', '00002710', '00000002', '0102', '00000001', '03'],
    ]
    const expected = { ...group, members: [{ ...member, groupInstanceId: null }] }
    assert.deepEqual(decodeGroupValue(bytes('0001', ...head, ...members)), { ...expected, stateTimestamp: -1 })
    assert.deepEqual(decodeGroupValue(bytes('0002', ...head, time, ...members)), expected)
  })

  it('version 4 is flexible', () => {
    const flexible = bytes(
      '0004',
      ...['09', "'consumer'", '00000007', '06', "'range'", '04', "'m-1'", time, '02'],
      ...[
        '04',
        "'m-1'",
        '02',
        "'i'",
        '02',
        "'c'",
        '03',
        "'/h'",
        '0000ea60',
        '00002710',
        '03',
        '0102',
        '02',
        '03',
        '00',
      ],
      '00',
    )
    assert.deepEqual(decodeGroupValue(flexible), group)
  })

  it('whatever is encoded is decoded', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 20 })
    const buffer = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array))
    const int32 = fc.integer({ min: 0, max: 2 ** 31 - 1 })
    const plain = { noNullPrototype: true }
    const members = fc.array(
      fc.record(
        {
          memberId: text,
          groupInstanceId: fc.option(text),
          clientId: text,
          clientHost: text,
          rebalanceTimeoutMs: int32,
          sessionTimeoutMs: int32,
          subscription: buffer,
          assignment: buffer,
        },
        plain,
      ),
      { maxLength: 5 },
    )
    const groups = fc.record(
      {
        protocolType: text,
        generationId: int32,
        protocolName: fc.option(text),
        leaderId: fc.option(text),
        stateTimestamp: fc.maxSafeNat(),
        members,
      },
      plain,
    )
    fc.assert(fc.property(groups, (any) => assert.deepEqual(decodeGroupValue(encodeGroupValue(any)), any)))
  })

  it('any bytes are decoded or refused, and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.integer({ min: 0, max: 4 }), (array, version) => {
        const any = Buffer.concat([Buffer.from([0, version]), array])
        for (const decode of [decodeKey, decodeOffsetValue, decodeGroupValue]) {
          try {
            decode(any)
          } catch (error) {
            assert.ok(error instanceof HoldfastError && error.code === 'INVALID_RECORD', String(error))
          }
        }
      }),
    )
  })
})
