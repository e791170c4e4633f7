/**
 * Makes the slots and chains of an index file anew from its entries, which are in the order of the commit log and hold all
 * that is needed. So an unclean stop, or a slot that is damaged, costs one reading of the file.
 */

import type { DiskFile } from '../../files/disk.js'
import {
  type IndexHeader,
  type IndexShape,
  indexEntryAt,
  indexEntryBytes,
  indexEntryPlace,
  indexSlotBytes,
  indexSlotPlace,
  isSoundEntry,
  readLong,
} from './index-format.js'

/** About 1 MiB. */
const entriesPerRead = 52_428
const slotsPerRead = 262_144

/**
 * The newest entry of each slot, found by reading all entries that the header counts; its slots in use are set, and links
 * that are wrong are written anew, not yet synced. Undefined where an entry cannot be one, or is not in the order of the log.
 */
export async function relinkIndexFile(
  file: DiskFile,
  header: IndexHeader,
  shape: IndexShape,
): Promise<Int32Array | undefined> {
  const table = new Int32Array(shape.slots)
  let position = header.beginPosition
  let slotsInUse = 0
  for (let first = 1; first < header.next; first += entriesPerRead) {
    const count = Math.min(entriesPerRead, header.next - first)
    const bytes = Buffer.allocUnsafe(count * indexEntryBytes)
    const place = indexEntryPlace(shape, first)
    if ((await file.read(bytes, place)) < bytes.length) return undefined
    let isMended = false
    for (let at = 0, entry = first; at < bytes.length; at += indexEntryBytes, entry++) {
      const before = position
      position = readLong(bytes, at + indexEntryAt.position)
      if (!isSoundEntry(bytes, at) || position < before || position > header.endPosition) return undefined
      const slot = bytes.readInt32BE(at + indexEntryAt.keyHash) % shape.slots
      const previous = table[slot]
      if (bytes.readInt32BE(at + indexEntryAt.previous) !== previous) {
        bytes.writeInt32BE(previous, at + indexEntryAt.previous)
        isMended = true
      }
      if (previous === 0) slotsInUse++
      table[slot] = entry
    }
    if (isMended) await file.write([bytes], place)
  }
  header.slotsInUse = slotsInUse
  return table
}

/** The slots as they are in the file; undefined where one leads to an entry that the header does not count. */
export async function readIndexSlots(
  file: DiskFile,
  header: IndexHeader,
  shape: IndexShape,
): Promise<Int32Array | undefined> {
  const table = new Int32Array(shape.slots)
  for (let first = 0; first < shape.slots; first += slotsPerRead) {
    const count = Math.min(slotsPerRead, shape.slots - first)
    const bytes = Buffer.allocUnsafe(count * indexSlotBytes)
    if ((await file.read(bytes, indexSlotPlace(first))) < bytes.length) return undefined
    for (let i = 0; i < count; i++) {
      const newest = bytes.readInt32BE(i * indexSlotBytes)
      if (newest < 0 || newest >= header.next) return undefined
      table[first + i] = newest
    }
  }
  return table
}

/** The number of the first entry that leads to `position` in the log or behind it; the header's `next` where none does. */
export async function firstEntryFrom(
  file: DiskFile,
  header: IndexHeader,
  shape: IndexShape,
  position: number,
): Promise<number> {
  let [low, high] = [1, header.next]
  while (low < high) {
    const middle = (low + high) >>> 1
    const bytes = Buffer.alloc(indexEntryBytes)
    await file.read(bytes, indexEntryPlace(shape, middle))
    if (readLong(bytes, indexEntryAt.position) < position) low = middle + 1
    else high = middle
  }
  return low
}
