/** Messages one below the other, each to be opened. `j` and `k` go from one to the next, Enter opens. */

import { useRef, useState } from 'preact/hooks'
import type { BrowsedMessage } from '../../src/console/api-types.js'
import { useShortcut } from '../app/shortcuts.js'
import { clockTime, count, dateTime } from '../format.js'
import { summary, visible } from './bytes.js'
import { nextByteView } from './bytes-view.js'
import { MessageDetail } from './message-detail.js'

interface MessageTableProps {
  readonly topic: string
  readonly messages: readonly BrowsedMessage[]
  readonly isStale?: boolean
  readonly onSendAgain?: (message: BrowsedMessage) => void
}

export function MessageTable({ topic, messages, isStale = false, onSendAgain }: MessageTableProps) {
  const [opened, setOpened] = useState<ReadonlySet<string>>(new Set())
  const body = useRef<HTMLTableSectionElement>(null)
  const toggle = (key: string) => {
    const next = new Set(opened)
    if (!next.delete(key)) next.add(key)
    setOpened(next)
  }
  useShortcut('j', 'Next message', () => moveFocus(body.current, 1))
  useShortcut('k', 'Previous message', () => moveFocus(body.current, -1))
  useShortcut('v', 'Values as JSON, text or hex', nextByteView)
  return (
    <div class={`table-frame${isStale ? ' is-stale' : ''}`}>
      <table class="messages" aria-label="Messages">
        <thead>
          <tr>
            <th scope="col" class="message-place">
              Offset
            </th>
            <th scope="col" class="message-time">
              Time
            </th>
            <th scope="col" class="message-key">
              Key
            </th>
            <th scope="col">Value</th>
          </tr>
        </thead>
        <tbody ref={body}>
          {messages.map((message) => {
            const key = `${message.partition}/${message.offset}`
            return (
              <MessageRows
                key={key}
                topic={topic}
                message={message}
                isOpen={opened.has(key)}
                onToggle={() => toggle(key)}
                onSendAgain={onSendAgain}
              />
            )
          })}
        </tbody>
      </table>
    </div>
  )
}

interface MessageRowsProps {
  readonly topic: string
  readonly message: BrowsedMessage
  readonly isOpen: boolean
  readonly onToggle: () => void
  readonly onSendAgain?: (message: BrowsedMessage) => void
}

function MessageRows({ topic, message, isOpen, onToggle, onSendAgain }: MessageRowsProps) {
  const { partition, offset, timestamp, key, value } = message
  return (
    <>
      <tr class={`is-open${isOpen ? ' is-marked' : ''}`} onClick={(event) => isPlainClick(event) && onToggle()}>
        <td>
          <button
            type="button"
            class="quiet message-opener"
            aria-label={`${partition}:${offset}`}
            aria-expanded={isOpen}
            onClick={onToggle}
          >
            <span class="quiet-text">{partition}:</span>
            {count(offset)}
          </button>
        </td>
        <td class="figure" title={dateTime(timestamp)}>
          <span class="wide-only">{dateTime(timestamp).slice(0, 11)}</span>
          {clockTime(timestamp)}
        </td>
        <td class="mono">{key === null ? <i class="quiet-text">null</i> : <bdi>{summary(key, 40)}</bdi>}</td>
        <td class="mono message-value">
          {message.tags !== null && <span class="badge is-note">{visible(message.tags)}</span>}{' '}
          {value === null ? <i class="quiet-text">null</i> : <bdi>{summary(value, 200)}</bdi>}
        </td>
      </tr>
      {isOpen && (
        <tr class="message-opened">
          <td colSpan={4}>
            <MessageDetail topic={topic} message={message} onSendAgain={onSendAgain} />
          </td>
        </tr>
      )}
    </>
  )
}

/** Marking text in a row, and the controls in it, keep their own meaning. */
function isPlainClick(event: MouseEvent): boolean {
  const onControl = event.target instanceof Element && event.target.closest('a, button')
  return !onControl && !getSelection()?.toString()
}

function moveFocus(body: HTMLElement | null, step: number): void {
  const openers = [...(body?.querySelectorAll<HTMLElement>('.message-opener') ?? [])]
  const at = openers.indexOf(document.activeElement as HTMLElement)
  const to = at < 0 ? (step > 0 ? 0 : openers.length - 1) : at + step
  const opener = openers[Math.min(openers.length - 1, Math.max(0, to))]
  opener?.focus()
  opener?.scrollIntoView({ block: 'nearest' })
}
