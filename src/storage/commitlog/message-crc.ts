/**
 * The CRC of a whole message, in RocketMQ's way (MessageDecoder.createCrc32): a last property `__CRC32#` of 20 bytes, whose
 * value is the CRC-32 of all bytes before it, 31 bits of it, in ten decimal digits with the least significant first.
 */

import { crc32 } from 'node:zlib'
import { crcPropertyBytes, nameSeparator, property, propertySeparator } from './format.js'

/** Name and separator; the digits follow. */
const head = Buffer.from(`${property.crc32}${String.fromCharCode(nameSeparator)}`, 'latin1')
const digits = crcPropertyBytes - head.length - 1
const zeroDigit = 0x30

/** Whether the properties in [start, end) end with a CRC of the message, right or wrong. */
export function hasCrcProperty(bytes: Buffer, start: number, end: number): boolean {
  const from = end - crcPropertyBytes
  if (from < start || bytes[end - 1] !== propertySeparator) return false
  // Else it would be the end of a longer name.
  if (from > start && bytes[from - 1] !== propertySeparator) return false
  for (let i = 0; i < head.length; i++) if (bytes[from + i] !== head[i]) return false
  return true
}

/** Of the message in [start, end), which has that property. */
export function messageCrcMatches(bytes: Buffer, start: number, end: number): boolean {
  let rest = crcOf(bytes, start, end)
  const first = end - 1 - digits
  for (let i = first; i < end - 1; i++) {
    if (bytes[i] !== zeroDigit + (rest % 10)) return false
    rest = Math.floor(rest / 10)
  }
  return true
}

/** Writes the property where the message in [start, end) has its last 20 bytes for it. All else must be in place. */
export function writeCrcProperty(bytes: Buffer, start: number, end: number): void {
  let rest = crcOf(bytes, start, end)
  const from = end - crcPropertyBytes
  for (let i = 0; i < head.length; i++) bytes[from + i] = head[i]
  for (let i = from + head.length; i < end - 1; i++) {
    bytes[i] = zeroDigit + (rest % 10)
    rest = Math.floor(rest / 10)
  }
  bytes[end - 1] = propertySeparator
}

function crcOf(bytes: Buffer, start: number, end: number): number {
  return crc32(bytes.subarray(start, end - crcPropertyBytes)) & 0x7fffffff
}
