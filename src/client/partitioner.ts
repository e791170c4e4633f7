/**
 * Which partition a message goes to, as Kafka's own clients choose it, so that every client sends a key to one place:
 * murmur2 of the key's bytes; messages without a key stay on one partition until a batch has gone there (KIP-480).
 *
 * Source: Kafka's Utils.java (murmur2, toPositive) and BuiltInPartitioner.java.
 */

import type { Randomness } from '../core/randomness.js'

const seed = 0x9747b28c
const multiplier = 0x5bd1e995

/** Kafka's 32-bit murmur2, as the signed number that Java has. */
export function murmur2(bytes: Uint8Array): number {
  const length = bytes.length
  const tail = length & ~3
  let hash = seed ^ length
  for (let index = 0; index < tail; index += 4) {
    let word = bytes[index] | (bytes[index + 1] << 8) | (bytes[index + 2] << 16) | (bytes[index + 3] << 24)
    word = Math.imul(word, multiplier)
    word ^= word >>> 24
    hash = Math.imul(hash, multiplier) ^ Math.imul(word, multiplier)
  }
  const rest = length - tail
  if (rest === 3) hash ^= bytes[tail + 2] << 16
  if (rest >= 2) hash ^= bytes[tail + 1] << 8
  if (rest >= 1) hash = Math.imul(hash ^ bytes[tail], multiplier)
  hash ^= hash >>> 13
  hash = Math.imul(hash, multiplier)
  return hash ^ (hash >>> 15)
}

/** The partition of a key in a topic of so many partitions. */
export function partitionOfKey(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions
}

/** The next partition for messages without a key: one other than that which just had a batch. */
export function nextSticky(current: number, partitions: number, randomness: Randomness): number {
  if (partitions < 2) return 0
  if (current >= partitions) return randomness.below(partitions)
  const other = randomness.below(partitions - 1)
  return other < current ? other : other + 1
}
