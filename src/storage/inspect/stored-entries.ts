/** The entries of Kafka's files of fixed-size entries, as they lie in the file: nothing is believed of them. */

import { readInt64 } from '../../core/codec/int64.js'
import type { Disk } from '../../files/disk.js'
import { sizeOf, withFile } from './open-file.js'

export interface StoredOffsetEntry {
  readonly offset: number
  readonly position: number
}

export interface StoredTimeEntry {
  readonly timestamp: number
  readonly offset: number
}

export interface StoredAbortedEntry {
  readonly version: number
  readonly producerId: number
  readonly firstOffset: number
  readonly lastOffset: number
  readonly lastStableOffset: number
}

export interface StoredProducerEntry {
  readonly producerId: number
  readonly epoch: number
  readonly lastSequence: number
  readonly lastOffset: number
  readonly offsetDelta: number
  readonly timestamp: number
  readonly coordinatorEpoch: number
  readonly transactionFirstOffset: number
}

export interface EntryForm<T> {
  readonly headerBytes: number
  readonly entryBytes: number
  /** `base`: the offset in the file's name. */
  read(bytes: Buffer, at: number, base: number): T
}

export const offsetEntries: EntryForm<StoredOffsetEntry> = {
  headerBytes: 0,
  entryBytes: 8,
  read: (bytes, at, base) => ({ offset: base + bytes.readInt32BE(at), position: bytes.readInt32BE(at + 4) }),
}

export const timeEntries: EntryForm<StoredTimeEntry> = {
  headerBytes: 0,
  entryBytes: 12,
  read: (bytes, at, base) => ({ timestamp: readInt64(bytes, at), offset: base + bytes.readInt32BE(at + 8) }),
}

export const abortedEntries: EntryForm<StoredAbortedEntry> = {
  headerBytes: 0,
  entryBytes: 34,
  read: (bytes, at) => ({
    version: bytes.readInt16BE(at),
    producerId: readInt64(bytes, at + 2),
    firstOffset: readInt64(bytes, at + 10),
    lastOffset: readInt64(bytes, at + 18),
    lastStableOffset: readInt64(bytes, at + 26),
  }),
}

/** Behind version (i16), CRC (u32) and number of entries (i32). */
export const producerEntries: EntryForm<StoredProducerEntry> = {
  headerBytes: 10,
  entryBytes: 46,
  read: (bytes, at) => ({
    producerId: readInt64(bytes, at),
    epoch: bytes.readInt16BE(at + 8),
    lastSequence: bytes.readInt32BE(at + 10),
    lastOffset: readInt64(bytes, at + 14),
    offsetDelta: bytes.readInt32BE(at + 22),
    timestamp: readInt64(bytes, at + 26),
    coordinatorEpoch: bytes.readInt32BE(at + 34),
    transactionFirstOffset: readInt64(bytes, at + 38),
  }),
}

export interface StoredEntry<T> {
  readonly position: number
  readonly entry: T
}

const entriesAtOnce = 4096

/** Every whole entry in order; resolves with the bytes at the end that are no whole entry. Holds a piece of the file at a time. */
export async function* readEntries<T>(
  disk: Disk,
  path: string,
  form: EntryForm<T>,
  base = 0,
): AsyncGenerator<StoredEntry<T>, number> {
  const { headerBytes, entryBytes } = form
  const size = await sizeOf(disk, path)
  let position = headerBytes
  while (position + entryBytes <= size) {
    const bytes = await piece(disk, path, position, Math.min(entriesAtOnce * entryBytes, size - position))
    if (bytes.length < entryBytes) break
    for (let at = 0; at + entryBytes <= bytes.length; at += entryBytes, position += entryBytes) {
      yield { position, entry: form.read(bytes, at, base) }
    }
  }
  return Math.max(0, size - position)
}

function piece(disk: Disk, path: string, position: number, length: number): Promise<Buffer> {
  return withFile(disk, path, async (file) => {
    const bytes = Buffer.alloc(length)
    return bytes.subarray(0, await file.read(bytes, position))
  })
}

/** All of them; for files whose size is bounded by their kind. */
export async function allEntries<T>(
  disk: Disk,
  path: string,
  form: EntryForm<T>,
  base?: number,
): Promise<{ entries: StoredEntry<T>[]; restBytes: number }> {
  const entries: StoredEntry<T>[] = []
  const reading = readEntries(disk, path, form, base)
  for (;;) {
    const next = await reading.next()
    if (next.done) return { entries, restBytes: next.value }
    entries.push(next.value)
  }
}
