/** Bytes of a message as a person reads them: JSON laid out, text with its hidden characters made visible, or hex. */

import type { ShownBytes } from '../../src/console/api-types.js'

export type ByteView = 'auto' | 'json' | 'text' | 'hex'

export interface Shown {
  readonly view: Exclude<ByteView, 'auto'>
  readonly text: string
}

/** As `view` asks; what cannot be shown that way is shown as the next best, and `view` of the answer says which. */
export function show(bytes: ShownBytes, view: ByteView): Shown {
  if (view !== 'hex' && bytes.text !== null) {
    const json = view === 'text' ? null : prettyJson(bytes.text, view === 'auto')
    return json === null ? { view: 'text', text: visible(bytes.text) } : { view: 'json', text: visible(json) }
  }
  return { view: 'hex', text: hexDump(bytesOf(bytes)) }
}

/** One line for a table. */
export function summary(bytes: ShownBytes | null, length: number): string {
  if (bytes === null) return 'null'
  if (bytes.text === null) {
    const shown = bytesOf(bytes).subarray(0, Math.floor(length / 3))
    const more = shown.length < bytes.sizeInBytes ? ' …' : ''
    return `${[...shown].map(hexByte).join(' ')}${more}`
  }
  const line = visible(bytes.text.slice(0, length * 2).replace(/\s+/g, ' ')).slice(0, length)
  return line.length < bytes.text.length ? `${line}…` : line
}

/**
 * JSON in lines of its own, token by token, so that long numbers, doubled keys and escapes stay as they were sent; null where
 * it is no JSON. Numbers and words alone count as JSON only where that was asked for.
 */
function prettyJson(text: string, containersOnly: boolean): string | null {
  if (containersOnly && !/^\s*[[{]/.test(text)) return null
  try {
    JSON.parse(text)
  } catch {
    return null
  }
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[[\]{},:]|[^\s[\]{},:"]+/g) ?? []
  let depth = 0
  let out = ''
  for (const [index, token] of tokens.entries()) {
    const next = tokens[index + 1]
    if (token === '{' || token === '[') {
      out += token
      if (next === '}' || next === ']') continue
      depth++
      out += newline(depth)
    } else if (token === '}' || token === ']') {
      const before = tokens[index - 1]
      if (before !== '{' && before !== '[') {
        depth--
        out += newline(depth)
      }
      out += token
    } else if (token === ',') out += `,${newline(depth)}`
    else if (token === ':') out += ': '
    else out += token
  }
  return out
}

function newline(depth: number): string {
  return `\n${'  '.repeat(depth)}`
}

/** Control characters as their pictures, and others that are not seen (such as those that turn the direction) as escapes. */
export function visible(text: string): string {
  return text.replace(hidden, (character) => {
    const code = character.codePointAt(0) ?? 0
    if (code < 0x20) return String.fromCharCode(0x2400 + code)
    return `\\u{${code.toString(16)}}`
  })
}

// Tab and line feed stay, and the joiners, without which some scripts and emoji are not themselves.
const hidden = /(?![\t\n\u200c\u200d])[\p{Cc}\p{Cf}\u2028\u2029]/gu

export function bytesOf({ base64 }: ShownBytes): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
}

/** Rows of sixteen bytes: position, hex, and what is printable of them. */
export function hexDump(bytes: Uint8Array): string {
  const rows: string[] = []
  for (let at = 0; at < bytes.length; at += 16) {
    const row = [...bytes.subarray(at, at + 16)]
    const position = at.toString(16).padStart(6, '0')
    const hex = `${row.slice(0, 8).map(hexByte).join(' ')}  ${row.slice(8).map(hexByte).join(' ')}`
    const text = row.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·')).join('')
    rows.push(`${position}  ${hex.padEnd(48)}  ${text}`)
  }
  return rows.join('\n')
}

function hexByte(byte: number): string {
  return byte.toString(16).padStart(2, '0')
}

/** What the copy button gives: the text as it is, base64 where it is none. */
export function copyText(bytes: ShownBytes): string {
  return bytes.text ?? bytes.base64
}
