/**
 * Changes inputs, by one number of 32 bits: bits, bytes, numbers at the edges of their types, blocks, words of the format, and
 * pieces of other inputs. All is done in one block of memory, and the number before an input is enough to make it again.
 */

const bytes8 = [0, 1, 0x7f, 0x80, 0xff, 0xfe, 0x40, 0x3f]
const edges16 = [0, 1, 0x7fff, 0x8000, 0xffff, 0xff]
const edges32 = [0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffe, 0xffff, 0x10000, 0x40000000]
const shifts = [0, 16, 21, 32]
const varints = ['00', '01', '7f', '8001', 'ff7f', 'ffffffff07', 'ffffffff0f', '80808080808080808001', 'feffffff0f']

export class Mutator {
  /** From here on the next input is made (mulberry32). */
  state: number
  readonly #words: readonly Buffer[]
  readonly #longest: number
  readonly #room: Buffer
  /** By length, so that no input costs an object. */
  readonly #views: (Buffer | undefined)[] = []
  readonly #single = Buffer.alloc(1)
  #length = 0

  constructor(seed: number, words: readonly string[], longest: number) {
    this.state = seed | 0
    this.#words = [...words.map((word) => Buffer.from(word)), ...varints.map((hex) => Buffer.from(hex, 'hex'))]
    this.#longest = longest
    this.#room = Buffer.alloc(longest)
  }

  /** A changed copy of one of the first `count` of `corpus`; it holds until the next one is made. */
  next(corpus: readonly Buffer[], count = corpus.length): Buffer {
    // Every other one from what came last: there the new code is.
    const recent = Math.min(count, 16)
    const chosen = this.#below(2) === 0 ? this.#below(count) : count - 1 - this.#below(recent)
    this.#length = corpus[chosen].copy(this.#room)
    for (let changes = 1 + this.#below(4); changes > 0; changes--) this.#change(corpus, count)
    const length = this.#length
    this.#views[length] ??= this.#room.subarray(0, length)
    return this.#views[length]
  }

  #change(corpus: readonly Buffer[], count: number): void {
    const room = this.#room
    const length = this.#length
    const at = this.#below(length)
    switch (length === 0 ? 7 : this.#below(13)) {
      case 0:
        room[at] ^= 1 << this.#below(8)
        break
      case 1:
        room[at] = this.#below(256)
        break
      case 2:
        room[at] += this.#below(33) - 16
        break
      case 3:
        room[at] = this.#pick(bytes8)
        break
      case 4:
        this.#number(at)
        break
      case 5:
        this.#remove(at, 1 + this.#below(Math.min(length, 32)))
        break
      case 6:
        this.#repeat(at, Math.min(length - at, 1 + this.#below(Math.min(length, 64))))
        break
      case 7:
        this.#insert(this.#pick(this.#words))
        break
      case 8:
        this.#pick(this.#words).copy(room.subarray(0, length), at)
        break
      case 9: {
        const other = corpus[this.#below(count)]
        this.#length = at + other.copy(room, at, this.#below(other.length + 1))
        break
      }
      case 10:
        this.#length = at
        break
      case 11:
        this.#single[0] = this.#below(256)
        this.#insert(this.#single)
        break
      default: {
        const from = this.#below(length)
        room.copyWithin(at, from, Math.min(length, from + length - at))
      }
    }
  }

  /** A number at the edge of its type, or near to the one that was there, in either order of bytes. */
  #number(at: number): void {
    const room = this.#room
    const left = this.#length - at
    const isLittle = this.#below(2) === 0
    if (left >= 8 && this.#below(4) === 0) {
      const value = BigInt.asUintN(64, BigInt(this.#pick(edges32)) << BigInt(this.#pick(shifts)))
      if (isLittle) room.writeBigUInt64LE(value, at)
      else room.writeBigUInt64BE(value, at)
    } else if (left >= 4) {
      const was = isLittle ? room.readUInt32LE(at) : room.readUInt32BE(at)
      const value = this.#below(2) === 0 ? this.#pick(edges32) : (was + this.#below(65) - 32) >>> 0
      if (isLittle) room.writeUInt32LE(value, at)
      else room.writeUInt32BE(value, at)
    } else if (left >= 2) {
      const value = this.#pick(edges16)
      if (isLittle) room.writeUInt16LE(value, at)
      else room.writeUInt16BE(value, at)
    }
  }

  #remove(at: number, bytes: number): void {
    const end = Math.min(this.#length, at + bytes)
    this.#room.copyWithin(at, end, this.#length)
    this.#length -= end - at
  }

  /** A piece of the input itself, once more behind it. */
  #repeat(at: number, bytes: number): void {
    const size = Math.min(bytes, this.#longest - this.#length)
    this.#room.copyWithin(at + size, at, this.#length)
    this.#length += size
  }

  #insert(piece: Buffer): void {
    const at = this.#below(this.#length + 1)
    const size = Math.min(piece.length, this.#longest - this.#length)
    this.#room.copyWithin(at + size, at, this.#length)
    piece.copy(this.#room, at, 0, size)
    this.#length += size
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#below(from.length)]
  }

  #below(limit: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit)
  }
}
