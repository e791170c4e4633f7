/** What a topic in the commit log may say for itself, and what holds there whatever the store says. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  originOf,
  resolveSettings,
  type SettingName,
  topicSettingNames,
  topicSettings,
} from '../../src/core/settings.js'

const layout = { 'storage.layout': 'commitlog' }

/** Entries that cannot be enforced, each with a word of the reason. */
const refused: readonly [string, string, string][] = [
  ['cleanup.policy', 'compact', 'not compacted'],
  ['cleanup.policy', 'delete,compact', 'not compacted'],
  ['retention.ms', '1000', 'file.reserved.time'],
  ['retention.bytes', '1000', 'file.reserved.time'],
  ['segment.bytes', '2000000', 'shares'],
  ['segment.ms', '2000000', 'shares'],
  ['segment.index.bytes', '1000', 'shares'],
  ['index.interval.bytes', '4096', 'shares'],
  ['file.engine', 'disk', 'shares'],
  ['file.preallocate', 'zero', 'shares'],
  ['file.warmup', 'none', 'shares'],
  ['flush.disk.type', 'ASYNC_FLUSH', 'SYNC_FLUSH'],
  ['flush.batch.size', '100', 'one flush'],
  ['flush.interval.ms', '100', 'one flush'],
  ['flush.commitlog.interval', '1000', 'one flush'],
  ['flush.commitlog.timeout', '5000', 'one flush'],
  ['compression.type', 'zstd', 'message of its own'],
  ['key.index.enable', 'true', 'index of keys'],
]

describe('a topic in the commit log', () => {
  for (const [name, value, why] of refused) {
    test(`refuses ${name} = ${value}, which a topic of segments takes`, () => {
      topicSettings(resolveSettings(), { [name]: value })
      assert.throws(
        () => topicSettings(resolveSettings(), { ...layout, [name]: value }),
        (error: Error & { code?: string }) => {
          assert.equal(error.code, 'INVALID_CONFIG')
          for (const word of [name, value, 'commitlog', why]) assert.ok(error.message.includes(word), error.message)
          return true
        },
      )
    })
  }

  test('takes what says the same as the layout, and what it can enforce', () => {
    const settings = topicSettings(resolveSettings({ 'flush.disk.type': 'ASYNC_FLUSH' }), {
      ...layout,
      'cleanup.policy': 'delete',
      'retention.ms': '-1',
      'retention.bytes': '-1',
      'compression.type': 'producer',
      'key.index.enable': 'false',
      'flush.disk.type': 'ASYNC_FLUSH',
      'max.message.bytes': '5000',
      'message.timestamp.type': 'LogAppendTime',
    })
    assert.equal(settings['message.max.bytes'], 5000)
    assert.equal(settings['log.message.timestamp.type'], 'LogAppendTime')
  })

  test('shows what holds there, also where the store says otherwise and the layout is its default', () => {
    const store = resolveSettings({
      'storage.layout': 'commitlog',
      'compression.type': 'zstd',
      'log.cleanup.policy': 'compact',
      'log.retention.ms': 5,
      'log.retention.bytes': 5,
      'key.index.enable': true,
    })
    for (const config of [{}, layout]) {
      const settings = topicSettings(store, config)
      const held = {
        'storage.layout': 'commitlog',
        'compression.type': 'uncompressed',
        'log.cleanup.policy': 'delete',
        'log.retention.ms': '-1',
        'log.retention.bytes': '-1',
        'key.index.enable': 'false',
      }
      for (const [name, value] of Object.entries(held)) assert.equal(String(settings[name as SettingName]), value)
      assert.equal(originOf(settings, 'compression.type').kind, 'topic')
      // What is shown can be given back, as tools do that replace a whole configuration.
      const own = [...topicSettingNames].filter(([, name]) => originOf(settings, name).kind === 'topic')
      topicSettings(store, Object.fromEntries(own.map(([topicName, name]) => [topicName, String(settings[name])])))
    }
    const segments = topicSettings(store, { 'storage.layout': 'segments' })
    assert.equal(segments['compression.type'], 'zstd')
  })
})

test('the hours of deletion', () => {
  for (const hours of ['04', '4', '0;23', '2;14;20'])
    assert.equal(resolveSettings({ 'delete.when': hours })['delete.when'], hours)
  for (const hours of ['24', '4,5', '4;', ';4', '-1', '4 5', '004', 'four']) {
    assert.throws(() => resolveSettings({ 'delete.when': hours }), { code: 'INVALID_SETTING' }, hours)
  }
})
