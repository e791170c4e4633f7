/** Opens a batch into records: for consumers, compaction, the console and the command line. Not on a broker's way. */

import { HoldfastError } from '../core/errors.js'
import type { RecordBatch } from './batch.js'
import { decompress } from './compression/index.js'
import { at } from './format.js'
import type { Header, StoredRecord } from './record.js'
import { VarintReader } from './varint.js'
import { checkHeaderCount, refuseField, refuseLength, refuseRemainder } from './walk.js'

/** What a batch may unpack to where the caller has no bound of its own. */
const defaultMaxUncompressedBytes = 2 ** 30

/**
 * All records of a batch, in order. Keys, values and header values are slices of the batch's bytes (or of the
 * decompressed ones), not copies: they live as long as those do, and keep them alive. The CRC is not checked.
 *
 * In a batch of LogAppendTime every record has the batch's maxTimestamp. Offsets may have holes after compaction.
 *
 * @throws INVALID_RECORD where the records are not what the header says; RECORD_LIST_TOO_LARGE where they would
 * unpack to more than `maxUncompressedBytes`; UNSUPPORTED_COMPRESSION_TYPE for a codec that is none.
 */
export function readRecords(
  batch: RecordBatch,
  maxUncompressedBytes: number = defaultMaxUncompressedBytes,
): StoredRecord[] {
  const bytes = unpackedRecords(batch, maxUncompressedBytes)
  const count = batch.recordsCount
  const baseOffset = batch.baseOffset
  const baseTimestamp = batch.baseTimestamp
  const appendTime = batch.timestampType === 'LogAppendTime' ? batch.maxTimestamp : undefined
  const reader = new VarintReader(bytes)
  // Grows with what is there: the claimed count may be a lie.
  const records: StoredRecord[] = []
  for (let index = 0; index < count; index++) {
    const length = reader.readVarint()
    const bodyEnd = reader.position + length
    if (length < 0 || bodyEnd > bytes.length) {
      refuseField(index, 'length', length, `0 to ${bytes.length - reader.position}`)
    }
    reader.position++
    const timestampDelta = reader.readVarlong()
    const offset = baseOffset + reader.readVarint()
    const key = readBytes(reader, bytes, index, 'key length', bodyEnd)
    const value = readBytes(reader, bytes, index, 'value length', bodyEnd)
    const headers = readHeaders(reader, bytes, index, bodyEnd)
    if (reader.position !== bodyEnd) refuseLength(index, reader.position, bodyEnd)
    records.push({ offset, timestamp: appendTime ?? baseTimestamp + timestampDelta, key, value, headers })
  }
  if (count < 0) throw new HoldfastError('INVALID_RECORD', `The batch claims ${count} records.`)
  if (reader.position !== bytes.length) refuseRemainder(count, bytes.length - reader.position)
  return records
}

/** The records of a batch as they lie in it when it is not compressed. @throws as {@link readRecords} */
export function unpackedRecords(
  batch: RecordBatch,
  maxUncompressedBytes: number = defaultMaxUncompressedBytes,
): Buffer {
  const codec = batch.codec
  const packed = batch.bytes.subarray(at.records)
  // Compaction leaves batches with no record, and no stream either, in the place of the last of a producer.
  return codec === 'none' || packed.length === 0 ? packed : decompress(codec, packed, maxUncompressedBytes)
}

/**
 * The one record of a batch that has this offset, as {@link readRecords} would give it, without making the others;
 * undefined where there is none. `bytes` are its {@link unpackedRecords}.
 * @throws INVALID_RECORD
 */
export function readRecordAt(batch: RecordBatch, bytes: Buffer, offset: number): StoredRecord | undefined {
  const { recordsCount, baseTimestamp } = batch
  const delta = offset - batch.baseOffset
  const reader = new VarintReader(bytes)
  for (let index = 0; index < recordsCount; index++) {
    const length = reader.readVarint()
    const bodyEnd = reader.position + length
    if (length < 0 || bodyEnd > bytes.length) refuseField(index, 'length', length, `0 to ${bytes.length}`)
    reader.position++
    const timestamp = baseTimestamp + reader.readVarlong()
    if (reader.readVarint() !== delta) {
      reader.position = bodyEnd
      continue
    }
    const key = readBytes(reader, bytes, index, 'key length', bodyEnd)
    const value = readBytes(reader, bytes, index, 'value length', bodyEnd)
    const headers = readHeaders(reader, bytes, index, bodyEnd)
    const isAppendTime = batch.timestampType === 'LogAppendTime'
    return { offset, timestamp: isAppendTime ? batch.maxTimestamp : timestamp, key, value, headers }
  }
  return undefined
}

/** A length (-1 for null) and that many bytes, as a slice. */
function readBytes(reader: VarintReader, bytes: Buffer, index: number, what: string, bodyEnd: number): Buffer | null {
  const length = reader.readVarint()
  if (length === -1) return null
  const start = reader.position
  if (length < 0 || length > bodyEnd - start) refuseField(index, what, length, 'no more than the record has')
  reader.position = start + length
  return bytes.subarray(start, start + length)
}

function readHeaders(reader: VarintReader, bytes: Buffer, index: number, bodyEnd: number): Header[] {
  const count = reader.readVarint()
  if (count === 0) return []
  checkHeaderCount(reader, index, count, bodyEnd)
  const headers: Header[] = []
  for (let header = 0; header < count; header++) {
    const key = readBytes(reader, bytes, index, 'header key length', bodyEnd)
    if (key === null) refuseField(index, 'header key length', -1, 'a header key that is not null')
    headers.push({ key: key.toString('utf8'), value: readBytes(reader, bytes, index, 'header value length', bodyEnd) })
  }
  return headers
}
