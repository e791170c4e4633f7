/** The table of settings: every row at its bounds and beyond, what a topic may override, and what contradicts itself. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { HoldfastError } from '../../src/core/errors.js'
import {
  describeSettings,
  layerSettings,
  originOf,
  originText,
  resolveSettings,
  type SettingName,
  topicSettingNames,
  topicSettings,
} from '../../src/core/settings.js'
import { profiles } from '../../src/core/settings-profiles.js'
import type { SettingRow } from '../../src/core/settings-rows.js'
import { settingRows, settingsTable } from '../../src/core/settings-table.js'

const refusedWith =
  (code: string, ...words: (string | number)[]) =>
  (error: unknown) => {
    assert.ok(error instanceof HoldfastError)
    assert.equal(error.code, code)
    for (const word of words) assert.ok(error.message.includes(String(word)), `"${error.message}" lacks "${word}"`)
    return true
  }

/** Values that a row takes, by their text, and such that it does not take, each one step outside. */
function samples(row: SettingRow): { within: (string | number | boolean)[]; beyond: unknown[]; range: string } {
  switch (row.type) {
    case 'int':
      return {
        within: [row.min, row.max, String(row.min), ` ${row.max} `],
        // One above 2^53 - 1 is not a safe integer, and is refused as such.
        beyond: [row.min - 1, row.max + 1, String(row.min - 1), row.min + 0.5, '', 'many', null, Number.NaN, true],
        range: `${row.min} to ${row.max}`,
      }
    case 'fraction':
      return {
        within: [row.min, row.max, String(row.default)],
        beyond: [row.min - 0.001, row.max + 0.001, '', '.5', '1e-1', 'half', null, Number.NaN, true],
        range: `${row.min} to ${row.max}`,
      }
    case 'boolean':
      return { within: [true, false, 'true', 'false'], beyond: ['yes', '', 1, null], range: 'true or false' }
    case 'enum':
      return {
        within: [...row.values],
        beyond: [...row.values.map((value) => `${value}x`), row.values[0].toLowerCase().slice(1), '', 1, null],
        range: row.values.join(', '),
      }
    case 'list': {
      const [first] = row.values
      const all = row.values.join(',')
      return {
        within: [...row.values, all, [...row.values].reverse().join(',')],
        beyond: [`${first},${first}`, `${all},`, `${first}x`, '', [], 1, null],
        range: row.values.join(', '),
      }
    }
    case 'text':
      if (row.form !== undefined) {
        return { within: [row.default], beyond: ['', '!', 1, null], range: row.form.words }
      }
      return { within: ['a', 'message-id'], beyond: ['', 1, null], range: 'a text' }
    case 'path':
      return { within: ['', '/a/b', 'a b', 'ü'], beyond: ['a\0b', 5, null], range: 'a path' }
  }
}

/** Under the other settings' defaults; the pair of bounds that only fits together is moved out of the way. */
const companions: Readonly<Record<string, Record<string, unknown>>> = {
  'group.min.session.timeout.ms': { 'group.max.session.timeout.ms': 2 ** 31 - 1 },
  'group.max.session.timeout.ms': { 'group.min.session.timeout.ms': 1 },
}

describe('every row of the table', () => {
  for (const [name, row] of settingRows) {
    test(name, () => {
      const { within, beyond, range } = samples(row)
      const others = companions[name] ?? {}
      assert.equal(resolveSettings()[name], row.default)
      assert.deepEqual(resolveSettings({ [name]: row.default, ...others })[name], row.default)
      for (const value of within) {
        const taken = resolveSettings({ ...others, [name]: value })[name]
        assert.equal(String(taken), row.type === 'path' ? value : String(value).trim())
        assert.equal(typeof taken, typeof row.default)
      }
      for (const value of beyond) {
        assert.throws(() => resolveSettings({ ...others, [name]: value }), refusedWith('INVALID_SETTING', name, range))
        if (row.topic === undefined) continue
        const config = { [row.topic]: value as string }
        assert.throws(() => topicSettings(resolveSettings(), config), refusedWith('INVALID_CONFIG', row.topic, range))
      }
      assert.match(row.help, /^[A-Z_a-z].*\.$/)
    })
  }
})

test('what is refused is shown: name, value, range and origin', () => {
  const given = [{ name: 'num.partitions', value: '0', origin: { kind: 'flag', where: '--set' } }] as const
  assert.throws(() => layerSettings(given), {
    message: 'num.partitions = 0 (flag --set) is refused: it must be a whole number from 1 to 10000 (partitions).',
  })
  assert.throws(() => resolveSettings({ 'flush.disk.type': '' }), {
    message: 'flush.disk.type = "" (code) is refused: it must be one of SYNC_FLUSH, BATCH_FLUSH, ASYNC_FLUSH.',
  })
})

test('an unknown name is refused, and the nearest one is told', () => {
  const meant: Record<string, string> = {
    'flush.dsik.type': 'Did you mean flush.disk.type?',
    'Flush.Disk.Type': 'Did you mean flush.disk.type?',
    'log.segment.byte': 'Did you mean log.segment.bytes?',
    'segment.bytes': 'Did you mean log.segment.bytes?',
    porfile: 'Did you mean profile?',
    'max.message.bytes': 'Did you mean message.max.bytes?',
    __proto__x: 'There is no setting __proto__x (code). "holdfast settings"',
    toString: 'There is no setting toString (code). "holdfast settings"',
  }
  for (const [name, hint] of Object.entries(meant)) {
    assert.throws(() => resolveSettings({ [name]: '1' }), refusedWith('INVALID_SETTING', name, hint))
  }
  assert.throws(
    () => topicSettings(resolveSettings(), { 'log.segment.bytes': '2000000' }),
    refusedWith('INVALID_CONFIG', 'Did you mean segment.bytes?'),
  )
  assert.throws(
    () => topicSettings(resolveSettings(), { 'flush.interval': '5' }),
    refusedWith('INVALID_CONFIG', 'Did you mean flush.interval.ms?'),
  )
})

test('a round that stays open as long as a sender waits is refused, at every level', () => {
  const batch = { 'flush.disk.type': 'BATCH_FLUSH', 'flush.commitlog.timeout': 50 } as const
  const clash = ['flush.interval.ms = 100 (default)', 'flush.commitlog.timeout = 50 (code)', 'FLUSH_DISK_TIMEOUT']
  assert.throws(() => resolveSettings(batch), refusedWith('INVALID_SETTING', ...clash))
  assert.throws(() => resolveSettings({ ...batch, 'flush.interval.ms': 50 }), refusedWith('INVALID_SETTING'))
  assert.equal(resolveSettings({ ...batch, 'flush.interval.ms': 49 })['flush.interval.ms'], 49)
  // The other policies answer before, or without, the flush.
  for (const type of ['SYNC_FLUSH', 'ASYNC_FLUSH'] as const) resolveSettings({ ...batch, 'flush.disk.type': type })
  const store = resolveSettings({ 'flush.commitlog.timeout': 50 })
  assert.throws(
    () => topicSettings(store, { 'flush.disk.type': 'BATCH_FLUSH' }),
    refusedWith('INVALID_CONFIG', ...clash, 'flush.disk.type = BATCH_FLUSH (topic)'),
  )
  topicSettings(store, { 'flush.disk.type': 'BATCH_FLUSH', 'flush.interval.ms': '49' })
})

test('session timeouts that leave no room are refused', () => {
  const clash = refusedWith('INVALID_SETTING', 'group.min.session.timeout.ms = 1801', 'group.max.session.timeout.ms')
  assert.throws(
    () => resolveSettings({ 'group.min.session.timeout.ms': 1801, 'group.max.session.timeout.ms': 1800 }),
    clash,
  )
  resolveSettings({ 'group.min.session.timeout.ms': 1800, 'group.max.session.timeout.ms': 1800 })
})

test('a profile lies over the defaults and under what is named, and is the origin of its values', () => {
  for (const [profile, { values }] of Object.entries(profiles)) {
    const settings = resolveSettings({ profile })
    for (const [name, value] of Object.entries(values)) {
      assert.equal(settings[name as SettingName], value)
      assert.equal(originText(originOf(settings, name as SettingName)), `profile ${profile}`)
    }
    const untouched = settingRows.filter(([name]) => name !== 'profile' && !(name in values))
    for (const [name, row] of untouched) assert.equal(settings[name], row.default)
    assert.equal(originText(originOf(settings, 'profile')), 'code')
  }
  const settings = resolveSettings({ 'flush.interval.ms': 7, profile: 'hybrid' })
  assert.equal(settings['flush.interval.ms'], 7)
  assert.equal(originText(originOf(settings, 'flush.interval.ms')), 'code')
  assert.equal(settings['flush.disk.type'], 'BATCH_FLUSH')
})

test('the profile reliable is the defaults', () => {
  const { profile: _, ...defaults } = resolveSettings()
  const { profile: __, ...reliable } = resolveSettings({ profile: 'reliable' })
  assert.deepEqual(reliable, defaults)
})

test('a value that is given as it is by default is given all the same', () => {
  assert.equal(originOf(resolveSettings({ 'log.segment.bytes': 2 ** 30 }), 'log.segment.bytes').kind, 'code')
})

test('a topic overrides under its own names', () => {
  const store = resolveSettings({ 'message.max.bytes': 5000 })
  const topic = topicSettings(store, { 'segment.bytes': '2000000', 'flush.disk.type': 'ASYNC_FLUSH' })
  assert.equal(topic['log.segment.bytes'], 2_000_000)
  assert.deepEqual(
    (['log.segment.bytes', 'flush.disk.type', 'message.max.bytes', 'num.partitions'] as const).map(
      (name) => originOf(topic, name).kind,
    ),
    ['topic', 'topic', 'code', 'default'],
  )
  assert.equal(store['log.segment.bytes'], settingsTable['log.segment.bytes'].default)
  assert.equal(topicSettings(store, {}), store)
})

test('a record that was resolved stays what it is', () => {
  const settings = layerSettings([{ name: 'num.partitions', value: '3', origin: { kind: 'file', where: 'a.json:1' } }])
  assert.equal(resolveSettings(settings), settings)
  assert.ok(Object.isFrozen(settings))
  const copy = { ...settings }
  assert.deepEqual([originOf(copy, 'num.partitions').kind, originOf(copy, 'fetch.max.bytes').kind], ['code', 'default'])
})

test('the description tells every row', () => {
  const rows = describeSettings()
  assert.deepEqual(
    rows.map(({ name }) => name),
    settingRows.map(([name]) => name),
  )
  for (const { topicName, name } of rows) {
    if (topicName !== undefined) assert.equal(topicSettingNames.get(topicName), name)
  }
  const row = rows.find(({ name }) => name === 'flush.interval.ms')
  assert.deepEqual(
    [row?.type, row?.unit, row?.default, row?.range, row?.topicName],
    ['int', 'ms', '100', '1 to 3600000', 'flush.interval.ms'],
  )
})
