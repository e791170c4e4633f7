/**
 * Finds the index of aborted transactions of a segment that is opened. Where the segment is read whole for its producers
 * it is made anew on the way; elsewhere its file is believed, and made anew where it cannot be right.
 */

import { join } from 'node:path'
import { segmentFileName, suffix } from './format.js'
import type { ProducerRecovery } from './producer-recovery.js'
import type { Segment } from './segment.js'
import type { SegmentPlace } from './segment-place.js'
import { TransactionIndex } from './transaction-index.js'

/**
 * What the file holds of markers below `end`, which is nothing where there is none; undefined where it is no such index.
 * A file may tell of more than the log or the producer state does, where a mark on the way was not finished.
 */
export async function storedTransactions(
  { disk, directory }: SegmentPlace,
  base: number,
  end?: number,
): Promise<TransactionIndex | undefined> {
  const stored = await disk.readFile(join(directory, segmentFileName(base, suffix.transactionIndex)))
  return stored === undefined ? TransactionIndex.empty() : TransactionIndex.of(stored, base, end)
}

/**
 * Fills the index of the last of these segments, which follow one another, from the log. `producers` has begun at a
 * snapshot that lies at or before that segment, or with the first one.
 */
export async function rebuildTransactions(segments: readonly Segment[], producers: ProducerRecovery): Promise<void> {
  const segment = segments[segments.length - 1]
  for (const [i, earlier] of segments.slice(0, -1).entries()) {
    await producers.replay(earlier, segments[i + 1].baseOffset)
  }
  await segment.scan(segment.baseOffset, (batch) => {
    const ended = producers.note(batch)
    if (ended !== undefined) segment.transactions.add(ended)
  })
}
