/**
 * Tags and keys of a message, in RocketMQ's sense, as they lie in a record: in two headers that bear RocketMQ's names of
 * these properties. Of headers of the same name the last one counts, as for RocketMQ.
 */

import type { Header, StoredRecord } from './record.js'

export const tagsHeader = 'TAGS'
export const keysHeader = 'KEYS'

/** Between two keys in {@link keysHeader}. */
export const keysSeparator = ' '

/** The tag of a record with these headers; undefined where it has none. */
export function tagsOf(headers: readonly Readonly<Header>[]): string | undefined {
  const tags = headers.findLast(({ key }) => key === tagsHeader)?.value
  return tags === undefined || tags === null || tags.length === 0 ? undefined : tags.toString('utf8')
}

const separator = keysSeparator.charCodeAt(0)

/** Whether a record can be found under `wanted`: it is its key, or one of those in the header. */
export function hasKey({ key, headers }: StoredRecord, wanted: Buffer): boolean {
  if (key?.equals(wanted)) return true
  const keys = headers.findLast((header) => header.key === keysHeader)?.value
  if (keys === undefined || keys === null || wanted.length === 0 || wanted.includes(separator)) return false
  for (let at = keys.indexOf(wanted); at !== -1; at = keys.indexOf(wanted, at + 1)) {
    const end = at + wanted.length
    const isWhole = (at === 0 || keys[at - 1] === separator) && (end === keys.length || keys[end] === separator)
    if (isWhole) return true
  }
  return false
}

/** The keys of a record: those of the header, or else the record's own key, as UTF-8 text. */
export function keysOf({
  key,
  headers,
}: Pick<StoredRecord, 'key'> & { headers: readonly Readonly<Header>[] }): string[] {
  const keys = headers.findLast((header) => header.key === keysHeader)?.value
  const named = keys?.toString('utf8').split(keysSeparator).filter(Boolean) ?? []
  if (named.length > 0 || key === null || key.length === 0) return named
  return [key.toString('utf8')]
}
