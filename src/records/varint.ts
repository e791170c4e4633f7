/**
 * Kafka's variable-length integers inside records: zigzag ((n << 1) ^ (n >> 31)), then groups of 7 bits, the lowest
 * first, bit 7 set on all but the last byte. At most 5 bytes for a varint (i32), 10 for a varlong (i64).
 *
 * Source: Kafka's ByteUtils.java, and Protocol Buffers' sint32 and sint64.
 */

import { HoldfastError } from '../core/errors.js'

const maxVarintBytes = 5
const maxVarlongBytes = 10

/** The bytes that {@link writeVarint} takes for an i32. */
export function varintSize(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0
  if (zigzag < 0x80) return 1
  if (zigzag < 0x4000) return 2
  if (zigzag < 0x200000) return 3
  return zigzag < 0x10000000 ? 4 : 5
}

/** Writes an i32 at `position`; returns the position after it. The caller has made room. */
export function writeVarint(bytes: Uint8Array, position: number, value: number): number {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0
  let at = position
  while (rest >= 0x80) {
    bytes[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  bytes[at++] = rest
  return at
}

/** The bytes that {@link writeVarlong} takes for a safe integer. */
export function varlongSize(value: number): number {
  if (value === (value | 0)) return varintSize(value)
  // Below 2^54 after zigzag, so at most 8 groups of 7 bits; counted without forming the zigzag, which may be inexact.
  let rest = Math.floor((value < 0 ? -value - 1 : value) / 64)
  let size = 1
  while (rest > 0) {
    rest = Math.floor(rest / 128)
    size++
  }
  return size
}

/** Writes a safe integer as i64 at `position`; returns the position after it. The caller has made room. */
export function writeVarlong(bytes: Uint8Array, position: number, value: number): number {
  if (value === (value | 0)) return writeVarint(bytes, position, value)
  // zigzag(n) is 2n, or 2m+1 with m = -n-1: m stays exact where 2m+1 would not, so the low bit is placed by hand.
  const magnitude = value < 0 ? -value - 1 : value
  let rest = Math.floor(magnitude / 64)
  let at = position
  bytes[at++] = (magnitude % 64) * 2 + (value < 0 ? 1 : 0) + (rest > 0 ? 0x80 : 0)
  while (rest > 0) {
    const group = rest % 128
    rest = Math.floor(rest / 128)
    bytes[at++] = group + (rest > 0 ? 0x80 : 0)
  }
  return at
}

/**
 * Reads along bytes that came from outside. Mutable, one per batch, so that reading a record allocates nothing.
 * It never reads at or past `end`; every refusal is an INVALID_RECORD.
 */
export class VarintReader {
  readonly bytes: Uint8Array
  /** Where the next read starts. The caller may move it; past `end` the next read is refused. */
  position: number
  readonly end: number

  constructor(bytes: Uint8Array, position = 0, end = bytes.length) {
    this.bytes = bytes
    this.position = position
    this.end = end
  }

  /** The next varint as an i32. */
  readVarint(): number {
    const position = this.position
    if (position < this.end) {
      const byte = this.bytes[position]
      if (byte < 0x80) {
        // Nearly every varint of a record is one byte long; this is small enough to be inlined.
        this.position = position + 1
        return (byte >>> 1) ^ -(byte & 1)
      }
    }
    return this.#readLongVarint()
  }

  /** The next varlong: exact within ±2^53, near the true value beyond. */
  readVarlong(): number {
    const position = this.position
    if (position < this.end) {
      const byte = this.bytes[position]
      if (byte < 0x80) {
        this.position = position + 1
        return (byte >>> 1) ^ -(byte & 1)
      }
    }
    return this.#readLongVarlong()
  }

  #readLongVarint(): number {
    let zigzag = 0
    for (let index = 0; index < maxVarintBytes; index++) {
      const byte = this.#next()
      // The fifth byte has room for the 4 highest of 32 bits.
      if (index === maxVarintBytes - 1 && byte > 0x0f) break
      zigzag |= (byte & 0x7f) << (7 * index)
      if (byte < 0x80) return (zigzag >>> 1) ^ -(zigzag & 1)
    }
    throw new HoldfastError('INVALID_RECORD', `The varint before byte ${this.position} does not fit 32 bits.`)
  }

  #readLongVarlong(): number {
    const first = this.#next()
    const negative = (first & 1) === 1
    let magnitude = (first & 0x7f) >>> 1
    let scale = 64
    let byte = first
    for (let index = 1; byte >= 0x80; index++) {
      byte = this.#next()
      // The tenth byte has room for the highest of 64 bits.
      if (index === maxVarlongBytes - 1 && byte > 1) {
        throw new HoldfastError('INVALID_RECORD', `The varlong before byte ${this.position} does not fit 64 bits.`)
      }
      magnitude += (byte & 0x7f) * scale
      scale *= 128
    }
    return negative ? -magnitude - 1 : magnitude
  }

  #next(): number {
    if (this.position >= this.end) {
      throw new HoldfastError('INVALID_RECORD', `The records end at byte ${this.end}, inside a number.`)
    }
    return this.bytes[this.position++]
  }
}
