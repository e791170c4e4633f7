/** Randomness, passed in: the only file that draws random bytes, so that a seed can replay a run. */

import { randomBytes } from 'node:crypto'

export interface Randomness {
  bytes(length: number): Buffer
  /** A whole number in [0, limit). */
  below(limit: number): number
}

export const systemRandomness: Randomness = {
  bytes: (length) => randomBytes(length),
  below: (limit) => Math.floor(Math.random() * limit),
}

/** A random UUID (version 4) as its 16 bytes. */
export function randomUuid(randomness: Randomness): Buffer {
  const id = randomness.bytes(16)
  id[6] = (id[6] & 0x0f) | 0x40
  id[8] = (id[8] & 0x3f) | 0x80
  return id
}

/** Kafka's text form of a 16-byte id: 22 characters of base64url without padding. */
export function uuidText(id: Uint8Array): string {
  return Buffer.from(id).toString('base64url')
}

/** The 16 bytes of {@link uuidText}'s form, or undefined where the text is not one. */
export function uuidFromText(text: string): Buffer | undefined {
  if (!/^[A-Za-z0-9_-]{22}$/.test(text)) return undefined
  const id = Buffer.from(text, 'base64url')
  return id.length === 16 ? id : undefined
}
