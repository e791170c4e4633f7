/** Each change of what etcd holds is made only where everything that it builds on is still so, and can be told from what etcd has. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { systemClock } from '../../src/core/clock.js'
import { Endpoints, parseEndpoints } from '../../src/replication/etcd/endpoints.js'
import { type Change, Gateway } from '../../src/replication/etcd/gateway.js'
import { encodeLeader, encodeLeadership, encodeMember, Keys, understand } from '../../src/replication/etcd/records.js'
import { claiming, joining, lettingGo, replacing, type Step } from '../../src/replication/etcd/steps.js'
import { Etcd, withoutEtcd } from '../support/etcd.js'

const skip = withoutEtcd()
const self = { nodeId: 1, host: 'node-1', port: 9092, rack: '' }
const last = { clusterId: 'c', epoch: 4, leaderId: 1, inSync: [1, 2] }
const keys = new Keys('steps')
let etcd: Etcd
let endpoints: Endpoints
let gateway: Gateway
let own: string
let foreign: string

before(async () => {
  if (skip) return
  etcd = await Etcd.start()
  endpoints = new Endpoints(parseEndpoints(etcd.urls), { clock: systemClock, limitMs: 5_000 })
  gateway = new Gateway(endpoints, keys.prefix)
  own = (await gateway.grant(600)).id
  foreign = (await gateway.grant(600)).id
})
after(async () => {
  if (skip) return
  endpoints.close()
  await etcd.stop()
})

const view = async () => understand(keys, await gateway.read())
const record = (): Change => ({ put: keys.leadership, value: encodeLeadership(last) })
const leader = (lease: string): Change => ({ put: keys.leader, value: encodeLeader(1, 4), lease })
const member = (lease: string): Change => ({ put: keys.member(1), value: encodeMember(self), lease })
const gone = (key: string): Change => ({ remove: key })

/** Tries a step, made for the world before, after something else happened. */
async function tryAfter(world: Change[], make: (modRevision: number) => Step, meanwhile: Change[]): Promise<boolean> {
  for (const key of [keys.leadership, keys.leader, keys.member(1)]) await gateway.change([], [gone(key)])
  for (const change of world) await gateway.change([], [change])
  const step = make((await view()).modRevision)
  for (const change of meanwhile) await gateway.change([], [change])
  const before = await view()
  const { succeeded, snapshot } = await gateway.change(step.conditions, step.changes)
  const now = understand(keys, snapshot)
  assert.equal(step.isMade(now), succeeded)
  // What the transaction has seen is what there is, or a refused one has changed something.
  assert.deepEqual(now, await view())
  if (!succeeded) assert.deepEqual(now.leadership, before.leadership)
  return succeeded
}

test('a node takes its id only where it is free', { skip }, async () => {
  const step = () => joining(keys, self, own)
  assert.equal(await tryAfter([], step, []), true)
  assert.equal(await tryAfter([], step, [member(foreign)]), false)
})

test('a node begins to lead only where nobody does, the record is the one it knows, and its id is its own', {
  skip,
}, async () => {
  const next = { ...last, epoch: 5, inSync: [1] }
  const step = (modRevision: number) => claiming(keys, next, modRevision, own)
  assert.equal(await tryAfter([member(own)], step, []), true)
  assert.equal(await tryAfter([member(own), record()], step, []), true)
  assert.equal(await tryAfter([member(own), record()], step, [record()]), false)
  assert.equal(await tryAfter([member(own)], step, [record()]), false)
  assert.equal(await tryAfter([member(own), record()], step, [gone(keys.leadership)]), false)
  assert.equal(await tryAfter([member(own), record()], step, [leader(foreign)]), false)
  assert.equal(await tryAfter([member(own), record()], step, [member(foreign)]), false)
  assert.equal(await tryAfter([member(own), record()], step, [gone(keys.member(1))]), false)
})

test('the in-sync set and the end of a leadership are those of the one that leads', { skip }, async () => {
  const steps = [
    (modRevision: number) => replacing(keys, { ...last, inSync: [1] }, modRevision, own),
    (modRevision: number) => lettingGo(keys, last, modRevision, own),
  ]
  const world = [record(), leader(own)]
  for (const step of steps) assert.equal(await tryAfter(world, step, []), true)
  assert.equal(await tryAfter(world, steps[0], [record()]), false)
  assert.equal(await tryAfter(world, steps[0], [leader(foreign)]), false)
  assert.equal(await tryAfter(world, steps[0], [gone(keys.leader)]), false)
  assert.equal(await tryAfter(world, steps[1], [record()]), false)
})

test('what was let go of is free, and another leader is left alone', { skip }, async () => {
  const step = (modRevision: number) => lettingGo(keys, last, modRevision, own)
  assert.equal(await tryAfter([record(), leader(own)], step, []), true)
  const free = await view()
  assert.deepEqual([free.leaderLease, free.leadership], [undefined, { ...last, leaderId: -1 }])
  await gateway.change([], [record(), leader(foreign)])
  const { conditions, changes } = step((await view()).modRevision)
  assert.equal((await gateway.change(conditions, changes)).succeeded, false)
  assert.equal((await view()).leaderLease, foreign)
})
