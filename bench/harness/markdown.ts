/** The rows as the tables of `docs/benchmarks.md`, between two marks of that page. */

import { type Machine, machineLine } from './machine.js'
import { ratioText, shortNumber, spreadText } from './print.js'
import type { Row } from './rows.js'

const begin = '<!-- results: written by npm run bench -- --docs -->'
const end = '<!-- end of results -->'

export interface Report {
  readonly machine: Machine
  readonly rounds: number
  readonly blockMs: number
  readonly rows: readonly Row[]
}

const detailNames: Readonly<Record<string, string>> = {
  p50Ms: 'p50 ms',
  p99Ms: 'p99 ms',
  p999Ms: 'p99.9 ms',
  loopDelayP99Ms: 'loop p99 ms',
  createMs: 'create ms',
  writeMs: 'write ms',
  closeMs: 'close ms',
  mostDescriptors: 'descriptors',
}

/** The page with its results replaced. @throws where it has no marks, or more than one pair */
export function withResults(page: string, report: Report): string {
  const [before, rest, ...more] = page.split(begin)
  const [, after, ...evenMore] = (rest ?? '').split(end)
  if (after === undefined || more.length > 0 || evenMore.length > 0) {
    throw new Error(`the page must have "${begin}" and "${end}" once, in this order`)
  }
  return `${before}${begin}\n${resultsOf(report)}\n${end}${after}`
}

function resultsOf({ machine, rounds, blockMs, rows }: Report): string {
  const head = `Run of ${machine.date}: ${rounds} rounds, blocks of ${blockMs / 1000} s. ${machineLine(machine)}.`
  const names = [...new Set(rows.map((row) => `${row.case} [${row.level}]`))]
  const tables = names.map((name) => {
    const own = rows.filter((row) => `${row.case} [${row.level}]` === name)
    return `### ${name}\n\n${tableOf(own)}${remarkOf(own)}`
  })
  return `\n${[head, ...tables].join('\n\n')}\n`
}

function tableOf(rows: readonly Row[]): string {
  const details = Object.keys(detailNames).filter((key) => rows.some((row) => row.detail[key] !== undefined))
  const header = [
    'contender',
    'median',
    'unit',
    '/ floor',
    '/ best peer',
    'spread',
    ...details.map((key) => detailNames[key]),
  ]
  const lines = rows.map((row) => [
    row.role === 'ours' ? `**${row.contender}**` : row.contender,
    shortNumber(row.median),
    row.unit,
    ratioText(row.ratioToFloor),
    ratioText(row.ratioToBestPeer),
    spreadText(row),
    ...details.map((key) => shortNumber(row.detail[key] ?? Number.NaN)),
  ])
  return [header, header.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

function remarkOf([{ dropped, rounds, noisy }]: readonly Row[]): string {
  if (noisy) return '\n\nNoisy: the floor changed by more than 1.5x around every round; nothing can be read from this.'
  return dropped > 0 ? `\n\n${dropped} of ${dropped + rounds} rounds were dropped.` : ''
}
