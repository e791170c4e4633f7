/** Transactions over the wire: through RemoteBroker, and what it does not look at: old versions, odd requests, markers. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BrokerService } from '../../../src/broker/contract.js'
import type { TransactionalProducer } from '../../../src/broker/transactions/contract.js'
import * as kafka from '../../../src/kafka/schemas/index.js'
import { buildBatch } from '../../../src/records/builder.js'
import { produceBody, serve } from './served.js'

const transactionalId = 't'
const place = { topic: 'orders', partition: 0 }

async function init(service: BrokerService): Promise<TransactionalProducer> {
  const none = { producerId: -1, producerEpoch: -1 }
  return { transactionalId, ...(await service.initProducer({ transactionalId, transactionTimeoutMs: 5000, ...none })) }
}

function batchOf({ producerId, producerEpoch }: TransactionalProducer, baseSequence = 0): Buffer {
  const options = { producerId, producerEpoch, baseSequence, isTransactional: true }
  return buildBatch([{ key: null, value: Buffer.from('x'), timestamp: 1 }], options).bytes
}

function commitOf(producer: TransactionalProducer, offset: number) {
  const member = { groupId: 'g', memberId: '', groupInstanceId: null, generationId: -1 }
  return { ...member, ...producer, offsets: [{ ...place, offset, leaderEpoch: -1, metadata: '' }] }
}

test('a remote broker is used as one in this process is', async (t) => {
  const served = await serve(t)
  await served.broker.createTopic({ name: 'orders', partitions: 2 })
  const remote = await served.remote()
  for (const service of [served.broker, remote]) {
    const producer = await init(service)
    const missing = await service.addPartitionsToTransaction(producer, [place, { topic: 'orders', partition: 9 }])
    assert.deepEqual(
      missing.map((error) => error?.code),
      ['OPERATION_NOT_ATTEMPTED', 'UNKNOWN_TOPIC_OR_PARTITION'],
    )
    assert.deepEqual(await service.addPartitionsToTransaction(producer, [place]), [undefined])
    await service.produce({ ...place, batch: batchOf(producer), transactionalId })
    await service.addOffsetsToTransaction(producer, 'g')
    assert.deepEqual(await service.commitTransactionalOffsets(commitOf(producer, 7)), [undefined])
    const [pending] = await service.fetchOffsets('g', [place], { requireStable: true })
    assert.deepEqual([pending.error?.code, pending.offset], ['UNSTABLE_OFFSET_COMMIT', -1])
    const { producerId } = producer
    assert.deepEqual(await service.listTransactions({ statuses: ['Ongoing'] }), [
      { transactionalId, producerId, status: 'Ongoing' },
    ])
    assert.deepEqual(await service.listTransactions({ statuses: ['Ongoing'], runningForMs: 60_000 }), [])
    await service.endTransaction(producer, true)
    const described = await service.describeTransaction(transactionalId)
    assert.deepEqual([described.status, described.timeoutMs, described.partitions], ['CompleteCommit', 5000, []])
    const [committed] = await service.fetchOffsets('g', [place], { requireStable: true })
    assert.deepEqual([committed.error, committed.offset], [undefined, 7])
    const next = await init(service)
    await assert.rejects(service.addOffsetsToTransaction(producer, 'g'), { code: 'PRODUCER_FENCED' })
    await assert.rejects(service.addPartitionsToTransaction(producer, [place]), { code: 'PRODUCER_FENCED' })
    await assert.rejects(service.endTransaction(next, true), { code: 'INVALID_TXN_STATE' })
    await assert.rejects(service.describeTransaction('nobody'), { code: 'TRANSACTIONAL_ID_NOT_FOUND' })
  }
})

test('older versions get the errors that they know', async (t) => {
  const served = await serve(t)
  await served.broker.createTopic({ name: 'orders' })
  const client = await served.raw()
  const zombie = await init(served.broker)
  const producer = await init(served.broker)
  const topics = [{ name: 'orders', partitions: [0] }]
  const added = async (version: number): Promise<number> => {
    const answer = await client.ask(kafka.addPartitionsToTxn, version, { ...zombie, topics })
    return answer.topics[0].partitions[0].errorCode
  }
  assert.deepEqual([await added(1), await added(2)], [47, 90])
  const ended = async (version: number): Promise<number> =>
    (await client.ask(kafka.endTxn, version, { ...zombie, committed: true })).errorCode
  assert.deepEqual([await ended(1), await ended(2)], [47, 90])
  const renewed = async (version: number): Promise<number> =>
    (await client.ask(kafka.initProducerId, version, { ...zombie, transactionTimeoutMs: 1000 })).errorCode
  assert.deepEqual([await renewed(3), await renewed(4)], [47, 90])
  const produced = async (version: number): Promise<number> =>
    (await client.ask(kafka.produce, version, produceBody('orders', batchOf(producer)))).topics[0].partitions[0]
      .errorCode
  assert.deepEqual([await produced(9), await produced(11)], [48, 120], 'the partition was not added')
  const committed = async (version: number): Promise<number> => {
    const offsets = [{ name: 'orders', partitions: [{ index: 0, committedOffset: 1 }] }]
    const answer = await client.ask(kafka.txnOffsetCommit, version, { ...producer, groupId: 'g', topics: offsets })
    return answer.topics[0].partitions[0].errorCode
  }
  assert.deepEqual([await committed(3), await committed(4)], [48, 120], 'the group was not added')
})

test('unknown states are told, and find nothing', async (t) => {
  const served = await serve(t)
  await init(served.broker)
  const client = await served.raw()
  const some = await client.ask(kafka.listTransactions, 1, { stateFilters: ['Empty', 'Odd'] })
  assert.deepEqual([some.unknownStateFilters, some.transactionStates.length], [['Odd'], 1])
  const none = await client.ask(kafka.listTransactions, 1, { stateFilters: ['Odd'] })
  assert.deepEqual([none.unknownStateFilters, none.transactionStates.length], [['Odd'], 0])
})

test('WriteTxnMarkers ends a transaction that hangs in a partition', async (t) => {
  const served = await serve(t)
  await served.broker.createTopic({ name: 'orders' })
  const client = await served.raw()
  const producer = await init(served.broker)
  await served.broker.addPartitionsToTransaction(producer, [place])
  await served.broker.produce({ ...place, batch: batchOf(producer) })
  const position = { ...place, offset: 0, maxBytes: 1e6, currentLeaderEpoch: -1 }
  const stable = async (): Promise<number> => {
    const request = { positions: [position], maxBytes: 1e6, minBytes: 0, maxWaitMs: 0 }
    return (await served.broker.fetch(request))[0].lastStableOffset
  }
  assert.equal(await stable(), 0)
  const { producerId, producerEpoch } = producer
  const ask = async (coordinatorEpoch: number): Promise<number[][]> => {
    const topics = [{ name: 'orders', partitionIndexes: [0, 7] }]
    const marker = { producerId, producerEpoch, committed: false, topics, coordinatorEpoch }
    const answer = await client.ask(kafka.writeTxnMarkers, 1, { markers: [marker] })
    return answer.markers[0].topics[0].partitions.map(({ index, errorCode }) => [index, errorCode])
  }
  const notYet = [
    [0, 42],
    [7, 3],
  ]
  assert.deepEqual(await ask(1000), notYet, 'the epoch of a coordinator that never was would fence the real one')
  assert.deepEqual(await ask(0), [
    [0, 0],
    [7, 3],
  ])
  assert.equal(await stable(), 2)
  // Its coordinator still ends it in its own way.
  await served.broker.endTransaction(producer, false)
  assert.equal((await served.broker.describeTransaction(transactionalId)).status, 'CompleteAbort')
})
