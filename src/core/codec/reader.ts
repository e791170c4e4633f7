/** Reads the primitive types of the Kafka protocol from a buffer. Every length is checked before anything is made of it. */

import { Fault } from './fault.js'
import { readInt64 } from './int64.js'

/** The id that means "no id". Shared: never write to it. */
export const zeroUuid: Buffer = Buffer.alloc(16)

/** The longest string on the wire, in bytes of UTF-8: its length has 15 bits in the old encoding, and the compact one keeps the bound. */
export const maxStringBytes = 0x7fff

export interface ReaderOptions {
  /** Where to begin; 0 by default. */
  offset?: number
  /** The most array elements that one message may hold, in all its arrays together; unlimited by default. */
  maxElements?: number
}

export class Reader {
  readonly buffer: Buffer
  #position: number
  #end: number
  #elementsLeft: number

  constructor(buffer: Buffer, options: ReaderOptions = {}) {
    this.buffer = buffer
    this.#position = options.offset ?? 0
    this.#end = buffer.length
    this.#elementsLeft = options.maxElements ?? Number.POSITIVE_INFINITY
  }

  get position(): number {
    return this.#position
  }

  /** Bytes that are still to be read. */
  get remaining(): number {
    return this.#end - this.#position
  }

  /** Moves past `lengthBytes` bytes and returns where they begin. */
  skip(lengthBytes: number): number {
    const at = this.#position
    if (lengthBytes > this.#end - at) {
      throw new Fault(`needs ${lengthBytes} bytes where ${this.#end - at} are left`)
    }
    this.#position = at + lengthBytes
    return at
  }

  bool(): boolean {
    return this.buffer[this.skip(1)] !== 0
  }

  int8(): number {
    return (this.buffer[this.skip(1)] << 24) >> 24
  }

  int16(): number {
    const at = this.skip(2)
    return (((this.buffer[at] << 8) | this.buffer[at + 1]) << 16) >> 16
  }

  uint16(): number {
    const at = this.skip(2)
    return (this.buffer[at] << 8) | this.buffer[at + 1]
  }

  int32(): number {
    const at = this.skip(4)
    const bytes = this.buffer
    return (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]
  }

  int64(): number {
    return readInt64(this.buffer, this.skip(8))
  }

  float64(): number {
    return this.buffer.readDoubleBE(this.skip(8))
  }

  /** An unsigned varint of at most 32 bits, low groups first. */
  uvarint(): number {
    const first = this.buffer[this.skip(1)]
    if (first < 0x80) return first
    let value = first & 0x7f
    for (let shift = 7; shift < 35; shift += 7) {
      const byte = this.buffer[this.skip(1)]
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) {
        if (value > 0xffffffff) throw new Fault(`holds a varint of more than 32 bits (${value})`)
        return value
      }
    }
    throw new Fault('holds a varint of more than five bytes')
  }

  /** Sixteen bytes of its own, not a slice: ids are kept longer than frames. */
  uuid(): Buffer {
    const at = this.skip(16)
    for (let index = at; index < at + 16; index++) {
      if (this.buffer[index] !== 0) return Buffer.from(this.buffer.subarray(at, at + 16))
    }
    return zeroUuid
  }

  /** A string whose length has been read; bytes that are not UTF-8 become U+FFFD. */
  string(lengthBytes: number): string {
    if (lengthBytes < 0) throw negative('a string', lengthBytes)
    if (lengthBytes > maxStringBytes) throw new Fault(`is a string of ${lengthBytes} bytes, over ${maxStringBytes}`)
    const at = this.skip(lengthBytes)
    return lengthBytes === 0 ? '' : this.buffer.toString('utf8', at, at + lengthBytes)
  }

  /** Bytes whose length has been read: a view of the buffer that is being read, no copy. */
  bytes(lengthBytes: number): Buffer {
    if (lengthBytes < 0) throw negative('a byte field', lengthBytes)
    const at = this.skip(lengthBytes)
    return this.buffer.subarray(at, at + lengthBytes)
  }

  /** Checks the length of an array against the bytes that are left, before anything is allocated for it. */
  checkCount(count: number, minElementBytes: number): void {
    if (count < 0) throw negative('an array', count)
    if (count * minElementBytes > this.remaining) {
      throw new Fault(`claims ${count} elements in ${this.remaining} bytes`)
    }
    this.#elementsLeft -= count
    if (this.#elementsLeft < 0) throw new Fault(`holds more array elements than one message may (${count} here)`)
  }

  /** Runs `read` with the next `lengthBytes` bytes as all there is; it must use them up. */
  limited<T>(lengthBytes: number, read: (reader: Reader) => T): T {
    const outer = this.#end
    const end = this.skip(lengthBytes) + lengthBytes
    this.#position = end - lengthBytes
    this.#end = end
    const value = read(this)
    if (this.#position !== end) throw new Fault(`leaves ${end - this.#position} of its ${lengthBytes} bytes unread`)
    this.#end = outer
    return value
  }
}

function negative(what: string, length: number): Fault {
  return new Fault(length === -1 ? 'is null, which is not allowed here' : `is ${what} of negative length (${length})`)
}
