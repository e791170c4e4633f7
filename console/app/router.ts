/** Which page is shown: the part of the address behind `#`, e.g. `#/topics/orders?tab=config`. */

import { signal } from '@preact/signals'

export interface Place {
  readonly path: string
  readonly query: URLSearchParams
}

export type Params = Readonly<Record<string, string>>

export const place = signal<Place>(parsePlace(location.hash))

addEventListener('hashchange', () => {
  place.value = parsePlace(location.hash)
})

function parsePlace(hash: string): Place {
  const text = hash.replace(/^#/, '')
  const question = text.indexOf('?')
  const path = (question < 0 ? text : text.slice(0, question)).replace(/\/+$/, '')
  return { path: path || '/', query: new URLSearchParams(question < 0 ? '' : text.slice(question + 1)) }
}

type QueryValues = Readonly<Record<string, string | number | null | undefined>>

/** The address of a page, to be used as `href`. Segments are encoded here: `href(['topics', name])`. */
export function href(segments: readonly (string | number)[], query: QueryValues = {}): string {
  const path = segments.map((segment) => encodeURIComponent(segment)).join('/')
  return `#/${path}${queryText(query)}`
}

/** `?a=1&b=2`, or nothing; empty values are left out. */
export function queryText(query: QueryValues): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== '') search.set(name, String(value))
  }
  const text = search.toString()
  return text && `?${text}`
}

export function go(address: string): void {
  location.hash = address
}

/** Changes the query of the page that is shown, without a step in the browser's history. */
export function changeQuery(changes: QueryValues): void {
  const { path, query } = place.value
  const address = `#${path}${queryText({ ...Object.fromEntries(query), ...changes })}`
  history.replaceState(null, '', address)
  place.value = parsePlace(address)
}

/** What `/topics/:topic` takes out of a path; null where it does not fit. */
export function matchPath(pattern: string, path: string): Params | null {
  const wanted = pattern.split('/')
  const given = path.split('/')
  if (wanted.length !== given.length) return null
  const params: Record<string, string> = {}
  for (const [index, part] of wanted.entries()) {
    if (!part.startsWith(':')) {
      if (part !== given[index]) return null
      continue
    }
    try {
      params[part.slice(1)] = decodeURIComponent(given[index])
    } catch {
      return null
    }
  }
  return params
}
