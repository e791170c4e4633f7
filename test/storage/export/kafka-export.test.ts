/** The export to a stopped Kafka broker: the files that it writes, what it refuses, and what a crash leaves at any step. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FaultDisk } from '../../../sim/fault-disk.js'
import type { MemoryDisk } from '../../../sim/memory-disk.js'
import { SeededRandomness } from '../../../sim/seeded-randomness.js'
import { decodeKey, decodeOffsetValue } from '../../../src/broker/groups/offsets-format.js'
import { partitionOfId } from '../../../src/broker/internal-log.js'
import { readRecords } from '../../../src/records/reader.js'
import { encodePartitionMetadata } from '../../../src/storage/segments/text-files.js'
import { batchOf, logOf } from '../support.js'
import {
  batchesOf,
  created,
  filesIn,
  kafkaData,
  logDir,
  openStore,
  ordersIn,
  runExport,
  topicIdOf,
  world,
  writeKafka,
} from './world.js'

const text = async (disk: MemoryDisk, name: string) => (await disk.readFile(`${logDir}/${name}`))?.toString()
const namesIn = async (disk: MemoryDisk, path: string) => ((await disk.list(path)) ?? []).map(({ name }) => name).sort()
const refusal = (message: RegExp) => ({ code: 'EXPORT_REFUSED', message })

describe('an export', () => {
  test('puts the segments into Kafka directories with its topic ids, and changes nothing in the data directory', async () => {
    const disk = await world()
    const [before, orders] = [await filesIn(disk, '/data'), await ordersIn(disk, '/data')]
    const started = await filesIn(disk, '/data')
    assert.deepEqual([...started.keys()], [...before.keys()])
    const report = await runExport(disk)
    assert.deepEqual(await filesIn(disk, '/data'), started)
    assert.deepEqual(await namesIn(disk, `${logDir}/orders-1`), [
      ...['log', 'index', 'timeindex'].map((one) => `00000000000000000000.${one}`).sort(),
      ...['index', 'log', 'timeindex'].map((one) => `00000000000000000003.${one}`),
      ...['index', 'log', 'timeindex'].map((one) => `00000000000000000006.${one}`),
      ...['index', 'log', 'snapshot', 'timeindex'].map((one) => `00000000000000000009.${one}`),
      'leader-epoch-checkpoint',
      'partition.metadata',
    ])
    const metadata = await disk.readFile(`${logDir}/orders-1/partition.metadata`)
    assert.deepEqual(metadata, encodePartitionMetadata(topicIdOf('orders')))
    assert.equal(await text(disk, 'orders-1/00000000000000000009.log'), '')
    assert.equal(
      (await disk.readFile(`${logDir}/orders-1/00000000000000000009.snapshot`))?.toString('hex'),
      '000148674bc700000000',
      'Kafka gives away producer ids from 0 on: none of ours is in it',
    )
    assert.equal(await text(disk, 'orders-1/leader-epoch-checkpoint'), '0\n1\n0 0\n')
    assert.deepEqual(
      report.partitions.map(({ state, logStartOffset, endOffset }) => [state, logStartOffset, endOffset]),
      [
        ['exported', 4, 8],
        ['exported', 0, 9],
      ],
    )
    assert.deepEqual(await ordersIn(disk, kafkaData), orders)
  })

  test('tells the checkpoints of Kafka, and leaves all other lines in them', async () => {
    const disk = await world()
    await runExport(disk)
    const lines = async (name: string) => (await text(disk, name))?.split('\n').sort().join(' | ')
    const ends = (await lines('recovery-point-offset-checkpoint')) as string
    assert.match(ends, /orders 0 8 \| orders 1 9$/)
    assert.equal(await lines('replication-offset-checkpoint'), ends)
    assert.equal(await text(disk, 'log-start-offset-checkpoint'), '0\n1\norders 0 4\n')
    const of = (name: string) => partitionOfId(name, 3)
    const empty = [0, 1, 2].find((partition) => ![of('billing'), of('audit')].includes(partition))
    assert.ok(ends.includes(`__consumer_offsets ${empty} 0`), ends)
    assert.equal(await text(disk, '.kafka_cleanshutdown'), '{"version":0,"brokerEpoch":17}')
  })

  test('shares sealed segments and copies the last one; with --copy it shares none', async () => {
    for (const how of ['link', 'copy'] as const) {
      const disk = await world()
      const { partitions } = await runExport(disk, { how })
      const names = async (base: number) =>
        (await disk.stat(`${logDir}/orders-1/${String(base).padStart(20, '0')}.log`))?.names
      assert.deepEqual([await names(0), await names(3), await names(6)], how === 'link' ? [2, 2, 1] : [1, 1, 1])
      assert.equal(partitions[1].copiedBytes, how === 'link' ? 1500 : 4500)
      // Both sides go on, and neither sees what the other writes.
      const [store, kafka] = [await openStore(disk), await openStore(disk, kafkaData)]
      await logOf(store, 'orders', 1).append(batchOf(['ours'])).acknowledged
      await logOf(kafka, 'orders', 1).append(batchOf(['theirs'])).acknowledged
      await Promise.all([store.close(), kafka.close()])
      const [ours, theirs] = [await ordersIn(disk, '/data'), await ordersIn(disk, kafkaData)]
      assert.deepEqual(ours[1].slice(0, -1), theirs[1].slice(0, -1))
      assert.notDeepEqual(ours[1].at(-1), theirs[1].at(-1))
    }
  })

  test('writes each group into the partition where Kafka looks for it, as it is now', async () => {
    const disk = await world()
    const { groups } = await runExport(disk)
    assert.equal(groups, 2)
    const found = new Map<string, number>()
    for (const partition of [0, 1, 2]) {
      const path = `${logDir}/__consumer_offsets-${partition}/00000000000000000000.log`
      for (const { key, value } of (await batchesOf(disk, path)).flatMap((batch) => [...readRecords(batch)])) {
        const named = decodeKey(key as Buffer)
        assert.ok(named.kind !== 'unknown')
        assert.equal(partitionOfId(named.groupId, 3), partition)
        if (named.kind !== 'offset') continue
        const { offset, leaderEpoch } = decodeOffsetValue(value as Buffer)
        assert.equal(leaderEpoch, -1)
        found.set(`${named.groupId} ${named.topic} ${named.partition}`, offset)
      }
    }
    assert.deepEqual(Object.fromEntries(found), { 'billing orders 0': 6, 'audit orders 1': 2 })
  })

  test('lowers leader epochs that Kafka has not reached, and nothing else in a batch', async () => {
    const disk = await world()
    const epochs = '/data/log/orders-1/leader-epoch-checkpoint'
    await disk.replaceFile(epochs, Buffer.from('0\n2\n0 0\n7 9\n'))
    const store = await openStore(disk)
    await logOf(store, 'orders', 1).append(batchOf(['in epoch 7'])).acknowledged
    await store.close()
    const ours = (await ordersIn(disk, '/data'))[1]
    const { partitions } = await runExport(disk)
    assert.deepEqual(
      partitions.map(({ loweredEpochs }) => loweredEpochs),
      [false, true],
    )
    assert.equal(await text(disk, 'orders-1/leader-epoch-checkpoint'), '0\n1\n0 0\n')
    const theirs = (await ordersIn(disk, kafkaData))[1]
    const last = ours.at(-1)?.bytes as Buffer
    assert.equal(last.readInt32BE(12), 7)
    const lowered = Buffer.from(last)
    lowered.writeInt32BE(0, 12)
    assert.deepEqual(theirs.at(-1)?.bytes, lowered)
    assert.deepEqual(theirs.slice(0, -1), ours.slice(0, -1))
  })

  test('that was done is found done; a move takes the topics out of the data directory', async () => {
    const disk = await world()
    const orders = await ordersIn(disk, '/data')
    await runExport(disk)
    const files = await filesIn(disk, logDir)
    const again = await runExport(disk, { how: 'move' })
    assert.deepEqual(
      again.partitions.map(({ state }) => state),
      ['there', 'there'],
    )
    assert.deepEqual(await filesIn(disk, logDir), files)
    const store = await openStore(disk)
    assert.equal(store.topic('orders'), undefined)
    await store.close()
    assert.deepEqual(await ordersIn(disk, kafkaData), orders)
  })

  test('a dry run changes nothing', async () => {
    const disk = await world()
    const files = await filesIn(disk, '')
    const { partitions, dryRun } = await runExport(disk, { dryRun: true, how: 'move' })
    assert.deepEqual([partitions.length, dryRun], [2, true])
    assert.deepEqual(await filesIn(disk, ''), files)
  })
})

describe('an export is refused', () => {
  const refused = async (topics: Parameters<typeof world>[0], message: RegExp, given = {}) => {
    const disk = await world(topics)
    const files = await filesIn(disk, '')
    await assert.rejects(runExport(disk, given), refusal(message))
    assert.deepEqual(await filesIn(disk, ''), files)
  }
  const groups = { name: '__consumer_offsets', partitions: 3 }

  test('where Kafka lacks a topic, has other partitions, or no place for groups, all said at once', async () => {
    await refused(
      [],
      /has no topic orders: create it with 2 partitions.*\n.*no topic __consumer_offsets, and there are 2/,
    )
    await refused([{ name: 'orders', partitions: 1 }, groups], /no directory for partition 1/)
    await refused([{ name: 'orders', partitions: 3 }, groups], /2 partitions here and 3 in Kafka/)
    await refused(created, /there is no topic nobodys/, { topics: ['nobodys'] })
  })

  test('without the groups where they are to stay behind, it is not', async () => {
    const disk = await world([created[0]])
    assert.equal((await runExport(disk, { groups: undefined })).groups, 0)
  })

  test('where a partition in Kafka holds something', async () => {
    const disk = await world()
    await disk.replaceFile(`${logDir}/orders-1/00000000000000000000.log`, Buffer.from(batchOf(['theirs']).bytes))
    await assert.rejects(runExport(disk), refusal(/orders-1 is not empty in Kafka/))
  })

  test('where a side was not closed in order, is no directory of its kind, or is in use', async () => {
    for (const mark of ['/data/log/.kafka_cleanshutdown', `${logDir}/.kafka_cleanshutdown`]) {
      const disk = await world()
      await disk.remove(mark)
      await assert.rejects(runExport(disk), refusal(/was not closed in order/))
    }
    const disk = await world()
    await assert.rejects(runExport(disk, { kafkaLogDirs: ['/data/log'] }), { code: 'INVALID_ARGUMENT' })
    await assert.rejects(runExport(disk, { kafkaLogDirs: ['/nowhere'] }), { code: 'INVALID_ARGUMENT' })
    const store = await openStore(disk)
    await assert.rejects(runExport(disk), { code: 'DATA_DIR_LOCKED' })
    await store.close()
    const kafka = await disk.lock(`${logDir}/.lock`)
    await assert.rejects(runExport(disk), { code: 'DATA_DIR_LOCKED' })
    await kafka.release()
    await disk.remove(`${logDir}/meta.properties`)
    await assert.rejects(runExport(disk), refusal(/is no log.dir of a KRaft broker/))
  })

  test('while a transaction is open, and where a log is damaged', async () => {
    const disk = await world()
    const store = await openStore(disk)
    const producer = { producerId: 41, producerEpoch: 0, baseSequence: 0, isTransactional: true }
    await logOf(store, 'orders', 1).append(batchOf(['open'], producer)).acknowledged
    await store.close()
    await assert.rejects(runExport(disk), refusal(/orders-1 has an open transaction \(producer 41\)/))
    const torn = '/data/log/orders-0/00000000000000000006.log'
    const bytes = (await disk.readFile(torn)) as Buffer
    await disk.replaceFile(torn, bytes.subarray(0, -1))
    await assert.rejects(runExport(disk), { code: 'LOG_DAMAGED' })
  })

  test('of a topic in the commit log, with a word about what to do', async () => {
    const disk = await world()
    const store = await openStore(disk)
    await store.createTopic({ name: 'queue', partitions: 1, config: { 'storage.layout': 'commitlog' } })
    await store.close()
    await assert.rejects(runExport(disk), refusal(/queue lies in the commit log.*holdfast mirror/))
    assert.equal((await runExport(disk, { topics: ['orders'] })).partitions.length, 2)
  })
})

/** What Kafka accepts as a directory at its start: a partition, or one that it removes. */
const kafkaName = /^(?:\S+-\d+|\S+-\S+\.[0-9a-f]{32}-delete)$/

describe('a crash', () => {
  for (const how of ['link', 'move'] as const) {
    test(`at any step of an export (${how}) leaves both sides usable, and the next run finishes`, async (t) => {
      const start = await world()
      const [source, kafkas] = [await filesIn(start, '/data'), await filesIn(start, `${logDir}/orders-0`)]
      const done = start.afterCrash(new SeededRandomness(0))
      await runExport(done)
      const exported = await filesIn(done, logDir)
      const stride = process.env['HOLDFAST_TEST_CRASHES'] === 'all' ? 1 : 5
      let step = 0
      for (let ended = false; !ended; ) {
        step += stride
        const random = new SeededRandomness(step)
        const disk = start.afterCrash(random)
        const crashed = disk.crashAfter(step)
        const run = runExport(disk, { how }).then(() => 'ended')
        ended = (await Promise.race([run, crashed.then(() => 'crashed')])) === 'ended'
        const found = disk.afterCrash(random)
        const why = `crash at step ${step}`
        for (const { name, isDirectory } of (await found.list(logDir)) ?? [])
          if (isDirectory) assert.match(name, kafkaName, why)
        // What bears the name of a partition is Kafka's own or ours, whole, and may be missing; never in between.
        const there = await filesIn(found, `${logDir}/orders-0`)
        const isOurs = there.has(`${logDir}/orders-0/00000000000000000008.snapshot`)
        const whole = new Map([...exported].filter(([path]) => path.startsWith(`${logDir}/orders-0/`)))
        if (there.size > 0) assert.deepEqual(there, isOurs ? whole : kafkas, why)
        if (how === 'link' || !(await isMoving(found))) {
          assert.deepEqual(await filesIn(found, '/data'), source, why)
          await runExport(found)
        }
        assert.deepEqual(await filesIn(found, logDir), exported, why)
      }
      t.diagnostic(`${step} steps`)
    })
  }

  test('a disk that fails at any call is an error, and the next run finishes', async (t) => {
    const start = await world()
    const source = await filesIn(start, '/data')
    const done = start.afterCrash(new SeededRandomness(0))
    await runExport(done)
    const exported = await filesIn(done, logDir)
    let call = 0
    for (let ended = false; !ended; ) {
      call++
      const disk = start.afterCrash(new SeededRandomness(call))
      const faulty = new FaultDisk(disk, ({ number }) => (number === call ? 'EIO' : undefined))
      ended = await runExport(faulty).then(
        () => faulty.calls.length < call,
        () => false,
      )
      await runExport(disk)
      assert.deepEqual(await filesIn(disk, logDir), exported, `call ${call}`)
      assert.deepEqual(await filesIn(disk, '/data'), source, `call ${call}`)
    }
    t.diagnostic(`${call} calls`)
  })
})

/** The export is done, and the topics are being taken out. */
async function isMoving(disk: MemoryDisk): Promise<boolean> {
  return ((await disk.readFile('/data/config/topics.json')) as Buffer).includes('"deleting": true')
}

test('a log.dir that Kafka wrote its groups into keeps them', async () => {
  const disk = await world()
  for (const partition of [0, 1, 2]) {
    const path = `${logDir}/__consumer_offsets-${partition}/00000000000000000000.log`
    await disk.replaceFile(path, Buffer.from(batchOf(['theirs']).bytes))
  }
  await assert.rejects(runExport(disk), refusal(/holds groups of Kafka's already.*--no-groups/))
  await writeKafka(disk)
  await runExport(disk)
})
