/** Settings files: Java's rules for `.properties`, a flat object for `.json`, and the line in every refusal. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseSettingsFile } from '../../src/core/settings-file.js'

const parse = (path: string, text: string | Buffer) =>
  parseSettingsFile(path, Buffer.from(text as string)).map(({ name, value, line }) => [name, value, line])

test('properties by the rules of java.util.Properties', () => {
  const text = [
    '# a comment \\',
    '  ! another one',
    '',
    ' \t ',
    'a=1',
    '  b = 2 ',
    'c:3',
    'd 4',
    'e\t:\f5',
    'f==5',
    'g',
    'h=one, \\',
    '   two, \\',
    '',
    'i=C:\\\\data\\\\',
    'j\\ k\\=\\:=l',
    'm=\\u00e9\\t\\q\\uD83D\\uDE00 ü',
    'n=# no comment',
    'a=2\\',
  ]
  const expected = [
    ['a', '1', 5],
    ['b', '2 ', 6],
    ['c', '3', 7],
    ['d', '4', 8],
    ['e', '5', 9],
    ['f', '=5', 10],
    ['g', '', 11],
    ['h', 'one, two, ', 12],
    ['i', 'C:\\data\\', 15],
    ['j k=:', 'l', 16],
    ['m', 'é\tq😀 ü', 17],
    ['n', '# no comment', 18],
    ['a', '2', 19],
  ]
  for (const newline of ['\n', '\r\n', '\r']) assert.deepEqual(parse('a.properties', text.join(newline)), expected)
  assert.deepEqual(parse('A.PROPERTIES', '\uFEFFa=1'), [['a', '1', 1]])
  assert.deepEqual(parse('a.properties', ''), [])
})

/** As `java.util.Properties.store` writes it, with the choices it leaves taken at random. */
function javaEscaped(text: string, isName: boolean, asUnicode: boolean): string {
  return [...Array(text.length).keys()]
    .map((i) => {
      const unit = text[i]
      const named = { '\t': '\\t', '\n': '\\n', '\r': '\\r', '\f': '\\f' }[unit]
      if (named !== undefined) return named
      if (unit === ' ' && (isName || i === 0)) return '\\ '
      if ('=:#!\\'.includes(unit)) return `\\${unit}`
      const mustEscape = unit < ' ' || (unit >= '\ud800' && unit <= '\udfff')
      return mustEscape || (asUnicode && unit > '~') ? `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}` : unit
    })
    .join('')
}

test('what Java stores is read back, whatever it is', () => {
  const text = fc.string({ unit: 'binary' })
  const pairs = fc.array(fc.tuple(text, text), { maxLength: 5 })
  const separators = fc.constantFrom('=', ':', ' ', ' = ', '\t:\f')
  fc.assert(
    fc.property(
      pairs,
      separators,
      fc.boolean(),
      fc.constantFrom('\n', '\r\n'),
      (entries, separator, asUnicode, newline) => {
        // An empty name with a blank behind it is no name for Java either.
        const named = entries.filter(([name]) => name !== '')
        const lines = named.map(
          ([name, value]) => javaEscaped(name, true, asUnicode) + separator + javaEscaped(value, false, asUnicode),
        )
        assert.deepEqual(
          parse('a.properties', lines.join(newline)),
          named.map(([name, value], i) => [name, value, i + 1]),
        )
      },
    ),
  )
})

test('a flat JSON object, with the line of each name', () => {
  const text = '\n{ "a": 1, "b" :\n true,\r\n"c\\n\\u00e9": "x\\"y", "d": -1.5e1,\n "a": "z" }\n'
  assert.deepEqual(parse('a.json', text), [
    ['a', 1, 2],
    ['b', true, 2],
    ['c\né', 'x"y', 4],
    ['d', -15, 4],
    ['a', 'z', 5],
  ])
  assert.deepEqual(parse('a.json', '{}'), [])
})

test('every flat object that JSON.stringify writes is read back', () => {
  const value = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.boolean(),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
  )
  const object = fc.dictionary(fc.string({ unit: 'binary' }), value)
  fc.assert(
    fc.property(object, fc.constantFrom(0, 2, '\t'), (given, space) => {
      const text = JSON.stringify(given, null, space)
      assert.deepEqual(
        parse('a.json', text).map(([name, read]) => [name, read]),
        Object.entries(JSON.parse(text)),
      )
    }),
  )
})

test('what cannot be read is refused with path and line', () => {
  const malformed: [path: string, text: string | Buffer, line: number, why: RegExp][] = [
    ['a.properties', 'a=1\nb=\\u12g4', 2, /\\u12 is no \\uXXXX escape/],
    ['a.properties', '\n\n\\u=1', 3, /\\u is no \\uXXXX escape/],
    ['a.properties', 'a=\\\n\n b\\uzzzz', 3, /uXXXX/],
    ['a.properties', Buffer.from([0x61, 0x0a, 0x62, 0x3d, 0xff]), 2, /UTF-8/],
    ['a.json', Buffer.from([0x7b, 0x0a, 0x0a, 0xc3, 0x28]), 3, /UTF-8/],
    ['a.json', '', 1, /it ends where \{ must be/],
    ['a.json', '[1]', 1, /\[ stands where/],
    ['a.json', '{"a": 1,\n}', 2, /\} stands where the name of a setting/],
    ['a.json', '{"a": 1\n"b": 2}', 2, /"b" stands where "," or "}"/],
    ['a.json', '{"a"\n\n1}', 3, /1 stands where ":"/],
    ['a.json', '{"a":\n{"b": 1}}', 2, /\{ stands where a text, a number, true or false for "a"/],
    ['a.json', '{"a": null}', 1, /null stands where/],
    ['a.json', '{"a": 01}', 1, /01 is not JSON/],
    ['a.json', '{"a": fals}', 1, /fals is not JSON/],
    ['a.json', '{"a": "\t"}', 1, /is not JSON/],
    ['a.json', '{"a": "b\n"}', 1, /is not JSON/],
    ['a.json', '{\n"a": 1} x', 2, /x stands where the end/],
    ['a.json', '{"a": 1', 1, /it ends where/],
  ]
  for (const [path, text, line, why] of malformed) {
    assert.throws(() => parse(path, text), { code: 'INVALID_SETTING', message: why })
    assert.throws(() => parse(path, text), new RegExp(`${path}:${line} cannot be read`))
  }
  for (const path of ['a.conf', 'properties', 'json', 'a.json.bak']) {
    assert.throws(() => parse(path, ''), { code: 'INVALID_SETTING', message: /must end in \.properties or \.json/ })
  }
})
