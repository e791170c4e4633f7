/**
 * The bytes of a file of RocketMQ's key index, and its name.
 *
 * A header of 40 bytes, then the slots of a hash table (i32: number of the newest entry of the slot, 0 where there is
 * none), then the entries. Entries are numbered from 1; number 0 is never used, though it has its place. Each entry leads
 * to the one before it in the same slot. Keys themselves are not kept: what is found is a hint, to be checked in the message.
 * Source: Apache RocketMQ 5.3, IndexFile, IndexHeader, IndexService. All integers are big-endian.
 */

import { readInt64, writeInt64 } from '../../core/codec/int64.js'

export const indexHeaderBytes = 40
export const indexSlotBytes = 4
export const indexEntryBytes = 20

export const indexHeaderAt = {
  beginTimestamp: 0,
  endTimestamp: 8,
  beginPosition: 16,
  endPosition: 24,
  slotsInUse: 32,
  next: 36,
} as const

export const indexEntryAt = { keyHash: 0, position: 4, timeDiff: 12, previous: 16 } as const

/** How large the files are; the same for all files of a store, and for both programs that open it. */
export interface IndexShape {
  /** RocketMQ's maxHashSlotNum. */
  readonly slots: number
  /** RocketMQ's maxIndexNum. A file holds one entry less, since number 0 is not used. */
  readonly entries: number
}

export const usualIndexShape: IndexShape = { slots: 5_000_000, entries: 20_000_000 }

export interface IndexHeader {
  /** When its first message was stored, ms since 1970. */
  beginTimestamp: number
  endTimestamp: number
  /** Of its first message in the commit log. */
  beginPosition: number
  /** Of its last message: where that begins. */
  endPosition: number
  slotsInUse: number
  /** The number of the next entry. */
  next: number
}

export function indexFileBytes({ slots, entries }: IndexShape): number {
  return indexHeaderBytes + slots * indexSlotBytes + entries * indexEntryBytes
}

export function indexSlotPlace(slot: number): number {
  return indexHeaderBytes + slot * indexSlotBytes
}

export function indexEntryPlace({ slots }: IndexShape, entry: number): number {
  return indexHeaderBytes + slots * indexSlotBytes + entry * indexEntryBytes
}

/** Of a file that follows one that ended so: RocketMQ lets it begin there until its first entry says better. */
export function headerBehind(previous: IndexHeader | undefined): IndexHeader {
  const { endTimestamp = 0, endPosition = 0 } = previous ?? {}
  return {
    beginTimestamp: endTimestamp,
    endTimestamp,
    beginPosition: endPosition,
    endPosition,
    slotsInUse: 0,
    next: 1,
  }
}

export function encodeIndexHeader(header: IndexHeader): Buffer {
  const bytes = Buffer.alloc(indexHeaderBytes)
  writeInt64(bytes, header.beginTimestamp, indexHeaderAt.beginTimestamp)
  writeInt64(bytes, header.endTimestamp, indexHeaderAt.endTimestamp)
  writeInt64(bytes, header.beginPosition, indexHeaderAt.beginPosition)
  writeInt64(bytes, header.endPosition, indexHeaderAt.endPosition)
  bytes.writeInt32BE(header.slotsInUse, indexHeaderAt.slotsInUse)
  bytes.writeInt32BE(header.next, indexHeaderAt.next)
  return bytes
}

/** Undefined where it cannot be the header of a file of this shape. A file that nobody has written to has one of zeros. */
export function decodeIndexHeader(bytes: Buffer, shape: IndexShape): IndexHeader | undefined {
  const next = bytes.readInt32BE(indexHeaderAt.next)
  const header: IndexHeader = {
    beginTimestamp: readInt64(bytes, indexHeaderAt.beginTimestamp),
    endTimestamp: readInt64(bytes, indexHeaderAt.endTimestamp),
    beginPosition: readInt64(bytes, indexHeaderAt.beginPosition),
    endPosition: readInt64(bytes, indexHeaderAt.endPosition),
    slotsInUse: bytes.readInt32BE(indexHeaderAt.slotsInUse),
    next: next === 0 ? 1 : next,
  }
  const { beginPosition, endPosition, endTimestamp, beginTimestamp } = header
  const isSound =
    next >= 0 &&
    next <= shape.entries &&
    isPosition(beginPosition) &&
    isPosition(endPosition) &&
    beginPosition <= endPosition &&
    Number.isSafeInteger(beginTimestamp) &&
    Number.isSafeInteger(endTimestamp)
  return isSound ? header : undefined
}

/** Whether the bytes can be an entry; those of a place that was never written cannot be told from one of hash and position 0. */
export function isSoundEntry(bytes: Buffer, at = 0): boolean {
  return (
    bytes.readInt32BE(at + indexEntryAt.keyHash) >= 0 &&
    bytes.readInt32BE(at + indexEntryAt.timeDiff) >= 0 &&
    isPosition(readInt64(bytes, at + indexEntryAt.position))
  )
}

function isPosition(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

/** What the index keeps of a key's Java hash, and tells slots by. Java's Math.abs leaves -2^31 as it is; that becomes 0. */
export function indexHash(javaHash: number): number {
  return javaHash === -(2 ** 31) ? 0 : Math.abs(javaHash)
}

const nameDigits = 17

/** The rest of a directory is not of the index. */
export function isIndexFileName(name: string): boolean {
  return /^\d{17}$/.test(name)
}

/**
 * yyyyMMddHHmmssSSS in local time, or the next number behind `previous` where that is greater: the files' names tell
 * their order, also when two are made in one millisecond, or the clock was set back.
 */
export function indexFileName(nowMs: number, previous: string | undefined): string {
  const now = new Date(nowMs)
  const pad = (value: number, digits = 2) => String(value).padStart(digits, '0')
  const date = pad(now.getFullYear(), 4) + pad(now.getMonth() + 1) + pad(now.getDate())
  const time = pad(now.getHours()) + pad(now.getMinutes()) + pad(now.getSeconds()) + pad(now.getMilliseconds(), 3)
  const name = date + time
  if (previous === undefined || name > previous) return name
  // Seventeen digits are more than a double holds.
  return String(BigInt(previous) + 1n).padStart(nameDigits, '0')
}
