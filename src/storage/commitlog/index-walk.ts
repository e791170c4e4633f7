/**
 * The search of one index file: along the chain of a slot from its newest entry to its oldest. Every link must lead to an
 * older entry of the same slot. Where one does not, the chain is broken, and all entries below the last sound one are
 * looked at instead; so no search hangs, and none misses an entry that is still there.
 */

import { readInt64 } from '../../core/codec/int64.js'
import type { IndexReader } from './index-file.js'
import { type IndexHeader, type IndexShape, indexEntryAt, isSoundEntry } from './index-format.js'

/** Where a message may be that has the key. */
export interface IndexCandidate {
  readonly position: number
  /** It was stored between these, ms since 1970: entries count in seconds. */
  readonly timestamp: number
  readonly latest: number
}

export interface IndexSearch {
  /** As the index keeps it. */
  readonly keyHash: number
  /** Messages stored in [begin, end], ms since 1970, are found, and some that were stored in the seconds beside. */
  readonly begin: number
  readonly end: number
}

/** Whether a file of that header may hold messages of that time. */
export function isInTime({ beginTimestamp, endTimestamp, next }: IndexHeader, { begin, end }: IndexSearch): boolean {
  return next > 1 && beginTimestamp <= end && endTimestamp >= begin
}

/** @param onBroken told of the first broken link @throws DATA_DIR_DAMAGED where the file is shorter than it was */
export async function* walkIndexFile(
  reader: IndexReader,
  header: IndexHeader,
  shape: IndexShape,
  search: IndexSearch,
  onBroken: () => void,
): AsyncGenerator<IndexCandidate> {
  const slot = search.keyHash % shape.slots
  // In the same turn as the slot is looked at: what is added meanwhile is not searched for.
  let above = header.next
  let entry = await reader.newestOf(slot)
  while (entry !== 0) {
    const bytes = entry > 0 && entry < above ? await reader.entry(entry) : undefined
    if (bytes === undefined || !isOfSlot(bytes, slot, shape)) {
      onBroken()
      yield* scanBelow(above, reader, header, search)
      return
    }
    const found = candidateOf(bytes, entry, header)
    // Entries are in the order in which messages were stored.
    if (found.latest < search.begin) return
    if (keyHashOf(bytes) === search.keyHash && found.timestamp <= search.end) yield found
    above = entry
    entry = bytes.readInt32BE(indexEntryAt.previous)
  }
}

async function* scanBelow(
  above: number,
  reader: IndexReader,
  header: IndexHeader,
  search: IndexSearch,
): AsyncGenerator<IndexCandidate> {
  for (let entry = above - 1; entry > 0; entry--) {
    const bytes = await reader.entry(entry)
    if (keyHashOf(bytes) !== search.keyHash || !isSoundEntry(bytes)) continue
    const found = candidateOf(bytes, entry, header)
    if (found.latest >= search.begin && found.timestamp <= search.end) yield found
  }
}

function keyHashOf(bytes: Buffer): number {
  return bytes.readInt32BE(indexEntryAt.keyHash)
}

function isOfSlot(bytes: Buffer, slot: number, { slots }: IndexShape): boolean {
  return isSoundEntry(bytes) && keyHashOf(bytes) % slots === slot
}

/** RocketMQ counts the seconds of a file's first entry from the end of the file before: the header has its true time. */
export function candidateOf(bytes: Buffer, entry: number, { beginTimestamp }: IndexHeader): IndexCandidate {
  const position = readInt64(bytes, indexEntryAt.position)
  if (entry === 1) return { position, timestamp: beginTimestamp, latest: beginTimestamp }
  const timestamp = beginTimestamp + bytes.readInt32BE(indexEntryAt.timeDiff) * 1000
  return { position, timestamp, latest: timestamp + 999 }
}
