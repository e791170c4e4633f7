/**
 * Makes the slots and chains of an index file anew from its entries, which are in the order of the commit log and hold all
 * that is needed. So an unclean stop, or a slot that is damaged, costs one reading of the file.
 */

import { readInt64 } from '../../core/codec/int64.js'
import type { DiskFile } from '../../files/disk.js'
import {
  type IndexHeader,
  type IndexShape,
  indexEntryAt,
  indexEntryBytes,
  indexEntryPlace,
  indexSlotBytes,
  indexSlotPlace,
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
  const chains = new Chains(header, shape)
  for (let first = 1; first < header.next; first += entriesPerRead) {
    const bytes = Buffer.allocUnsafe(Math.min(entriesPerRead, header.next - first) * indexEntryBytes)
    const place = indexEntryPlace(shape, first)
    if ((await file.read(bytes, place)) < bytes.length) return undefined
    const found = chains.add(first, bytes)
    if (found === 'damaged') return undefined
    if (found === 'mended') await file.write([bytes], place)
  }
  header.slotsInUse = chains.slotsInUse
  return chains.table
}

/** The chains of the entries so far. */
class Chains {
  readonly table: Int32Array
  slotsInUse = 0
  readonly #endPosition: number
  #position: number

  constructor({ beginPosition, endPosition }: IndexHeader, { slots }: IndexShape) {
    this.table = new Int32Array(slots)
    this.#position = beginPosition
    this.#endPosition = endPosition
  }

  /** Goes on with the entries in `bytes`, the first of which has the number `first`; links that are wrong are changed there. */
  add(first: number, bytes: Buffer): 'sound' | 'mended' | 'damaged' {
    const { table } = this
    // Several times as fast as the methods of a Buffer, which counts with millions of entries.
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    let isMended = false
    for (let at = 0, entry = first; at < bytes.length; at += indexEntryBytes, entry++) {
      const keyHash = view.getInt32(at + indexEntryAt.keyHash)
      const position =
        view.getInt32(at + indexEntryAt.position) * 2 ** 32 + view.getUint32(at + indexEntryAt.position + 4)
      if (keyHash < 0 || view.getInt32(at + indexEntryAt.timeDiff) < 0) return 'damaged'
      if (position < this.#position || position > this.#endPosition) return 'damaged'
      this.#position = position
      const slot = keyHash % table.length
      const previous = table[slot]
      if (view.getInt32(at + indexEntryAt.previous) !== previous) {
        view.setInt32(at + indexEntryAt.previous, previous)
        isMended = true
      }
      if (previous === 0) this.slotsInUse++
      table[slot] = entry
    }
    return isMended ? 'mended' : 'sound'
  }
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
    if (readInt64(bytes, indexEntryAt.position) < position) low = middle + 1
    else high = middle
  }
  return low
}
