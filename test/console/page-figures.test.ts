/** Figures on the console's pages: three digits that count, the right unit, and no "NaN" for what is not known. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bytes, count, fromNow, milliseconds, none, percent, plural, short, span } from '../../console/format.js'
import { settingInWords } from '../../console/pages/setting-values.js'

test('figures have units and three digits', () => {
  assert.equal(bytes(0), '0 B')
  assert.equal(bytes(1023), '1023 B')
  assert.equal(bytes(1024), '1.00 KiB')
  assert.equal(bytes(1024 ** 2 - 1), '1.00 MiB')
  assert.equal(bytes(20 * 1024 ** 3), '20.0 GiB')
  assert.equal(short(999), '999')
  assert.equal(short(999.7), '1.00 k')
  assert.equal(short(47_512), '47.5 k')
  assert.equal(count(1_234_567), '1,234,567')
  assert.equal(milliseconds(0.4219), '0.42 ms')
  assert.equal(milliseconds(23.24), '23.2 ms')
  assert.equal(milliseconds(1500), '1.50 s')
  assert.equal(percent(0.7204), '72.0 %')
})

test('spans of time are told in two units at most', () => {
  assert.equal(span(90_000), '2 min')
  assert.equal(span(3_600_000), '1 h')
  assert.equal(span(12_000_000), '3 h 20 min')
  assert.equal(span(100 * 3_600_000), '4 d 4 h')
  assert.equal(fromNow(60_000, 0), 'in 1 min')
  assert.equal(fromNow(0, 60_000), '1 min ago')
  assert.equal(fromNow(1000, 1200), 'now')
})

test('what is not known is a dash', () => {
  for (const format of [bytes, short, count, milliseconds, span, percent]) {
    for (const value of [null, undefined, Number.NaN, Number.POSITIVE_INFINITY]) assert.equal(format(value), none)
  }
})

test('no figure is long, whatever it is', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e18, noNaN: true }), (value) => {
      assert.match(bytes(value), /^\d{1,4}(\.\d{1,2})? ([KMGTP]i)?B$/)
      assert.match(milliseconds(Math.min(value, 1e12)), /^[\d., a-z]{1,14}$/)
    }),
  )
})

test('one is not many', () => {
  assert.equal(plural(1, 'file'), '1 file')
  assert.equal(plural(0, 'entry', 'entries'), '0 entries')
})

test('values of settings are put in words where that helps', () => {
  assert.equal(settingInWords('retention.ms', '86400000'), '1 d')
  assert.equal(settingInWords('segment.bytes', '1073741824'), '1.00 GiB')
  assert.equal(settingInWords('retention.bytes', '-1'), 'no limit')
  assert.equal(settingInWords('num.partitions', '12'), '')
  assert.equal(settingInWords('flush.disk.type', 'SYNC_FLUSH'), '')
  assert.equal(settingInWords('flush.commitlog.timeout', '5000', 'ms'), '5.00 s')
  assert.equal(settingInWords('max.compaction.lag.ms', '9007199254740991'), 'no limit')
})
