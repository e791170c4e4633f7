/** A person decides who leads: restarts, promotions, and a primary that comes back. */

import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { silentLogger } from '../../src/core/logger.js'
import { nodeDisk } from '../../src/files/node-disk.js'
import type { Leadership } from '../../src/replication/authority.js'
import { LeadershipFile } from '../../src/replication/leadership-file.js'
import { Person } from '../../src/replication/person.js'
import { temporaryDirectory } from '../storage/support.js'
import { heldBy, Nodes, oneMessage, untilInSync, untilLeads } from './nodes.js'

const place = { topic: 'orders', partition: 0 }

async function pair(t: TestContext) {
  const nodes = new Nodes(t, { 'replica.read': true })
  const one = await nodes.start(1)
  await untilLeads(one)
  await one.broker.createTopic({ name: 'orders', partitions: 1 })
  const two = await nodes.start(2)
  await untilInSync(one, [1, 2])
  return { nodes, one, two }
}

test('a primary that was stopped and is started again goes on, in a later epoch, and its replica follows', async (t) => {
  const { nodes, one } = await pair(t)
  await one.broker.produce({ ...place, batch: oneMessage('a') })
  const before = one.replicated.leaderEpoch
  await nodes.stop(1)
  const again = await nodes.start(1)
  await untilLeads(again)
  assert.ok(again.replicated.leaderEpoch > before)
  await untilInSync(again, [1, 2])
  await again.broker.produce({ ...place, batch: oneMessage('b') })
})

test('a primary that comes back after its replica was promoted follows, without what only it had', async (t) => {
  const { nodes, one, two } = await pair(t)
  await one.broker.produce({ ...place, batch: oneMessage('both') })
  nodes.cut.add('2>1').add('1>2')
  await one.broker.produce({ ...place, batch: oneMessage('only here'), acks: 'leader' })
  await nodes.stop(1)
  await two.promote()
  await two.broker.produce({ ...place, batch: oneMessage('later') })
  nodes.cut.clear()
  const again = await nodes.start(1)
  await untilInSync(two, [1, 2])
  assert.equal(again.leads, false)
  assert.deepEqual(await heldBy(again, 'orders'), await heldBy(two, 'orders'))
  assert.equal((await heldBy(two, 'orders')).length, 2)
})

test('a directory with topics of its own does not follow', async (t) => {
  const { nodes, two } = await pair(t)
  const three = await nodes.start(3, { 'replica.of': '' })
  await untilLeads(three)
  await three.broker.createTopic({ name: 'own', partitions: 1 })
  await nodes.stop(3)
  const again = await nodes.start(3, { 'replica.of': 'node:1' })
  await untilLeads(again)
  assert.deepEqual(
    (await again.broker.describeTopics(null)).map(({ name }) => name),
    ['own'],
  )
  assert.equal(two.leads, false)
})

const led = (by: Partial<Leadership>): Leadership => ({ clusterId: 'c', epoch: 7, leaderId: 1, inSync: [1], ...by })

/** Node 2 with what its directory remembers. */
async function personOf(directory: string, isFirst = false): Promise<Person> {
  const file = await LeadershipFile.load(nodeDisk, directory)
  return new Person({ file, self: { nodeId: 2, host: 'node', port: 2, rack: '' }, isFirst, logger: silentLogger })
}

test('who was not in sync is promoted only where somebody says that messages may be lost', async (t) => {
  const directory = await temporaryDirectory(t)
  const person = await personOf(directory)
  await person.learn(led({}), [])
  await assert.rejects(person.promote('c', 7, false), { code: 'INVALID_REQUEST' })
  assert.equal(person.leads, false)
  await person.promote('c', 7, true)
  assert.deepEqual([person.leads, person.leadership], [true, led({ epoch: 1000, leaderId: 2, inSync: [2] })])
  assert.deepEqual((await personOf(directory)).leadership, person.leadership)
})

test('a promotion lies beyond every start of the primary before it; a start goes on by one', async (t) => {
  const directory = await temporaryDirectory(t)
  const person = await personOf(directory)
  await person.learn(led({ inSync: [1, 2] }), [])
  assert.equal(person.isVacant, false)
  assert.equal(await person.claim('c', 0), false, 'nobody takes over by itself')
  await person.promote('c', 0, false)
  const again = await personOf(directory)
  assert.equal(again.isVacant, true)
  assert.equal(await again.claim('c', 0), true)
  assert.equal(again.leadership?.epoch, 1001)
  const third = await personOf(directory)
  assert.equal(await third.claim('c', 5000), true)
  assert.equal(third.leadership?.epoch, 5001, 'its logs may know of more')
})

test('who leads gives way to a later decision, and to no earlier one', async (t) => {
  const person = await personOf(await temporaryDirectory(t), true)
  assert.equal(await person.claim('c', 0), true)
  const own = person.leadership
  await person.learn(led({ epoch: 0 }), [])
  assert.deepEqual([person.leads, person.leadership], [true, own])
  await person.learn(led({ epoch: 1000 }), [{ nodeId: 1, host: 'node', port: 1, rack: '' }])
  assert.deepEqual([person.leads, person.leadership?.epoch], [false, 1000])
  assert.deepEqual(person.members.map(({ nodeId }) => nodeId).sort(), [1, 2])
  await assert.rejects(person.setInSync([2]), { code: 'NOT_LEADER_OR_FOLLOWER' })
})

test('a new directory that names others does not begin a cluster', async (t) => {
  assert.equal((await personOf(await temporaryDirectory(t))).isVacant, false)
})

test('a file that was damaged keeps a node from starting', async (t) => {
  const directory = await temporaryDirectory(t)
  await (await personOf(directory)).learn(led({}), [])
  const path = join(directory, 'replication.json')
  const sound = await readFile(path, 'utf8')
  for (const damaged of ['', '{', '{}', 'null', sound.replace('"epoch": 7', '"epoch": "7"'), sound.slice(0, -10)]) {
    await writeFile(path, damaged)
    await assert.rejects(personOf(directory), { code: 'DATA_DIR_DAMAGED' }, damaged)
  }
  await writeFile(path, sound)
  assert.deepEqual((await personOf(directory)).leadership, led({}))
})
