/**
 * Which headers of a record can be properties of a message under their own name, and how the others are kept: each as a
 * property `__HF_H` in its place, whose value is name and value in base64url with a dot between, or the name and a comma
 * where the value is null.
 */

import { isUtf8 } from 'node:buffer'
import { nameSeparator, property, propertySeparator } from './format.js'
import { isBase64Url } from './own-property.js'
import { propertyNames } from './properties.js'

/** Names beginning so are ours. */
const ownPrefix = propertyNames.own
/**
 * By these RocketMQ's store takes a message for a batch, or for one of several queues, and for damaged where their values
 * are no numbers.
 */
const innerPrefix = Buffer.from('INNER_')

const dot = 0x2e
const comma = 0x2c
const space = 0x20

/** Whether the name in [start, end) may not stand among properties, as it would mean something there. */
export function isReservedName(bytes: Buffer, start: number, end: number, isScheduleTopic: boolean): boolean {
  switch (bytes[start]) {
    case 0x5f:
      return startsWith(bytes, start, end, ownPrefix) || isName(bytes, start, end, propertyNames.crc32)
    case 0x49:
      return startsWith(bytes, start, end, innerPrefix)
    case 0x55:
      return isName(bytes, start, end, propertyNames.uniqueKey)
    case 0x44:
      return isScheduleTopic && isName(bytes, start, end, propertyNames.delayLevel)
    default:
      return false
  }
}

export function isName(bytes: Buffer, start: number, end: number, name: Buffer): boolean {
  return end - start === name.length && startsWith(bytes, start, end, name)
}

function startsWith(bytes: Buffer, start: number, end: number, prefix: Buffer): boolean {
  if (end - start < prefix.length) return false
  for (let i = 0; i < prefix.length; i++) if (bytes[start + i] !== prefix[i]) return false
  return true
}

/** Whether the bytes can be the name or the value of a property: UTF-8, not empty, free of both separators. */
export function isPlain(bytes: Buffer, start: number, end: number): boolean {
  let isAscii = true
  for (let i = start; i < end; i++) {
    const byte = bytes[i]
    if (byte === nameSeparator || byte === propertySeparator) return false
    if (byte > 0x7f) isAscii = false
  }
  return end > start && (isAscii || isUtf8(bytes.subarray(start, end)))
}

/** Whether the key in [start, end) can be the whole of KEYS, which are words between spaces. */
export function isPlainKey(bytes: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] === space) return false
  return isPlain(bytes, start, end)
}

/** The value of the property for a header; `valueStart` is -1 where its value is null. */
export function escapeHeader(
  bytes: Buffer,
  nameStart: number,
  nameEnd: number,
  valueStart: number,
  valueEnd: number,
): string {
  const name = bytes.toString('base64url', nameStart, nameEnd)
  return valueStart < 0 ? `${name},` : `${name}.${bytes.toString('base64url', valueStart, valueEnd)}`
}

/** Undefined where [start, end) is not what {@link escapeHeader} writes. */
export function unescapeHeader(
  bytes: Buffer,
  start: number,
  end: number,
): { name: Buffer; value: Buffer | null } | undefined {
  let separator = start
  while (separator < end && bytes[separator] !== dot && bytes[separator] !== comma) separator++
  if (separator === end || !isBase64Url(bytes, start, separator)) return undefined
  const isNull = bytes[separator] === comma
  if (isNull ? separator + 1 !== end : !isBase64Url(bytes, separator + 1, end)) return undefined
  return {
    name: fromBase64Url(bytes, start, separator),
    value: isNull ? null : fromBase64Url(bytes, separator + 1, end),
  }
}

export function fromBase64Url(bytes: Buffer, start: number, end: number): Buffer {
  return Buffer.from(bytes.toString('latin1', start, end), 'base64url')
}

/** `name 0x01` of the properties that are written under another name than a header's, as bytes. */
export const writtenNames = {
  keys: nameField(property.keys),
  uniqueKey: nameField(property.uniqueKey),
  ownHeader: nameField(property.ownHeader),
} as const

function nameField(name: string): Buffer {
  return Buffer.from(`${name}${String.fromCharCode(nameSeparator)}`)
}
