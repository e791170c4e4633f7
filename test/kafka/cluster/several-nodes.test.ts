/** A cluster of several nodes: who is asked what, and what happens when nodes are lost, come back, and change places. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Queue } from '../../../src/client/queue.js'
import { RemoteBroker, type RemoteBrokerOptions } from '../../../src/kafka/remote-broker.js'
import { all, take, texts } from '../../client/world.js'
import { SeveralNodes } from '../../support/several-nodes.js'
import { until } from '../../support/until.js'
import { batchOf, serve } from '../server/served.js'

async function several(t: TestContext, count = 3) {
  const closing: { close(): Promise<void> }[] = []
  // Before the broker is closed.
  t.after(async () => {
    for (const each of closing.reverse()) await each.close()
  })
  const { broker, server } = await serve(t)
  const nodes = await SeveralNodes.start(server.port, count)
  closing.push(nodes)
  const connect = async (addresses = nodes.addresses, options: RemoteBrokerOptions = {}): Promise<RemoteBroker> => {
    const remote = await RemoteBroker.connect(addresses, { retryMs: 10_000, ...options })
    closing.push(remote)
    return remote
  }
  const queue = async (addresses?: string, options?: RemoteBrokerOptions): Promise<Queue> => {
    const mq = new Queue(await connect(addresses, options), { compression: 'none' })
    closing.push(mq)
    return mq
  }
  return { broker, nodes, connect, queue }
}

const sum = (counts: Iterable<number>): number => [...counts].reduce((total, count) => total + count, 0)

test('each request goes to whom it is for, from one address of the cluster', async (t) => {
  const { nodes, queue } = await several(t)
  const mq = await queue(`kafka://127.0.0.1:${nodes.nodes[2].port}`)
  await mq.topics.create('orders', { partitions: 6 })
  const values = Array.from({ length: 60 }, (_, n) => `${n}`)
  await mq.sendMany(
    'orders',
    values.map((value, n) => ({ value, partition: n % 6 })),
  )
  const read = texts(await all(mq.consume('orders', { follow: false })))
  assert.deepEqual(read.sort(), [...values].sort())
  assert.deepEqual(
    (await mq.topics.describe('orders')).partitions.map(({ highWatermark }) => highWatermark),
    Array(6).fill(10),
  )
  for (const name of ['Produce', 'Fetch', 'ListOffsets']) {
    for (const node of nodes.nodes) assert.ok((node.passed.get(name) ?? 0) > 0, `${name} at node ${node.id}`)
  }
  for (const group of ['a', 'b', 'c']) {
    const [first] = await take(mq.consume('orders', { group }), 1)
    await first.ack()
  }
  for (const node of nodes.nodes) assert.ok((node.passed.get('JoinGroup') ?? 0) > 0, `node ${node.id}`)
  // As many brokers as tell of it, the same group each: a real node tells of its own alone.
  assert.deepEqual([...new Set((await mq.groups.list()).map(({ groupId }) => groupId))].sort(), ['a', 'b', 'c'])
})

test('a stored batch whose answer was lost is not stored again', async (t) => {
  const { broker, nodes, queue, connect } = await several(t)
  const mq = await queue()
  await mq.topics.create('orders')
  const leader = nodes.responsible('orders')
  leader.produceAnswersToLose = 3
  const receipts = await Promise.all(Array.from({ length: 20 }, (_, n) => mq.send('orders', { value: `${n}` })))
  leader.produceAnswersToLose = 2
  receipts.push(
    ...(await mq.sendMany(
      'orders',
      Array.from({ length: 20 }, (_, n) => ({ value: `${20 + n}` })),
    )),
  )
  assert.equal(leader.produceAnswersToLose, 0)
  assert.deepEqual(
    receipts.map(({ offset }) => offset),
    receipts.map((_, n) => n),
  )
  assert.deepEqual(
    texts(await mq.read('orders', { limit: 100 })),
    receipts.map((_, n) => `${n}`),
  )
  const [{ partitions }] = await broker.describeTopics(['orders'])
  assert.equal(partitions[0].highWatermark, 40)

  // A batch that is no producer's could be stored twice: its sender is told, and it is not sent again.
  const remote = await connect()
  leader.produceAnswersToLose = 1
  await assert.rejects(remote.produce({ topic: 'orders', partition: 0, batch: batchOf('plain') }), {
    code: 'CONNECTION_FAILED',
  })
  assert.equal((await broker.describeTopics(['orders']))[0].partitions[0].highWatermark, 41)
})

test('what cannot be learned in time is told: it may be stored', async (t) => {
  const { broker, nodes, queue } = await several(t)
  const mq = await queue(undefined, { retryMs: 300 })
  await mq.topics.create('orders')
  await mq.send('orders', { value: 'before' })
  const leader = nodes.responsible('orders')
  leader.produceAnswersToLose = 1_000_000
  await assert.rejects(mq.send('orders', { value: 'perhaps' }), {
    code: 'DELIVERY_TIMEOUT',
    message: /it may be stored or not/,
  })
  leader.produceAnswersToLose = 0
  // The sequence goes on as another producer's.
  assert.equal((await mq.send('orders', { value: 'after' })).offset, 2)
  assert.equal((await broker.describeTopics(['orders']))[0].partitions[0].highWatermark, 3)
})

test('a refused message leaves no gap in what follows it', async (t) => {
  const { broker, queue } = await several(t)
  const mq = await queue()
  await mq.topics.create('orders', { partitions: 1, config: { 'max.message.bytes': '5000' } })
  await mq.send('orders', { value: 'a' })
  await broker.alterTopic('orders', { alterations: [{ name: 'max.message.bytes', operation: 'set', value: '2000' }] })
  const sends = [4000, 10, 4500, 20].map((size) => mq.send('orders', { value: Buffer.alloc(size, 'x') }))
  const outcomes = await Promise.allSettled(sends)
  assert.ok(outcomes.some(({ status }) => status === 'rejected'))
  assert.ok((await mq.send('orders', { value: 'last' })).offset > 0)
})

test('leaders and coordinators that move are found, without a message lost or doubled', async (t) => {
  const { nodes, queue } = await several(t)
  const mq = await queue()
  await mq.topics.create('orders', { partitions: 3 })
  const seen: string[] = []
  const stream = mq.consume('orders', { group: 'billing', heartbeatIntervalMs: 20 })
  const consuming = (async () => {
    for await (const message of stream) {
      seen.push(message.text())
      await message.ack()
    }
  })()
  const sent: Promise<unknown>[] = []
  for (let round = 0; round < 30; round++) {
    for (let n = 0; n < 3; n++) sent.push(mq.send('orders', { value: `${round}.${n}`, partition: n }))
    if (round % 5 === 4) nodes.move('orders', round % 3)
    if (round % 10 === 7) nodes.move('billing')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  await Promise.all(sent)
  await until('all are consumed', () => seen.length >= 90)
  assert.equal(new Set(seen).size, 90)
  for (let n = 0; n < 3; n++) {
    const ofPartition = seen.filter((value) => value.endsWith(`.${n}`)).map((value) => Number(value.split('.')[0]))
    assert.deepEqual(
      ofPartition,
      [...ofPartition].sort((a, b) => a - b),
    )
  }
  await stream.close()
  await consuming
  assert.equal(sum((await mq.groups.offsets('billing')).map(({ lag }) => lag ?? -1)), 0)
})

test('a lost node: sends wait until another leads, transactions go on, and it comes back', async (t) => {
  const { nodes, queue } = await several(t)
  const mq = await queue()
  await mq.topics.create('orders', { partitions: 3 })
  await mq.transaction('tx', (tx) => tx.send('orders', { value: 'first', partition: 0 }))
  const lost = nodes.responsible('orders', 0)
  await nodes.lose(lost)
  const sending = mq.send('orders', { value: 'second', partition: 0 })
  await new Promise((resolve) => setTimeout(resolve, 100))
  for (const partition of [0, 1, 2])
    if (nodes.responsible('orders', partition) === lost) nodes.move('orders', partition)
  for (const what of ['tx', 'billing']) if (nodes.responsible(what) === lost) nodes.move(what)
  const { offset } = await sending
  assert.equal(offset, 2) // Behind the marker of the transaction.
  await mq.transaction('tx', async (tx) => {
    await tx.send('orders', { value: 'third', partition: 0 })
    await tx.commitOffsets('billing', [{ topic: 'orders', partition: 0, offset: 2 }])
  })
  const [committed] = await mq.groups.offsets('billing')
  assert.equal(committed.offset, 3)
  await nodes.comeBack(lost)
  nodes.move('orders', 1)
  await mq.send('orders', { value: 'fourth', partition: 1 })
  assert.deepEqual(texts(await mq.read('orders', { partition: 0, limit: 10 })), ['first', 'second', 'third'])
})

test('a busy node is not held up by quiet ones, nor asks them anew each time', async (t) => {
  const { nodes, queue } = await several(t)
  const mq = await queue()
  await mq.topics.create('orders', { partitions: 3 })
  const stream = mq.consume('orders', {})
  const taking = take(stream, 40)
  for (let n = 0; n < 40; n++) {
    await mq.send('orders', { value: `${n}`, partition: 0 })
  }
  assert.deepEqual(
    texts(await taking),
    Array.from({ length: 40 }, (_, n) => `${n}`),
  )
  const quiet = nodes.responsible('orders', 1)
  const fetches = quiet.passed.get('Fetch') ?? 0
  assert.ok(fetches <= 5, `${fetches} fetches at a node that had nothing to give`)
  await stream.close()
})

test('nobody of the list is there, or one of it', async (t) => {
  const { nodes, connect } = await several(t)
  const [{ port }] = nodes.nodes
  await nodes.lose(nodes.nodes[1])
  await nodes.lose(nodes.nodes[2])
  const remote = await connect()
  assert.deepEqual(await remote.describeTopics(null), [])
  await nodes.lose(nodes.nodes[0])
  await assert.rejects(remote.describeTopics(null), {
    code: 'CONNECTION_FAILED',
    message: new RegExp(`127.0.0.1:${port}`),
  })
  await assert.rejects(connect(), { code: 'CONNECTION_FAILED', message: /No broker of the cluster/ })
})
