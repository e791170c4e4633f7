/**
 * The producers of segments that are about to be removed. What a start knows of producers comes from the newest snapshot
 * and the batches behind it, so the snapshot where the log will begin has to be there before the batches in front of it
 * go: else a batch that is sent again would be taken for a new one.
 */

import { join } from 'node:path'
import { segmentFileName, suffix } from './format.js'
import { ProducerRecovery } from './producer-recovery.js'
import type { SegmentPlace } from './segment-place.js'
import { visitBatches } from './segment-scan.js'
import { segmentFiles } from './staged-files.js'

/**
 * Writes the snapshot at the first segment that stays where the log begins at `logStartOffset`, unless it is there or
 * nothing lies before it. `nowMs`: milliseconds since 1970.
 */
export async function keepProducersBefore(place: SegmentPlace, logStartOffset: number, nowMs: number): Promise<void> {
  const files = await segmentFiles(place.disk, place.directory)
  const offsetsOf = (kind: string) => files.filter((file) => file.suffix === kind).map((file) => file.offset)
  const bases = offsetsOf(suffix.log)
  const first = bases.findLast((base) => base <= logStartOffset)
  if (first === undefined || first === bases[0]) return
  const snapshots = offsetsOf(suffix.snapshot)
  if (snapshots.includes(first)) return
  const earlier = snapshots.filter((offset) => offset < first)
  const producers = new ProducerRecovery(place, earlier, nowMs)
  await producers.start(first, bases[0])
  for (const [index, base] of bases.entries()) {
    if (base >= first) break
    if (bases[index + 1] <= producers.upTo) continue
    const path = join(place.directory, segmentFileName(base, suffix.log))
    // What follows a batch that is not sound nobody was told of.
    await visitBatches(place, { path, baseOffset: base, verify: true }, (batch) => void producers.note(batch))
  }
  await producers.writeSnapshot(first)
}
