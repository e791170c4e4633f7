/** What an authority makes of a network to etcd that loses answers, delivers late, or falls silent, and of an etcd that is not the one it was. */

import assert from 'node:assert/strict'
import { after, before, describe, type TestContext, test } from 'node:test'
import type { HoldfastError } from '../../src/core/errors.js'
import { Etcd, withoutEtcd } from '../support/etcd.js'
import { until } from '../support/until.js'
import { Gate } from './etcd-gate.js'
import { clusterId, openNode, openNodes, overseer, sleep, untilLeads } from './etcd-nodes.js'

const skip = withoutEtcd()
const leaseMs = 5_000
let etcd: Etcd

before(async () => {
  if (!skip) etcd = await Etcd.start()
})
after(async () => {
  if (!skip) await etcd.stop()
})

async function openGate(t: TestContext): Promise<Gate> {
  const gate = await Gate.open(etcd.urls[0])
  t.after(() => gate.close())
  return gate
}

const isTxn = (path: string): boolean => path === '/v3/kv/txn'
const unavailable = { code: 'REPLICATION_UNAVAILABLE' } satisfies Partial<HoldfastError>

describe('over a network that fails', { concurrency: true, skip }, () => {
  test('a change whose answer gets lost is made once, and known to be', async (t) => {
    const gate = await openGate(t)
    const lost = new Set<string>()
    gate.fate = (path, body) => {
      if (!isTxn(path) || lost.has(body)) return 'pass'
      lost.add(body)
      return 'lose'
    }
    const node = await openNode(t, 1, [gate.url], { cluster: 'lost-answers' })
    assert.ok(await node.claim(clusterId, 0))
    await node.setInSync([1, 2])
    await node.setInSync([1])
    assert.ok(node.leads)
    assert.deepEqual(node.leadership, { clusterId, epoch: 1, leaderId: 1, inSync: [1] })
    await node.letGo()
    assert.equal(node.leads, false)
    // Joining, claiming, two sets, letting go; all but the first change the record.
    assert.equal(lost.size, 5)
    assert.equal(await etcd.nodes[0].changesOf('/lost-answers/leadership'), 4)
    const record = { version: 1, clusterId, epoch: 1, leaderId: -1, inSync: [1] }
    const left = await etcd.nodes[0].entries('/lost-answers')
    assert.equal(left['/lost-answers/leadership'], JSON.stringify(record))
  })

  test('a claim that arrives when nobody waits for it any more keeps nobody from leading', async (t) => {
    const gate = await openGate(t)
    const node = await openNode(t, 1, [gate.url], { cluster: 'late-claim', leaseMs })
    gate.fate = (path) => (isTxn(path) ? 'hold' : 'pass')
    await assert.rejects(node.claim(clusterId, 0), unavailable)
    assert.equal(node.leads, false)
    assert.ok(gate.heldCount > 0)
    gate.fate = () => 'pass'
    const seen = overseer(t, [node])
    await gate.release()
    assert.equal(await etcd.nodes[0].changesOf('/late-claim/leadership'), 1)
    await until('it hears of its own claim', () => node.leadership?.epoch === 1)
    assert.equal(seen.most, 0)
    await untilLeads(node)
    assert.equal(node.leadership?.epoch, 2)
  })

  test('an in-sync set that arrives late is heard of, and none that was replaced comes back', async (t) => {
    const gate = await openGate(t)
    const [node, other] = await openNodes(t, 2, [gate.url], { cluster: 'late-set', leaseMs })
    gate.fate = (path, body) => (isTxn(path) && body.includes('LEASE') ? 'hold' : 'pass')
    await assert.rejects(node.setInSync([1]), unavailable)
    assert.deepEqual(node.leadership?.inSync, [1, 2])
    gate.fate = () => 'pass'
    await gate.release()
    await until('it hears of it', () => node.leadership?.inSync.length === 1)
    assert.ok(node.leads)

    gate.fate = (path, body) => (isTxn(path) && body.includes('LEASE') ? 'hold' : 'pass')
    await assert.rejects(node.setInSync([1, 2]), unavailable)
    gate.fate = () => 'pass'
    await node.setInSync([1, 2, 3])
    await gate.release()
    await node.setInSync([1, 2, 3, 4])
    await until('2 hears of it', () => other.leadership?.inSync.length === 4)
    assert.deepEqual([node.leadership?.epoch, node.leads], [1, true])
  })

  test('a watch that has fallen silent is found out, and one that is refused is done without', async (t) => {
    const gate = await openGate(t)
    const [node, other] = await openNodes(t, 2, [gate.url], { cluster: 'silent-watch', leaseMs })
    const opened = gate.seen('/v3/watch')
    gate.silenceWatches()
    await node.setInSync([1])
    await until('2 hears of it', () => other.leadership?.inSync.length === 1)
    await until('it opens another', () => gate.seen('/v3/watch') > opened)
    gate.fate = (path) => (path === '/v3/watch' ? 'hold' : 'pass')
    gate.breakWatches()
    await node.setInSync([1, 2])
    await until('2 hears of it', () => other.leadership?.inSync.length === 2)
    assert.ok(node.leads)
  })

  test('a watch that etcd has forgotten the revisions of begins anew', async (t) => {
    const gate = await openGate(t)
    // With so long a lease nothing is heard in time but by the watch.
    const options = { cluster: 'compacted' }
    const leader = await openNode(t, 1, etcd.urls, options)
    const watching = await openNode(t, 2, [gate.url], options)
    await leader.claim(clusterId, 0)
    await until('2 hears of it', () => watching.leadership?.epoch === 1)
    gate.fate = (path) => (path === '/v3/watch' ? 'break' : 'pass')
    let canceled = 0
    gate.rewrite = (path, answer) => {
      if (path === '/v3/watch' && answer.includes('compact_revision')) canceled++
      return answer
    }
    gate.breakWatches()
    await leader.letGo()
    const { header } = (await etcd.nodes[0].ask('/v3/kv/put', { key: 'eA==' })) as { header: { revision: string } }
    await etcd.nodes[0].ask('/v3/kv/compaction', { revision: header.revision })
    assert.equal(watching.isVacant, false)
    gate.fate = () => 'pass'
    await until('2 hears that nobody leads', () => watching.isVacant)
    assert.ok(canceled > 0)
    // And it hears again.
    await leader.claim(clusterId, 0)
    await until('2 hears of it', () => watching.leadership?.epoch === 2)
  })

  test('what a member of etcd says that led the others once prolongs no lease', async (t) => {
    const gate = await openGate(t)
    const [node, other] = await openNodes(t, 2, [gate.url], { cluster: 'old-term', leaseMs })
    gate.rewrite = (path, answer) =>
      path === '/v3/lease/keepalive' ? answer.replace(/"raft_term":"\d+"/, '"raft_term":"1"') : answer
    const before = gate.seen('/v3/lease/keepalive')
    await sleep(leaseMs)
    assert.ok(gate.seen('/v3/lease/keepalive') > before)
    assert.equal(node.leads, false)
    gate.fate = () => 'pass'
    await untilLeads(other)
  })

  test('another etcd, and one that has lost its data, are not believed', async (t) => {
    const fresh = await Etcd.start()
    t.after(() => fresh.stop())
    const gate = await openGate(t)
    const node = await openNode(t, 1, [gate.url], { cluster: 'moved', leaseMs })
    const stays = await openNode(t, 2, fresh.urls, { cluster: 'moved', leaseMs })
    assert.ok(await node.claim(clusterId, 0))
    assert.ok(await stays.claim(clusterId, 0))
    gate.moveTo(fresh.urls[0])
    await until('it leads no more', () => !node.leads)
    await assert.rejects(node.claim(clusterId, 0), { ...unavailable, message: /this is another etcd/ })

    await fresh.nodes[0].kill()
    await fresh.nodes[0].wipe()
    fresh.nodes[0].start()
    await fresh.ready()
    await until('it leads no more', () => !stays.leads)
    await until('it says why', async () => {
      const refusal = await stays.claim(clusterId, 0).catch((error: HoldfastError) => error.message)
      return /it has lost what was decided/.test(String(refusal))
    })
    assert.equal(stays.leadership?.epoch, 1)
  })
})
