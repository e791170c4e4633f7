/** Tables: aligned columns, rows drawn only where they are seen, so that ten thousand cost no more than forty. */

import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import { useShortcut } from '../app/shortcuts.js'

export interface Column<T> {
  /** Unique in its table. */
  readonly key: string
  readonly title: string
  readonly cell: (row: T) => ComponentChildren
  /** Figures stand at the right, with digits of one width. */
  readonly figure?: boolean
  /** CSS width; what is left is shared by those without. */
  readonly width?: string
  /** Left out on narrow screens. */
  readonly wideOnly?: boolean
  readonly help?: string
}

interface TableProps<T> {
  readonly columns: readonly Column<T>[]
  readonly rows: readonly T[]
  readonly rowKey: (row: T) => string | number
  readonly label: string
  readonly onRow?: (row: T) => void
  readonly isMarked?: (row: T) => boolean
  /** Shown instead of rows. */
  readonly empty?: ComponentChildren
  /** Scrolls within this many px instead of with the page. */
  readonly maxHeight?: number
  readonly stale?: boolean
  /** Rows may have several lines; all of them are drawn. */
  readonly isTall?: boolean
}

/** As in the style sheet: `--row`. */
const rowHeight = 34
/** Tables up to this length are drawn whole. */
const drawnWhole = 150
const spareRows = 20

export function Table<T>(props: TableProps<T>) {
  const { columns, rows, label, maxHeight, stale, isTall = false } = props
  const body = useRef<HTMLTableSectionElement>(null)
  const frame = useRef<HTMLDivElement>(null)
  const [from, to] = useSeenRows(frame, body, isTall ? 0 : rows.length)
  if (rows.length === 0 && props.empty !== undefined) return <>{props.empty}</>
  const seen = isTall ? rows : rows.slice(from, to)
  return (
    <div
      class={`table-frame${stale ? ' is-stale' : ''}${maxHeight === undefined ? '' : ' has-scroll'}${isTall ? ' is-tall' : ''}`}
      ref={frame}
      style={maxHeight === undefined ? undefined : { maxHeight: `${maxHeight}px` }}
    >
      {props.onRow && <RowKeys body={body} />}
      <table aria-label={label} aria-rowcount={rows.length}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th
                key={column.key}
                scope="col"
                title={column.help}
                class={classOf(column)}
                style={column.width === undefined ? undefined : { width: column.width }}
              >
                {column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody ref={body}>
          {from > 0 && <Gap rows={from} columns={columns.length} />}
          {seen.map((row, index) => (
            <Row key={props.rowKey(row)} row={row} index={from + index} {...props} />
          ))}
          {!isTall && to < rows.length && <Gap rows={rows.length - to} columns={columns.length} />}
        </tbody>
      </table>
    </div>
  )
}

function Row<T>({ row, index, columns, onRow, isMarked }: TableProps<T> & { row: T; index: number }) {
  const classes = [onRow && 'is-open', isMarked?.(row) && 'is-marked'].filter(Boolean).join(' ')
  return (
    <tr
      class={classes || undefined}
      aria-rowindex={index + 1}
      onClick={onRow && ((event) => isPlainClick(event) && onRow(row))}
    >
      {columns.map((column) => (
        <td key={column.key} class={classOf(column)}>
          {column.cell(row)}
        </td>
      ))}
    </tr>
  )
}

/** `j` and `k` lead from row to row by what in them can be opened; Enter opens it. */
function RowKeys({ body }: { body: { readonly current: HTMLElement | null } }) {
  const move = (step: 1 | -1) => {
    const targets = [...(body.current?.querySelectorAll<HTMLElement>('tr > td:first-child a') ?? [])]
    const row = document.activeElement?.closest('tr')
    const at = targets.findIndex((target) => row?.contains(target))
    targets[at < 0 ? 0 : at + step]?.focus()
  }
  useShortcut('j', 'Next row', () => move(1))
  useShortcut('k', 'Previous row', () => move(-1))
  return null
}

function Gap({ rows, columns }: { rows: number; columns: number }) {
  return (
    <tr class="table-gap">
      <td colSpan={columns} style={{ height: `${rows * rowHeight}px` }} />
    </tr>
  )
}

function classOf<T>({ figure, wideOnly }: Column<T>): string | undefined {
  return [figure && 'figure', wideOnly && 'wide-only'].filter(Boolean).join(' ') || undefined
}

/** Links and buttons in a row keep their own meaning, and so does marking text. */
function isPlainClick(event: MouseEvent): boolean {
  const onControl = event.target instanceof Element && event.target.closest('a, button, input, label')
  return !onControl && !getSelection()?.toString()
}

/** Which rows are within sight of whatever scrolls: the table's frame, or the window. */
function useSeenRows(
  frame: { readonly current: HTMLElement | null },
  body: { readonly current: HTMLElement | null },
  length: number,
): readonly [from: number, to: number] {
  const [range, setRange] = useState<readonly [number, number]>([0, 3 * spareRows])
  const isVirtual = length > drawnWhole
  useLayoutEffect(() => {
    if (!isVirtual) return
    const measure = () => {
      if (!frame.current || !body.current) return
      const outer = frame.current.getBoundingClientRect()
      const top = body.current.getBoundingClientRect().top
      const firstSeen = Math.floor((Math.max(0, outer.top) - top) / rowHeight)
      const lastSeen = Math.ceil((Math.min(innerHeight, outer.bottom) - top) / rowHeight)
      const from = Math.max(0, Math.min(firstSeen, length - 1) - spareRows)
      const to = Math.min(length, Math.max(lastSeen, from + 1) + spareRows)
      setRange((before) => (before[0] === from && before[1] === to ? before : [from, to]))
    }
    measure()
    const options = { passive: true, capture: true }
    document.addEventListener('scroll', measure, options)
    addEventListener('resize', measure)
    return () => {
      document.removeEventListener('scroll', measure, options)
      removeEventListener('resize', measure)
    }
  }, [isVirtual, length])
  return isVirtual ? [Math.min(range[0], length), Math.min(range[1], length)] : [0, length]
}
