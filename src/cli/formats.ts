/**
 * The forms in which commands print lists. People read tables; programs choose: JSON, which keeps its shape, or lines of
 * JSON, CSV, TSV, bare values, or lines of a form of their own.
 */

import { type Command, InvalidArgumentError, Option } from 'commander'
import { HoldfastError } from '../core/errors.js'
import { columnsThatFit, tableLines } from './table.js'
import { columnsOf, onOneLine, painted, widthOf } from './terminal.js'

export const formats = ['table', 'json', 'jsonl', 'csv', 'tsv', 'plain'] as const
export type Format = (typeof formats)[number]

export interface FormatOptions {
  readonly format?: Format
  readonly json?: boolean
  readonly template?: string
}

export interface Column<R> {
  /** In capitals; in CSV and TSV it is the name of the column, in small letters with underscores. */
  readonly head: string
  of(row: R): string | number | boolean | null | undefined
  /** Left out of a table where the terminal is narrow. */
  readonly isExtra?: boolean
}

/**
 * Adds `--format`, `--json` and `--template` to a command that lists something.
 * @param short what `--json` is short for
 */
export function withFormat(command: Command, short: 'json' | 'jsonl' = 'json'): Command {
  return command
    .addOption(new Option('--format <form>', 'what is printed; jsonl is a line of JSON each').choices(formats))
    .option('--json', `print JSON; short for --format ${short}`)
    .option(
      '--template <text>',
      "a line of this form for each, {field} being a field of --json, as '{name} {partitions}'",
      checkTemplate,
    )
    .hook('preAction', (_, itself) => {
      // Before a connection is made for it.
      formatOf(itself.opts<FormatOptions>(), short)
    })
}

/** @throws INVALID_ARGUMENT where the options contradict each other */
export function formatOf(
  { format, json, template }: FormatOptions,
  short: 'json' | 'jsonl' = 'json',
): Format | 'template' {
  const asked = [format, json ? short : undefined, template === undefined ? undefined : 'template']
  const said = new Set(asked.filter((each) => each !== undefined))
  if (said.size > 1) {
    throw new HoldfastError('INVALID_ARGUMENT', 'Say one of --format, --json and --template.')
  }
  return template === undefined ? (json ? short : (format ?? 'table')) : 'template'
}

/** Whether people read it. */
export function isForPeople(options: FormatOptions): boolean {
  return formatOf(options) === 'table'
}

/** Prints rows, whose fields are the shape of the JSON, in the form that was asked for. */
export function printRows<R extends object>(
  rows: readonly R[],
  columns: readonly Column<R>[],
  options: FormatOptions,
): void {
  const format = formatOf(options)
  if (format === 'json') write([JSON.stringify(rows)])
  else if (format === 'table') {
    const cells = rows.map((row) => columns.map(({ of }) => shown(of(row))))
    write(tableOf(columns, cells))
  } else {
    const lines = rows.map(lineForm(columns, format, options.template))
    write([...headLines(columns, format), ...lines])
  }
}

/** A table for people, for what has no other form. */
export function printTable(head: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
  write(
    tableOf(
      head.map((each) => ({ head: each })),
      rows,
    ),
  )
}

function tableOf(
  columns: readonly { readonly head: string; readonly isExtra?: boolean }[],
  cells: readonly (readonly (string | number)[])[],
): string[] {
  const width = widthOf(process.stdout)
  const natural = columns.map(({ head }, at) =>
    cells.reduce((most, row) => Math.max(most, columnsOf(String(row[at]))), columnsOf(head)),
  )
  const places = columnsThatFit(
    natural,
    columns.map(({ isExtra }) => isExtra ?? false),
    width,
  )
  const chosen = <T>(row: readonly T[]) => places.map((at) => row[at])
  return tableLines(chosen(columns.map(({ head }) => head)), cells.map(chosen), {
    width,
    heading: (line) => painted('heading', line),
  })
}

/** How a row becomes a line, for rows that come one at a time. */
export function lineForm<R extends object>(
  columns: readonly Column<R>[],
  format: Exclude<ReturnType<typeof formatOf>, 'table' | 'json'>,
  template = '',
): (row: R) => string {
  switch (format) {
    case 'jsonl':
      return (row) => JSON.stringify(row)
    case 'csv':
      return (row) => columns.map(({ of }) => csvCell(textOf(of(row)))).join(',')
    case 'tsv':
      return (row) => columns.map(({ of }) => tsvCell(textOf(of(row)))).join('\t')
    case 'plain':
      return (row) => columns.map(({ of }) => onOneLine(textOf(of(row)))).join('\t')
    case 'template':
      return (row) => filled(template, row)
  }
}

/** The line that names the columns, where the form has one. */
export function headLines(columns: readonly { readonly head: string }[], format: string): string[] {
  if (format !== 'csv' && format !== 'tsv') return []
  const names = columns.map(({ head }) => head.toLowerCase().replaceAll(' ', '_'))
  return [names.join(format === 'csv' ? ',' : '\t')]
}

function textOf(value: string | number | boolean | null | undefined): string {
  return value === null || value === undefined ? '' : String(value)
}

/** In a table nothing is shown as a dash, so that columns stay columns. */
function shown(value: string | number | boolean | null | undefined): string | number {
  if (typeof value === 'number') return value
  const text = textOf(value)
  return text === '' ? '-' : text
}

/** RFC 4180. */
function csvCell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

const tsvEscapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }

/** A value is one field, whatever is in it: tabs, line ends and backslashes are written with a backslash. */
function tsvCell(text: string): string {
  return text.replaceAll(/[\\\t\n\r]/g, (character) => tsvEscapes[character])
}

const fieldPattern = /\{([A-Za-z_][\w.-]*)\}/g
const escapes: Readonly<Record<string, string>> = { '\\t': '\t', '\\n': '\n', '\\\\': '\\' }

function checkTemplate(text: string): string {
  if (!text.replaceAll(fieldPattern, '').includes('{')) return text
  throw new InvalidArgumentError('A field is {name}, of letters, digits, _, - and dots, as {offset} or {space.ratio}.')
}

function filled(template: string, row: object): string {
  const text = template.replaceAll(/\\[tn\\]/g, (written) => escapes[written])
  return text.replaceAll(fieldPattern, (_, path: string) => fieldOf(row, path))
}

function fieldOf(row: object, path: string): string {
  let value: unknown = row
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !(name in value)) {
      const known = Object.keys(row).join(', ')
      throw new HoldfastError('INVALID_ARGUMENT', `There is no field ${path} to fill in; there are ${known}.`)
    }
    value = (value as Readonly<Record<string, unknown>>)[name]
  }
  if (value === undefined || value === null) return ''
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

function write(lines: readonly string[]): void {
  if (lines.length > 0) process.stdout.write(`${lines.join('\n')}\n`)
}
