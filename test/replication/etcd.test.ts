/** etcd decides who leads: claims, the in-sync set, letting go, and what a node does when it is alone with its lease. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { HoldfastError } from '../../src/core/errors.js'
import { programArguments } from '../support/child-program.js'
import { Etcd, withoutEtcd } from '../support/etcd.js'
import { freePorts } from '../support/free-ports.js'
import { until } from '../support/until.js'
import { clusterId, leaseMs, openNode, openNodes, overseer, sleep, untilLeads } from './etcd-nodes.js'

const skip = withoutEtcd()
let etcd: Etcd

before(async () => {
  if (!skip) etcd = await Etcd.start()
})
after(async () => {
  if (!skip) await etcd.stop()
})

const refusedWith = (code: string, words = /./) => {
  return (error: HoldfastError) => {
    assert.equal(error.code, code)
    assert.match(error.message, words)
    return true
  }
}

test('of two that claim at a time exactly one leads, with the next epoch, twenty times', { skip }, async (t) => {
  const nodes = await Promise.all([1, 2].map((id) => openNode(t, id, etcd.urls, { cluster: 'race' })))
  const seen = overseer(t, nodes)
  for (let round = 1; round <= 20; round++) {
    const won = await Promise.all(nodes.map((node) => node.claim(clusterId, 0)))
    assert.equal(won.filter(Boolean).length, 1, `round ${round}: ${won}`)
    const winner = nodes[won.indexOf(true)]
    const leaderId = won.indexOf(true) + 1
    assert.deepEqual(winner.leadership, { clusterId, epoch: round, leaderId, inSync: [leaderId] })
    assert.deepEqual(
      nodes.map(({ leads }) => leads),
      won,
    )
    await winner.setInSync([1, 2])
    await winner.letGo()
    assert.ok(nodes.every(({ leads }) => !leads))
  }
  assert.equal(seen.most, 1)
})

test('every node hears of the others, of who leads, and of the end of a leadership', { skip }, async (t) => {
  const first = await openNode(t, 1, etcd.urls, { cluster: 'hearing' })
  assert.deepEqual([first.leadership, first.leads, first.isVacant], [undefined, false, true])
  // With so long a lease nothing is heard in time but by the watch.
  const second = await openNode(t, 2, etcd.urls, { cluster: 'hearing' })
  await until('1 hears of 2', () => first.members.length === 2)
  assert.deepEqual(first.members, second.members)
  assert.deepEqual(first.members[1], { nodeId: 2, host: 'node-2', port: 9092, rack: 'rack-2' })
  let calls = 0
  const off = second.onChange(() => calls++)
  assert.ok(await first.claim(clusterId, 0))
  await until('2 hears that 1 leads', () => second.leadership?.leaderId === 1 && !second.isVacant)
  assert.ok(calls > 0)
  off()
  const before = calls
  await first.letGo()
  await until('2 hears that nobody leads', () => second.isVacant)
  assert.equal(calls, before)
  assert.deepEqual(second.leadership, { clusterId, epoch: 1, leaderId: -1, inSync: [1] })
})

test('one that is not in sync cannot lead, nor one of another cluster', { skip }, async (t) => {
  const [first, second] = await Promise.all([1, 2].map((id) => openNode(t, id, etcd.urls, { cluster: 'refused' })))
  assert.ok(await first.claim(clusterId, 0))
  assert.equal(await second.claim(clusterId, 0), false)
  await first.letGo()
  await until('2 hears that nobody leads', () => second.isVacant)
  assert.equal(await second.claim(clusterId, 0), false)
  await assert.rejects(first.claim('another', 0), refusedWith('INCONSISTENT_CLUSTER_ID', /another/))
  // It is the set that keeps it out. The next epoch lies beyond those of the logs of the one that claims.
  assert.ok(await first.claim(clusterId, 41))
  await first.setInSync([1, 2])
  await first.close()
  await untilLeads(second)
  assert.equal(second.leadership?.epoch, 43)
})

test('closing hands over at once, and leaves nothing but the record', { skip }, async (t) => {
  const [first, second] = await openNodes(t, 2, etcd.urls, { cluster: 'closing' })
  await first.close()
  assert.equal(first.leads, false)
  await assert.rejects(first.claim(clusterId, 0), refusedWith('CLOSED'))
  await untilLeads(second)
  await second.close()
  const record = { version: 1, clusterId, epoch: 2, leaderId: -1, inSync: [2] }
  assert.deepEqual(await etcd.nodes[0].entries('/closing'), { '/closing/leadership': JSON.stringify(record) })
})

test('a leader that was deposed cannot change the in-sync set, and gets itself a new lease', { skip }, async (t) => {
  const [first, second] = await openNodes(t, 2, etcd.urls, { cluster: 'deposed' })
  await etcd.nodes[0].remove('/deposed/leader')
  const late = first.setInSync([1])
  await assert.rejects(late, refusedWith('NOT_LEADER_OR_FOLLOWER'))
  assert.equal(first.leads, false)
  await untilLeads(second)
  assert.deepEqual(second.leadership, { clusterId, epoch: 2, leaderId: 2, inSync: [2] })
  await second.setInSync([1, 2])
  await second.letGo()
  await untilLeads(first)
  assert.equal(first.leadership?.epoch, 3)
})

test('a leader that etcd is silent for stops leading while its lease still runs there', { skip }, async (t) => {
  const nodes = await openNodes(t, 2, etcd.urls, { cluster: 'silence', leaseMs })
  const epoch = nodes[0].leadership?.epoch ?? 0
  const seen = overseer(t, nodes)
  let isTold = false
  nodes[0].onChange(() => {
    isTold ||= !nodes[0].leads
  })
  etcd.nodes[0].freeze()
  try {
    await sleep(leaseMs)
    assert.equal(nodes[0].leads, false)
    await until('it is told', () => isTold)
    await until('nothing is known for sure', () => nodes.every(({ isVacant }) => !isVacant))
    await assert.rejects(nodes[1].claim(clusterId, 0), refusedWith('REPLICATION_UNAVAILABLE', /no answer within/))
    assert.equal(nodes[0].leadership?.epoch, epoch)
  } finally {
    etcd.nodes[0].thaw()
  }
  await untilLeads(nodes[1])
  assert.equal(nodes[1].leadership?.epoch, epoch + 1)
  assert.equal(seen.most, 1)
})

test('etcd may be started anew: nothing of the record is lost, and nobody has to give way', { skip }, async (t) => {
  const [first, second] = await openNodes(t, 2, etcd.urls, { cluster: 'restart' })
  const seen = overseer(t, [first])
  await etcd.nodes[0].kill()
  etcd.nodes[0].start()
  await etcd.ready()
  await first.setInSync([1])
  await until('2 hears of it', () => second.leadership?.inSync.length === 1)
  assert.deepEqual(second.leadership, { clusterId, epoch: 1, leaderId: 1, inSync: [1] })
  assert.equal(seen.least, 1)
})

test('a leader that is killed is replaced; its id is free when its lease has run out, not before', {
  skip,
}, async (t) => {
  const [endpoint] = etcd.urls
  const killed = { cluster: 'killed', leaseMs }
  const second = await openNode(t, 2, etcd.urls, killed)
  const program = join(import.meta.dirname, 'etcd-holder.ts')
  const child = spawn(process.execPath, [...programArguments(program), endpoint, 'killed', '1', '1,2'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    await once(child.stdout, 'data')
    await assert.rejects(
      openNode(t, 1, etcd.urls, killed),
      refusedWith('INVALID_SETTING', /node\.id=1 is in use by another process, which is reached at node-1:9092/),
    )
    assert.equal(second.isVacant, false)
  } finally {
    child.kill('SIGKILL')
  }
  const killedAt = performance.now()
  await Promise.all([
    untilLeads(second).then(() => t.diagnostic(`led after ${Math.round(performance.now() - killedAt)} ms`)),
    openNode(t, 1, etcd.urls, killed).then((successor) => successor.close()),
  ])
  assert.equal(second.leadership?.epoch, 2)
})

test('an endpoint that is none is told of, and passed over where another one is', { skip }, async (t) => {
  const other = createServer((_, response) => response.writeHead(404).end('Not Found'))
  other.listen(0, '127.0.0.1')
  await once(other, 'listening')
  const [free] = await freePorts(1)
  const wrong = [`http://127.0.0.1:${free}`, `http://127.0.0.1:${(other.address() as AddressInfo).port}`]
  const words = /ECONNREFUSED.*this is no etcd .*"Not Found"/
  const waiting = await openNode(t, 1, wrong, { cluster: 'wrong', leaseMs })
  assert.match(waiting.trouble ?? '', words)
  const node = await openNode(t, 1, [...wrong, ...etcd.urls], { cluster: 'wrong' })
  assert.ok(await node.claim(clusterId, 0))
  await node.close()
  other.close()
  for (const endpoint of ['127.0.0.1:2379', 'tcp://etcd:2379', 'http://etcd:2379/v3', '']) {
    await assert.rejects(
      openNode(t, 1, [endpoint], { cluster: 'wrong' }),
      refusedWith('INVALID_SETTING', /no endpoint/),
    )
  }
  await assert.rejects(openNode(t, 1, [], { cluster: 'wrong' }), refusedWith('INVALID_SETTING'))
  await assert.rejects(openNode(t, 1, etcd.urls, { cluster: 'a/b' }), refusedWith('INVALID_SETTING', /a\/b/))
})

test('a record that cannot be understood is told of, and nobody leads by it', { skip }, async (t) => {
  const [node] = etcd.nodes
  const [first, second] = await openNodes(t, 2, etcd.urls, { cluster: 'garbage' })
  await node.put('/garbage/members/7', '\u0000')
  await node.put('/garbage/something', 'else')
  await node.put('/garbage/leadership', '{"version":2}')
  await until('1 leads no more', () => !first.leads)
  const words = /\/garbage\/leadership cannot be understood: it has version 2/
  await assert.rejects(second.claim(clusterId, 0), refusedWith('REPLICATION_UNAVAILABLE', words))
  await assert.rejects(openNode(t, 3, etcd.urls, { cluster: 'garbage' }), refusedWith('REPLICATION_UNAVAILABLE', words))
  await until('its lease is gone', async () => !('/garbage/leader' in (await node.entries('/garbage'))))
  assert.equal(second.isVacant, false)
  // A person mends it.
  await node.put('/garbage/leadership', JSON.stringify({ version: 1, clusterId, epoch: 8, leaderId: -1, inSync: [2] }))
  await untilLeads(second)
  assert.equal(second.leadership?.epoch, 9)
  assert.deepEqual(
    second.members.map(({ nodeId }) => nodeId),
    [1, 2],
  )
})
