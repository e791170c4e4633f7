/** The life of a transactional id: identities, partitions, ends, time-outs, and what a restart makes of it. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { TransactionalProducer } from '../../../src/broker/transactions/contract.js'
import { decodeKey, decodeValue, encodeKey, encodeValue } from '../../../src/broker/transactions/format.js'
import { newTransaction } from '../../../src/broker/transactions/transitions.js'
import { HoldfastError } from '../../../src/core/errors.js'
import { buildBatch } from '../../../src/records/builder.js'
import { readRecords } from '../../../src/records/reader.js'
import { assertRefused, settled, watch } from '../groups/world.js'
import { orders, TransactionWorld } from './world.js'

const day = 86_400_000

/** What the log says, in order: `Ongoing 0/0`. */
function logged({ log }: TransactionWorld): string[] {
  return log.batches.flatMap(readRecords).map(({ key, value }) => {
    assert.equal(decodeKey(key as Buffer), 't')
    if (value === null) return 'gone'
    const { status, producerId, producerEpoch } = decodeValue(value)
    return `${status} ${producerId}/${producerEpoch}`
  })
}

function codeOf(call: () => void): string | undefined {
  try {
    call()
    return undefined
  } catch (error) {
    assert.ok(error instanceof HoldfastError)
    return error.code
  }
}

const writing = (it: TransactionWorld, { producerId, producerEpoch }: TransactionalProducer, partition = 0) =>
  codeOf(() => it.coordinator.requireOpen(producerId, producerEpoch, orders(partition)))

/** A producer with the last epoch that one may have. */
async function nearlyUsedUp(): Promise<{ it: TransactionWorld; producer: TransactionalProducer }> {
  const it = new TransactionWorld()
  const state = { ...newTransaction(it.around.nextProducerId++, 60_000, 0), producerEpoch: 32_765 }
  it.log.append(buildBatch([{ key: encodeKey('t'), value: encodeValue(state), timestamp: 0 }]))
  const producer = await it.init()
  assert.deepEqual([producer.producerId, producer.producerEpoch], [state.producerId, 32_766])
  return { it, producer }
}

describe('an identity', () => {
  it('is an id for the life of the transactional id, with a new epoch for each instance', async () => {
    const it = new TransactionWorld()
    const first = await it.init()
    const second = await it.init()
    assert.deepEqual([first.producerEpoch, second.producerEpoch], [0, 1])
    assert.equal(first.producerId, second.producerId)
    assert.notEqual((await it.init('other')).producerId, first.producerId)
    await assertRefused(it.coordinator.addPartitions(first, [orders(0)]), 'PRODUCER_FENCED')
    await assertRefused(it.coordinator.endTransaction(first, true), 'PRODUCER_FENCED')
    const stranger = { ...second, producerId: 99 }
    await assertRefused(it.coordinator.addPartitions(stranger, [orders(0)]), 'INVALID_PRODUCER_ID_MAPPING')
    const unknown = { ...second, transactionalId: 'nobody' }
    await assertRefused(it.coordinator.addPartitions(unknown, [orders(0)]), 'INVALID_PRODUCER_ID_MAPPING')
  })

  it('is refused for odd ids and timeouts', async () => {
    const it = new TransactionWorld({ 'transaction.max.timeout.ms': 1000 })
    await assertRefused(it.init(''), 'INVALID_REQUEST')
    await assertRefused(it.init('x'.repeat(32_768)), 'INVALID_REQUEST')
    await assertRefused(it.init('t', undefined, 0), 'INVALID_TRANSACTION_TIMEOUT')
    await assertRefused(it.init('t', undefined, 1001), 'INVALID_TRANSACTION_TIMEOUT')
    assert.deepEqual(await it.coordinator.listTransactions(), [])
  })

  it('goes on from what the producer has, also where the answer got lost (KIP-360)', async () => {
    const it = new TransactionWorld()
    const first = await it.init()
    const second = await it.init('t', first)
    assert.deepEqual([second.producerId, second.producerEpoch], [first.producerId, 1])
    assert.deepEqual(await it.init('t', first), second, 'the same request once more')
    const third = await it.init('t', second)
    assert.equal(third.producerEpoch, 2)
    await assertRefused(it.init('t', first), 'PRODUCER_FENCED')
    await it.init()
    await assertRefused(it.init('t', third), 'PRODUCER_FENCED')
    await assertRefused(it.init('t', { producerId: 77, producerEpoch: 0 }), 'PRODUCER_FENCED')
  })

  it('of a zombie does not abort what its successor has open', async () => {
    const it = new TransactionWorld()
    const zombie = await it.init()
    const producer = await it.begun()
    await assertRefused(it.init('t', zombie), 'PRODUCER_FENCED')
    assert.equal(writing(it, producer), undefined)
  })

  it('whose epochs are used up gets another id', async () => {
    const { it, producer } = await nearlyUsedUp()
    const next = await it.init('t', producer)
    assert.notEqual(next.producerId, producer.producerId)
    assert.equal(next.producerEpoch, 0)
    assert.deepEqual(await it.init('t', producer), next, 'the same request once more')
    assert.equal(writing(it, producer), 'INVALID_PRODUCER_ID_MAPPING')
  })

  it('whose last epoch is open is fenced with the very last, and replaced', async () => {
    const { it, producer } = await nearlyUsedUp()
    await it.coordinator.addPartitions(producer, [orders(0)])
    const next = await it.init()
    assert.deepEqual(it.around.markers, [`orders-0: ABORT ${producer.producerId}/32767 by 0`])
    assert.deepEqual([next.producerId === producer.producerId, next.producerEpoch], [false, 0])
  })

  it('is given to one of two who ask at the same time, and the other fences it', async () => {
    const it = new TransactionWorld()
    const both = await Promise.all([it.init(), it.init()])
    assert.deepEqual(both.map(({ producerEpoch }) => producerEpoch).sort(), [0, 1])
    assert.equal(both[0].producerId, both[1].producerId)
  })

  it('that could not be stored is not given, and nothing is left of it', async () => {
    const it = new TransactionWorld()
    await it.coordinator.ready()
    it.log.fail()
    await assertRefused(it.init(), 'COORDINATOR_NOT_AVAILABLE')
    await assertRefused(it.coordinator.describeTransaction('t'), 'TRANSACTIONAL_ID_NOT_FOUND')
    it.log.recover()
    assert.equal((await it.init()).producerEpoch, 0)
  })
})

describe('a transaction', () => {
  it('takes batches of the partitions that were added, until it is ended', async () => {
    const it = new TransactionWorld()
    const producer = await it.init()
    assert.equal(writing(it, producer), 'TRANSACTION_ABORTABLE')
    await it.coordinator.addPartitions(producer, [orders(0)])
    assert.equal(writing(it, producer), undefined)
    assert.equal(writing(it, producer, 1), 'TRANSACTION_ABORTABLE')
    assert.equal(writing(it, { ...producer, producerEpoch: 1 }), 'INVALID_PRODUCER_EPOCH')
    assert.equal(writing(it, { ...producer, producerId: 99 }), 'INVALID_PRODUCER_ID_MAPPING')
    await it.coordinator.endTransaction(producer, true)
    assert.equal(writing(it, producer), 'TRANSACTION_ABORTABLE')
  })

  it('is stored step by step: begun, decided, marked, complete', async () => {
    const it = new TransactionWorld()
    const producer = await it.begun(orders(0), orders(1))
    await it.coordinator.endTransaction(producer, true)
    await it.coordinator.addPartitions(producer, [orders(2)])
    await it.coordinator.endTransaction(producer, false)
    await settled()
    const commit = ['Ongoing 0/0', 'PrepareCommit 0/0', 'CompleteCommit 0/0']
    const abort = ['Ongoing 0/0', 'PrepareAbort 0/0', 'CompleteAbort 0/0']
    assert.deepEqual(logged(it), ['Empty 0/0', ...commit, ...abort])
    assert.deepEqual(it.around.markers, [
      'orders-0: COMMIT 0/0 by 0',
      'orders-1: COMMIT 0/0 by 0',
      'orders-2: ABORT 0/0 by 0',
    ])
  })

  it('adds a partition once', async () => {
    const it = new TransactionWorld()
    const producer = await it.begun(orders(0))
    const before = it.log.logEndOffset
    await it.coordinator.addPartitions(producer, [orders(0)])
    assert.equal(it.log.logEndOffset, before)
    await it.coordinator.addPartitions(producer, [orders(0), orders(1)])
    assert.equal(it.log.logEndOffset, before + 1)
    const { partitions } = await it.coordinator.describeTransaction('t')
    assert.deepEqual(partitions, [orders(0), orders(1)])
  })

  it('is not ended where none is open, and not in two ways', async () => {
    const it = new TransactionWorld()
    const producer = await it.init()
    await assertRefused(it.coordinator.endTransaction(producer, true), 'INVALID_TXN_STATE')
    await it.coordinator.addPartitions(producer, [orders(0)])
    await it.coordinator.endTransaction(producer, true)
    await it.coordinator.endTransaction(producer, true)
    await assertRefused(it.coordinator.endTransaction(producer, false), 'INVALID_TXN_STATE')
    assert.equal(it.around.markers.length, 1)
  })

  it('takes nothing more from the moment its end is asked for', async () => {
    const it = new TransactionWorld()
    const producer = await it.begun()
    it.log.acknowledgesAtOnce = false
    const ended = watch(it.coordinator.endTransaction(producer, true))
    await settled()
    assert.equal(writing(it, producer), 'INVALID_TXN_STATE')
    assert.deepEqual(it.around.markers, [], 'no marker before the decision is durable')
    await it.log.flush()
    await ended.promise
    assert.equal(it.around.markers.length, 1)
  })

  it('whose end could not be stored takes nothing more either, and can be ended again', async () => {
    const it = new TransactionWorld()
    const producer = await it.begun()
    it.log.fail()
    await assertRefused(it.coordinator.endTransaction(producer, true), 'COORDINATOR_NOT_AVAILABLE')
    it.log.recover()
    assert.equal(writing(it, producer), 'INVALID_TXN_STATE')
    await assertRefused(it.coordinator.addPartitions(producer, [orders(1)]), 'CONCURRENT_TRANSACTIONS')
    assert.deepEqual(it.around.markers, [])
    await it.coordinator.endTransaction(producer, false)
    assert.equal(await it.status(), 'CompleteAbort')
    await it.coordinator.addPartitions(producer, [orders(1)])
  })

  it('is committed only once what it wrote is on the disk', async () => {
    const it = new TransactionWorld()
    const producer = await it.begun(orders(0), orders(1))
    it.around.unflushable.add('orders-1')
    await assertRefused(it.coordinator.endTransaction(producer, true), 'COORDINATOR_NOT_AVAILABLE')
    assert.deepEqual([await it.status(), it.around.markers], ['Ongoing', []])
    await it.coordinator.endTransaction(producer, false)
    assert.equal(await it.status(), 'CompleteAbort')
  })

  it('that an instance left open is aborted with the next one, under an epoch of its own', async () => {
    const it = new TransactionWorld()
    const zombie = await it.begun(orders(0), orders(1))
    const producer = await it.init()
    assert.equal(producer.producerEpoch, 2)
    assert.deepEqual(it.around.markers, ['orders-0: ABORT 0/1 by 0', 'orders-1: ABORT 0/1 by 0'])
    assert.equal(writing(it, zombie), 'INVALID_PRODUCER_EPOCH')
    await assertRefused(it.coordinator.endTransaction(zombie, true), 'PRODUCER_FENCED')
  })

  it('is aborted, and its producer fenced, when it takes longer than its timeout', async () => {
    const it = new TransactionWorld()
    const producer = await it.init('t', undefined, 15_000)
    await it.around.clock.run(100_000)
    await it.coordinator.addPartitions(producer, [orders(0)])
    await it.around.clock.run(14_000)
    assert.equal(await it.status(), 'Ongoing')
    await it.around.clock.run(11_000)
    await settled()
    assert.equal(await it.status(), 'CompleteAbort')
    assert.deepEqual(it.around.markers, ['orders-0: ABORT 0/1 by 0'])
    await assertRefused(it.coordinator.endTransaction(producer, true), 'PRODUCER_FENCED')
    assert.equal((await it.init()).producerEpoch, 2)
  })
})

describe('a partition that takes no marker', () => {
  it('does not hold up the answer, and gets it later', async () => {
    const it = new TransactionWorld()
    const producer = await it.begun(orders(0), orders(1))
    it.around.broken.add('orders-1')
    await it.coordinator.endTransaction(producer, true)
    assert.equal(await it.status(), 'PrepareCommit')
    assert.deepEqual((await it.coordinator.describeTransaction('t')).partitions, [orders(1)])
    await it.coordinator.endTransaction(producer, true)
    await assertRefused(it.coordinator.endTransaction(producer, false), 'INVALID_TXN_STATE')
    await assertRefused(it.coordinator.addPartitions(producer, [orders(0)]), 'CONCURRENT_TRANSACTIONS')
    await assertRefused(it.init(), 'CONCURRENT_TRANSACTIONS')
    assert.equal(writing(it, producer), 'INVALID_TXN_STATE')
    it.around.broken.clear()
    await it.around.clock.run(20_000)
    await settled()
    assert.equal(await it.status(), 'CompleteCommit')
    assert.deepEqual(it.around.markers, ['orders-0: COMMIT 0/0 by 0', 'orders-1: COMMIT 0/0 by 0'])
    assert.equal(it.around.clock.scheduled, 2, 'nothing is tried any more, but for the two sweeps')
  })

  it('is tried at once by whoever wants to go on', async () => {
    const it = new TransactionWorld()
    const producer = await it.begun()
    it.around.broken.add('orders-0')
    await it.coordinator.endTransaction(producer, true)
    it.around.broken.clear()
    await it.coordinator.addPartitions(producer, [orders(0)])
    assert.deepEqual(it.around.markers, ['orders-0: COMMIT 0/0 by 0'])
  })

  it('is tried less and less often', async () => {
    const it = new TransactionWorld()
    const producer = await it.begun()
    it.around.broken.add('orders-0')
    await it.coordinator.endTransaction(producer, true)
    let attempts = 0
    const original = it.around.broken.has.bind(it.around.broken)
    it.around.broken.has = (place) => {
      attempts++
      return original(place)
    }
    await it.around.clock.run(60_000)
    assert.ok(attempts >= 8 && attempts <= 14, `${attempts} attempts in a minute`)
  })
})

describe('a restart', () => {
  it('finds identities and open transactions, and goes on with both', async () => {
    const before = new TransactionWorld()
    const producer = await before.begun(orders(0))
    const it = before.restarted()
    await it.coordinator.ready()
    assert.equal(writing(it, producer), undefined)
    await it.coordinator.endTransaction(producer, true)
    assert.deepEqual(it.around.markers, ['orders-0: COMMIT 0/0 by 1'])
    assert.equal((await it.init()).producerEpoch, 1)
  })

  it('between the decision and the markers finishes what was decided', async () => {
    for (const commit of [true, false]) {
      const before = new TransactionWorld()
      const producer = await before.begun(orders(0), orders(1))
      before.around.broken.add('orders-0').add('orders-1')
      await before.coordinator.endTransaction(producer, commit)
      before.around.broken.clear()
      const it = before.restarted()
      await it.coordinator.ready()
      await settled()
      const outcome = commit ? 'COMMIT' : 'ABORT'
      assert.deepEqual(it.around.markers, [`orders-0: ${outcome} 0/0 by 1`, `orders-1: ${outcome} 0/0 by 1`])
      await it.coordinator.endTransaction(producer, commit)
    }
  })

  it('between the markers writes all of them again', async () => {
    const before = new TransactionWorld()
    const producer = await before.begun(orders(0), orders(1))
    before.around.broken.add('orders-1')
    await before.coordinator.endTransaction(producer, true)
    const it = before.restarted()
    it.around.broken.clear()
    await it.coordinator.ready()
    await settled()
    assert.deepEqual(it.around.markers.slice(1), ['orders-0: COMMIT 0/0 by 1', 'orders-1: COMMIT 0/0 by 1'])
    assert.equal(await it.status(), 'CompleteCommit')
  })

  it('before the decision was durable leaves the transaction open', async () => {
    const before = new TransactionWorld()
    const producer = await before.begun()
    before.log.acknowledgesAtOnce = false
    const ended = watch(before.coordinator.endTransaction(producer, true))
    await settled()
    const it = before.restarted()
    assert.equal(await it.status(), 'Ongoing')
    assert.equal(ended.state, 'waiting')
    assert.deepEqual(it.around.markers, [])
  })

  it('ends a transaction whose time is up', async () => {
    const before = new TransactionWorld()
    await before.begun()
    await before.around.clock.run(50_000)
    await before.coordinator.close()
    const it = before.restarted()
    await it.coordinator.ready()
    await it.around.clock.run(20_001)
    await settled()
    assert.deepEqual(it.around.markers, ['orders-0: ABORT 0/1 by 1'])
  })
})

describe('a transactional id', () => {
  it('that nobody uses is forgotten, one with an open transaction is not', async () => {
    const it = new TransactionWorld({ 'transaction.max.timeout.ms': 2 ** 31 - 1 })
    const producer = await it.init('t', undefined, 2 ** 31 - 1)
    await it.coordinator.addPartitions(producer, [orders(0)])
    await it.around.clock.run(8 * day)
    assert.equal(await it.status(), 'Ongoing')
    await it.coordinator.endTransaction(producer, true)
    await it.around.clock.run(7 * day - 3_600_001)
    assert.equal(await it.status(), 'CompleteCommit')
    await it.around.clock.run(7_200_000)
    await assertRefused(it.status(), 'TRANSACTIONAL_ID_NOT_FOUND')
    assert.equal(logged(it).at(-1), 'gone')
    assert.deepEqual(await it.restarted().coordinator.listTransactions(), [])
    await assertRefused(it.coordinator.addPartitions(producer, [orders(0)]), 'INVALID_PRODUCER_ID_MAPPING')
    assert.notEqual((await it.init('t', producer)).producerId, producer.producerId, 'its producer may begin anew')
  })

  it('is listed by state, producer and age', async () => {
    const it = new TransactionWorld()
    await it.init('idle')
    const producer = await it.begun()
    await it.around.clock.run(5000)
    const idsOf = async (filter: Parameters<typeof it.coordinator.listTransactions>[0]) =>
      (await it.coordinator.listTransactions(filter)).map(({ transactionalId }) => transactionalId)
    assert.deepEqual(await idsOf({}), ['idle', 't'])
    assert.deepEqual(await idsOf({ statuses: ['Ongoing'] }), ['t'])
    assert.deepEqual(await idsOf({ producerIds: [producer.producerId] }), ['t'])
    assert.deepEqual(await idsOf({ statuses: ['Ongoing'], runningForMs: 4999 }), ['t'])
    assert.deepEqual(await idsOf({ statuses: ['Ongoing'], runningForMs: 5000 }), [])
  })
})

describe('closing', () => {
  it('waits for what is being worked on, and refuses what comes later', async () => {
    const it = new TransactionWorld()
    const producer = await it.begun()
    it.log.acknowledgesAtOnce = false
    const ended = watch(it.coordinator.endTransaction(producer, true))
    const queued = watch(it.coordinator.addPartitions(producer, [orders(1)]))
    await settled()
    const closed = watch(it.coordinator.close())
    await settled()
    assert.deepEqual([ended.state, closed.state], ['waiting', 'waiting'])
    it.log.acknowledgesAtOnce = true
    await it.log.flush()
    await closed.promise
    assert.equal(ended.state, 'answered')
    assert.equal(queued.code, 'COORDINATOR_NOT_AVAILABLE')
    await assertRefused(it.init(), 'COORDINATOR_NOT_AVAILABLE')
    assert.equal(it.around.clock.scheduled, 0)
  })
})
