/** What a message says of itself under a name of its own, and what travels as a header: tags, keys and id. */

import type { Header } from '../records/record.js'
import { keysHeader, keysSeparator, tagsHeader } from '../records/tags-and-keys.js'
import { isTag, tagRule } from '../storage/tag-expression.js'
import { refuse } from './arguments.js'
import { bytesOf, type MessageInput, shown } from './message.js'

/** The headers with those of tags, keys and id behind them, as far as the message has them. @throws INVALID_ARGUMENT */
export function withNamedHeaders(
  headers: readonly Header[],
  { tags, keys, id }: Pick<MessageInput, 'tags' | 'keys' | 'id'>,
  idHeader: string,
): readonly Header[] {
  const all = [...headers]
  if (tags !== undefined) all.push({ key: tagsHeader, value: Buffer.from(checkTags(tags)) })
  const names = keys === undefined ? [] : checkKeys(keys)
  if (names.length > 0) all.push({ key: keysHeader, value: Buffer.from(names.join(keysSeparator)) })
  const idBytes = bytesOf(id, 'id')
  if (idBytes !== null) {
    all.push({ key: idHeader, value: Buffer.from(idBytes.buffer, idBytes.byteOffset, idBytes.byteLength) })
  }
  return all
}

function checkTags(tags: unknown): string {
  if (typeof tags === 'string' && isTag(tags)) return tags
  return refuse(`send: tags is ${quoted(tags)}; it must be one tag: ${tagRule}.`)
}

/** A space separates keys in the header; control characters separate properties in RocketMQ's files. */
const forbiddenInKeys = /[ \p{Cc}]/u

function checkKeys(keys: unknown): string[] {
  const list: unknown[] = Array.isArray(keys) ? keys : [keys]
  return list.map((key) => {
    if (typeof key === 'string' && key !== '' && !forbiddenInKeys.test(key)) return key
    return refuse(
      `send: keys has ${quoted(key)}; a key is a text that is not empty and holds no spaces and no control characters.`,
    )
  })
}

function quoted(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : shown(value)
}
