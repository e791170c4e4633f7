/** Partitions of an answer to Fetch, as they are told on. */

import type { FetchedPartition } from '../broker/contract.js'
import { at, logOverheadBytes } from '../records/format.js'
import { errorOf } from './remote-broker-errors.js'
import type { fetch, ResponseOf } from './schemas/index.js'

type PartitionAnswer = ResponseOf<typeof fetch>['topics'][number]['partitions'][number]

/** Its records are a view of the answer. */
export function fetchedPartition(topic: string, answer: PartitionAnswer): FetchedPartition {
  const { index, errorCode, highWatermark, lastStableOffset, logStartOffset, records } = answer
  return {
    topic,
    partition: index,
    error: errorOf(errorCode),
    highWatermark,
    lastStableOffset,
    logStartOffset,
    records: wholeBatches(records),
  }
}

/** Kafka cuts what it sends at a number of bytes: the last batch may be there in part only. */
function wholeBatches(records: Buffer | null): readonly Buffer[] {
  let end = 0
  while (records !== null && records.length - end >= logOverheadBytes) {
    const next = end + logOverheadBytes + records.readInt32BE(end + at.batchLength)
    if (next <= end || next > records.length) break
    end = next
  }
  return records === null || end === 0 ? [] : [records.subarray(0, end)]
}
