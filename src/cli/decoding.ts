/** What the records of the broker's own topics mean, for `holdfast dump --decode`. */

import { decodeGroupValue, decodeKey, decodeOffsetValue } from '../broker/groups/offsets-format.js'
import type { StoredRecord } from '../records/record.js'
import type { DumpValue } from '../storage/inspect/dump.js'

/** Undefined for records of other topics, and of kinds that are not known here. */
export function decodeRecord(topic: string, { key, value }: StoredRecord): DumpValue | undefined {
  if (topic !== '__consumer_offsets' || key === null) return undefined
  try {
    const named = decodeKey(key)
    if (named.kind === 'unknown') return undefined
    if (value === null) return { ...named, deleted: true }
    return {
      ...named,
      ...(named.kind === 'offset'
        ? decodeOffsetValue(value)
        : (decodeGroupValue(value) as unknown as Record<string, DumpValue>)),
    }
  } catch (error) {
    return { undecodable: (error as Error).message, key, value }
  }
}
