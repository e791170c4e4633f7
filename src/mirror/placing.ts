/** Where the copy of a partition goes on: behind what the target has, once it is sure that it has the same. */

import type { BrokerService, TopicPartition } from '../broker/contract.js'
import { HoldfastError } from '../core/errors.js'
import { sameBatch } from './comparing.js'
import { type MirroredPartition, placeText } from './options.js'
import { batchEndingAt, endsOf } from './reading.js'
import type { Sink } from './sinks.js'

export interface NewPartition extends TopicPartition {
  readonly isCompacted: boolean
}

/**
 * The places with where they go on.
 * @throws COPY_DIVERGED where the target holds something that is not the source's
 */
export async function placed(
  source: BrokerService,
  target: BrokerService,
  sink: Sink,
  places: readonly NewPartition[],
): Promise<MirroredPartition[]> {
  const [starts, ends] = [await endsOf(source, places, 'earliest'), await endsOf(source, places, 'latest')]
  const [targetStarts, targetEnds] = [await endsOf(target, places, 'earliest'), await endsOf(target, places, 'latest')]
  const found: MirroredPartition[] = []
  for (const [i, place] of places.entries()) {
    const end = targetEnds[i]
    let next = end
    if (targetStarts[i] < end) await checkContinues(source, target, place, { start: starts[i], end: ends[i], at: end })
    else if (end < starts[i]) {
      await sink.beginAt(place, starts[i])
      next = starts[i]
    } else if (end > ends[i]) throw notACopy(place, `it goes on at offset ${end}, and the source ends at ${ends[i]}`)
    found.push({ ...place, nextOffset: next, copiedTo: next, sourceEnd: ends[i], sourceStableEnd: -1 })
  }
  return found
}

async function checkContinues(
  source: BrokerService,
  target: BrokerService,
  place: NewPartition,
  { start, end, at }: { readonly start: number; readonly end: number; readonly at: number },
): Promise<void> {
  if (at > end) throw notACopy(place, `it ends at offset ${at}, and the source at ${end}`)
  if (at <= start)
    throw notACopy(place, `it ends at offset ${at}, and the source holds nothing before ${start} any more`)
  const theirs = await batchEndingAt(source, place, at - 1)
  const ours = await batchEndingAt(target, place, at - 1)
  if (theirs !== undefined && ours !== undefined && (await sameBatch(theirs, ours))) return
  // Compaction may have taken the last one of either side; what is verified at the end tells.
  if (place.isCompacted && (theirs === undefined || ours === undefined)) return
  throw notACopy(place, `its last message, at offset ${at - 1}, is another one in the source`)
}

function notACopy(place: TopicPartition, why: string): HoldfastError {
  return new HoldfastError('COPY_DIVERGED', `${placeText(place)} in the target is no copy: ${why}.`)
}
