/** Messages as the browser shows them: text where the bytes are some, base64 in any case, and long ones cut. */

import type { Message } from '../client/queue.js'
import type { BrowsedMessage, ShownBytes } from './api-types.js'

/** More of a key, a value or a header is not looked at in a list. */
const mostShownBytes = 64 * 1024
const mostHeaders = 200

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export function browsed(message: Message, mostBytes = mostShownBytes): BrowsedMessage {
  const { partition, offset, timestamp, key, value, headers, id, tags } = message
  return {
    partition,
    offset,
    timestamp,
    key: shownBytes(key, mostBytes),
    value: shownBytes(value, mostBytes),
    headers: headers.slice(0, mostHeaders).map((header) => ({
      key: header.key.slice(0, 1024),
      value: shownBytes(header.value, Math.min(mostBytes, 4096)),
    })),
    id: id?.slice(0, 1024) ?? null,
    tags: tags?.slice(0, 1024) ?? null,
  }
}

export function shownBytes(bytes: Buffer | null, mostBytes: number): ShownBytes | null {
  if (bytes === null) return null
  const cut = bytes.length > mostBytes
  const shown = cut ? bytes.subarray(0, mostBytes) : bytes
  return { text: textOf(shown, cut), base64: shown.toString('base64'), sizeInBytes: bytes.length, cut }
}

/** Null where the bytes are no UTF-8. What was cut may end within a character. */
function textOf(bytes: Buffer, cut: boolean): string | null {
  for (let dropped = 0; dropped <= (cut ? 3 : 0); dropped++) {
    try {
      return strict.decode(bytes.subarray(0, bytes.length - dropped))
    } catch {
      // The next attempt has a byte less; after the last there is no text.
    }
  }
  return null
}
