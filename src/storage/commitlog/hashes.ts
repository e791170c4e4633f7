/**
 * Java's hash of text that lies as UTF-8 in a buffer: what the consume queues know of tags and the index of keys. Text is
 * nearly always ASCII, whose bytes are its UTF-16 units, so no string is made for it.
 */

import { javaHash } from '../../core/java-hash.js'

const space = 0x20

/** As {@link javaHash} of the text in [start, end), going on from `seed`. */
export function javaHashOfBytes(bytes: Buffer, start: number, end: number, seed = 0): number {
  let hash = seed
  for (let i = start; i < end; i++) {
    const byte = bytes[i]
    if (byte > 0x7f) return javaHash(bytes.toString('utf8', start, end), seed)
    hash = (Math.imul(hash, 31) + byte) | 0
  }
  return hash
}

/** What the hashes of a topic's keys go on from: a key is indexed as `topic#key`. */
export function topicHash(topic: string): number {
  return javaHash(`${topic}#`)
}

/** What the hashes of a topic's tags go on from: since RocketMQ 5.5 they are in the index as `topic#T#tags`. */
export function tagsSeed(topicSeed: number): number {
  return javaHash('T#', topicSeed)
}

/**
 * The hash under which a message is found by `key` in the topic whose {@link topicHash} is given. A key that is not UTF-8
 * is hashed as the text that a lenient decoder makes of it.
 */
export function keyHash(topicSeed: number, key: Buffer): number {
  return javaHashOfBytes(key, 0, key.length, topicSeed)
}

/** Adds the hash of each word in [start, end), KEYS being words between spaces. */
export function pushWordHashes(hashes: number[], topicSeed: number, bytes: Buffer, start: number, end: number): void {
  let from = start
  for (let i = start; i <= end; i++) {
    if (i < end && bytes[i] !== space) continue
    if (i > from) hashes.push(javaHashOfBytes(bytes, from, i, topicSeed))
    from = i + 1
  }
}
