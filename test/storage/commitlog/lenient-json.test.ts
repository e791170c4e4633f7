/** The lenient parser: what JSON.parse takes it takes alike; what JSON.parse refuses it refuses, but for bare integer keys. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatJson, type JsonValue, parseLenientJson } from '../../../src/storage/commitlog/lenient-json.js'

/** As JSON.parse would have it. */
function plain(value: JsonValue): unknown {
  if (typeof value === 'bigint') return Number(value)
  if (Array.isArray(value)) return value.map(plain)
  if (!(value instanceof Map)) return value
  const object = {}
  for (const [key, item] of value) {
    Object.defineProperty(object, key, { value: plain(item), enumerable: true, configurable: true, writable: true })
  }
  return object
}

function outcome(parse: () => unknown): { value: unknown } | 'refused' {
  try {
    return { value: parse() }
  } catch (error) {
    assert.ok(error instanceof SyntaxError, String(error))
    return 'refused'
  }
}

/** JSON.parse makes Infinity of a number that is too large, which no file could be written with again. */
function refuseInfinite(_key: string, value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new SyntaxError('too large')
  return value
}

const json = fc.json({ maxDepth: 6, stringUnit: 'binary' })

test('every JSON text means what it means to JSON.parse, however it is laid out', () => {
  fc.assert(
    fc.property(json, fc.constantFrom(undefined, 1, '\t', '\r\n '), (text, indent) => {
      const laidOut = JSON.stringify(JSON.parse(text), null, indent)
      for (const each of [text, laidOut, ` ${text}\n`]) {
        const value = parseLenientJson(each)
        assert.deepEqual(plain(value), JSON.parse(each))
        assert.deepEqual(parseLenientJson(formatJson(value)), value)
        assert.deepEqual(JSON.parse(formatJson(value)), JSON.parse(each))
      }
    }),
    { numRuns: 500 },
  )
})

test('a text that is damaged somewhere is refused where JSON.parse refuses it', () => {
  const damage = fc.record({
    at: fc.nat(),
    drop: fc.nat(2),
    put: fc.constantFrom('', '{', '}', ',', '"', '\\', 'e', '-', '0', '.'),
  })
  fc.assert(
    fc.property(json, damage, (text, { at, drop, put }) => {
      const place = at % (text.length + 1)
      const damaged = text.slice(0, place) + put + text.slice(place + drop)
      const expected = outcome(() => JSON.parse(damaged, refuseInfinite))
      const found = outcome(() => plain(parseLenientJson(damaged)))
      // Bare integer keys apart, which only this parser takes.
      if (expected === 'refused' && found !== 'refused') assert.match(damaged, /[{,]\s*-?\d+\s*:/)
      else assert.deepEqual(found, expected)
    }),
    { numRuns: 2000 },
  )
})

test('integer keys may come without quotes, and keep their order', () => {
  const value = parseLenientJson('{"offsetTable":{"T@G":{3:123,0 :45,\n-1:7,"2":8}}}')
  assert.equal(
    formatJson(value),
    '{\n\t"offsetTable":{\n\t\t"T@G":{\n\t\t\t"3":123,\n\t\t\t"0":45,\n\t\t\t"-1":7,\n\t\t\t"2":8\n\t\t}\n\t}\n}',
  )
})

test('other things without quotes are refused with their place', () => {
  const wrong: readonly (readonly [string, string])[] = [
    ['{a:1}', 'line 1, column 2: "a" is not expected there'],
    ['{"a":\n\tb}', 'line 2, column 2: "b" is not expected there'],
    ['{01:1}', 'line 1, column 3: "1" is not expected there'],
    ['{1.5:1}', 'line 1, column 3: "." is not expected there'],
    ['[1,]', 'line 1, column 4: "]" is not expected there'],
    ['{"a":1', 'line 1, column 7: it ends early'],
    ['', 'line 1, column 1: it ends early'],
    ['"abc', 'line 1, column 1: a string does not end'],
    ['"\\', 'line 1, column 1: a string does not end'],
    ['"\\x"', 'line 1, column 1: a string holds a control character or an escape that there is not'],
    ['1e999', 'line 1, column 6: 1e999 is too large'],
  ]
  for (const [text, message] of wrong) assert.throws(() => parseLenientJson(text), { name: 'SyntaxError', message })
})

test('whole numbers beyond 2^53 keep every digit', () => {
  const text = '[9223372036854775807,-9007199254740993,9007199254740991]'
  assert.equal(formatJson(parseLenientJson(text)).replace(/\s/g, ''), text)
})

test('nesting has a limit, and what names a prototype is a key like any other', () => {
  assert.throws(() => parseLenientJson('['.repeat(100_000)), /nested deeper/)
  const value = parseLenientJson('{"__proto__":{"polluted":true}}')
  assert.ok(value instanceof Map && value.has('__proto__'))
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
})
