/**
 * The primitive fields of Kafka's internal records (big endian), as `__consumer_offsets` needs them: fixed-width
 * lengths in the older versions, unsigned varints of length + 1 and tagged fields in the flexible ones.
 * Source: https://kafka.apache.org/protocol#protocol_types
 */

import { HoldfastError } from '../../core/errors.js'

/** Lengths of strings are signed 16-bit numbers. */
export const longestStringBytes = 0x7fff

export class FieldWriter {
  readonly #parts: Buffer[] = []

  int16(value: number): this {
    const part = Buffer.allocUnsafe(2)
    part.writeInt16BE(value)
    return this.#add(part)
  }

  int32(value: number): this {
    const part = Buffer.allocUnsafe(4)
    part.writeInt32BE(value)
    return this.#add(part)
  }

  int64(value: number): this {
    const part = Buffer.allocUnsafe(8)
    part.writeBigInt64BE(BigInt(value))
    return this.#add(part)
  }

  /** @throws INVALID_REQUEST where the text needs more bytes than its length field can say. */
  string(value: string): this {
    const text = Buffer.from(value, 'utf8')
    if (text.length > longestStringBytes) {
      throw new HoldfastError(
        'INVALID_REQUEST',
        `A text of ${text.length} bytes cannot be stored; the most is ${longestStringBytes}.`,
      )
    }
    return this.int16(text.length).#add(text)
  }

  nullableString(value: string | null): this {
    return value === null ? this.int16(-1) : this.string(value)
  }

  bytes(value: Buffer): this {
    return this.int32(value.length).#add(value)
  }

  toBuffer(): Buffer {
    return Buffer.concat(this.#parts)
  }

  #add(part: Buffer): this {
    this.#parts.push(part)
    return this
  }
}

/** Reads fields in order. Everything that does not fit the bytes throws INVALID_RECORD. */
export class FieldReader {
  readonly #bytes: Buffer
  #position = 0
  /** Set once the version is known: strings, bytes and arrays then have varint lengths, structs end in tagged fields. */
  flexible = false

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#skip(2))
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#skip(4))
  }

  int64(): number {
    return Number(this.#bytes.readBigInt64BE(this.#skip(8)))
  }

  nullableString(): string | null {
    const length = this.flexible ? this.#unsignedVarint() - 1 : this.int16()
    if (length < 0) return null
    const start = this.#skip(length)
    return this.#bytes.toString('utf8', start, start + length)
  }

  string(): string {
    const value = this.nullableString()
    if (value === null) throw this.#broken('a text is missing')
    return value
  }

  /** A copy: the record's batch need not stay in memory for it. */
  bytes(): Buffer {
    const length = this.flexible ? this.#unsignedVarint() - 1 : this.int32()
    if (length < 0) throw this.#broken('a bytes field is missing')
    const start = this.#skip(length)
    return Buffer.from(this.#bytes.subarray(start, start + length))
  }

  array<T>(element: () => T): T[] {
    const length = this.flexible ? this.#unsignedVarint() - 1 : this.int32()
    if (length < 0) throw this.#broken('an array is missing')
    if (length > this.#bytes.length - this.#position) throw this.#broken(`an array of ${length} elements does not fit`)
    return Array.from({ length }, element)
  }

  /** The end of a struct: tagged fields are skipped, since none is known here. */
  endOfStruct(): void {
    if (!this.flexible) return
    let remaining = this.#unsignedVarint()
    while (remaining > 0) {
      this.#unsignedVarint()
      this.#skip(this.#unsignedVarint())
      remaining--
    }
  }

  #unsignedVarint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#bytes[this.#skip(1)]
      value += (byte & 0x7f) * 2 ** shift
      if ((byte & 0x80) === 0) return value
    }
    throw this.#broken('a varint does not end')
  }

  #skip(length: number): number {
    const start = this.#position
    if (length < 0 || start + length > this.#bytes.length) throw this.#broken(`${length} bytes more were expected`)
    this.#position = start + length
    return start
  }

  #broken(what: string): HoldfastError {
    return new HoldfastError(
      'INVALID_RECORD',
      `A record of __consumer_offsets cannot be understood: ${what} at byte ${this.#position} of ${this.#bytes.length}.`,
    )
  }
}
