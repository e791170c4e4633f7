/** Parameters of paths and queries as they may come from anybody: bounded, and refused with what they must be. */

import type { ConsoleContext } from './context.js'
import { invalid } from './refusals.js'

interface Bounds {
  readonly min?: number
  readonly max?: number
}

/** A whole number of the query; undefined where it is not given. @throws INVALID_ARGUMENT */
export function numberIn(c: ConsoleContext, name: string, { min = 0, max = Number.MAX_SAFE_INTEGER }: Bounds = {}) {
  const text = c.req.query(name)
  if (text === undefined || text === '') return undefined
  const number = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(number) && number >= min && number <= max) return number
  throw invalid(`${name} must be a whole number from ${min} to ${max}.`)
}

/** A text of the query; undefined where it is not given. @throws INVALID_ARGUMENT */
export function textIn(c: ConsoleContext, name: string, maxLength = 1024): string | undefined {
  const text = c.req.query(name)
  if (text === undefined || text === '') return undefined
  if (text.length <= maxLength) return text
  throw invalid(`${name} is longer than ${maxLength} characters.`)
}

/** A part of the path, decoded. @throws INVALID_ARGUMENT */
export function partOf(c: ConsoleContext, name: string): string {
  const text = c.req.param(name)
  if (text !== undefined && text !== '' && text.length <= 1024) return text
  throw invalid(`The ${name} in the path is missing, or too long.`)
}

/** A partition in the path. @throws INVALID_ARGUMENT */
export function partitionOf(c: ConsoleContext): number {
  const text = partOf(c, 'partition')
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw invalid('The partition in the path must be a whole number.')
}

/** Which rows of a list are asked for. */
export interface PageRequest {
  readonly search: string
  readonly offset: number
  readonly limit: number
}

const usualRows = 50
const mostRows = 500

export function pageIn(c: ConsoleContext): PageRequest {
  return {
    search: (textIn(c, 'search', 256) ?? '').toLowerCase(),
    offset: numberIn(c, 'offset') ?? 0,
    limit: numberIn(c, 'limit', { min: 1, max: mostRows }) ?? usualRows,
  }
}

/** The names of a page, in their order, and how many there are that contain what was searched for. */
export function namesOfPage(
  names: readonly string[],
  { search, offset, limit }: PageRequest,
): { total: number; offset: number; names: string[] } {
  const found = search === '' ? [...names] : names.filter((name) => name.toLowerCase().includes(search))
  found.sort((one, other) => (one < other ? -1 : 1))
  return { total: found.length, offset, names: found.slice(offset, offset + limit) }
}
