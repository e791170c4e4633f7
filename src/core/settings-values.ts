/** One value at a time: its text form read, its bounds kept, and the refusals that say what would have been right. */

import { HoldfastError } from './errors.js'
import { codeOrigin, type Origin, originText } from './settings-origin.js'
import type { SettingRow } from './settings-rows.js'

/**
 * The value of a row, from the value itself or from its text form.
 * @param shownName the setting's name, or the topic-level one
 * @throws INVALID_SETTING with name, value, origin and what it must be
 */
export function parseValue(row: SettingRow, shownName: string, value: unknown, origin: Origin = codeOrigin) {
  const parsed = accepted(row, typeof value === 'string' && row.type !== 'path' ? value.trim() : value)
  if (parsed !== undefined) return parsed
  throw new HoldfastError(
    'INVALID_SETTING',
    `${shownName} = ${shown(value)} (${originText(origin)}) is refused: it must be ${rangeOf(row)}.`,
  )
}

/** undefined where the row does not take it. */
function accepted(row: SettingRow, value: unknown): number | boolean | string | readonly string[] | undefined {
  switch (row.type) {
    case 'boolean':
      if (typeof value === 'boolean') return value
      return value === 'true' ? true : value === 'false' ? false : undefined
    case 'enum':
      return typeof value === 'string' && row.values.includes(value) ? value : undefined
    case 'list': {
      const words = typeof value === 'string' ? value.split(',').map((word) => word.trim()) : value
      if (!Array.isArray(words) || words.length === 0 || new Set(words).size !== words.length) return undefined
      return words.every((word) => row.values.includes(word)) ? Object.freeze([...words]) : undefined
    }
    case 'text':
      if (typeof value !== 'string' || value === '') return undefined
      return row.form === undefined || row.form.pattern.test(value) ? value : undefined
    case 'path':
      // A zero byte would end the path for the system, and name another file than was written.
      return typeof value === 'string' && !value.includes('\0') ? value : undefined
    case 'fraction': {
      const number = typeof value === 'string' && /^-?\d{1,16}(\.\d{1,16})?$/.test(value) ? Number(value) : value
      return typeof number === 'number' && number >= row.min && number <= row.max ? number : undefined
    }
    case 'int': {
      const number = typeof value === 'string' && /^-?\d{1,16}$/.test(value) ? Number(value) : value
      if (typeof number !== 'number' || !Number.isSafeInteger(number)) return undefined
      return number >= row.min && number <= row.max ? number : undefined
    }
  }
}

/** In words, e.g. "a whole number from 1 to 1000 (ms)", "true or false". */
export function rangeOf(row: SettingRow): string {
  switch (row.type) {
    case 'boolean':
      return 'true or false'
    case 'enum':
      return `one of ${row.values.join(', ')}`
    case 'list':
      return `one or more of ${row.values.join(', ')}, with commas between`
    case 'text':
      return row.form?.words ?? 'a text'
    case 'path':
      return 'a path'
    case 'fraction':
      return `a number from ${row.min} to ${row.max}`
    case 'int':
      return `a whole number from ${row.min} to ${row.max} (${row.unit})`
  }
}

function shown(value: unknown): string {
  if (typeof value === 'object') return JSON.stringify(value)
  return value === '' ? '""' : String(value)
}

/** The name that was probably meant, where one is near: few letters apart for its length. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  let best: string | undefined
  let bestDistance = Math.max(2, Math.floor(name.length / 4)) + 1
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** Letters to put in, take out or change (Levenshtein). */
function editDistance(one: string, other: string): number {
  let last = Array.from({ length: other.length + 1 }, (_, i) => i)
  for (let i = 1; i <= one.length; i++) {
    const row = [i]
    for (let j = 1; j <= other.length; j++) {
      const change = one[i - 1] === other[j - 1] ? 0 : 1
      row[j] = Math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + change)
    }
    last = row
  }
  return last[other.length]
}
