/**
 * Verifies a batch that came from outside, before a byte of it is stored: the broker-side rules of Kafka's
 * LogValidator.java, with one difference: a batch whose offset deltas are out of order is refused, where Kafka
 * rebuilds a compressed one and stores an uncompressed one as it is.
 */

import { HoldfastError } from '../core/errors.js'
import { RecordBatch } from './batch.js'
import type { BuiltBatch } from './builder.js'
import { decompress } from './compression/index.js'
import { refuseLarge } from './compression/refusals.js'
import { at, batchOverheadBytes, currentMagic, logOverheadBytes, reservedBits } from './format.js'
import { checkTimes, type TimeBounds } from './time-bounds.js'
import { refuseKeyless, walkRecords } from './walk.js'

export interface VerifyLimits {
  /** The largest batch accepted, as it is sent (Kafka's max.message.bytes). */
  maxBatchBytes: number
  /** The largest as it is packed anew, where that may be more. */
  maxRepackedBytes?: number
  /** The most that the records of a compressed batch may unpack to. */
  maxUncompressedBytes: number
  /** Of the records; absent where any time is taken. */
  times?: TimeBounds
  /** A record without a key is refused: the topic is compacted. */
  needsKeys?: boolean
}

/**
 * Verifies that `bytes` are exactly one batch that a client may produce, and returns the view over them. A
 * maxTimestamp other than the largest of the records is corrected in place, and the CRC with it, as Kafka does.
 *
 * @throws CORRUPT_MESSAGE for a wrong length, magic or CRC; UNSUPPORTED_FOR_MESSAGE_FORMAT for the older magics;
 * MESSAGE_TOO_LARGE and RECORD_LIST_TOO_LARGE past the limits; UNSUPPORTED_COMPRESSION_TYPE; INVALID_TIMESTAMP;
 * INVALID_RECORD for anything else. Nothing but HoldfastError, whatever the bytes.
 */
export function verifyProducedBatch(bytes: Buffer, limits: VerifyLimits): RecordBatch {
  return openProducedBatch(bytes, limits).batch
}

/** The same, with the records as they are unpacked, for who is going to pack them anew. */
export function openProducedBatch(bytes: Buffer, limits: VerifyLimits): { batch: RecordBatch; records: Buffer } {
  checkFrame(bytes)
  checkSize(bytes.length, limits.maxBatchBytes)
  const batch = new RecordBatch(bytes)
  const computed = batch.computeCrc()
  if (computed !== batch.crc) {
    throw new HoldfastError(
      'CORRUPT_MESSAGE',
      `The batch carries CRC ${hex(batch.crc)}; its bytes have ${hex(computed)}.`,
    )
  }
  checkHeader(batch)
  return { batch, records: checkRecords(batch, limits) }
}

/**
 * Verifies of a batch that was built in this process what its builder cannot know: that it keeps the limits, and is of
 * a kind that a client may produce. Neither CRC nor records are looked at: that they are right is what the type says.
 *
 * @throws MESSAGE_TOO_LARGE and RECORD_LIST_TOO_LARGE past the limits; INVALID_RECORD, as {@link verifyProducedBatch}
 */
export function verifyBuiltBatch(batch: BuiltBatch, limits: VerifyLimits): RecordBatch {
  checkSize(batch.sizeInBytes, limits.maxBatchBytes)
  checkHeader(batch)
  // As there: the bound is on what unpacks, and a reader will have to unpack it.
  if (batch.codec !== 'none' && batch.recordsBytes > limits.maxUncompressedBytes)
    refuseLarge(limits.maxUncompressedBytes)
  const { times } = limits
  if (times !== undefined) checkTimes(times, Number.POSITIVE_INFINITY, batch.maxTimestamp)
  // Its header tells the greatest time alone.
  if (times !== undefined && times.earliest > Number.NEGATIVE_INFINITY) checkRecords(batch, limits)
  if (limits.needsKeys && batch.hasKeyless) refuseKeyless()
  return batch
}

/** @throws MESSAGE_TOO_LARGE */
export function checkSize(sizeInBytes: number, maxBatchBytes: number): void {
  if (sizeInBytes <= maxBatchBytes) return
  throw new HoldfastError(
    'MESSAGE_TOO_LARGE',
    `The batch is ${sizeInBytes} bytes; accepted are ${maxBatchBytes}. Send less in one batch, or raise max.message.bytes.`,
  )
}

/** That the bytes are as many as one batch of magic 2 says. Afterwards a view over them can be made. */
function checkFrame(bytes: Buffer): void {
  if (bytes.length <= at.magic)
    refuseLengths(`${bytes.length} bytes were sent; a batch has ${batchOverheadBytes} or more.`)
  // Before any other field is believed: the older message sets are laid out differently, but for this byte.
  const magic = bytes.readInt8(at.magic)
  if (magic === 0 || magic === 1) {
    throw new HoldfastError(
      'UNSUPPORTED_FOR_MESSAGE_FORMAT',
      `The records are in message format ${magic}; only record batches of magic ${currentMagic} are accepted. Use a client of Kafka 0.11 or later.`,
    )
  }
  if (magic !== currentMagic) {
    throw new HoldfastError('CORRUPT_MESSAGE', `The batch has magic ${magic}; expected ${currentMagic}.`)
  }
  const claimed = bytes.readInt32BE(at.batchLength)
  const sizeInBytes = claimed + logOverheadBytes
  if (sizeInBytes < batchOverheadBytes) {
    refuseLengths(`The batch claims a length of ${claimed}; the least is ${batchOverheadBytes - logOverheadBytes}.`)
  }
  if (sizeInBytes > bytes.length) {
    refuseLengths(`The batch claims ${sizeInBytes} bytes; ${bytes.length} were sent.`)
  }
  if (sizeInBytes === bytes.length) return
  const rest = bytes.subarray(sizeInBytes)
  if (rest.length >= batchOverheadBytes && rest[at.magic] === currentMagic) {
    throw new HoldfastError(
      'INVALID_RECORD',
      `A request may hold one batch for a partition; after the first ${sizeInBytes} bytes another one starts.`,
    )
  }
  refuseLengths(`The batch claims ${sizeInBytes} bytes; ${bytes.length} were sent.`)
}

function checkHeader(batch: RecordBatch): void {
  const { attributes, recordsCount, lastOffsetDelta } = batch
  if (recordsCount <= 0) refuse(`recordsCount ${recordsCount}`, '1 or more')
  if (lastOffsetDelta !== recordsCount - 1) refuse(`lastOffsetDelta ${lastOffsetDelta}`, `${recordsCount - 1}`)
  if ((attributes & reservedBits) !== 0) refuse(`attributes ${hex(attributes & 0xffff)}`, 'bits 7 to 15 to be zero')
  if (batch.isControl) refuse('the control bit set', 'no control batch from a client')
  if (batch.hasDeleteHorizon) refuse('the delete horizon bit set', 'it set by compaction only')
  if (batch.hasProducerId) {
    if (batch.producerEpoch < 0) refuse(`producerEpoch ${batch.producerEpoch}`, '0 or more beside a producer id')
    if (batch.baseSequence < 0) refuse(`baseSequence ${batch.baseSequence}`, '0 or more beside a producer id')
  } else if (batch.isTransactional) {
    refuse(`producerId ${batch.producerId}`, '0 or more in a transaction')
  }
  if (batch.timestampType === 'LogAppendTime') {
    throw new HoldfastError('INVALID_TIMESTAMP', 'The batch says LogAppendTime, which only the broker may set.')
  }
  checkTimestamp('baseTimestamp', batch.baseTimestamp)
  checkTimestamp('maxTimestamp', batch.maxTimestamp)
}

/** Walks the records, decompressed where need be, and sets maxTimestamp right. */
function checkRecords(batch: RecordBatch, { maxUncompressedBytes, times, needsKeys }: VerifyLimits): Buffer {
  const codec = batch.codec
  const packed = batch.bytes.subarray(at.records)
  const records = codec === 'none' ? packed : decompress(codec, packed, maxUncompressedBytes)
  const deltas = walkRecords(records, 0, batch.recordsCount, { needsKeys })
  const baseTimestamp = batch.baseTimestamp
  checkTimestamp('the smallest timestamp of a record', baseTimestamp + deltas.min)
  checkTimestamp('the largest timestamp of a record', baseTimestamp + deltas.max)
  const maxTimestamp = baseTimestamp + deltas.max
  if (times !== undefined) checkTimes(times, baseTimestamp + deltas.min, maxTimestamp)
  if (batch.maxTimestamp !== maxTimestamp) batch.stampMaxTimestamp(maxTimestamp)
  return records
}

function checkTimestamp(what: string, value: number): void {
  if (Number.isSafeInteger(value)) return
  throw new HoldfastError('INVALID_TIMESTAMP', `In the batch ${what} is ${value}; expected milliseconds within ±2^53.`)
}

function refuse(found: string, expected: string): never {
  throw new HoldfastError('INVALID_RECORD', `The batch has ${found}; expected ${expected}.`)
}

function refuseLengths(message: string): never {
  throw new HoldfastError('CORRUPT_MESSAGE', message)
}

function hex(value: number): string {
  return `0x${value.toString(16)}`
}
