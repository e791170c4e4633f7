/** Consumer groups and RocketMQ's files about them: what is taken over, what is written, and when. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FaultDisk } from '../../sim/fault-disk.js'
import { ManualClock } from '../../sim/manual-clock.js'
import { MemoryDisk } from '../../sim/memory-disk.js'
import { SeededRandomness } from '../../sim/seeded-randomness.js'
import { Broker } from '../../src/broker/broker.js'
import { recordingLogger, turns } from '../storage/support.js'
import {
  ExchangeWorld,
  emptyDirectory,
  groupsPath,
  jsonIn,
  offsetsPath,
  rocketMqRuns,
  rocketMqWrites,
  smallFiles,
  type Table,
  tableIn,
} from './exchange-world.js'

const open = (disk: MemoryDisk | FaultDisk, logger = recordingLogger()) => ExchangeWorld.open(disk, logger)

/** What is taken over when the directory is opened, and what was said of it. */
async function opened(disk: MemoryDisk) {
  const logger = recordingLogger()
  const world = await open(disk, logger)
  const committed = await world.committed()
  await world.close()
  const said = logger.said.filter(({ message }) => message.includes('RocketMQ'))
  return { committed, said: said.map(({ level, fields }) => ({ level, ...fields })) }
}

describe('taking over', () => {
  test('groups of RocketMQ go on where they were; what is none of ours stays in the file', async () => {
    const disk = await emptyDirectory()
    const foreign: Table = {
      '%RETRY%billing@billing': { 0: 3 },
      'SCHEDULE_TOPIC_XXXX@x': { 2: 9 },
      'gone@billing': { 0: 1 },
    }
    await rocketMqWrites(disk, { 'orders@billing': { 0: 7, 1: 2 }, 'orders@other': { 1: 5 }, ...foreign })
    const { committed, said } = await opened(disk)
    assert.deepEqual(committed, { 'orders@billing': { 0: 7, 1: 2 }, 'orders@other': { 1: 5 } })
    assert.deepEqual(said, [{ level: 'info', offsets: 3 }])
    assert.deepEqual(await tableIn(disk), { 'orders@billing': { 0: 7, 1: 2 }, 'orders@other': { 1: 5 }, ...foreign })
    assert.deepEqual((await opened(disk)).said, [])
  })

  test('a group that has a greater offset keeps it, and RocketMQ is told of it', async () => {
    const disk = await emptyDirectory()
    const world = await open(disk)
    await world.commit('billing', 'orders', { 0: 6, 1: 1 })
    await world.close()
    await rocketMqRuns(disk, { 'orders@billing': { 0: 4, 1: 3 } })
    assert.deepEqual((await opened(disk)).committed, { 'orders@billing': { 0: 6, 1: 3 } })
    assert.deepEqual(await tableIn(disk), { 'orders@billing': { 0: 6, 1: 3 } })
  })

  test('what we wrote last is not taken for news: groups may have gone back since, or be deleted', async () => {
    const disk = await emptyDirectory()
    const world = await open(disk)
    await world.commit('back', 'orders', { 0: 9 })
    await world.commit('deleted', 'orders', { 0: 9 })
    await world.write()
    await world.commit('back', 'orders', { 0: 2 })
    await world.coordination.groups.deleteGroup('deleted')
    const found = disk.afterKill()
    assert.deepEqual(await tableIn(found), { 'orders@back': { 0: 9 }, 'orders@deleted': { 0: 9 } })
    assert.deepEqual((await opened(found)).committed, { 'orders@back': { 0: 2 } })
    assert.deepEqual(await tableIn(found), { 'orders@back': { 0: 2 } })
  })

  test('a store that another data directory wrote is as new as one of RocketMQ', async () => {
    const disk = await emptyDirectory()
    const world = await open(disk)
    await world.commit('billing', 'orders', { 0: 6 })
    await world.close()
    const text = (await disk.readFile(offsetsPath))?.toString() ?? ''
    const moved = await emptyDirectory()
    await moved.makeDirectory('/data/store/config')
    await moved.replaceFile(offsetsPath, Buffer.from(text.replace(/("holdfast":")/, '$1elsewhere-')))
    assert.deepEqual((await opened(moved)).committed, { 'orders@billing': { 0: 6 } })
  })

  test('an offset outside of its queue becomes the nearest in it; one beyond the end is reported', async () => {
    const disk = await emptyDirectory()
    const world = await open(disk)
    await world.store.log('orders', 1)?.deleteRecordsBefore(3)
    await world.close()
    await rocketMqWrites(disk, { 'orders@billing': { 0: 11, 1: 1, 2: 4 }, 'orders@minus': { 0: -1 } })
    const { committed, said } = await opened(disk)
    assert.deepEqual(committed, { 'orders@billing': { 0: 10, 1: 3 } })
    assert.deepEqual(said[1], { level: 'warn', count: 1, first: ['orders@billing, queue 0: 11, not 10'] })
  })

  test('groups that can be none here are left alone, and told of once', async () => {
    const disk = await emptyDirectory()
    const long = 'g'.repeat(40_000)
    const table: Table = { 'orders@': { 0: 1 }, [`orders@${long}`]: { 0: 1, 1: 2 } }
    await rocketMqWrites(disk, { ...table, 'orders@with.dot': { 0: 2 } })
    const { committed, said } = await opened(disk)
    assert.deepEqual(committed, { 'orders@with.dot': { 0: 2 } })
    assert.deepEqual(said[1], { level: 'info', count: 2, first: ['', long] })
    assert.deepEqual(await tableIn(disk), { ...table, 'orders@with.dot': { 0: 2 } })
  })

  test('a store whose files cannot be understood, or whose offsets cannot be committed, is not opened', async () => {
    const broken = await emptyDirectory()
    await broken.makeDirectory('/data/store/config')
    await broken.replaceFile(offsetsPath, Buffer.from('{"offsetTable":{"orders@g":{0:1'))
    await assert.rejects(open(broken), { code: 'DATA_DIR_DAMAGED', message: /consumerOffset\.json cannot be read/ })

    const disk = await emptyDirectory()
    await rocketMqWrites(disk, { 'orders@billing': { 0: 7 } })
    const faulty = new FaultDisk(disk, ({ path, operation }) =>
      operation === 'write' && path.includes('__consumer_offsets') ? 'EIO' : undefined,
    )
    await assert.rejects(open(faulty), { code: 'COORDINATOR_NOT_AVAILABLE' })
    assert.deepEqual(await tableIn(disk), { 'orders@billing': { 0: 7 } })
    assert.deepEqual((await opened(disk)).committed, { 'orders@billing': { 0: 7 } })
  })
})

test('a broker has taken over what there was when it is handed out, and writes every five seconds', async () => {
  const disk = await emptyDirectory()
  await rocketMqWrites(disk, { 'orders@billing': { 0: 7 } })
  const clock = new ManualClock()
  const broker = await Broker.open('/data', {
    disk,
    clock,
    randomness: new SeededRandomness(1),
    settings: smallFiles,
  })
  const [found] = await broker.fetchOffsets('billing', null)
  assert.equal(found.offset, 7)
  const offsets = [{ topic: 'orders', partition: 1, offset: 4, leaderEpoch: -1, metadata: '' }]
  const noMember = { memberId: '', groupInstanceId: null, generationId: -1 }
  await broker.commitOffsets({ groupId: 'billing', ...noMember, offsets })
  await clock.run(4999)
  await turns(100)
  assert.deepEqual(await tableIn(disk), { 'orders@billing': { 0: 7 } })
  await clock.run(1)
  await turns(100)
  assert.deepEqual(await tableIn(disk), { 'orders@billing': { 0: 7, 1: 4 } })
  await broker.close()
})

describe('writing', () => {
  test('what groups commit is in the files after five seconds, and the groups with it', async () => {
    const disk = await emptyDirectory()
    const world = await open(disk)
    assert.equal(await disk.readFile(offsetsPath), undefined)
    await world.commit('billing', 'orders', { 0: 4 })
    await world.commit('billing', 'orders', { 1: 5 })
    await world.write()
    assert.deepEqual(await tableIn(disk), { 'orders@billing': { 0: 4, 1: 5 } })
    assert.deepEqual((await jsonIn(disk, groupsPath))['subscriptionGroupTable'], {
      billing: {
        attributes: {},
        brokerId: 0,
        consumeBroadcastEnable: true,
        consumeEnable: true,
        consumeFromMinEnable: true,
        consumeMessageOrderly: false,
        consumeTimeoutMinute: 15,
        groupName: 'billing',
        groupSysFlag: 0,
        notifyConsumerIdsChangedEnable: true,
        retryMaxTimes: 16,
        retryQueueNums: 1,
        whichBrokerWhenConsumeSlowly: 1,
      },
    })
    await world.close()
  })

  test('nothing is written where nothing has changed', async () => {
    const disk = new FaultDisk(await emptyDirectory())
    const world = await open(disk)
    const writes = () => [offsetsPath, groupsPath].map((path) => disk.count('replaceFile', path))
    await world.commit('billing', 'orders', { 0: 4 })
    await world.write()
    assert.deepEqual(writes(), [1, 1])
    await world.commit('billing', 'orders', { 0: 4 })
    await world.write()
    await world.write()
    assert.deepEqual(writes(), [1, 1])
    await world.commit('billing', 'orders', { 0: 5 })
    await world.write()
    await world.close()
    assert.deepEqual(writes(), [2, 1])
  })

  test('what is deleted goes from the files: offsets, groups, topics', async () => {
    const disk = await emptyDirectory()
    await rocketMqWrites(disk, { '%RETRY%kept@kept': { 0: 1 }, 'orders@kept': { 0: 1 } })
    const world = await open(disk)
    const { groups } = world.coordination
    await world.topic('bills', [3])
    for (const group of ['a', 'b', 'c', 'kept']) {
      await world.commit(group, 'orders', { 0: 1, 1: 2 })
      await world.commit(group, 'bills', { 0: 3 })
    }
    await world.write()
    await groups.deleteOffsets('a', [{ topic: 'orders', partition: 1 }])
    await groups.deleteGroup('b')
    await groups.deleteGroup('kept')
    await groups.forgetTopic('bills', false)
    await world.store.deleteTopic('bills')
    await world.write()
    assert.deepEqual(await tableIn(disk), {
      '%RETRY%kept@kept': { 0: 1 },
      'orders@a': { 0: 1 },
      'orders@c': { 0: 1, 1: 2 },
    })
    const table = (await jsonIn(disk, groupsPath))['subscriptionGroupTable']
    assert.deepEqual(Object.keys(table as object), ['kept', 'a', 'c'])
    await world.close()
  })

  test('a group that RocketMQ was told more of is kept when its last offset goes', async () => {
    const disk = await emptyDirectory()
    await disk.makeDirectory('/data/store/config')
    const told = { groupName: 'billing', retryMaxTimes: 3 }
    await disk.replaceFile(groupsPath, Buffer.from(JSON.stringify({ subscriptionGroupTable: { billing: told } })))
    const world = await open(disk)
    await world.commit('billing', 'orders', { 0: 1 })
    await world.write()
    await world.coordination.groups.deleteGroup('billing')
    await world.close()
    assert.deepEqual((await jsonIn(disk, groupsPath))['subscriptionGroupTable'], { billing: told })
    assert.deepEqual(await tableIn(disk), {})
  })

  test('a topic made anew begins without the offsets that the file has for its name', async () => {
    const disk = await emptyDirectory()
    await rocketMqWrites(disk, { 'later@billing': { 0: 70 }, 'orders@billing': { 0: 1 } })
    const world = await open(disk)
    await world.topic('later', [3])
    await world.write()
    assert.deepEqual(await tableIn(disk), { 'orders@billing': { 0: 1 } })
    await world.close()
  })

  test('what a transaction commits is written when it is committed, not before', async () => {
    const disk = await emptyDirectory()
    const world = await open(disk)
    const { coordination } = world
    const identity = await coordination.initProducer('t', { producerId: -1, producerEpoch: -1 })
    const producer = { transactionalId: 't', ...identity }
    await coordination.addOffsets(producer, 'billing')
    await coordination.commitOffsets({
      ...producer,
      groupId: 'billing',
      memberId: '',
      groupInstanceId: null,
      generationId: -1,
      offsets: [{ topic: 'orders', partition: 0, offset: 8, leaderEpoch: -1, metadata: '' }],
    })
    await world.write()
    assert.deepEqual(await tableIn(disk), {})
    await coordination.transactions.endTransaction(producer, true)
    await world.write()
    assert.deepEqual(await tableIn(disk), { 'orders@billing': { 0: 8 } })
    await world.close()
  })

  test('of topics in segments, and of groups that RocketMQ could not name, nothing is written', async () => {
    const disk = new MemoryDisk()
    const logger = recordingLogger()
    const world = await open(disk, logger)
    await world.topic('segments', [3], { 'storage.layout': 'segments' })
    await world.commit('billing', 'segments', { 0: 2 })
    await world.write()
    assert.equal(await disk.list('/data/store'), undefined)
    await world.topic('orders', [3])
    await world.commit('with.dot', 'orders', { 0: 2 })
    await world.commit('with.dot', 'orders', { 0: 3 })
    await world.commit('kafkajs', 'orders', { 0: -2 })
    await world.close()
    assert.equal(await disk.readFile(offsetsPath), undefined)
    assert.deepEqual(logger.said.filter(({ message }) => message.includes('RocketMQ')).length, 1)
  })

  test('where it cannot be written that is said, and it is written when it can', async () => {
    const inner = await emptyDirectory()
    const disk = new FaultDisk(inner)
    const logger = recordingLogger()
    const world = await open(disk, logger)
    await world.commit('billing', 'orders', { 0: 4 })
    disk.judge = ({ path }) => (path.includes('/store/config/') ? 'ENOSPC' : undefined)
    await assert.rejects(world.write(), { code: 'DISK_FULL' })
    await world.commit('other', 'orders', { 0: 5 })
    disk.judge = () => undefined
    await world.write()
    assert.deepEqual(await tableIn(inner), { 'orders@billing': { 0: 4 }, 'orders@other': { 0: 5 } })
    await world.commit('other', 'orders', { 0: 6 })
    disk.judge = ({ path }) => (path.includes('/store/config/') ? 'ENOSPC' : undefined)
    await world.close()
    assert.equal(logger.said.filter(({ level }) => level === 'warn').length, 1)
    assert.deepEqual((await opened(inner)).committed, { 'orders@billing': { 0: 4 }, 'orders@other': { 0: 6 } })
  })
})
