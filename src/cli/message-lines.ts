/** Messages as lines of JSON and as columns, and the times that commands take. */

import type { Message } from '../client/queue.js'
import type { Column } from './formats.js'

/** The shape of a message in JSON: keys and values as UTF-8 text, headers as pairs. */
export interface MessageRow {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly key: string | null
  readonly value: string | null
  readonly headers: readonly (readonly [name: string, value: string | null])[]
}

export function rowOf(message: Message): MessageRow {
  const { topic, partition, offset, timestamp, key, value } = message
  return {
    topic,
    partition,
    offset,
    timestamp,
    key: key?.toString() ?? null,
    value: value?.toString() ?? null,
    headers: message.headers.map((header) => [header.key, header.value?.toString() ?? null]),
  }
}

export const messageColumns: readonly Column<MessageRow>[] = [
  { head: 'PARTITION', of: ({ partition }) => partition },
  { head: 'OFFSET', of: ({ offset }) => offset },
  { head: 'TIME', of: ({ timestamp }) => timeText(timestamp) },
  { head: 'KEY', of: ({ key }) => key },
  { head: 'VALUE', of: ({ value }) => value },
  { head: 'HEADERS', of: ({ headers }) => headersText(headers) },
]

/** "trace=7, lang=en" */
export function headersText(headers: MessageRow['headers']): string {
  return headers.map(([name, value]) => `${name}=${value ?? ''}`).join(', ')
}

function timeText(timestamp: number): string {
  return Number.isNaN(new Date(timestamp).getTime()) ? String(timestamp) : new Date(timestamp).toISOString()
}

/** Milliseconds since 1970, from such a number or ISO 8601; NaN for anything else. */
export function parseTime(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : Date.parse(text)
}
