/** What goes over to a replica that is promoted, beside the messages: groups, producers, and transactions. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { HoldfastError } from '../../src/core/errors.js'
import { type BatchOptions, buildBatch } from '../../src/records/builder.js'
import type { ReplicaNode } from '../../src/replication/node.js'
import { until } from '../support/until.js'
import { heldBy, Nodes, oneMessage, untilInSync, untilLeads } from './nodes.js'

const place = { topic: 'orders', partition: 0 }

async function pair(t: TestContext) {
  const nodes = new Nodes(t)
  const one = await nodes.start(1)
  await untilLeads(one)
  await one.broker.createTopic({ name: 'orders', partitions: 1 })
  const two = await nodes.start(2)
  await untilInSync(one, [1, 2])
  return { nodes, one, two }
}

function produced(value: string, options: BatchOptions): Buffer {
  return buildBatch([{ value: Buffer.from(value), timestamp: Date.now() }], options).bytes
}

async function committed({ broker }: ReplicaNode): Promise<number> {
  const [found] = await broker.fetchOffsets('billing', [place])
  return found.offset
}

/** While a node has just begun to lead, what it read back is not all there yet. */
async function asSoonAsPossible<T>(ask: () => Promise<T>): Promise<T> {
  let answer: { readonly is: T } | undefined
  await until('it is answered', async () => {
    try {
      answer = { is: await ask() }
      return true
    } catch (error) {
      if (error instanceof HoldfastError && error.retriable) return false
      throw error
    }
  })
  assert.ok(answer)
  return answer.is
}

test('committed offsets, and what a producer was told, hold under the next leader', async (t) => {
  const { one, two } = await pair(t)
  const member = { groupId: 'billing', generationId: -1, memberId: '', groupInstanceId: null }
  const offset = { ...place, offset: 5, leaderEpoch: -1, metadata: '' }
  assert.deepEqual(await one.broker.commitOffsets({ ...member, offsets: [offset] }), [undefined])
  const { producerId, producerEpoch } = await one.broker.initProducer({
    transactionalId: null,
    producerId: -1,
    producerEpoch: -1,
  })
  const batch = () => produced('a', { producerId, producerEpoch, baseSequence: 0 })
  const { baseOffset } = await one.broker.produce({ ...place, batch: batch() })
  const other = await two.broker.initProducer({ transactionalId: null, producerId: -1, producerEpoch: -1 })
  assert.ok(Math.abs(other.producerId - producerId) > 1_000_000, 'ids of two nodes are far from each other')
  await two.promote()
  assert.equal(await asSoonAsPossible(() => committed(two)), 5)
  // Its acknowledgement was lost, so it sends again.
  assert.equal((await two.broker.produce({ ...place, batch: batch() })).baseOffset, baseOffset)
  await two.broker.produce({ ...place, batch: produced('b', { producerId, producerEpoch, baseSequence: 1 }) })
  assert.equal((await heldBy(two, 'orders')).length, 2, 'nothing is stored twice')
})

test('a transaction that was open goes on under the next leader, and the one after aborts it where its producer begins anew', async (t) => {
  const { one, two } = await pair(t)
  const init = { transactionalId: 'payments', producerId: -1, producerEpoch: -1, transactionTimeoutMs: 60_000 }
  const producer = { transactionalId: 'payments', ...(await one.broker.initProducer(init)) }
  const { producerId, producerEpoch } = producer
  const inTransaction = (value: string, baseSequence: number) =>
    produced(value, { producerId, producerEpoch, baseSequence, isTransactional: true })
  await one.broker.addPartitionsToTransaction(producer, [place])
  await one.broker.produce({ ...place, batch: inTransaction('a', 0) })
  await two.promote()
  await asSoonAsPossible(() => two.broker.produce({ ...place, batch: inTransaction('b', 1) }))
  await asSoonAsPossible(() => two.broker.endTransaction(producer, true))
  const stable = async (node: ReplicaNode) => {
    const [found] = await node.broker.findOffsets([{ ...place, query: 'latest', currentLeaderEpoch: -1 }], 'committed')
    return found.offset
  }
  await until('its marker is there', async () => (await stable(two)) === 3)
  await asSoonAsPossible(() => two.broker.addPartitionsToTransaction(producer, [place]))
  await two.broker.produce({ ...place, batch: inTransaction('c', 2) })
  await untilInSync(two, [1, 2])
  await one.promote()
  const again = await asSoonAsPossible(() => one.broker.initProducer(init))
  assert.deepEqual([again.producerId, again.producerEpoch > producerEpoch], [producerId, true])
  await until('it is ended', async () => (await stable(one)) === 5)
})

test('senders that try again lose nothing by one promotion after another', async (t) => {
  const { nodes, one, two } = await pair(t)
  const three = await nodes.start(3)
  await untilInSync(one, [1, 2, 3])
  const all = [one, two, three]
  const acknowledged: number[] = []
  let isOver = false
  const sending = (async () => {
    while (!isOver) {
      const leader = all.find((node) => node.leads)
      const sent = leader?.broker.produce({ ...place, batch: oneMessage('m') })
      await sent?.then(
        ({ baseOffset }) => acknowledged.push(baseOffset),
        () => {},
      )
      await new Promise((resolve) => setImmediate(resolve))
    }
  })()
  let epoch = one.replicated.leaderEpoch
  for (const next of [two, three, one]) {
    const enough = acknowledged.length + 20
    await until('messages go on', () => acknowledged.length >= enough)
    await next.promote()
    assert.ok(next.replicated.leaderEpoch > epoch)
    epoch = next.replicated.leaderEpoch
    await untilInSync(next, [1, 2, 3])
  }
  isOver = true
  await sending
  const held = new Set((await heldBy(one, 'orders')).map((batch) => Number(batch.split(':')[0])))
  assert.equal(new Set(acknowledged).size, acknowledged.length, 'no offset was told twice')
  assert.ok(
    acknowledged.every((offset) => held.has(offset)),
    'all that was acknowledged is there',
  )
})

test('a leader that could not go on, and begins anew in its epoch, waits for who came into the set before', async (t) => {
  const { nodes, one } = await pair(t)
  await nodes.stop(1)
  nodes.onOpened = (node) => {
    const { broker } = node
    const lead = broker.lead.bind(broker)
    broker.lead = async () => {
      broker.lead = lead
      await untilInSync(node, [1, 2])
      nodes.cut.add('2>1')
      throw new Error('the disk does not answer')
    }
  }
  const again = await nodes.start(1)
  await untilLeads(again)
  assert.ok(again.replicated.leaderEpoch > one.replicated.leaderEpoch)
  assert.deepEqual(again.replicated.describe().inSync, [1], 'nobody is in the set who is not waited for')
  await again.broker.produce({ ...place, batch: oneMessage('a') })
})
