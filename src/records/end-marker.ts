/**
 * The marker that ends a transaction in one partition: a control batch of one record, written by the coordinator and
 * never by a client. Source: Kafka's EndTransactionMarker.java and ControlRecordType.java.
 */

import type { RecordBatch } from './batch.js'
import { buildBatch } from './builder.js'
import { readRecords } from './reader.js'

export interface EndTransaction {
  outcome: 'COMMIT' | 'ABORT'
  producerId: number
  producerEpoch: number
  coordinatorEpoch: number
  /** Milliseconds since 1970. */
  timestamp: number
  baseOffset?: number
  partitionLeaderEpoch?: number
}

const abortType = 0
const commitType = 1

const keyBytes = 4
const valueBytes = 6

/** Key: version 0 and type (0 ABORT, 1 COMMIT), both i16; value: version 0 (i16) and the coordinator's epoch (i32). */
export function endMarkerRecord(end: Pick<EndTransaction, 'outcome' | 'coordinatorEpoch'>): {
  key: Buffer
  value: Buffer
} {
  const key = Buffer.alloc(keyBytes)
  key.writeInt16BE(end.outcome === 'COMMIT' ? commitType : abortType, 2)
  const value = Buffer.alloc(valueBytes)
  value.writeInt32BE(end.coordinatorEpoch, 2)
  return { key, value }
}

export function controlBatch(end: EndTransaction): RecordBatch {
  return buildBatch([{ ...endMarkerRecord(end), timestamp: end.timestamp }], {
    baseOffset: end.baseOffset,
    partitionLeaderEpoch: end.partitionLeaderEpoch,
    producerId: end.producerId,
    producerEpoch: end.producerEpoch,
    isTransactional: true,
    isControl: true,
  })
}

/**
 * What a control batch says of its producer's transaction; undefined where it says nothing: another kind of control
 * batch, or one whose record compaction took away.
 */
export function endMarkerOf(batch: RecordBatch): Pick<EndTransaction, 'outcome' | 'coordinatorEpoch'> | undefined {
  // Markers are never compressed.
  if (!batch.isControl || batch.codec !== 'none' || batch.recordsCount < 1) return undefined
  const [{ key, value }] = readRecords(batch)
  if (key === null || value === null || key.length < keyBytes || value.length < valueBytes) return undefined
  const type = key.readInt16BE(2)
  if (type !== abortType && type !== commitType) return undefined
  return { outcome: type === commitType ? 'COMMIT' : 'ABORT', coordinatorEpoch: value.readInt32BE(2) }
}
