/** Bytes as the message browser shows them. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bytesOf, hexDump, show, summary, visible } from '../../../console/messages/bytes.js'

const shown = (text: string) => ({
  text,
  base64: Buffer.from(text).toString('base64'),
  sizeInBytes: Buffer.byteLength(text),
  cut: false,
})
const binary = (...bytes: number[]) => ({
  text: null,
  base64: Buffer.from(bytes).toString('base64'),
  sizeInBytes: bytes.length,
  cut: false,
})

test('JSON is laid out as JSON.stringify would, for every value', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
      const { view, text } = show(shown(JSON.stringify(value)), 'json')
      assert.equal(view, 'json')
      assert.equal(text, visible(JSON.stringify(value, null, 2)))
    }),
  )
})

test('long numbers, doubled keys and escapes stay as they were sent', () => {
  const sent = '{"id":12345678901234567890,"a":1.50,"a":"\\u0041\\/"}'
  assert.equal(show(shown(sent), 'auto').text, '{\n  "id": 12345678901234567890,\n  "a": 1.50,\n  "a": "\\u0041\\/"\n}')
})

test('what is no JSON is shown as text, what is no text as hex', () => {
  assert.equal(show(shown('{"cut": '), 'json').view, 'text')
  assert.equal(show(shown('42'), 'auto').view, 'text')
  assert.equal(show(shown('42'), 'json').view, 'json')
  assert.equal(show(binary(0xff, 0), 'text').view, 'hex')
  assert.equal(show(shown('{}'), 'hex').text, hexDump(Buffer.from('{}')))
})

test('characters that are not seen are made visible', () => {
  assert.equal(visible('a\u0000b\u001bc\u202edoc.exe\u007f'), 'a\u2400b\u241bc\\u{202e}doc.exe\\u{7f}')
  assert.equal(visible('tab\tline\nजार\u200dend'), 'tab\tline\nजार\u200dend')
})

test('a hex dump holds every byte once, sixteen in a row', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      const rows = bytes.length === 0 ? [] : hexDump(bytes).split('\n')
      assert.equal(rows.length, Math.ceil(bytes.length / 16))
      const digits = rows.map((row) => row.slice(8, 56).replaceAll(' ', '')).join('')
      assert.equal(digits, Buffer.from(bytes).toString('hex'))
      assert.deepEqual(bytesOf(binary(...bytes)), bytes)
    }),
  )
})

test('a summary is one line of bounded length', () => {
  assert.equal(summary(null, 20), 'null')
  assert.equal(summary(shown('two\nlines'), 20), 'two lines')
  assert.equal(summary(shown('x'.repeat(100)), 20), `${'x'.repeat(20)}…`)
  assert.equal(summary(binary(1, 0xfe), 20), '01 fe')
})
