/** What the records of the broker's own topics mean, for `holdfast dump --decode`. */

import { decodeGroupValue, decodeKey, decodeOffsetValue } from '../broker/groups/offsets-format.js'
import { decodeValue as decodeTransaction, decodeKey as decodeTransactionalId } from '../broker/transactions/format.js'
import type { StoredRecord } from '../records/record.js'
import type { DumpValue } from '../storage/inspect/dump.js'

/** A record whose key is not null. */
interface KeyedRecord {
  readonly key: Buffer
  readonly value: Buffer | null
}

type Fields = Readonly<Record<string, DumpValue>>

/** Undefined for records of other topics, and of kinds that are not known here. */
export function decodeRecord(topic: string, { key, value }: StoredRecord): DumpValue | undefined {
  const decode = decoders[topic]
  if (decode === undefined || key === null) return undefined
  try {
    return decode({ key, value })
  } catch (error) {
    return { undecodable: (error as Error).message, key, value }
  }
}

const decoders: Readonly<Record<string, (record: KeyedRecord) => DumpValue | undefined>> = {
  __consumer_offsets: ({ key, value }) => {
    const named = decodeKey(key)
    if (named.kind === 'unknown') return undefined
    if (value === null) return { ...named, deleted: true }
    if (named.kind === 'offset') return { ...named, ...decodeOffsetValue(value) }
    const { members, ...group } = decodeGroupValue(value)
    return { ...named, ...group, members: members.map((member): Fields => ({ ...member })) }
  },
  __transaction_state: ({ key, value }): DumpValue | undefined => {
    const transactionalId = decodeTransactionalId(key)
    if (transactionalId === undefined) return undefined
    if (value === null) return { transactionalId, deleted: true }
    const { partitions, ...transaction } = decodeTransaction(value)
    const topics = [...partitions.topics].map(([topic, ids]): Fields => ({ topic, partitions: [...ids] }))
    return { transactionalId, ...transaction, topics }
  },
}
