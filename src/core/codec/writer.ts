/** Writes the primitive types of the Kafka protocol into chunks. Large byte values stay where they are and become chunks of their own. */

import { Fault } from './fault.js'
import { writeInt64 } from './int64.js'
import { maxStringBytes } from './reader.js'

/** Byte values of this size and more are kept by reference; below it a copy is cheaper than another piece for writev. */
export const referenceFromBytes = 4096

const firstPageBytes = 512
const largestPageBytes = 64 * 1024

/** A fault for a value that does not fit the type it is declared as. */
function misfit(value: unknown, type: string): Fault {
  return new Fault(`is ${typeof value === 'string' ? JSON.stringify(value) : String(value)}, not ${type}`)
}

export class Writer {
  readonly #chunks: Buffer[] = []
  #chunkedBytes = 0
  #page: Buffer = Buffer.allocUnsafe(firstPageBytes)
  /** The page from here to the position is written and not yet in a chunk. */
  #start = 0
  #position = 0

  get byteLength(): number {
    return this.#chunkedBytes + this.#position - this.#start
  }

  /**
   * All that was written, in order, for `socket.writev` or a corked socket. Chunks may be the very buffers that
   * `bytes` was given: they must not change until the chunks have been sent.
   */
  chunks(): Buffer[] {
    this.#cut()
    return this.#chunks
  }

  bool(value: boolean): void {
    const at = this.#room(1)
    this.#page[at] = value ? 1 : 0
  }

  int8(value: number): void {
    if ((value << 24) >> 24 !== value) throw misfit(value, 'an int8')
    const at = this.#room(1)
    this.#page[at] = value
  }

  int16(value: number): void {
    if ((value << 16) >> 16 !== value) throw misfit(value, 'an int16')
    this.#two(value)
  }

  uint16(value: number): void {
    if ((value & 0xffff) !== value) throw misfit(value, 'a uint16')
    this.#two(value)
  }

  int32(value: number): void {
    if ((value | 0) !== value) throw misfit(value, 'an int32')
    const at = this.#room(4)
    putInt32(this.#page, value, at)
  }

  /** A whole number; past the ends of the 64-bit range it becomes that end. */
  int64(value: number): void {
    if (Math.trunc(value) !== value) throw misfit(value, 'an int64')
    const at = this.#room(8)
    writeInt64(this.#page, value, at)
  }

  float64(value: number): void {
    if (typeof value !== 'number') throw misfit(value, 'a float64')
    const at = this.#room(8)
    this.#page.writeDoubleBE(value, at)
  }

  /** An unsigned varint of at most 32 bits, low groups first. */
  uvarint(value: number): void {
    let left = value
    while (left >= 0x80) {
      const at = this.#room(1)
      this.#page[at] = (left & 0x7f) | 0x80
      left = Math.floor(left / 0x80)
    }
    const at = this.#room(1)
    this.#page[at] = left
  }

  uuid(value: Uint8Array): void {
    if (value.length !== 16) throw new Fault(`is an id of ${value.length} bytes, not 16`)
    this.#copy(value)
  }

  /** A string with its length in front: an int16, or one more than it as a varint where `compact`. */
  string(value: string, compact: boolean): void {
    if (typeof value !== 'string') throw misfit(value, 'a string')
    const lengthBytes = Buffer.byteLength(value)
    if (lengthBytes > maxStringBytes) throw new Fault(`is a string of ${lengthBytes} bytes, over ${maxStringBytes}`)
    if (compact) this.uvarint(lengthBytes + 1)
    else this.#two(lengthBytes)
    const at = this.#room(lengthBytes)
    this.#page.write(value, at)
  }

  /** Bytes without a length. From {@link referenceFromBytes} on they are not copied. */
  bytes(value: Uint8Array): void {
    if (!(value instanceof Uint8Array)) throw misfit(value, 'a Buffer')
    if (value.length < referenceFromBytes) {
      this.#copy(value)
      return
    }
    this.#cut()
    this.#chunks.push(Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength))
    this.#chunkedBytes += value.length
  }

  /** All that another writer holds. */
  append(other: Writer): void {
    for (const chunk of other.chunks()) this.bytes(chunk)
  }

  /** Leaves room for an int32 that is known only later, and returns the function that fills it in. */
  reserveInt32(): (value: number) => void {
    const at = this.#room(4)
    const page = this.#page
    return (value) => putInt32(page, value, at)
  }

  #two(value: number): void {
    const at = this.#room(2)
    this.#page[at] = value >>> 8
    this.#page[at + 1] = value
  }

  #copy(value: Uint8Array): void {
    const at = this.#room(value.length)
    this.#page.set(value, at)
  }

  /** Where the next `lengthBytes` bytes go; they lie in one page. */
  #room(lengthBytes: number): number {
    if (this.#position + lengthBytes > this.#page.length) {
      this.#cut()
      this.#page = Buffer.allocUnsafe(Math.max(lengthBytes, Math.min(this.#page.length * 2, largestPageBytes)))
      this.#start = 0
      this.#position = 0
    }
    const at = this.#position
    this.#position = at + lengthBytes
    return at
  }

  /** Makes a chunk of what the page holds; the rest of the page stays in use. */
  #cut(): void {
    if (this.#position === this.#start) return
    this.#chunks.push(this.#page.subarray(this.#start, this.#position))
    this.#chunkedBytes += this.#position - this.#start
    this.#start = this.#position
  }
}

function putInt32(page: Buffer, value: number, at: number): void {
  page[at] = value >>> 24
  page[at + 1] = value >>> 16
  page[at + 2] = value >>> 8
  page[at + 3] = value
}
