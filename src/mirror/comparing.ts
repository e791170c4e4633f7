/**
 * Whether two batches hold the same messages. In a copy of the log they are the same bytes from the checksum on; a broker
 * across a wire may have packed them in another codec, and gives them another producer.
 */

import { HoldfastError } from '../core/errors.js'
import type { RecordBatch } from '../records/batch.js'
import { prepareCodec } from '../records/compression/index.js'
import { endMarkerOf } from '../records/end-marker.js'
import { at } from '../records/format.js'
import { readRecords } from '../records/reader.js'
import type { StoredRecord } from '../records/record.js'

/** Both begin and end at the same offsets and hold the same records, with their times. */
export async function sameBatch(one: RecordBatch, other: RecordBatch): Promise<boolean> {
  if (one.baseOffset !== other.baseOffset || one.lastOffset !== other.lastOffset) return false
  if (one.bytes.subarray(at.crc).equals(other.bytes.subarray(at.crc))) return one.crcMatches()
  if (one.isControl !== other.isControl || !one.crcMatches() || !other.crcMatches()) return false
  // Which coordinator has written it is no part of what a reader gets.
  if (one.isControl) return endMarkerOf(one)?.outcome === endMarkerOf(other)?.outcome
  const [records, others] = [await readableRecords(one), await readableRecords(other)]
  if (records === undefined || others === undefined) return false
  // Across a wire a target of LogAppendTime has given its own.
  const withTimes = one.timestampType === 'CreateTime' && other.timestampType === 'CreateTime'
  return (
    one.isTransactional === other.isTransactional &&
    records.length === others.length &&
    records.every((record, i) => sameRecord(record, others[i], withTimes))
  )
}

/** @param withTimes whether the time of a record counts, which a broker may have given it */
export function sameRecord(one: StoredRecord, other: StoredRecord, withTimes = true): boolean {
  return (
    one.offset === other.offset &&
    (!withTimes || one.timestamp === other.timestamp) &&
    sameBytes(one.key, other.key) &&
    sameBytes(one.value, other.value) &&
    one.headers.length === other.headers.length &&
    one.headers.every(({ key, value }, i) => key === other.headers[i].key && sameBytes(value, other.headers[i].value))
  )
}

export async function recordsOf(batch: RecordBatch): Promise<StoredRecord[]> {
  await prepareCodec(batch.codec)
  return readRecords(batch)
}

function sameBytes(one: Uint8Array | null, other: Uint8Array | null): boolean {
  if (one === null || other === null) return one === other
  return Buffer.compare(one, other) === 0
}

/** Undefined where its bytes, though the checksum fits, are no records. */
async function readableRecords(batch: RecordBatch): Promise<StoredRecord[] | undefined> {
  try {
    return await recordsOf(batch)
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'INVALID_RECORD') return undefined
    throw error
  }
}
