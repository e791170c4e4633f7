/** What the nodes keep in etcd comes back as it was put there, and whatever else lies there is told of and harms nothing. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { KeyValue } from '../../src/replication/etcd/gateway.js'
import {
  decodeLeadership,
  decodeMember,
  encodeLeadership,
  encodeMember,
  Keys,
  understand,
} from '../../src/replication/etcd/records.js'

const int32 = fc.integer({ min: 0, max: 2 ** 31 - 1 })
const plain = { noNullPrototype: true }
const leadership = fc.record(
  {
    clusterId: fc.string({ minLength: 1 }),
    epoch: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
    leaderId: fc.integer({ min: -1, max: 2 ** 31 - 1 }),
    inSync: fc.uniqueArray(int32, { minLength: 1, maxLength: 5 }),
  },
  plain,
)
const member = fc.record(
  {
    nodeId: int32,
    host: fc.string({ minLength: 1 }),
    port: fc.integer({ min: 1, max: 65_535 }),
    rack: fc.string(),
  },
  plain,
)

const keys = new Keys('shop')
const entry = (key: string, value: string, lease = '0'): KeyValue => ({ key, value, modRevision: 7, lease })
const seen = (...entries: KeyValue[]) => understand(keys, { revision: 9, term: '2', entries })

test('records come back as they were', () => {
  fc.assert(fc.property(leadership, (each) => assert.deepEqual(decodeLeadership(encodeLeadership(each)), each)))
  fc.assert(fc.property(member, (each) => assert.deepEqual(decodeMember(each.nodeId, encodeMember(each)), each)))
})

test('all keys of a cluster together are understood', () => {
  const everything = fc.tuple(leadership, fc.uniqueArray(member, { selector: ({ nodeId }) => nodeId, maxLength: 5 }))
  fc.assert(
    fc.property(everything, ([decided, members]) => {
      const view = seen(
        entry(keys.leadership, encodeLeadership(decided)),
        entry(keys.leader, 'whatever it says', '44'),
        ...members.map((each) => entry(keys.member(each.nodeId), encodeMember(each), '55')),
      )
      assert.deepEqual([view.leadership, view.modRevision, view.leaderLease], [decided, 7, '44'])
      const sorted = members.toSorted((a, b) => a.nodeId - b.nodeId).map((each) => ({ member: each, lease: '55' }))
      assert.deepEqual([...view.members.values()], sorted)
      assert.deepEqual([view.damage, view.strange], [undefined, []])
    }),
  )
})

test('nothing that lies there throws, and what is no record is named', () => {
  const garbage = fc.oneof(
    fc.string(),
    fc.json(),
    fc.jsonValue().map((each) => JSON.stringify({ version: 1, inSync: each })),
  )
  fc.assert(
    fc.property(garbage, fc.string(), (value, name) => {
      const view = seen(entry(keys.leadership, value), entry(keys.member(3), value), entry(`/shop/x${name}`, value))
      assert.equal(view.leadership, undefined)
      assert.equal(view.damage?.code, 'REPLICATION_UNAVAILABLE')
      assert.match(view.damage.message, /^What etcd holds under \/shop\/leadership cannot be understood: ./)
      assert.equal(view.members.size, 0)
      assert.equal(view.strange.length, 2)
      assert.match(view.strange[0], /^\/shop\/members\/3: ./)
    }),
  )
})

test('each field that is wrong is named', () => {
  const good = { version: 1, clusterId: 'c', epoch: 3, leaderId: 1, inSync: [1, 2] }
  const wrong = {
    version: [0, 2, '1', null],
    clusterId: ['', 5, null],
    epoch: [0, -1, 1.5, '3', 2 ** 31],
    leaderId: [-2, null, 0.5],
    inSync: [[], [1, 1], [-1], ['1'], 1, null],
  }
  assert.equal(decodeLeadership(JSON.stringify(good)).epoch, 3)
  for (const [field, values] of Object.entries(wrong)) {
    for (const value of values) {
      assert.throws(() => decodeLeadership(JSON.stringify({ ...good, [field]: value })), new RegExp(field))
    }
  }
  const there = { version: 1, host: 'h', port: 9092, rack: '' }
  assert.equal(decodeMember(1, JSON.stringify(there)).port, 9092)
  for (const [field, values] of Object.entries({ host: ['', 1], port: [0, 65_536, '1'], rack: [null, 1] })) {
    for (const value of values) {
      assert.throws(() => decodeMember(1, JSON.stringify({ ...there, [field]: value })), new RegExp(`^Error: ${field}`))
    }
  }
})

test('names of members are numbers as this program writes them', () => {
  for (const id of [0, 1, 2 ** 31 - 1]) assert.equal(keys.nodeIdOf(keys.member(id)), id)
  for (const key of ['01', '-1', '1.0', '', '2147483648', '1/2', 'x']) {
    assert.equal(keys.nodeIdOf(`/shop/members/${key}`), undefined)
  }
  for (const cluster of ['', 'a/b', 'ä', 'x'.repeat(201)])
    assert.throws(() => new Keys(cluster), /replication\.cluster/)
})
