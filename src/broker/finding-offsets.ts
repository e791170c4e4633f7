/** Answers where in a log a time lies, or one of its ends. */

import type { PartitionLog } from '../storage/partition-log.js'
import type { FoundOffset, Isolation, OffsetQuery } from './contract.js'

const nothing = { offset: -1, timestamp: -1 }

export async function findOffset(
  log: PartitionLog,
  query: OffsetQuery,
  isolation: Isolation,
): Promise<Pick<FoundOffset, 'offset' | 'timestamp'>> {
  if (query === 'earliest') return { offset: log.logStartOffset, timestamp: -1 }
  const end = isolation === 'committed' ? log.lastStableOffset : log.highWatermark
  if (query === 'latest') return { offset: end, timestamp: -1 }
  const found = query === 'maxTimestamp' ? await log.offsetOfMaxTimestamp() : await log.offsetForTimestamp(query)
  // As Kafka does it: the record that was found may lie behind what this reader may see, though an earlier one does not.
  return found !== undefined && found.offset < end ? found : nothing
}
