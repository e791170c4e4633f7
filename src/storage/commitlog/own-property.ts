/**
 * The property `__HF`: what a record batch of Kafka's says of a record, and a message has no field for. It is absent where
 * there is nothing to say. Fields are a letter and, for most, a number in base 36, with commas between; those of the batch
 * come first and are the same in all its messages.
 *
 *   p producer id   e producer epoch   s base sequence of the batch   t transactional
 *   c, a it is a marker that commits or aborts; the coordinator's epoch follows
 *   l time that the log gave the batch (LogAppendTime)   n records of the batch, where more than one
 *   i index in the batch, where not 0   m greatest timestamp of the queue up to here, where greater than the message's own
 *   v the value is null   k key in base64url   x no key: a property KEYS is a header
 */

import { nameSeparator, property, propertySeparator } from './format.js'

export interface BatchFacts {
  /** -1 for none, as in a batch; the same of epoch and sequence. */
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly isTransactional: boolean
  /** It is not a message but the marker that ends a transaction. */
  readonly marker: OwnMarker | undefined
  /** ms since 1970; undefined where the records keep their own times. */
  readonly logAppendTime: number | undefined
  /** Of the batch that the message came in. */
  readonly recordsCount: number
}

export interface OwnMarker {
  readonly outcome: 'COMMIT' | 'ABORT'
  readonly coordinatorEpoch: number
}

/** What the property of one message says. */
export interface OwnProperty extends BatchFacts {
  /** 0 to recordsCount - 1. */
  readonly index: number
  /** Greatest timestamp of the queue's messages up to this one; undefined where it is the message's own. */
  readonly maxTimestamp: number | undefined
  readonly hasNullValue: boolean
  /** Bytes of the key in base64url, as a part of the buffer; -1 where it has none. */
  readonly keyStart: number
  readonly keyEnd: number
  readonly hasNullKey: boolean
}

/** What is so of a message without the property. */
export const nothingOwn: OwnProperty = {
  producerId: -1,
  producerEpoch: -1,
  baseSequence: -1,
  isTransactional: false,
  marker: undefined,
  logAppendTime: undefined,
  recordsCount: 1,
  index: 0,
  maxTimestamp: undefined,
  hasNullValue: false,
  keyStart: -1,
  keyEnd: -1,
  hasNullKey: false,
}

const radix = 36
const comma = 0x2c
const minus = 0x2d

/** The fields of the batch, as text with a comma behind each; empty where there is nothing to say. */
export function batchFieldsText(facts: BatchFacts): string {
  let text = ''
  if (facts.producerId !== -1) text += `p${facts.producerId.toString(radix)},`
  if (facts.producerEpoch !== -1) text += `e${facts.producerEpoch.toString(radix)},`
  if (facts.baseSequence !== -1) text += `s${facts.baseSequence.toString(radix)},`
  if (facts.isTransactional) text += 't,'
  if (facts.marker !== undefined) {
    text += `${facts.marker.outcome === 'COMMIT' ? 'c' : 'a'}${facts.marker.coordinatorEpoch.toString(radix)},`
  }
  if (facts.logAppendTime !== undefined) text += `l${facts.logAppendTime.toString(radix)},`
  if (facts.recordsCount > 1) text += `n${facts.recordsCount.toString(radix)},`
  return text
}

/** Longest that name and fields of one message can be, beside those of its batch and its key. */
export const messageFieldsBytes = 48

const head = Buffer.from(`${property.own}${String.fromCharCode(nameSeparator)}`)

/** Writes the property's name at `position`, and returns where its value begins. */
export function writeOwnHead(bytes: Buffer, position: number): number {
  for (let i = 0; i < head.length; i++) bytes[position + i] = head[i]
  return position + head.length
}

/** Writes one field and a comma; returns the position behind it. A text is written as it is. */
export function writeOwnField(bytes: Buffer, position: number, letter: string, value?: number | string): number {
  bytes[position] = letter.charCodeAt(0)
  const text = typeof value === 'number' ? value.toString(radix) : (value ?? '')
  let end = position + 1
  // Most are a few digits long: bytes one by one cost less than a call into native code.
  for (let i = 0; i < text.length; i++) bytes[end++] = text.charCodeAt(i)
  bytes[end++] = comma
  return end
}

/** Puts the property's end in the place of the last field's comma. */
export function endOwnProperty(bytes: Buffer, position: number): number {
  bytes[position - 1] = propertySeparator
  return position
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/**
 * What the value in [start, end) says, or undefined where it is not one of ours. Nothing is thrown, whatever it is: others
 * may have a property of that name too.
 */
export function decodeOwn(bytes: Buffer, start: number, end: number): OwnProperty | undefined {
  const own: Mutable<OwnProperty> = { ...nothingOwn }
  let position = start
  while (position < end) {
    const fieldEnd = endOfField(bytes, position, end)
    if (!takeField(own, bytes, position, fieldEnd)) return undefined
    position = fieldEnd + 1
  }
  const fits = own.recordsCount >= 1 && own.index >= 0 && own.index < own.recordsCount
  return fits && bytes[end - 1] !== comma ? own : undefined
}

function endOfField(bytes: Buffer, start: number, end: number): number {
  for (let i = start; i < end; i++) if (bytes[i] === comma) return i
  return end
}

/** False where it is none that we write. */
function takeField(own: Mutable<OwnProperty>, bytes: Buffer, start: number, end: number): boolean {
  const letter = String.fromCharCode(bytes[start])
  switch (letter) {
    case 't':
      own.isTransactional = true
      return end === start + 1
    case 'v':
      own.hasNullValue = true
      return end === start + 1
    case 'x':
      own.hasNullKey = true
      return end === start + 1
    case 'k':
      own.keyStart = start + 1
      own.keyEnd = end
      return isBase64Url(bytes, start + 1, end)
    default: {
      const value = readNumber(bytes, start + 1, end)
      return value !== undefined && takeNumber(own, letter, value)
    }
  }
}

function takeNumber(own: Mutable<OwnProperty>, letter: string, value: number): boolean {
  switch (letter) {
    case 'p':
      own.producerId = value
      return true
    case 'e':
      own.producerEpoch = value
      return value === (value << 16) >> 16
    case 's':
      own.baseSequence = value
      return value === (value | 0)
    case 'c':
    case 'a':
      own.marker = { outcome: letter === 'c' ? 'COMMIT' : 'ABORT', coordinatorEpoch: value }
      return value === (value | 0)
    case 'l':
      own.logAppendTime = value
      return true
    case 'n':
      own.recordsCount = value
      return value === (value | 0)
    case 'i':
      own.index = value
      return value === (value | 0)
    case 'm':
      own.maxTimestamp = value
      return true
    default:
      return false
  }
}

/** The safe integer that stands in [start, end) in base 36, or undefined. */
function readNumber(bytes: Buffer, start: number, end: number): number | undefined {
  const isNegative = bytes[start] === minus && start < end
  let value = 0
  const first = isNegative ? start + 1 : start
  if (first >= end) return undefined
  for (let i = first; i < end; i++) {
    const digit = digitOf(bytes[i])
    if (digit < 0) return undefined
    value = value * radix + digit
    if (value > Number.MAX_SAFE_INTEGER) return undefined
  }
  return isNegative ? 0 - value : value
}

function digitOf(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  return byte >= 0x61 && byte <= 0x7a ? byte - 0x61 + 10 : -1
}

/** Letters, digits, `-` and `_`, as many as whole bytes give. */
export function isBase64Url(bytes: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const byte = bytes[i]
    const isLetter = (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a
    if (!isLetter && !(byte >= 0x30 && byte <= 0x39) && byte !== 0x2d && byte !== 0x5f) return false
  }
  return (end - start) % 4 !== 1
}
