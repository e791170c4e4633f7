/** The tables of consumer groups and their offsets: as the original writes them, changed without losing what is not ours. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryDisk } from '../../../sim/memory-disk.js'
import {
  consumerOffsetsIn,
  hasGroup,
  putPlainGroup,
  removePlainGroup,
  setConsumerOffsets,
} from '../../../src/storage/commitlog/group-tables.js'
import { JsonConfig } from '../../../src/storage/commitlog/json-config.js'

const path = '/store/config/a.json'

async function opened(text: string): Promise<{ disk: MemoryDisk; config: JsonConfig }> {
  const disk = new MemoryDisk()
  await disk.makeDirectory('/store/config')
  await disk.replaceFile(path, Buffer.from(text))
  return { disk, config: await JsonConfig.open(disk, path) }
}

async function saved({ disk, config }: { disk: MemoryDisk; config: JsonConfig }): Promise<Record<string, unknown>> {
  await config.save(1)
  return JSON.parse((await disk.readFile(path))?.toString() ?? '')
}

test('offsets with bare queue ids are read, and written so that both can read them', async () => {
  const text =
    '{"dataVersion":{"counter":1},"offsetTable":{"orders@billing":{0:123,1:45},"%RETRY%g@g":{"0":9},"odd":{0:1}}}'
  const { disk, config } = await opened(text)
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
  assert.deepEqual((await saved({ disk, config }))['offsetTable'], {
    'orders@billing': { 0: 123, 1: 46 },
    odd: { 0: 1 },
    'orders@new': { 3: 2 ** 52 },
  })
})

test('an entry of a group that says more than the usual is kept', async () => {
  const told = { groupName: 'told', retryMaxTimes: 3, mine: null }
  const { disk, config } = await opened(JSON.stringify({ forbiddenTable: {}, subscriptionGroupTable: { told } }))
  putPlainGroup(config, 'plain')
  putPlainGroup(config, 'gone')
  assert.deepEqual(
    ['told', 'plain', 'other'].map((group) => hasGroup(config, group)),
    [true, true, false],
  )
  assert.deepEqual(
    ['told', 'gone', 'gone'].map((group) => removePlainGroup(config, group)),
    [false, true, false],
  )
  const { forbiddenTable, subscriptionGroupTable } = await saved({ disk, config })
  assert.deepEqual(forbiddenTable, {})
  assert.deepEqual(Object.keys(subscriptionGroupTable as object), ['told', 'plain'])
  assert.deepEqual((subscriptionGroupTable as { told: object }).told, told)
})

test('what is no offset is named', async () => {
  const { config } = await opened('{"offsetTable":{"T@G":{0:1.5}}}')
  assert.throws(() => consumerOffsetsIn(config), { code: 'DATA_DIR_DAMAGED', message: /offsetTable\.T@G\.0 is 1\.5/ })
  for (const text of ['{"offsetTable":[]}', '{"offsetTable":{"T@G":1}}', '{"offsetTable":{"T@G":{"-1":1}}}']) {
    const { config } = await opened(text)
    assert.throws(() => consumerOffsetsIn(config), { code: 'DATA_DIR_DAMAGED' }, text)
  }
})
