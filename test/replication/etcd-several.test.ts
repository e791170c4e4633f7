/** An etcd of three processes: the loss of one is not noticed, the loss of two ends every leadership. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Etcd, type EtcdNode, withoutEtcd } from '../support/etcd.js'
import { until } from '../support/until.js'
import { openNodes, overseer, sleep, untilLeads } from './etcd-nodes.js'

const skip = withoutEtcd()
const leaseMs = 4_000
let etcd: Etcd

before(async () => {
  if (!skip) etcd = await Etcd.start(3)
})
after(async () => {
  if (!skip) await etcd.stop()
})

/** Those that lead the others last. */
async function inOrder(): Promise<EtcdNode[]> {
  const followers: EtcdNode[] = []
  const leaders: EtcdNode[] = []
  for (const node of etcd.nodes) ((await node.leadsEtcd()) ? leaders : followers).push(node)
  assert.equal(leaders.length, 1)
  return [...followers, ...leaders]
}

for (const how of ['is killed', 'falls silent'] as const) {
  test(`that one process of etcd ${how}, the first among them, is not noticed`, { skip }, async (t) => {
    const [, , first] = await inOrder()
    // So that it is the one that is asked.
    const urls = [first.url, ...etcd.urls.filter((url) => url !== first.url)]
    const nodes = await openNodes(t, 2, urls, { cluster: how.replace(' ', '-'), leaseMs })
    const epoch = nodes[0].leadership?.epoch
    const seen = overseer(t, nodes)
    if (how === 'is killed') await first.kill()
    else first.freeze()
    try {
      await sleep(leaseMs * 1.2)
      await nodes[0].setInSync([1])
      await until('2 hears of it', () => nodes[1].leadership?.inSync.length === 1)
      assert.deepEqual([seen.least, seen.most], [1, 1])
      assert.equal(nodes[0].leadership?.epoch, epoch)
    } finally {
      if (how === 'is killed') first.start()
      else first.thaw()
    }
    await etcd.ready()
  })
}

test('without a majority of etcd nobody leads, and with it again one does', { skip }, async (t) => {
  const nodes = await openNodes(t, 2, etcd.urls, { cluster: 'two-of-three', leaseMs })
  const seen = overseer(t, nodes)
  const epoch = nodes[0].leadership?.epoch ?? 0
  const lost = (await inOrder()).slice(1)
  for (const node of lost) node.freeze()
  try {
    await sleep(leaseMs)
    assert.ok(nodes.every(({ leads }) => !leads))
    await until('nothing is known for sure', () => nodes.every(({ isVacant }) => !isVacant))
  } finally {
    for (const node of lost) node.thaw()
  }
  await untilLeads(nodes[1])
  assert.equal(nodes[1].leadership?.epoch, epoch + 1)
  assert.equal(seen.most, 1)
})
