/** The commented settings file: what it says is what holds, and every line of it is understood. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { resolveSettings, settingsTable } from '../../src/core/settings.js'
import { parseSettingsFile } from '../../src/core/settings-file.js'
import { settingsFileText } from '../../src/core/settings-file-text.js'

const parsed = (text: string) =>
  Object.fromEntries(parseSettingsFile('a.properties', Buffer.from(text)).map(({ name, value }) => [name, value]))

test('as it stands it changes nothing; with the marks taken away it says the defaults', () => {
  assert.deepEqual(parsed(settingsFileText()), {})
  const all = parsed(settingsFileText().replaceAll(/^#(?! |$)/gm, ''))
  assert.deepEqual(Object.keys(all), Object.keys(settingsTable))
  assert.deepEqual({ ...resolveSettings(all) }, { ...resolveSettings() })
})

test('each setting has its meaning, its values and its variable above it', () => {
  assert.match(
    settingsFileText(),
    /\n# Partitions of a topic that is created without a number\.\n# Values: 1 to 10000 \(partitions\)\.\n# While it serves: holdfast config set num\.partitions=VALUE\.\n# Variable: HOLDFAST_NUM_PARTITIONS\.\n#num\.partitions=1\n/,
  )
})

test('a value of its own stands without the mark, whatever is in it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (value) => {
      const text = settingsFileText(new Map([['store.path.commitlog', value]]))
      assert.deepEqual(parsed(text), { 'store.path.commitlog': value })
    }),
  )
})
