/** Batches and records as the judge tells them (`java/kafka/Records.java`), from our own logs. */

import { batchesIn, type RecordBatch } from '../../src/records/batch.js'
import { prepareCodec } from '../../src/records/compression/index.js'
import { readRecords } from '../../src/records/reader.js'
import type { PartitionLog } from '../../src/storage/partition-log.js'

export interface DescribedRecord {
  readonly offset: number
  readonly timestamp: number
  /** In base64. */
  readonly key: string | null
  readonly value: string | null
  readonly headers: readonly (readonly [key: string, value: string | null])[]
}

export interface DescribedBatch {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly leaderEpoch: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly codec: string
  readonly timestampType: string
  readonly maxTimestamp: number
  readonly isTransactional: boolean
  readonly isControl: boolean
  readonly deleteHorizonMs: number | null
  readonly records: readonly DescribedRecord[]
}

const text = (bytes: Buffer | null): string | null => bytes?.toString('base64') ?? null

export function describeBatch(batch: RecordBatch): DescribedBatch {
  return {
    baseOffset: batch.baseOffset,
    lastOffset: batch.lastOffset,
    leaderEpoch: batch.partitionLeaderEpoch,
    producerId: batch.producerId,
    producerEpoch: batch.producerEpoch,
    baseSequence: batch.baseSequence,
    codec: batch.codec,
    timestampType: batch.timestampType,
    maxTimestamp: batch.maxTimestamp,
    isTransactional: batch.isTransactional,
    isControl: batch.isControl,
    deleteHorizonMs: batch.hasDeleteHorizon ? batch.baseTimestamp : null,
    records: readRecords(batch).map(({ offset, timestamp, key, value, headers }) => ({
      offset,
      timestamp,
      key: text(key),
      value: text(value),
      headers: headers.map((header) => [header.key, text(header.value)] as const),
    })),
  }
}

/** Every batch from the log's start to its high watermark. */
export async function describeLog(log: PartitionLog): Promise<DescribedBatch[]> {
  const found: DescribedBatch[] = []
  for (let offset = log.logStartOffset; offset < log.highWatermark; ) {
    const { records } = await log.read(offset, 1 << 20)
    const batches = records.flatMap((bytes) => [...batchesIn(bytes)]).filter((batch) => batch.lastOffset >= offset)
    if (batches.length === 0) throw new Error(`nothing at ${offset}, below the high watermark ${log.highWatermark}`)
    for (const batch of batches) {
      await prepareCodec(batch.codec)
      found.push(describeBatch(batch))
      offset = batch.nextOffset
    }
  }
  return found
}
