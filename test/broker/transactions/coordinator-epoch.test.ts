/** The coordinator's epoch: it grows with each start, also where the file that counts is lost. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../../sim/manual-clock.js'
import { MemoryDisk } from '../../../sim/memory-disk.js'
import { SeededRandomness } from '../../../sim/seeded-randomness.js'
import { Broker } from '../../../src/broker/broker.js'
import { nextCoordinatorEpoch } from '../../../src/broker/transactions/coordinator-epoch.js'
import { batchesIn } from '../../../src/records/batch.js'
import { buildBatch } from '../../../src/records/builder.js'
import { endMarkerOf } from '../../../src/records/end-marker.js'
import { assertRefused } from '../groups/world.js'

const path = '/data/config/transaction-coordinator.json'

test('it is greater than the last one and than what it is told, and never begins anew by mistake', async () => {
  const disk = new MemoryDisk()
  await disk.makeDirectory('/data')
  await disk.makeDirectory('/data/config')
  const next = (greaterThan: number): Promise<number> => nextCoordinatorEpoch(disk, '/data/config', greaterThan)
  assert.deepEqual([await next(-1), await next(-1), await next(7), await next(3)], [0, 1, 8, 9])
  for (const text of ['', '{}', '{"version":2,"epoch":1}', '{"version":1,"epoch":-1}']) {
    await disk.replaceFile(path, Buffer.from(text))
    await assertRefused(next(-1), 'DATA_DIR_DAMAGED')
  }
})

test('without its file it begins behind the markers that are in the logs, which would refuse it else', async () => {
  const disk = new MemoryDisk()
  const open = (): Promise<Broker> =>
    Broker.open('/data', { disk, clock: new ManualClock(), randomness: new SeededRandomness(1) })
  const commitsOne = async (broker: Broker, baseSequence: number, identity = { producerId: -1, producerEpoch: -1 }) => {
    const id = 't'
    const producer =
      identity.producerId < 0
        ? { transactionalId: id, ...(await broker.initProducer({ transactionalId: id, ...identity })) }
        : { transactionalId: id, ...identity }
    await broker.addPartitionsToTransaction(producer, [{ topic: 'orders', partition: 0 }])
    const { producerId, producerEpoch } = producer
    const options = { producerId, producerEpoch, baseSequence, isTransactional: true }
    const { bytes } = buildBatch([{ key: null, value: Buffer.from('x'), timestamp: 1 }], options)
    await broker.produce({ topic: 'orders', partition: 0, batch: bytes })
    await broker.endTransaction(producer, true)
    const { status } = await broker.describeTransaction(id)
    assert.equal(status, 'CompleteCommit')
    return { producerId, producerEpoch }
  }
  const before = await open()
  await before.createTopic({ name: 'orders' })
  await before.close()
  let broker = await open()
  let identity = await commitsOne(broker, 0)
  for (let start = 1; start < 4; start++) {
    await broker.close()
    broker = await open()
    identity = await commitsOne(broker, start, identity)
  }
  await broker.close()
  await disk.remove(path)
  broker = await open()
  await commitsOne(broker, 4, identity)
  const position = { topic: 'orders', partition: 0, offset: 0, maxBytes: 1e6, currentLeaderEpoch: -1 }
  const [{ records }] = await broker.fetch({ positions: [position], maxBytes: 1e6, minBytes: 0, maxWaitMs: 0 })
  const epochs = records.flatMap((bytes) => [...batchesIn(bytes)]).flatMap((batch) => endMarkerOf(batch) ?? [])
  const grown = epochs.map(({ coordinatorEpoch }) => coordinatorEpoch)
  assert.deepEqual(
    grown,
    grown.map((_, i) => grown[0] + i),
  )
  await broker.close()
})
