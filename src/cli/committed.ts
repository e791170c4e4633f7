/** Reads the positions of groups out of the batches of `__consumer_offsets`, for the tools that work on a folder. */

import { decodeKey, decodeOffsetValue } from '../broker/groups/offsets-format.js'
import type { RecordBatch } from '../records/batch.js'
import { readRecords } from '../records/reader.js'
import type { CommittedOffset, CommittedReader } from '../storage/inspect/verify.js'

export function committedReader(): CommittedReader {
  const inForce = new Map<string, CommittedOffset>()
  const faults: { offset: number; what: string }[] = []
  const note = (key: Buffer, value: Buffer | null): void => {
    const named = decodeKey(key)
    if (named.kind !== 'offset') return
    const { groupId: group, topic, partition } = named
    const name = JSON.stringify([group, topic, partition])
    if (value === null) inForce.delete(name)
    else inForce.set(name, { group, topic, partition, offset: decodeOffsetValue(value).offset })
  }
  return {
    faults,
    committed: () => inForce.values(),
    batch(_position: number, batch: RecordBatch) {
      if (batch.isControl) return
      try {
        for (const { key, value } of readRecords(batch)) if (key !== null) note(key, value)
      } catch (error) {
        faults.push({ offset: batch.baseOffset, what: (error as Error).message })
      }
    },
  }
}
