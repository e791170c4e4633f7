/** Messages as lines of JSON, and the times that commands take. */

import type { Message } from '../client/queue.js'

/** Keys and values as UTF-8 text, headers as pairs. */
export function jsonLineOf(message: Message): string {
  const { topic, partition, offset, timestamp, key, value } = message
  const headers = message.headers.map((header) => [header.key, header.value?.toString() ?? null])
  const text = {
    topic,
    partition,
    offset,
    timestamp,
    key: key?.toString() ?? null,
    value: value?.toString() ?? null,
    headers,
  }
  return `${JSON.stringify(text)}\n`
}

/** Milliseconds since 1970, from such a number or ISO 8601; NaN for anything else. */
export function parseTime(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : Date.parse(text)
}
