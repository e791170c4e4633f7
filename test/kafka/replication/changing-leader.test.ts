/**
 * The library on nodes that copy one another, while the lead goes from one to the other. Both nodes are faces of one broker,
 * so that what one has the other has too; who does not lead refuses as a node that follows does.
 */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { BrokerService } from '../../../src/broker/contract.js'
import type { ClusterDescription } from '../../../src/broker/replication.js'
import { Queue } from '../../../src/client/queue.js'
import { type ErrorCode, HoldfastError } from '../../../src/core/errors.js'
import { RemoteBroker } from '../../../src/kafka/remote-broker.js'
import { KafkaServer, type ServedBroker } from '../../../src/kafka/server.js'
import { all, take, texts } from '../../client/world.js'
import { serve } from '../server/served.js'
import { member, SmallLeader } from './small-leader.js'

const refusals: ReadonlyMap<string, ErrorCode> = new Map([
  ...(['produce', 'fetch', 'findOffsets', 'deleteRecords'] as const).map(
    (call) => [call, 'NOT_LEADER_OR_FOLLOWER'] as const,
  ),
  ...(['createTopic', 'deleteTopic', 'createPartitions', 'alterTopic'] as const).map(
    (call) => [call, 'NOT_CONTROLLER'] as const,
  ),
  ...(
    [
      'describeGroup',
      'joinGroup',
      'syncGroup',
      'heartbeat',
      'commitOffsets',
      'fetchOffsets',
      'addPartitionsToTransaction',
    ] as const
  ).map((call) => [call, 'NOT_COORDINATOR'] as const),
] satisfies readonly (readonly [keyof BrokerService, ErrorCode])[])

interface Node {
  readonly server: KafkaServer
  readonly says: SmallLeader
  /** Requests that it refused since it does not lead. */
  refused: number
}

async function twoNodes(t: TestContext) {
  const { broker } = await serve(t)
  const closing: { close(): Promise<unknown> }[] = []
  t.after(async () => {
    for (const each of closing.reverse()) await each.close()
  })
  let leaderId = 1
  const start = async (nodeId: number): Promise<Node> => {
    const node = { refused: 0 }
    const face = new Proxy<ServedBroker>(broker, {
      get(target, name) {
        if (name === 'nodeId') return nodeId
        const code = refusals.get(String(name))
        if (code !== undefined && leaderId !== nodeId) {
          return async () => {
            node.refused++
            throw new HoldfastError(code)
          }
        }
        const value: unknown = Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    const says = new SmallLeader({ clusterId: 'c', leaderId, members: [], inSync: [1, 2] })
    const server = await KafkaServer.listen(face, { host: '127.0.0.1', port: 0, replication: says })
    closing.push(server)
    return Object.assign(node, { server, says })
  }
  const nodes = [await start(1), await start(2)]
  const members = nodes.map(({ server }, at) => member(at + 1, server.port))
  const tell = (node: Node, description: Partial<ClusterDescription>): void => {
    node.says.description = { ...node.says.description, members, ...description }
  }
  const lead = (next: number): void => {
    leaderId = next
    for (const node of nodes) tell(node, { leaderId })
  }
  lead(1)
  const connect = async (...of: readonly Node[]): Promise<RemoteBroker> => {
    const addresses = of.map(({ server }) => `127.0.0.1:${server.port}`).join()
    const remote = await RemoteBroker.connect(addresses, { retryMs: 20_000 })
    closing.push(remote)
    return remote
  }
  const queue = async (...of: readonly Node[]): Promise<Queue> => {
    const mq = new Queue(await connect(...of), { compression: 'none' })
    closing.push(mq)
    return mq
  }
  return { broker, nodes, lead, tell, connect, queue }
}

const values = (from: number, count: number) => Array.from({ length: count }, (_, n) => `${from + n}`)

test('messages, topics and groups find the leader wherever it goes, without one lost or doubled', async (t) => {
  const { nodes, lead, queue } = await twoNodes(t)
  const mq = await queue(nodes[1])
  await mq.topics.create('orders', { partitions: 2 })
  const sent: string[] = []
  const seen = new Set<string>()
  const reading = mq.consume('orders', { group: 'readers' })
  for (const [turn, leader] of [1, 2, -1, 1, 2].entries()) {
    const more = values(turn * 20, 20)
    sent.push(...more)
    const sending = Promise.all(more.map((value, n) => mq.send('orders', { value, partition: n % 2 })))
    lead(leader)
    // While nobody leads they wait.
    if (leader === -1) setTimeout(() => lead(2), 300)
    await sending
    // Who reads in a group may get a message again, where his acknowledgement was on its way to the leader before.
    while (seen.size < sent.length) {
      const [message] = await take(reading, 1)
      seen.add(message.text())
      await message.ack()
    }
  }
  const stored = texts(await all(mq.consume('orders', { follow: false })))
  assert.deepEqual(
    stored.map(Number).sort((a, b) => a - b),
    sent.map(Number),
  )
  for (const { refused } of nodes) assert.ok(refused > 0, 'each was asked while it did not lead')
})

test('a topic that is to be made on the way is made by the leader, though a follower answers', async (t) => {
  const { broker, nodes, connect, lead } = await twoNodes(t)
  lead(2)
  const remote = await connect(nodes[0])
  const [created] = await remote.describeTopics(['orders'], { create: true })
  assert.equal(created.name, 'orders')
  assert.equal((await broker.describeTopics(null)).length, 1)
})

test('a node that is cut off from the others, and knows of no leader, is not asked for ever', async (t) => {
  const { nodes, lead, tell, queue } = await twoNodes(t)
  const mq = await queue(...nodes)
  await mq.topics.create('orders')
  await mq.send('orders', { value: 'before' })
  lead(2)
  tell(nodes[0], { leaderId: -1 })
  const { offset } = await mq.send('orders', { value: 'after' })
  assert.equal(offset, 1)
  assert.deepEqual(texts(await all(mq.consume('orders', { follow: false }))), ['before', 'after'])
})

for (const [of, ask] of [
  ['a coordinator', (remote: RemoteBroker) => remote.describeGroup('readers')],
  ['the controller', (remote: RemoteBroker) => remote.createTopic({ name: 'orders' })],
] as const) {
  test(`nor for ever who is ${of}`, async (t) => {
    const { nodes, lead, tell, connect } = await twoNodes(t)
    const remote = await connect(...nodes)
    await remote.describeGroup('readers')
    lead(2)
    tell(nodes[0], { leaderId: -1 })
    await ask(remote)
    assert.ok(nodes[0].refused > 0)
  })
}
