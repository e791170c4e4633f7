/** Reads one side of a mirror: where partitions begin and end, and their batches as they lie there. */

import type { BrokerService, OffsetQuery, TopicPartition } from '../broker/contract.js'
import { batchesIn, type RecordBatch } from '../records/batch.js'

const bytesAtOnce = 4 * 1024 * 1024
/** A fetch that finds nothing below the end is tried so often. */
const triesForNothing = 20
const retryWaitMs = 100

/** The end of each place that is asked for, in order. @throws what the broker refuses one of them with */
export async function endsOf(
  service: BrokerService,
  places: readonly TopicPartition[],
  query: Extract<OffsetQuery, 'earliest' | 'latest'>,
): Promise<number[]> {
  if (places.length === 0) return []
  const lookups = places.map(({ topic, partition }) => ({ topic, partition, query, currentLeaderEpoch: -1 }))
  const found = await service.findOffsets(lookups)
  return found.map(({ error, offset }) => {
    if (error !== undefined) throw error
    return offset
  })
}

/** Every batch that ends in [from, end), in order; those of aborted transactions and markers too. */
export async function* batchesBetween(
  service: BrokerService,
  place: TopicPartition,
  from: number,
  end: number,
): AsyncGenerator<RecordBatch> {
  const { topic, partition } = place
  for (let offset = from, tries = 0; offset < end; ) {
    const position = { topic, partition, offset, maxBytes: bytesAtOnce, currentLeaderEpoch: -1 }
    const maxWaitMs = tries === 0 ? 0 : retryWaitMs
    const [{ error, records }] = await service.fetch({
      positions: [position],
      maxBytes: bytesAtOnce,
      minBytes: 1,
      maxWaitMs,
    })
    if (error !== undefined) throw error
    const before = offset
    for (const batch of records.flatMap((bytes) => [...batchesIn(bytes)])) {
      if (batch.lastOffset < offset) continue
      if (batch.baseOffset >= end) return
      offset = batch.nextOffset
      yield batch
    }
    tries = offset > before ? 0 : tries + 1
    // What compaction took away may have been the last there was.
    if (tries > triesForNothing) return
  }
}

/** The batch that ends with `offset`; undefined where that is gone. */
export async function batchEndingAt(
  service: BrokerService,
  place: TopicPartition,
  offset: number,
): Promise<RecordBatch | undefined> {
  for await (const batch of batchesBetween(service, place, offset, offset + 1)) {
    return batch.lastOffset === offset ? batch : undefined
  }
  return undefined
}
