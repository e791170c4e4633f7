/** Entries of a topic's configuration, changed one by one. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { resolveSettings, topicSettings } from '../../src/core/settings.js'
import { alteredConfig, type ConfigAlteration, refuseFixedChanges } from '../../src/core/settings-altering.js'

const settings = resolveSettings()
const alter = (config: Record<string, string>, ...alterations: ConfigAlteration[]) =>
  alteredConfig(config, topicSettings(settings, config), alterations)

describe('altering what a topic says for itself', () => {
  test('sets and deletes what is named and leaves the rest', () => {
    const before = { 'segment.bytes': '2097152', 'max.message.bytes': '5000' }
    const after = alter(
      before,
      { name: 'segment.bytes', operation: 'delete' },
      { name: 'index.interval.bytes', operation: 'set', value: '100' },
      { name: 'flush.batch.size', operation: 'delete' },
    )
    assert.deepEqual(after, { 'max.message.bytes': '5000', 'index.interval.bytes': '100' })
    assert.deepEqual(before, { 'segment.bytes': '2097152', 'max.message.bytes': '5000' })
  })

  test('puts into lists and takes out of them, beginning with what holds', () => {
    const list = (operation: 'append' | 'subtract', value: string) => ({ name: 'cleanup.policy', operation, value })
    assert.deepEqual(alter({}, list('append', 'compact')), { 'cleanup.policy': 'delete,compact' })
    assert.deepEqual(alter({}, list('append', 'delete')), { 'cleanup.policy': 'delete' })
    const both = { 'cleanup.policy': 'compact,delete' }
    assert.deepEqual(alter(both, list('append', ' delete, compact')), both)
    assert.deepEqual(alter(both, list('subtract', 'delete')), { 'cleanup.policy': 'compact' })
    // Refused when the whole is checked.
    assert.throws(() => topicSettings(settings, alter(both, list('subtract', 'delete,compact'))), {
      code: 'INVALID_CONFIG',
    })
    assert.throws(() => alter({}, { name: 'segment.bytes', operation: 'append', value: '1' }), {
      code: 'INVALID_CONFIG',
    })
  })

  test('refuses names that are none, and names that come twice', () => {
    for (const operation of ['append', 'subtract', 'delete'] as const) {
      assert.throws(() => alter({}, { name: 'nonsense', operation, value: 'a' }), { code: 'INVALID_CONFIG' })
    }
    const twice = { name: 'segment.bytes', operation: 'set', value: '2097152' } as const
    assert.throws(() => alter({}, twice, { ...twice, operation: 'delete' }), { code: 'INVALID_REQUEST' })
  })

  test('appending and subtracting are what they are for sets', () => {
    const words = fc.uniqueArray(fc.constantFrom('delete', 'compact'), { minLength: 1 })
    fc.assert(
      fc.property(words, words, (present, given) => {
        const config = { 'cleanup.policy': present.join(',') }
        const change = (operation: 'append' | 'subtract') =>
          alter(config, { name: 'cleanup.policy', operation, value: given.join(',') })['cleanup.policy']
        assert.deepEqual(new Set(change('append').split(',')), new Set([...present, ...given]))
        assert.equal(change('subtract'), present.filter((word) => !given.includes(word)).join(','))
      }),
    )
  })

  test('a topic keeps the flush type that it was created with', () => {
    const of = (config: Record<string, string>) => topicSettings(settings, config)
    assert.throws(() => refuseFixedChanges(of({}), of({ 'flush.disk.type': 'ASYNC_FLUSH' })), {
      code: 'INVALID_CONFIG',
      message: /SYNC_FLUSH and cannot become ASYNC_FLUSH/,
    })
    refuseFixedChanges(of({}), of({ 'flush.disk.type': 'SYNC_FLUSH', 'segment.bytes': '2097152' }))
  })
})
