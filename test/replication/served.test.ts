/** Replicas over sockets, from one end to the other: readers near one, and one that belongs elsewhere. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../src/core/clock.js'
import { openReplicaLink } from '../../src/kafka/replica-link.js'
import { ReplicaNode } from '../../src/replication/node.js'
import { dataPath, gate, recordingLogger, whenEnded } from '../storage/support.js'
import { runProgram, withoutKcat } from '../support/tools.js'
import { until } from '../support/until.js'
import { heldBy, oneMessage, untilInSync } from './nodes.js'
import { serveNodes } from './served-nodes.js'

/** How many bytes a node has answered fetches of consumers with. */
function watched(node: ReplicaNode) {
  const { broker } = node
  const seen = { bytes: 0 }
  const fetch = broker.fetch.bind(broker)
  broker.fetch = async (request) => {
    const fetched = await fetch(request)
    for (const { records } of fetched) for (const { length } of records) seen.bytes += length
    return fetched
  }
  return seen
}

/** How often a node has appended what it copies. */
function copiedBy({ broker }: ReplicaNode) {
  const { copied } = broker
  const append = copied.appendReplicated.bind(copied)
  const seen = { count: 0 }
  copied.appendReplicated = async (batches) => {
    await append(batches)
    seen.count++
  }
  return seen
}

/** Lets a node append nothing of what it copies, from now on and until the returned call. */
function stalled({ broker }: ReplicaNode): () => void {
  const { copied } = broker
  const append = copied.appendReplicated.bind(copied)
  const { passed, open } = gate()
  copied.appendReplicated = (batches) => passed.then(() => append(batches))
  return open
}

test('a consumer that says its rack reads from the replica there, and sees what all in-sync nodes have and no more', {
  skip: withoutKcat(),
}, async (t) => {
  const racks = ['a', 'b', 'c']
  const served = await serveNodes(3, (nodeId) => ({ 'replica.read': true, 'broker.rack': racks[nodeId - 1] }))
  whenEnded(t, served.close)
  const [one, two, three] = served.nodes
  await one.broker.createTopic({ name: 'orders', partitions: 1 })
  const produce = (value: string) => one.broker.produce({ topic: 'orders', partition: 0, batch: oneMessage(value) })
  for (let i = 0; i < 20; i++) await produce(`${i}`)
  await until('the replica may show them', async () => (await heldBy(two, 'orders')).length === 20)
  const seen = [watched(one), watched(two)]
  const read = async (rack: string) => {
    for (const each of seen) each.bytes = 0
    const args = ['-b', served.addresses, '-C', '-t', 'orders', '-o', 'beginning', '-e', '-q']
    const { code, stdout, stderr } = await runProgram('kcat', [...args, '-X', `client.rack=${rack}`])
    assert.equal(code, 0, stderr)
    return { values: stdout.toString().trim().split('\n'), from: seen.map(({ bytes }) => bytes > 0) }
  }
  const shown = Array.from({ length: 20 }, (_, i) => `${i}`)
  assert.deepEqual(await read('b'), { values: shown, from: [false, true] })
  assert.deepEqual(await read('a'), { values: shown, from: [true, false] })

  const goOn = stalled(three)
  const copies = copiedBy(two)
  const later = produce('20')
  await until('two of three have it', () => copies.count > 0)
  assert.deepEqual(await read('b'), { values: shown, from: [false, true] })
  goOn()
  await later
  await until('the replica may show it', async () => (await heldBy(two, 'orders')).length === 21)
  assert.deepEqual((await read('b')).values, [...shown, '20'])
})

test('a node that belongs to another cluster is refused, and keeps what it has', async (t) => {
  const theirs = await serveNodes(1, {})
  whenEnded(t, theirs.close)
  await theirs.nodes[0].broker.createTopic({ name: 'theirs', partitions: 1 })
  const ours = await serveNodes(1, {})
  let isOver = false
  whenEnded(t, async () => {
    if (!isOver) await ours.close()
  })
  const path = await dataPath(t)
  const logger = recordingLogger()
  const follow = async (leaderAddress: string): Promise<ReplicaNode> => {
    const node = await ReplicaNode.open(path, {
      settings: { 'node.id': 2, 'replication.mode': 'sync', 'replica.of': leaderAddress, 'replica.read': true },
      logger,
      openLink: openReplicaLink({ replicaId: 2, clientId: 'replica-2', requestTimeoutMs: 10_000, clock: systemClock }),
    })
    whenEnded(t, () => node.close())
    await node.start({ host: '127.0.0.1', port: 1 })
    return node
  }
  const before = await follow(ours.addresses)
  await ours.nodes[0].broker.createTopic({ name: 'ours', partitions: 1 })
  await untilInSync(ours.nodes[0], [1, 2])
  await ours.nodes[0].broker.produce({ topic: 'ours', partition: 0, batch: oneMessage('a') })
  await before.close()
  await ours.close()
  isOver = true

  const lost = await follow(theirs.addresses)
  const reasons = () => logger.said.map(({ fields }) => ('reason' in fields ? String(fields.reason) : ''))
  await until('it is refused', () => reasons().some((reason) => /belongs to cluster/.test(reason)))
  assert.deepEqual(
    (await lost.broker.describeTopics(null)).map(({ name }) => name),
    ['ours'],
  )
  assert.deepEqual(theirs.nodes[0].replicated.describe().inSync, [1])
})
