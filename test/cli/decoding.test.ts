/** dump --decode: the records of the broker's own topics in words. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeGroupKey, encodeOffsetKey, encodeOffsetValue } from '../../src/broker/groups/offsets-format.js'
import { encodeKey } from '../../src/broker/transactions/format.js'
import { decodeRecord } from '../../src/cli/decoding.js'

const record = (key: Buffer | null, value: Buffer | null) => ({ offset: 0, timestamp: 0, key, value, headers: [] })

test('a committed offset, a deletion and a transactional id are told', () => {
  const value = { offset: 42, leaderEpoch: 1, metadata: 'm', commitTimestamp: 5 }
  assert.deepEqual(
    decodeRecord('__consumer_offsets', record(encodeOffsetKey('g', 'orders', 2), encodeOffsetValue(value))),
    { kind: 'offset', groupId: 'g', topic: 'orders', partition: 2, ...value },
  )
  assert.deepEqual(decodeRecord('__consumer_offsets', record(encodeGroupKey('g'), null)), {
    kind: 'group',
    groupId: 'g',
    deleted: true,
  })
  assert.deepEqual(decodeRecord('__transaction_state', record(encodeKey('tx'), null)), {
    transactionalId: 'tx',
    deleted: true,
  })
})

test('what cannot be decoded is shown as it is, and other topics are left alone', () => {
  const key = encodeOffsetKey('g', 'orders', 2)
  const shown = decodeRecord('__consumer_offsets', record(key, Buffer.from([0, 9]))) as Record<string, unknown>
  assert.match(String(shown['undecodable']), /version 9/)
  assert.equal(decodeRecord('orders', record(key, null)), undefined)
})
