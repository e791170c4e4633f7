/** The files of `config/`: read as the original wrote them, changed without losing what is not ours, whole after any crash. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryDisk } from '../../../sim/memory-disk.js'
import { SeededRandomness } from '../../../sim/seeded-randomness.js'
import {
  consumerOffsetsIn,
  groupsIn,
  putGroup,
  putTopic,
  removePlainGroup,
  removeTopicFrom,
  setConsumerOffsets,
  topicsIn,
} from '../../../src/storage/commitlog/broker-config.js'
import { JsonConfig } from '../../../src/storage/commitlog/json-config.js'

const path = '/store/config/a.json'

async function diskWith(files: Readonly<Record<string, string>>): Promise<MemoryDisk> {
  const disk = new MemoryDisk()
  await disk.makeDirectory('/store/config')
  for (const [name, text] of Object.entries(files)) await disk.replaceFile(name, Buffer.from(text))
  return disk
}

async function textOn(disk: MemoryDisk, name = path): Promise<string> {
  return (await disk.readFile(name))?.toString() ?? 'no file'
}

test('topics of the original are read, changed, and keep what is not ours', async () => {
  const disk = await diskWith({
    [path]: `{"dataVersion":{"counter":7,"stateVersion":2,"timestamp":5},
      "topicConfigTable":{"T":{"attributes":{"+message.type":"FIFO"},"order":false,"perm":6,"readQueueNums":8,
      "topicFilterType":"SINGLE_TAG","topicName":"T","topicSysFlag":0,"writeQueueNums":4,"later":{1:"x"}}},"other":[1]}`,
  })
  const config = await JsonConfig.open(disk, path)
  assert.deepEqual([...topicsIn(config).keys()], ['T'])
  assert.equal(topicsIn(config).get('T')?.writeQueueNums, 4)
  putTopic(config, 'T', { writeQueueNums: 8 })
  putTopic(config, 'U', { readQueueNums: 2, perm: 4 })
  await config.save(1000)
  assert.deepEqual(JSON.parse(await textOn(disk)), {
    dataVersion: { counter: 8, stateVersion: 2, timestamp: 1000 },
    topicConfigTable: {
      T: {
        attributes: { '+message.type': 'FIFO' },
        order: false,
        perm: 6,
        readQueueNums: 8,
        topicFilterType: 'SINGLE_TAG',
        topicName: 'T',
        topicSysFlag: 0,
        writeQueueNums: 8,
        later: { 1: 'x' },
      },
      U: {
        attributes: {},
        order: false,
        perm: 4,
        readQueueNums: 2,
        topicFilterType: 'SINGLE_TAG',
        topicName: 'U',
        topicSysFlag: 0,
        writeQueueNums: 16,
      },
    },
    other: [1],
  })
  assert.equal(removeTopicFrom(config, 'T'), true)
  assert.equal(removeTopicFrom(config, 'T'), false)
  assert.deepEqual([...topicsIn(config).keys()], ['U'])
})

test('offsets with bare queue ids are read, and written so that both can read them', async () => {
  const text =
    '{"dataVersion":{"counter":1},"offsetTable":{"orders@billing":{0:123,1:45},"%RETRY%g@g":{"0":9},"odd":{0:1}}}'
  const disk = await diskWith({ [path]: text })
  const config = await JsonConfig.open(disk, path)
  assert.deepEqual(consumerOffsetsIn(config), [
    { topic: 'orders', group: 'billing', queueId: 0, offset: 123 },
    { topic: 'orders', group: 'billing', queueId: 1, offset: 45 },
    { topic: '%RETRY%g', group: 'g', queueId: 0, offset: 9 },
  ])
  const set = (topic: string, group: string, offsets: Readonly<Record<number, number>>) => {
    const byQueue = new Map(Object.entries(offsets).map(([id, offset]) => [Number(id), offset]))
    return setConsumerOffsets(config, topic, group, byQueue)
  }
  assert.equal(set('orders', 'billing', { 1: 45, 0: 123 }), false)
  assert.equal(set('orders', 'billing', { 0: 123, 1: 46 }), true)
  assert.equal(set('orders', 'new', { 3: 2 ** 52 }), true)
  assert.equal(set('%RETRY%g', 'g', {}), true)
  assert.equal(set('%RETRY%g', 'g', {}), false)
  await config.save(1)
  assert.deepEqual(JSON.parse(await textOn(disk)).offsetTable, {
    'orders@billing': { 0: 123, 1: 46 },
    odd: { 0: 1 },
    'orders@new': { 3: 2 ** 52 },
  })
})

test('groups are read with the defaults of the original', async () => {
  const disk = await diskWith({
    [path]: '{"forbiddenTable":{},"subscriptionGroupTable":{"G":{"groupName":"G","retryMaxTimes":3,"mine":null}}}',
  })
  const config = await JsonConfig.open(disk, path)
  assert.equal(groupsIn(config).get('G')?.retryMaxTimes, 3)
  assert.equal(groupsIn(config).get('G')?.consumeEnable, true)
  putGroup(config, 'G', { consumeEnable: false })
  putGroup(config, 'H', {})
  await config.save(1)
  const { forbiddenTable, subscriptionGroupTable } = JSON.parse(await textOn(disk))
  assert.deepEqual(forbiddenTable, {})
  assert.deepEqual(subscriptionGroupTable.G, { groupName: 'G', retryMaxTimes: 3, mine: null, consumeEnable: false })
  assert.equal(subscriptionGroupTable.H.consumeTimeoutMinute, 15)
  assert.equal(removePlainGroup(config, 'H'), true)
  assert.equal(removePlainGroup(config, 'H'), false)
  assert.equal(removePlainGroup(config, 'G'), false)
})

test('a field that is not of its kind is named', async () => {
  const read = async (text: string) => JsonConfig.open(await diskWith({ [path]: text }), path)
  const topics = await read('{"topicConfigTable":{"T":{"perm":"6"}}}')
  assert.throws(() => topicsIn(topics), { message: /a\.json: topicConfigTable\.T\.perm is 6, not a number/ })
  const offsets = await read('{"offsetTable":{"T@G":{0:1.5}}}')
  assert.throws(() => consumerOffsetsIn(offsets), { code: 'DATA_DIR_DAMAGED', message: /offsetTable\.T@G\.0 is 1\.5/ })
  const list = await read('{"offsetTable":[]}')
  assert.throws(() => consumerOffsetsIn(list), { code: 'DATA_DIR_DAMAGED' })
})

test('the backup stands in for a file that is missing, empty or broken, and is not lost for it', async () => {
  const backup = '{"a":1}'
  for (const text of [undefined, '', '{"a":', '[1]']) {
    const disk = await diskWith({ [`${path}.bak`]: backup, ...(text !== undefined && { [path]: text }) })
    const config = await JsonConfig.open(disk, path)
    assert.equal(config.root.get('a'), 1)
    assert.ok(config.restoredBecause !== undefined)
    await config.save(1)
    assert.equal(await textOn(disk, `${path}.bak`), backup)
    assert.equal(JSON.parse(await textOn(disk)).a, 1)
    await config.save(1)
    assert.equal(JSON.parse(await textOn(disk, `${path}.bak`)).dataVersion.counter, 1)
  }
})

test('without a file there is nothing, and what cannot be read is not taken for nothing', async () => {
  const disk = new MemoryDisk()
  const config = await JsonConfig.open(disk, path)
  assert.deepEqual([config.root.size, config.restoredBecause], [0, undefined])
  await config.save(1)
  assert.deepEqual(JSON.parse(await textOn(disk)), { dataVersion: { counter: 1, stateVersion: 0, timestamp: 1 } })
  const broken: readonly Record<string, string>[] = [
    { [path]: '{' },
    { [`${path}.bak`]: '{' },
    { [path]: '{', [`${path}.bak`]: '' },
  ]
  for (const files of broken) {
    await assert.rejects(JsonConfig.open(await diskWith(files), path), {
      code: 'DATA_DIR_DAMAGED',
      message: /a\.json(\.bak)? cannot be read: line 1, column 2: it ends early/,
    })
  }
})

test('power fails at every step of two saves: the file is there, in a version that was saved', async () => {
  let hasCrashed = true
  for (let step = 1; hasCrashed; step++) {
    const disk = await diskWith({ [path]: '{"dataVersion":{"counter":1}}' })
    const config = await JsonConfig.open(disk, path)
    const crash = disk.crashAfter(step)
    let saved = 1
    const life = async (): Promise<void> => {
      for (; saved < 3; saved++) await config.save(1)
    }
    hasCrashed = await Promise.race([crash.then(() => true), life().then(() => false)])
    for (let seed = 0; seed < 8; seed++) {
      const found = disk.afterCrash(new SeededRandomness(seed))
      const version = (await JsonConfig.open(found, path)).root.get('dataVersion')
      const counter = version instanceof Map ? version.get('counter') : undefined
      assert.ok(counter === saved || counter === saved + 1, `${counter} after ${saved}`)
    }
  }
})
