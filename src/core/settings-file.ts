/**
 * The text of a settings file, as entries with their line. Two forms:
 *
 * - `.properties` after the rules of `java.util.Properties.load`: comments begin with # or !, a name ends at the first
 *   `=`, `:` or blank, a backslash escapes or carries a line on. Other than there the bytes are UTF-8.
 * - `.json`: one flat object of texts, numbers and booleans.
 *
 * In both, the last of two entries of one name holds.
 */

import { isUtf8 } from 'node:buffer'
import { HoldfastError } from './errors.js'
import { readFlatJson } from './settings-json.js'

export interface FileEntry {
  readonly name: string
  readonly value: string | number | boolean
  /** Where it begins; the first line is 1. */
  readonly line: number
}

/** Refuses the file at a line, with the reason. */
export type Refuse = (line: number, why: string) => never

/**
 * @param path tells the form by its ending, and stands in errors
 * @throws INVALID_SETTING with path and line for what cannot be read
 */
export function parseSettingsFile(path: string, bytes: Buffer): FileEntry[] {
  const refuse = refuseIn(path)
  const ending = /\.(properties|json)$/i.exec(path)?.[1].toLowerCase()
  if (ending === undefined) {
    throw new HoldfastError('INVALID_SETTING', `The settings file ${path} must end in .properties or .json.`)
  }
  const text = decodeUtf8(bytes, refuse)
  return ending === 'json' ? readFlatJson(text, refuse) : readProperties(text, refuse)
}

/** A file in the form of `.properties`, whatever its name. @throws INVALID_SETTING with path and line */
export function parseProperties(path: string, bytes: Buffer): FileEntry[] {
  const refuse = refuseIn(path)
  return readProperties(decodeUtf8(bytes, refuse), refuse)
}

function refuseIn(path: string): Refuse {
  return (line, why) => {
    throw new HoldfastError('INVALID_SETTING', `${path}:${line} cannot be read: ${why}.`)
  }
}

function decodeUtf8(bytes: Buffer, refuse: Refuse): string {
  // Other than UTF-8 would be read as another name or path than was meant.
  if (!isUtf8(bytes)) {
    // A newline is never a part of a longer character, so one of the lines is bad by itself.
    const lines = bytes.toString('latin1').split('\n')
    return refuse(lines.findIndex((line) => !isUtf8(Buffer.from(line, 'latin1'))) + 1, 'it is not UTF-8')
  }
  return bytes.toString('utf8').replace(/^\uFEFF/, '')
}

function readProperties(text: string, refuse: Refuse): FileEntry[] {
  const entries: FileEntry[] = []
  for (const { text: whole, line } of logicalLines(text)) {
    // The name: escaped characters, or any but a separator. The separator: blanks around at most one = or :.
    const [, name, value] = /^((?:\\[\s\S]|[^\\=:\t\f ])*)[\t\f ]*[=:]?[\t\f ]*([\s\S]*)$/.exec(whole)!
    entries.push({ name: unescaped(name, line, refuse), value: unescaped(value, line, refuse), line })
  }
  return entries
}

/** Lines without leading blanks, continuations joined, comments and empty lines left out. */
function* logicalLines(text: string): Generator<{ text: string; line: number }> {
  const lines = text.split(/\r\n|\n|\r/)
  for (let i = 0; i < lines.length; i++) {
    const line = i + 1
    let whole = lines[i].replace(/^[\t\f ]+/, '')
    // A comment is not carried on by a backslash at its end.
    if (whole.startsWith('#') || whole.startsWith('!')) continue
    while (endsOpen(whole)) {
      whole = whole.slice(0, -1)
      if (i + 1 < lines.length) whole += lines[++i].replace(/^[\t\f ]+/, '')
    }
    if (whole !== '') yield { text: whole, line }
  }
}

/** An odd number of backslashes at the end: the last one is not itself escaped. */
function endsOpen(line: string): boolean {
  let start = line.length
  while (line[start - 1] === '\\') start--
  return (line.length - start) % 2 === 1
}

const controls: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f' }

function unescaped(text: string, line: number, refuse: Refuse): string {
  return text.replace(/\\(u[0-9a-fA-F]{0,4}|[\s\S])/g, (_, code: string) => {
    if (!code.startsWith('u')) return controls[code] ?? code
    if (code.length < 5) return refuse(line, `\\${code} is no \\uXXXX escape; write \\\\ for a backslash`)
    return String.fromCharCode(Number.parseInt(code.slice(1), 16))
  })
}
