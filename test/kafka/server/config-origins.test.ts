/** DescribeConfigs tells where each value comes from, as the settings were resolved: by source, not by comparison. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gatherSettings } from '../../../src/core/settings-sources.js'
import { settingRows } from '../../../src/core/settings-table.js'
import * as kafka from '../../../src/kafka/schemas/index.js'
import { serve } from './served.js'

const staticBroker = 4
const byDefault = 5
const ofTopic = 1
const asString = 2
const asList = 7

test('sources, types and help of all settings of the broker', async (t) => {
  const settings = await gatherSettings({
    config: 'a.properties',
    environment: { HOLDFAST_NUM_PARTITIONS: '1' },
    given: [
      { name: 'profile', value: 'fast', origin: { kind: 'flag', where: '--profile' } },
      { name: 'store.path.commitlog', value: 'elsewhere', origin: { kind: 'flag', where: '--set' } },
    ],
    readFile: async () => Buffer.from('max.connections=99'),
  })
  const served = await serve(t, settings)
  const client = await served.raw()
  const { results } = await client.ask(kafka.describeConfigs, 4, {
    resources: [{ resourceType: 4, resourceName: String(served.broker.nodeId), configurationKeys: null }],
    includeSynonyms: true,
    includeDocumentation: true,
  })
  const configs = new Map(results[0].configs.map((config) => [config.name, config]))
  assert.deepEqual(
    [...configs.keys()],
    settingRows.map(([name]) => name),
  )
  const given = ['profile', 'store.path.commitlog', 'max.connections']
  const inProfile = ['flush.disk.type', 'flush.interval.ms', 'flush.commitlog.interval']
  // num.partitions is given as it is by default: it is not the default that decides.
  const expected = new Set([...given, ...inProfile, 'num.partitions'])
  for (const [name, row] of settingRows) {
    const config = configs.get(name)
    assert.equal(config?.configSource, expected.has(name) ? staticBroker : byDefault, name)
    assert.equal(config?.documentation, row.help)
    if (row.type === 'list') assert.equal(config?.configType, asList)
    if (row.type === 'path' || row.type === 'enum') assert.equal(config?.configType, asString)
  }
  assert.equal(configs.get('store.path.commitlog')?.value, 'elsewhere')
})

test('sources of the configuration of a topic', async (t) => {
  const served = await serve(t, { 'flush.interval.ms': 50, 'message.max.bytes': 5000 })
  const client = await served.raw()
  await served.broker.createTopic({ name: 'orders', config: { 'max.message.bytes': '5000' } })
  const { results } = await client.ask(kafka.describeConfigs, 4, {
    resources: [{ resourceType: 2, resourceName: 'orders', configurationKeys: null }],
    includeSynonyms: true,
    includeDocumentation: false,
  })
  const source = new Map(results[0].configs.map(({ name, configSource }) => [name, configSource]))
  assert.equal(source.get('max.message.bytes'), ofTopic)
  assert.equal(source.get('flush.interval.ms'), staticBroker)
  assert.equal(source.get('segment.bytes'), byDefault)
})
