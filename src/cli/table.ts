/** Tables without borders, so that `awk` and `cut` can read them; on a terminal they fit its width. */

import { columnsOf, cutTo, onOneLine } from './terminal.js'

export interface TableOptions {
  /** Columns that a line may fill; nothing is cut where absent. */
  readonly width?: number
  /** What is done to the heading once it is laid out, e.g. colour. */
  readonly heading?: (line: string) => string
}

const gap = '  '
/** Narrower than that a column says nothing; then lines are as long as they are. */
const leastColumns = 8
/** From that on a cut text still says something. */
const usefulColumns = 20

/** The lines of a table. Numbers are for adding up, so they stand to the right. */
export function tableLines(
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
  { width, heading = (line) => line }: TableOptions = {},
): string[] {
  const cells = [head, ...rows.map((row) => row.map((cell) => onOneLine(String(cell))))]
  const isNumeric = head.map((_, at) => rows.length > 0 && rows.every((row) => isNumberCell(row[at])))
  const widths = fitted(
    head.map((_, at) => cells.reduce((most, row) => Math.max(most, columnsOf(row[at])), 0)),
    isNumeric,
    width,
  )
  const lines = cells.map((row) =>
    row
      .map((cell, at) => aligned(cutTo(cell, widths[at]), widths[at], isNumeric[at]))
      .join(gap)
      .trimEnd(),
  )
  return [heading(lines[0]), ...lines.slice(1)]
}

/**
 * The columns for a line of `width`, by their places: those that may be left out go from the right while a column of text
 * would be cut to less than it needs, `usefulColumns` at most.
 */
export function columnsThatFit(
  natural: readonly number[],
  mayBeLeftOut: readonly boolean[],
  width: number | undefined,
): number[] {
  const places = natural.map((_, at) => at)
  if (width === undefined) return places
  const needed = () =>
    places.reduce((sum, at) => sum + Math.min(natural[at], at === 0 ? width / 2 : usefulColumns) + gap.length, 0)
  while (needed() - gap.length > width) {
    const goes = places.findLast((at) => mayBeLeftOut[at])
    if (goes === undefined) break
    places.splice(places.indexOf(goes), 1)
  }
  return places
}

/** A dash says that there is none. */
function isNumberCell(cell: string | number): boolean {
  return typeof cell === 'number' || cell === '-' || /^-?\d+(\.\d+)?$/.test(cell)
}

function aligned(cell: string, width: number, toTheRight: boolean): string {
  const space = ' '.repeat(Math.max(0, width - columnsOf(cell)))
  return toTheRight ? space + cell : cell + space
}

/**
 * Takes from the widest column of text, one step at a time, until the line fits; numbers are never cut, and what stands
 * first, the name of the row, to no less than half of the line.
 */
function fitted(widths: number[], isNumeric: readonly boolean[], width: number | undefined): number[] {
  if (width === undefined) return widths
  const fitting = [...widths]
  const least = widths.map((_, at) => (at === 0 ? Math.floor(width / 2) : leastColumns))
  let excess = fitting.reduce((sum, each) => sum + each, 0) + gap.length * (fitting.length - 1) - width
  while (excess > 0) {
    const texts = fitting.map((each, at) => (isNumeric[at] || each <= least[at] ? 0 : each))
    const widest = Math.max(...texts)
    if (widest === 0) break
    const at = texts.indexOf(widest)
    // Down to the next narrower one at once: tables are drawn while somebody waits.
    const next = Math.max(least[at], ...texts.filter((each) => each < widest))
    const step = Math.max(1, Math.min(excess, widest - next))
    fitting[at] -= step
    excess -= step
  }
  return fitting
}
