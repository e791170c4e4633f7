/** All of one message: where it lies, its key, value and headers, and what can be done with it. */

import type { BrowsedMessage } from '../../src/console/api-types.js'
import { href } from '../app/router.js'
import { CopyButton, Facts } from '../components/small.js'
import { bytes, fromNow } from '../format.js'
import { copyText, visible } from './bytes.js'
import { BytesView, ByteViewChoice } from './bytes-view.js'

interface MessageDetailProps {
  readonly topic: string
  readonly message: BrowsedMessage
  /** Opens the dialog that sends, filled with this message. */
  readonly onSendAgain?: (message: BrowsedMessage) => void
  /** Left out where the page is the trail. */
  readonly hasTrail?: boolean
}

export function MessageDetail({ topic, message, onSendAgain, hasTrail = true }: MessageDetailProps) {
  const { partition, offset } = message
  return (
    <div class="message-detail">
      <div class="message-bar">
        <ByteViewChoice />
        <span class="message-actions">
          {hasTrail && (
            <a class="button small" href={href(['trail'], { topic, partition, offset })}>
              Trail
            </a>
          )}
          {onSendAgain && (
            <button type="button" class="small" onClick={() => onSendAgain(message)}>
              Send again…
            </button>
          )}
          <CopyButton text={asJson(topic, message)} label="Copy as JSON" />
        </span>
      </div>
      <Facts
        of={[
          ['Partition, offset', `${partition}, ${offset}`],
          ['Time', <time dateTime={isoTime(message.timestamp)}>{isoTime(message.timestamp)}</time>],
          ['Age', fromNow(message.timestamp)],
          ['Size', bytes((message.key?.sizeInBytes ?? 0) + (message.value?.sizeInBytes ?? 0))],
          ['Id', message.id === null ? '–' : visible(message.id)],
          ['Tags', message.tags === null ? '–' : visible(message.tags)],
        ]}
      />
      <BytesView of={message.key} label="Key" />
      <BytesView of={message.value} label="Value" />
      <Headers of={message.headers} />
    </div>
  )
}

function Headers({ of }: { of: BrowsedMessage['headers'] }) {
  if (of.length === 0) return null
  return (
    <div class="bytes">
      <header>
        <h3>Headers</h3>
        <span class="quiet-text small-text">{of.length}</span>
      </header>
      <dl class="headers">
        {of.map(({ key, value }, index) => (
          // The same key may come twice; the order is the sender's.
          <div key={`${index} ${key}`}>
            <dt>{visible(key)}</dt>
            <dd>
              {value === null ? <i class="quiet-text">null</i> : visible(value.text ?? `base64: ${value.base64}`)}
            </dd>
          </div>
        ))}
      </dl>
    </div>
  )
}

export function isoTime(timeMs: number): string {
  const date = new Date(timeMs)
  return Number.isNaN(date.getTime()) ? String(timeMs) : date.toISOString()
}

function asJson(topic: string, message: BrowsedMessage): string {
  const { partition, offset, timestamp, id, tags } = message
  const plain = (value: BrowsedMessage['value']) => (value === null ? null : copyText(value))
  const headers = message.headers.map(({ key, value }) => ({ key, value: plain(value) }))
  return JSON.stringify(
    { topic, partition, offset, timestamp, id, tags, key: plain(message.key), value: plain(message.value), headers },
    null,
    2,
  )
}
