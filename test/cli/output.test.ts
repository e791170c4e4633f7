/** What is printed: tables in any width, forms for programs, colours and progress by what the stream is. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type Column, formatOf, headLines, lineForm } from '../../src/cli/formats.js'
import { durationText, type ProgressScreen, progressOnTerminal, sizeText } from '../../src/cli/progress.js'
import { columnsThatFit, tableLines } from '../../src/cli/table.js'
import { columnsOf, cutTo, hasColours, painted, widthOf } from '../../src/cli/terminal.js'

describe('tables', () => {
  test('columns are as wide as what is in them, numbers stand to the right', () => {
    const lines = tableLines(
      ['TOPIC', 'MESSAGES'],
      [
        ['orders', 12],
        ['a', 1000],
      ],
    )
    assert.deepEqual(lines, ['TOPIC   MESSAGES', 'orders        12', 'a           1000'])
  })

  test('in a narrow place texts are cut and say so; numbers and names are not', () => {
    const lines = tableLines(['NAME', 'COUNT', 'MEANING'], [['orders', 123456, 'what somebody has ordered today']], {
      width: 30,
    })
    assert.deepEqual(lines, ['NAME     COUNT  MEANING', 'orders  123456  what somebody…'])
  })

  test('what messages hold cannot steer the terminal or break a line', () => {
    const [, line] = tableLines(['VALUE'], [['a\nb\x1b[2Jc\rd\u009b1m']])
    assert.equal(line, 'a b [2Jc d 1m')
  })

  test('no line is wider than the place, as long as there is room for anything', () => {
    const cell = fc.oneof(fc.integer({ min: 0, max: 999 }), fc.string({ unit: 'grapheme', maxLength: 60 }))
    const rows = fc.array(fc.tuple(fc.string({ maxLength: 10 }), cell, cell), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(rows, fc.integer({ min: 50, max: 200 }), (table, width) => {
        for (const line of tableLines(['NAME', 'ONE', 'OTHER'], table, { width })) {
          assert.ok(columnsOf(line) <= width, `${line}\n${columnsOf(line)} > ${width}`)
        }
      }),
    )
  })

  test('extra columns go, from the right, where they leave no room for the others', () => {
    assert.deepEqual(columnsThatFit([10, 40, 5, 80], [false, true, true, false], undefined), [0, 1, 2, 3])
    assert.deepEqual(columnsThatFit([10, 40, 5, 80], [false, true, true, false], 200), [0, 1, 2, 3])
    assert.deepEqual(columnsThatFit([10, 40, 5, 80], [false, true, true, false], 60), [0, 1, 3])
    assert.deepEqual(columnsThatFit([10, 40, 5, 80], [false, true, true, false], 20), [0, 3])
  })
})

test('widths are those of the characters on a terminal', () => {
  assert.deepEqual(['abc', '消息', 'e\u0301', '📦', '\x1b[31mred\x1b[39m'].map(columnsOf), [3, 4, 1, 2, 3])
  assert.equal(cutTo('消息队列', 5), '消息…')
  assert.equal(cutTo('abc', 3), 'abc')
  assert.equal(widthOf({ isTTY: true, columns: 90 }, {}), 90)
  assert.equal(widthOf({ isTTY: true, columns: 90 }, { COLUMNS: '40' }), 40)
  assert.equal(widthOf({ isTTY: false }, {}), undefined)
  assert.equal(widthOf({ isTTY: false }, { COLUMNS: 'wide' }), undefined)
})

test('colours only where they are wanted', () => {
  const terminal = { isTTY: true }
  for (const [screen, environment, has] of [
    [terminal, {}, true],
    [{ isTTY: false }, {}, false],
    [terminal, { NO_COLOR: '1' }, false],
    [terminal, { NO_COLOR: '' }, true],
    [terminal, { TERM: 'dumb' }, false],
    [{ isTTY: false }, { FORCE_COLOR: '1' }, true],
    [terminal, { FORCE_COLOR: '0' }, false],
    [terminal, { FORCE_COLOR: '1', NO_COLOR: '1' }, true],
  ] as const) {
    assert.equal(hasColours(screen, environment), has, JSON.stringify([screen, environment]))
  }
  assert.equal(painted('bad', 'x', { isTTY: false }), 'x')
})

interface Row {
  readonly name: string
  readonly size: number
  readonly space?: { readonly ratio: number }
}

const columns: readonly Column<Row>[] = [
  { head: 'NAME', of: ({ name }) => name },
  { head: 'SIZE IN BYTES', of: ({ size }) => size },
  { head: 'RATIO', of: ({ space }) => space?.ratio },
]

describe('forms for programs', () => {
  const row: Row = { name: 'a "b", c\td\n', size: 5 }

  test('CSV and TSV keep a value one field', () => {
    assert.deepEqual(headLines(columns, 'csv'), ['name,size_in_bytes,ratio'])
    assert.equal(lineForm(columns, 'csv')(row), '"a ""b"", c\td\n",5,')
    assert.equal(lineForm(columns, 'tsv')(row), 'a "b", c\\td\\n\t5\t')
    assert.equal(lineForm(columns, 'plain')({ name: 'a', size: 5, space: { ratio: 2 } }), 'a\t5\t2')
    assert.deepEqual(headLines(columns, 'plain'), [])
  })

  test('a template takes fields of the JSON, also inside objects', () => {
    const filled = (template: string) =>
      lineForm(columns, 'template', template)({ ...row, name: 'a', space: { ratio: 2 } })
    assert.equal(filled('{name}\\t{size}: {space.ratio} {space}'), 'a\t5: 2 {"ratio":2}')
    assert.throws(() => filled('{nam}'), /no field nam .* name, size, space/)
  })

  test('what contradicts itself is refused', () => {
    assert.equal(formatOf({}), 'table')
    assert.equal(formatOf({ json: true }), 'json')
    assert.equal(formatOf({ json: true }, 'jsonl'), 'jsonl')
    assert.equal(formatOf({ json: true, format: 'json' }), 'json')
    assert.throws(() => formatOf({ json: true, format: 'csv' }), { code: 'INVALID_ARGUMENT' })
    assert.throws(() => formatOf({ template: '{a}', format: 'csv' }), { code: 'INVALID_ARGUMENT' })
  })
})

describe('progress', () => {
  const watched = (isTTY: boolean) => {
    const written: string[] = []
    const screen: ProgressScreen = { isTTY, columns: 100, write: (text) => written.push(text) }
    const clock = { nowMs: 0, monotonic: () => clock.nowMs }
    return { written, screen, clock }
  }

  test('a bar with rate and time left on a terminal, which goes away', () => {
    const { written, screen, clock } = watched(true)
    const line = progressOnTerminal(false, screen, clock)
    const show = (doneBytes: number) => line.show({ doing: 'Verifying', doneBytes, totalBytes: 4e9 })
    show(0)
    clock.nowMs = 50
    show(1e8)
    clock.nowMs = 10_000
    show(1e9)
    line.clear()
    assert.equal(written.length, 3, 'not more often than somebody can read')
    assert.ok(written[1].startsWith('\r\x1b[KVerifying '))
    assert.match(written[1], /━+.*─+.* {2}25 % {2}1\.0 GB of 4\.0 GB {2}100 MB\/s {2}30 s left$/)
    assert.equal(written[2], '\r\x1b[K')
  })

  test('nothing where nobody looks, lines where they were asked for', () => {
    const quiet = watched(false)
    progressOnTerminal(false, quiet.screen, quiet.clock).show({ doing: 'x', doneBytes: 1, totalBytes: 2 })
    assert.deepEqual(quiet.written, [])
    const asked = watched(false)
    progressOnTerminal(true, asked.screen, asked.clock).show({ doing: 'Verifying', doneBytes: 1e6, totalBytes: 2e6 })
    assert.deepEqual(asked.written, ['Verifying  50 %  1.0 MB of 2.0 MB\n'])
  })

  test('without a total it says how much and how fast', () => {
    const { written, screen, clock } = watched(true)
    const line = progressOnTerminal(false, screen, clock)
    line.show({ doing: 'Opening', detail: '1 of 9 logs', doneBytes: 0, totalBytes: 0 })
    clock.nowMs = 1000
    line.show({ doing: 'Opening', detail: '2 of 9 logs', doneBytes: 5e6, totalBytes: 0 })
    assert.equal(written[1], '\r\x1b[KOpening 2 of 9 logs  5.0 MB  5.0 MB/s')
  })

  test('sizes and times are short', () => {
    assert.deepEqual([0, 999, 1000, 1.5e6, 99.96e6, 999.6e6, 2e10].map(sizeText), [
      '0 B',
      '999 B',
      '1.0 kB',
      '1.5 MB',
      '100 MB',
      '1.0 GB',
      '20.0 GB',
    ])
    assert.deepEqual([0.1, 59, 65, 3725].map(durationText), ['1 s', '59 s', '1:05 min', '1:02:05 h'])
  })
})
