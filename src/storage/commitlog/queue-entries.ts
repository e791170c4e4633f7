/**
 * The entries of a consume queue as they lie in its files and in memory: 20 bytes each, position, size and tags code of a
 * message (format.ts). A slot of size 0 is the end; of size `preBlankSize` it stands for what the queue never held.
 */

import { readInt64, writeInt64 } from '../../core/codec/int64.js'
import { entryAt, preBlankSize, queueEntryBytes } from './format.js'

export function entryPosition(bytes: Buffer, at: number): number {
  return readInt64(bytes, at + entryAt.position)
}

export function entrySize(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at + entryAt.size)
}

/** A signed hash of 32 bits or a time in ms: exact as long as it is within 2^53. */
export function entryTagsCode(bytes: Buffer, at: number): number {
  return readInt64(bytes, at + entryAt.tagsCode)
}

export function writeEntry(bytes: Buffer, at: number, position: number, size: number, tagsCode: number): void {
  writeInt64(bytes, position, at + entryAt.position)
  bytes.writeInt32BE(size, at + entryAt.size)
  writeInt64(bytes, tagsCode, at + entryAt.tagsCode)
}

export function isPreBlank(bytes: Buffer, at: number): boolean {
  return entrySize(bytes, at) === preBlankSize
}

/** Whether the message of the entry lies before `position` of the commit log; what was never held lies before everything. */
export function isBefore(bytes: Buffer, at: number, position: number): boolean {
  return isPreBlank(bytes, at) || entryPosition(bytes, at) < position
}

/** Behind the entry's message; 0 where it stands for none. */
export function entryEnd(bytes: Buffer, at: number): number {
  return isPreBlank(bytes, at) ? 0 : entryPosition(bytes, at) + entrySize(bytes, at)
}

/** The slots of a file before the offset that its queue began with. */
export function preBlankEntries(lengthInBytes: number): Buffer {
  const one = Buffer.alloc(queueEntryBytes)
  writeEntry(one, 0, 0, preBlankSize, 0)
  return Buffer.alloc(lengthInBytes, one)
}

/** Entries that follow each other, read from a queue: a copy, that nobody changes. */
export class QueueEntries {
  /** The queue offset of the first. */
  readonly firstOffset: number
  readonly #bytes: Buffer

  constructor(firstOffset: number, bytes: Buffer) {
    this.firstOffset = firstOffset
    this.#bytes = bytes
  }

  get count(): number {
    return this.#bytes.length / queueEntryBytes
  }

  /** Where in the commit log the message of entry `index` begins. */
  position(index: number): number {
    return entryPosition(this.#bytes, index * queueEntryBytes)
  }

  /** Length of the message in bytes; `preBlankSize` where the queue never held one at this offset. */
  size(index: number): number {
    return entrySize(this.#bytes, index * queueEntryBytes)
  }

  tagsCode(index: number): number {
    return entryTagsCode(this.#bytes, index * queueEntryBytes)
  }
}
