/**
 * The 64-bit hash under which the key index keeps a key or an id: two 32-bit lanes over the same words, mixed into each
 * other at the end (the lanes and constants of MurmurHash3's 128-bit form for 32-bit machines). It is part of the file
 * format. Equal hashes say "perhaps"; the record itself says whether.
 */

/** A message is found by its key, or by the id in one of its headers; the two never meet. */
export type Kind = 'key' | 'id'

/** Both halves unsigned. One object is filled again and again, so that hashing makes none. */
export interface Hash {
  hi: number
  lo: number
}

/** Fills `out` with the hash of bytes[start, end). Passed in, so that a test can make everything collide. */
export type HashInto = (bytes: Uint8Array, start: number, end: number, kind: Kind, out: Hash) => void

const keySeed = 0x4b455953
const idSeed = 0x49445321

export const hashInto: HashInto = (bytes, start, end, kind, out) => {
  const length = end - start
  const seed = kind === 'key' ? keySeed : idSeed
  let one = seed
  let two = seed ^ 0x5bf03635
  const wordsEnd = start + (length & ~3)
  let at = start
  for (; at < wordsEnd; at += 4) {
    const word = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)
    one = firstLane(one, word)
    two = secondLane(two, word)
  }
  if (at < end) {
    let word = bytes[at]
    if (at + 1 < end) word |= bytes[at + 1] << 8
    if (at + 2 < end) word |= bytes[at + 2] << 16
    one = firstLane(one, word)
    two = secondLane(two, word)
  }
  one ^= length
  two ^= length
  one = (one + two) | 0
  two = (two + one) | 0
  one = avalanche(one)
  two = avalanche(two)
  one = (one + two) | 0
  two = (two + one) | 0
  out.hi = one >>> 0
  out.lo = two >>> 0
}

function firstLane(hash: number, word: number): number {
  let k = Math.imul(word, 0x239b961b)
  k = Math.imul((k << 15) | (k >>> 17), 0xab0e9789)
  const h = hash ^ k
  return (Math.imul((h << 19) | (h >>> 13), 5) + 0x561ccd1b) | 0
}

function secondLane(hash: number, word: number): number {
  let k = Math.imul(word, 0xab0e9789)
  k = Math.imul((k << 16) | (k >>> 16), 0x38b34ae5)
  const h = hash ^ k
  return (Math.imul((h << 17) | (h >>> 15), 5) + 0x0bcaa747) | 0
}

function avalanche(hash: number): number {
  let h = hash
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

/** Negative where (hi, lo) comes before (otherHi, otherLo), 0 where they are the same. */
export function compareHashes(hi: number, lo: number, otherHi: number, otherLo: number): number {
  return hi === otherHi ? lo - otherLo : hi - otherHi
}
