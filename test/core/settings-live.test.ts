/** Settings that change while a store is open: which can, that everybody sees them at once, and that nothing else moves. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { originOf, resolveSettings, settingsTable, topicSettings } from '../../src/core/settings.js'
import type { ConfigAlteration } from '../../src/core/settings-altering.js'
import { LiveSettings } from '../../src/core/settings-live.js'
import type { SettingName } from '../../src/core/settings-table.js'

const base = resolveSettings({ 'num.partitions': 2, 'log.retention.ms': 5000 })
const setting = (name: string, value: string): ConfigAlteration => ({ name, operation: 'set', value })

function altered(live: LiveSettings, ...alterations: ConfigAlteration[]): void {
  live.put(live.after(alterations))
}

test('a change is seen by whoever holds the record, and taken back', () => {
  const live = new LiveSettings(base)
  const { settings } = live
  assert.deepEqual({ ...settings }, { ...base })
  altered(live, setting('num.partitions', '7'))
  assert.equal(settings['num.partitions'], 7)
  assert.equal(originOf(settings, 'num.partitions').kind, 'altered')
  assert.equal(base['num.partitions'], 2)
  assert.deepEqual(live.altered, { 'num.partitions': '7' })
  altered(live, { name: 'num.partitions', operation: 'delete' })
  assert.equal(settings['num.partitions'], 2)
  assert.equal(originOf(settings, 'num.partitions').kind, 'code')
})

test('what is only asked about changes nothing', () => {
  const live = new LiveSettings(base)
  live.after([setting('num.partitions', '7')])
  assert.equal(live.settings['num.partitions'], 2)
})

test('a topic that says nothing for itself follows, also beside what it does say', () => {
  const live = new LiveSettings(base)
  const silent = topicSettings(live.settings, {})
  const speaking = topicSettings(live.settings, { 'segment.bytes': '2097152' })
  const own = topicSettings(live.settings, { 'retention.ms': '77' })
  const shared = topicSettings(live.settings, { 'storage.layout': 'commitlog' })
  altered(live, setting('log.retention.ms', '1000'))
  assert.deepEqual(
    [silent, speaking, own, shared].map((settings) => settings['log.retention.ms']),
    [1000, 1000, 77, -1],
  )
  assert.equal(originOf(speaking, 'log.retention.ms').kind, 'altered')
  assert.equal(originOf(own, 'log.retention.ms').kind, 'topic')
})

test('what waits for a start, is out of range, contradicts or comes twice is refused, and nothing of the call holds', () => {
  const live = new LiveSettings(base)
  for (const [alterations, why] of [
    [[setting('file.engine', 'mmap')], /file\.engine is read when the store opens/],
    [[setting('num.partitions', '0')], /num\.partitions = 0 .*1 to 10000/],
    [[setting('num.partitons', '1')], /mean num\.partitions/],
    [[setting('group.min.session.timeout.ms', '1800001')], /contradict each other/],
    [[setting('num.partitions', '3'), setting('num.partitions', '4')], /twice/],
    [[{ name: 'num.partitions', operation: 'append', value: '1' }], /no list/],
    [[setting('max.connections', '5'), setting('file.engine', 'mmap')], /file\.engine/],
  ] as const) {
    assert.throws(() => live.after([...alterations]), why)
  }
  assert.deepEqual(live.altered, {})
  assert.throws(() => new LiveSettings(base, { 'file.engine': 'mmap' }), /file\.engine/)
})

test('every setting that the table calls live is one, and those that shape files are not', () => {
  const live = new LiveSettings(base)
  for (const name of Object.keys(settingsTable) as SettingName[]) {
    const alter = () => live.after([setting(name, String(base[name]))])
    if ('live' in settingsTable[name]) assert.doesNotThrow(alter, name)
    else assert.throws(alter, { code: 'INVALID_SETTING' })
  }
  for (const name of ['storage.layout', 'log.segment.bytes', 'flush.disk.type', 'file.engine'] as const) {
    assert.equal('live' in settingsTable[name], false, name)
  }
})
