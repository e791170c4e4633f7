/** Changes inputs, by one seed: bits, bytes, numbers at the edges of their types, blocks, words of the format, and pieces of other inputs. */

import type { SeededRandomness } from '../sim/seeded-randomness.js'

const bytes8 = [0, 1, 0x7f, 0x80, 0xff, 0xfe, 0x40, 0x3f]
const edges16 = [0, 1, 0x7fff, 0x8000, 0xffff, 0xff]
const edges32 = [0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffe, 0xffff, 0x10000, 0x40000000]
const varints = ['00', '01', '7f', '8001', 'ff7f', 'ffffffff07', 'ffffffff0f', '80808080808080808001', 'feffffff0f']

export class Mutator {
  readonly #random: SeededRandomness
  readonly #words: readonly Buffer[]
  readonly #longest: number

  constructor(random: SeededRandomness, words: readonly string[], longest: number) {
    this.#random = random
    this.#words = [...words.map((word) => Buffer.from(word)), ...varints.map((hex) => Buffer.from(hex, 'hex'))]
    this.#longest = longest
  }

  /** A changed copy of one of `corpus`. */
  next(corpus: readonly Buffer[]): Buffer {
    let bytes: Buffer = Buffer.from(this.#pick(corpus))
    for (let changes = 1 + this.#random.below(4); changes > 0; changes--) bytes = this.#change(bytes, corpus)
    return bytes.length > this.#longest ? bytes.subarray(0, this.#longest) : bytes
  }

  #change(bytes: Buffer, corpus: readonly Buffer[]): Buffer {
    const { length } = bytes
    if (length === 0) return this.#inserted(bytes, this.#pick(this.#words))
    const at = this.#random.below(length)
    switch (this.#random.below(12)) {
      case 0:
        bytes[at] ^= 1 << this.#random.below(8)
        return bytes
      case 1:
        bytes[at] = this.#random.below(256)
        return bytes
      case 2:
        bytes[at] += this.#random.below(33) - 16
        return bytes
      case 3:
        bytes[at] = this.#pick(bytes8)
        return bytes
      case 4:
        return this.#number(bytes, at)
      case 5:
        return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + this.#random.below(Math.min(length, 32)))])
      case 6:
        return this.#inserted(bytes, bytes.subarray(at, at + 1 + this.#random.below(Math.min(length, 64))))
      case 7:
        return this.#inserted(bytes, this.#pick(this.#words))
      case 8: {
        const word = this.#pick(this.#words)
        word.copy(bytes, at)
        return bytes
      }
      case 9: {
        const other = this.#pick(corpus)
        return Buffer.concat([bytes.subarray(0, at), other.subarray(this.#random.below(other.length + 1))])
      }
      case 10:
        return bytes.subarray(0, at)
      default:
        bytes.copy(bytes, at, this.#random.below(length))
        return bytes
    }
  }

  /** A number at the edge of its type, or near to the one that was there, in either order of bytes. */
  #number(bytes: Buffer, at: number): Buffer {
    const room = bytes.length - at
    const isLittle = this.#random.below(2) === 0
    if (room >= 8 && this.#random.below(4) === 0) {
      const value = BigInt(this.#pick(edges32)) << BigInt(this.#pick([0, 16, 21, 32]))
      if (isLittle) bytes.writeBigUInt64LE(BigInt.asUintN(64, value), at)
      else bytes.writeBigUInt64BE(BigInt.asUintN(64, value), at)
    } else if (room >= 4) {
      const was = isLittle ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at)
      const value = this.#random.below(2) === 0 ? this.#pick(edges32) : (was + this.#random.below(65) - 32) >>> 0
      if (isLittle) bytes.writeUInt32LE(value, at)
      else bytes.writeUInt32BE(value, at)
    } else if (room >= 2) {
      const value = this.#pick(edges16)
      if (isLittle) bytes.writeUInt16LE(value, at)
      else bytes.writeUInt16BE(value, at)
    }
    return bytes
  }

  #inserted(bytes: Buffer, piece: Buffer): Buffer {
    const at = this.#random.below(bytes.length + 1)
    return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)])
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#random.below(from.length)]
  }
}
