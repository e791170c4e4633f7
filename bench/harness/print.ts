/** Rows for people: a table a case, ratios with their spread. */

import type { Row } from './rows.js'

const columnNames: Readonly<Record<string, string>> = {
  p50Ms: 'p50 ms',
  p99Ms: 'p99 ms',
  p999Ms: 'p99.9 ms',
  loopDelayP99Ms: 'loop p99 ms',
}

/** A number with about three digits that mean something. */
export function shortNumber(value: number): string {
  if (!Number.isFinite(value)) return '-'
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en')
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2)
}

export function ratioText(ratio: number | null): string {
  return ratio === null ? '-' : ratio.toFixed(2)
}

export function spreadText({ spread }: Row): string {
  const digits = (value: number) => (spread.of === 'median' ? shortNumber(value) : value.toFixed(2))
  return `${digits(spread.low)}-${digits(spread.high)} (${digits(spread.min)}-${digits(spread.max)})`
}

export function print(rows: readonly Row[], shown: readonly string[], say: (line: string) => void): void {
  const present = shown.filter((key) => rows.some((row) => row.detail[key] !== undefined))
  const header = ['', 'median', 'unit', '/ floor', '/ best peer', 'spread: 95 % (all)', ...present.map(columnName)]
  const lines = rows.map((row) => [
    row.contender,
    shortNumber(row.median),
    row.unit,
    ratioText(row.ratioToFloor),
    ratioText(row.ratioToBestPeer),
    spreadText(row),
    ...present.map((key) => (row.detail[key] === undefined ? '-' : shortNumber(row.detail[key]))),
  ])
  const widths = header.map((_, i) => Math.max(...[header, ...lines].map((cells) => cells[i].length)))
  for (const cells of [header, ...lines]) {
    say(
      `  ${cells.map((cell, i) => (i === 0 || i === 2 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  ')}`,
    )
  }
  const [first] = rows
  if (first?.dropped > 0) {
    const all = first.dropped + first.rounds
    say(`  ${first.dropped} of ${all} rounds dropped: the floor before and after differed by more than 1.5x`)
  }
  if (first?.noisy) say('  !! noisy: the floor changed by more than 1.5x around every round; read nothing into this')
}

function columnName(key: string): string {
  return columnNames[key] ?? key
}
