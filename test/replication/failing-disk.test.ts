/** A disk that fails under the leader: the lead goes to a node whose disk works, where etcd decides and enough are in sync. */

import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { FaultDisk } from '../../sim/fault-disk.js'
import { systemClock } from '../../src/core/clock.js'
import { silentLogger } from '../../src/core/logger.js'
import type { SettingsInput } from '../../src/core/settings.js'
import { nodeDisk } from '../../src/files/node-disk.js'
import { open } from '../../src/index.js'
import { openReplicaLink } from '../../src/kafka/replica-link.js'
import { KafkaServer } from '../../src/kafka/server.js'
import { EtcdAuthority } from '../../src/replication/etcd/etcd-authority.js'
import { ReplicaNode } from '../../src/replication/node.js'
import { temporaryDirectory, whenEnded } from '../storage/support.js'
import { Etcd, withoutEtcd } from '../support/etcd.js'
import { until } from '../support/until.js'
import { sleep } from './etcd-nodes.js'
import { oneMessage, untilInSync, untilLeads } from './nodes.js'

const skip = withoutEtcd()
/** No lease runs out here, however slow the machine is: what moves the lead is the disk. */
const leaseMs = 20_000
/** Longer than a leader watches a failed log. */
const longMs = 6_000
let etcd: Etcd

before(async () => {
  if (!skip) etcd = await Etcd.start()
})
after(async () => {
  if (!skip) await etcd.stop()
})

/** Two nodes; the first leads, both are in sync. */
async function openPair(t: TestContext, cluster: string, settings: SettingsInput = {}) {
  const disks = [new FaultDisk(nodeDisk), new FaultDisk(nodeDisk)]
  const nodes: ReplicaNode[] = []
  const addresses: string[] = []
  for (const [index, disk] of disks.entries()) {
    const nodeId = index + 1
    const node = await ReplicaNode.open(await temporaryDirectory(t), {
      disk,
      settings: {
        'node.id': nodeId,
        'replication.mode': 'sync',
        'replication.lease.ms': leaseMs,
        'replica.lag.time.max.ms': 20_000,
        ...settings,
      },
      openLink: openReplicaLink({
        replicaId: nodeId,
        clientId: `replica-${nodeId}`,
        requestTimeoutMs: 10_000,
        clock: systemClock,
      }),
      openAuthority: (self) =>
        EtcdAuthority.open({
          endpoints: etcd.urls,
          cluster,
          self,
          leaseMs,
          clock: systemClock,
          logger: silentLogger,
        }),
    })
    nodes.push(node)
    const server = await KafkaServer.listen(node.broker, {
      host: '127.0.0.1',
      port: 0,
      replication: node.replicated,
    })
    whenEnded(t, async () => {
      await server.close()
      await node.close()
    })
    addresses.push(`127.0.0.1:${server.port}`)
    await node.start({ host: '127.0.0.1', port: server.port })
    if (index === 0) await untilLeads(node)
  }
  await nodes[0].broker.createTopic({ name: 'orders', partitions: 1 })
  await untilInSync(nodes[0], [1, 2])
  return { nodes, disks, brokers: addresses.join() }
}

const breakUnder = (disk: FaultDisk, topic: string): void => {
  disk.judge = ({ operation, path }) => (operation === 'write' && path.includes(`${topic}-0/`) ? 'EIO' : undefined)
}

test('a leader whose disk fails lets go; who sends goes on at the other node, and nothing is lost', {
  skip,
}, async (t) => {
  const { nodes, disks, brokers } = await openPair(t, 'failing')
  await using mq = await open(`kafka://${brokers}`)
  const offsets: number[] = []
  for (let n = 0; n < 40; n++) {
    if (n === 20) breakUnder(disks[0], 'orders')
    offsets.push((await mq.send('orders', { value: `${n}` })).offset)
  }
  assert.ok(nodes[1].leads && !nodes[0].leads)
  assert.deepEqual(offsets, [...Array(40).keys()])
  const values = (await mq.read('orders', { limit: 100 })).map((message) => message.text())
  assert.deepEqual(values, [...Array(40).keys()].map(String))
  // It is of no use to anybody before it is started anew, and must not count as one that has everything.
  await until('1 is out of the set', () => nodes[1].replicated.describe().inSync.join() === '2')
  breakUnder(disks[1], 'orders')
  await assert.rejects(nodes[1].broker.produce({ topic: 'orders', partition: 0, batch: oneMessage('late') }))
  await sleep(longMs)
  assert.ok(nodes[1].leads && !nodes[0].leads)
})

test('a replica whose disk takes nothing does not claim the lead, and does when it takes again', {
  skip,
}, async (t) => {
  const { nodes, disks } = await openPair(t, 'unusable')
  await nodes[0].broker.produce({ topic: 'orders', partition: 0, batch: oneMessage('kept') })
  let isAsked = 0
  disks[1].judge = ({ path }) => {
    if (!path.includes('replication.json')) return undefined
    isAsked++
    return 'ENOSPC'
  }
  await nodes[0].close()
  await until('2 has tried', () => isAsked > 2)
  assert.ok(!nodes[1].leads)
  assert.deepEqual(nodes[1].replicated.describe().inSync, [1, 2], 'nobody is put out of the set for it')
  disks[1].judge = () => undefined
  await untilLeads(nodes[1])
})

test('where fewer than min.insync.replicas would be left, the lead stays', { skip }, async (t) => {
  const { nodes, disks } = await openPair(t, 'staying', { 'min.insync.replicas': 2 })
  await nodes[0].broker.createTopic({ name: 'others', partitions: 1 })
  breakUnder(disks[0], 'orders')
  await assert.rejects(nodes[0].broker.produce({ topic: 'orders', partition: 0, batch: oneMessage('late') }))
  await sleep(longMs)
  assert.ok(nodes[0].leads)
  await nodes[0].broker.produce({ topic: 'others', partition: 0, batch: oneMessage('goes on') })
})
