/**
 * Walks over the records of a batch and checks that they hold together, making no object per record: what a broker
 * does to every batch it is sent.
 */

import { HoldfastError } from '../core/errors.js'
import { minRecordBytes } from './format.js'
import { VarintReader } from './varint.js'

/** The least and the largest distance to the batch's base timestamp, in milliseconds. */
export interface TimestampDeltas {
  readonly min: number
  readonly max: number
}

/**
 * Checks that `bytes` from `start` to their end are exactly `count` records, each as long as it says, the i-th with
 * offset delta i. Its work and memory are bounded by the bytes, whatever `count` claims.
 *
 * With `mostDelta` the batch is one that compaction may have taken records from: the deltas rise, and end at that one.
 * With `needsKeys` each record has a key.
 *
 * @throws INVALID_RECORD with the index of the record and what is wrong with it.
 */
export function walkRecords(
  bytes: Uint8Array,
  start: number,
  count: number,
  { mostDelta, needsKeys = false }: { mostDelta?: number; needsKeys?: boolean } = {},
): TimestampDeltas {
  const end = bytes.length
  if (count > (end - start) / minRecordBytes) {
    throw new HoldfastError(
      'INVALID_RECORD',
      `The batch claims ${count} records, but its ${end - start} bytes of records have no room for that many.`,
    )
  }
  const reader = new VarintReader(bytes, start, end)
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  let leastDelta = 0
  for (let index = 0; index < count; index++) {
    const length = reader.readVarint()
    const bodyEnd = reader.position + length
    if (length < 0 || bodyEnd > end) refuseField(index, 'length', length, `0 to ${end - reader.position}`)
    // The byte of attributes, which Kafka gives no meaning.
    reader.position++
    const timestampDelta = reader.readVarlong()
    if (timestampDelta < min) min = timestampDelta
    if (timestampDelta > max) max = timestampDelta
    const offsetDelta = reader.readVarint()
    if (mostDelta === undefined ? offsetDelta !== index : offsetDelta < leastDelta || offsetDelta > mostDelta) {
      refuseField(
        index,
        'offset delta',
        offsetDelta,
        mostDelta === undefined ? `${index}` : `${leastDelta} to ${mostDelta}`,
      )
    }
    leastDelta = offsetDelta + 1
    const keyLength = skipBytes(reader, index, 'key length', bodyEnd)
    if (keyLength < 0 && needsKeys) refuseKeyless(index)
    skipBytes(reader, index, 'value length', bodyEnd)
    const headers = reader.readVarint()
    if (headers !== 0) walkHeaders(reader, index, headers, bodyEnd)
    if (reader.position !== bodyEnd) refuseLength(index, reader.position, bodyEnd)
  }
  if (reader.position !== end) refuseRemainder(count, end - reader.position)
  return { min, max }
}

/** Moves over a length (-1 for null) and that many bytes; returns the length. */
function skipBytes(reader: VarintReader, index: number, what: string, bodyEnd: number): number {
  const length = reader.readVarint()
  if (length > 0) reader.position += length
  if (length < -1 || reader.position > bodyEnd) refuseField(index, what, length, 'no more than the record has')
  return length
}

function walkHeaders(reader: VarintReader, index: number, headers: number, bodyEnd: number): void {
  checkHeaderCount(reader, index, headers, bodyEnd)
  for (let header = 0; header < headers; header++) {
    const keyLength = reader.readVarint()
    // Unlike a key or a value, a header's key may not be null.
    if (keyLength < 0 || keyLength > bodyEnd - reader.position) {
      refuseField(index, 'header key length', keyLength, `0 to ${bodyEnd - reader.position}`)
    }
    reader.position += keyLength
    skipBytes(reader, index, 'header value length', bodyEnd)
  }
}

/** A header takes two bytes or more, so a larger count is refused before it can drive a loop or an allocation. */
export function checkHeaderCount(reader: VarintReader, index: number, headers: number, bodyEnd: number): void {
  const most = Math.max(0, bodyEnd - reader.position) >> 1
  if (headers < 0 || headers > most) refuseField(index, 'header count', headers, `0 to ${most}`)
}

/** Refuses a field of record `index`; lengths count -1 as null. */
export function refuseField(index: number, what: string, value: number, expected: string): never {
  throw new HoldfastError('INVALID_RECORD', `Record ${index} of the batch has ${what} ${value}; expected ${expected}.`)
}

/** A topic that keeps the latest message of each key has no place for one without. */
export function refuseKeyless(index?: number): never {
  const which = index === undefined ? 'A record' : `Record ${index}`
  throw new HoldfastError('INVALID_RECORD', `${which} of the batch has no key, and the topic is compacted by key.`)
}

export function refuseLength(index: number, position: number, bodyEnd: number): never {
  throw new HoldfastError(
    'INVALID_RECORD',
    `Record ${index} of the batch ends at byte ${position} by its fields, at byte ${bodyEnd} by its length.`,
  )
}

export function refuseRemainder(count: number, remaining: number): never {
  throw new HoldfastError('INVALID_RECORD', `After the ${count} records of the batch ${remaining} bytes remain.`)
}
