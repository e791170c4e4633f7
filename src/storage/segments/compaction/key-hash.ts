/**
 * A 128-bit hash of record keys, so that the offset map can hold hashes instead of keys.
 *
 * Two keys with one hash would make compaction drop the newest value of one of them: so the hash is 128 bits wide, and
 * keyed with randomness of its own in each run, since whoever may write keys could otherwise look for two that collide.
 * That rules out the fast unkeyed hashes, and also MurmurHash and its like, whose collisions hold under every seed.
 * Chaskey-12 is a keyed function made for 32-bit arithmetic (Mouha et al. 2014; ISO/IEC 29192-6): additions, rotations
 * and XORs on four 32-bit words, which is what JavaScript's engines compile to machine code, and one pass of twelve
 * rounds for a key of up to 16 bytes. Kafka takes MD5, for which Node needs a call into native code per key.
 */

import { invariant } from '../../../core/invariant.js'

const blockBytes = 16
const rounds = 12

export class KeyHash {
  /** The hash of the last key. */
  h0 = 0
  h1 = 0
  h2 = 0
  h3 = 0
  readonly #key: Int32Array
  /** What the last block is masked with: one where it is whole, another where it was filled up. */
  readonly #whole: Int32Array
  readonly #filled: Int32Array

  /** @param seed 16 random bytes */
  constructor(seed: Uint8Array) {
    invariant(seed.length === blockBytes, 'the seed of a key hash has 16 bytes')
    this.#key = new Int32Array(4)
    for (let word = 0; word < 4; word++) this.#key[word] = wordAt(seed, 4 * word)
    this.#whole = doubled(this.#key)
    this.#filled = doubled(this.#whole)
  }

  /** Hashes bytes[start, end) into `h0` to `h3`. One function, no object: it runs for every record. */
  update(bytes: Uint8Array, start: number, end: number): void {
    const key = this.#key
    let v0 = key[0]
    let v1 = key[1]
    let v2 = key[2]
    let v3 = key[3]
    const mask = end - start > 0 && (end - start) % blockBytes === 0 ? this.#whole : this.#filled
    for (let at = start; ; at += blockBytes) {
      const rest = end - at
      const isLast = rest <= blockBytes
      v0 ^= rest >= 4 ? wordAt(bytes, at) : lastWord(bytes, at, rest)
      v1 ^= rest >= 8 ? wordAt(bytes, at + 4) : rest >= 4 ? lastWord(bytes, at + 4, rest - 4) : 0
      v2 ^= rest >= 12 ? wordAt(bytes, at + 8) : rest >= 8 ? lastWord(bytes, at + 8, rest - 8) : 0
      v3 ^= rest >= 16 ? wordAt(bytes, at + 12) : rest >= 12 ? lastWord(bytes, at + 12, rest - 12) : 0
      if (isLast) {
        v0 ^= mask[0]
        v1 ^= mask[1]
        v2 ^= mask[2]
        v3 ^= mask[3]
      }
      for (let round = 0; round < rounds; round++) {
        v0 = (v0 + v1) | 0
        v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
        v0 = (v0 << 16) | (v0 >>> 16)
        v2 = (v2 + v3) | 0
        v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
        v0 = (v0 + v3) | 0
        v3 = ((v3 << 13) | (v3 >>> 19)) ^ v0
        v2 = (v2 + v1) | 0
        v1 = ((v1 << 7) | (v1 >>> 25)) ^ v2
        v2 = (v2 << 16) | (v2 >>> 16)
      }
      if (isLast) break
    }
    this.h0 = v0 ^ mask[0]
    this.h1 = v1 ^ mask[1]
    this.h2 = v2 ^ mask[2]
    this.h3 = v3 ^ mask[3]
  }
}

function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)
}

/** The word of the last 0 to 3 bytes of a block that is not whole: behind them stands a 1, and zeros. */
function lastWord(bytes: Uint8Array, at: number, count: number): number {
  let word = 1 << (8 * count)
  for (let index = 0; index < count; index++) word |= bytes[at + index] << (8 * index)
  return word
}

/** The doubled value in GF(2^128), by which the masks differ from the key and from each other. */
function doubled(words: Int32Array): Int32Array {
  const carried = words[3] < 0 ? 0x87 : 0
  return Int32Array.of(
    (words[0] << 1) ^ carried,
    (words[1] << 1) | (words[0] >>> 31),
    (words[2] << 1) | (words[1] >>> 31),
    (words[3] << 1) | (words[2] >>> 31),
  )
}
