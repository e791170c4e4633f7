/** Turns the pages of a list that the broker hands out in parts. */

import { useShortcut } from '../app/shortcuts.js'
import { count } from '../format.js'

interface PagerProps {
  readonly total: number
  readonly offset: number
  readonly limit: number
  /** Of what: "topics". */
  readonly noun: string
  readonly onOffset: (offset: number) => void
}

export function Pager({ total, offset, limit, noun, onOffset }: PagerProps) {
  const last = Math.max(0, Math.floor((total - 1) / limit) * limit)
  const previous = Math.max(0, offset - limit)
  const next = Math.min(last, offset + limit)
  useShortcut('[', 'Previous page of the list', () => previous !== offset && onOffset(previous))
  useShortcut(']', 'Next page of the list', () => next > offset && onOffset(next))
  const step = (label: string, text: string, to: number, isOff: boolean) => (
    <button type="button" class="quiet" aria-label={label} title={label} disabled={isOff} onClick={() => onOffset(to)}>
      {text}
    </button>
  )
  return (
    <nav class="pager" aria-label="Pages of the list">
      <span class="pager-text">
        {total === 0
          ? `no ${noun}`
          : `${count(offset + 1)}–${count(Math.min(total, offset + limit))} of ${count(total)} ${noun}`}
      </span>
      {total > limit && (
        <>
          {step('First page', '«', 0, offset === 0)}
          {step('Previous page', '‹', previous, offset === 0)}
          {step('Next page', '›', next, offset >= last)}
          {step('Last page', '»', last, offset >= last)}
        </>
      )}
    </nav>
  )
}
