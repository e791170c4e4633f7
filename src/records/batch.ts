/**
 * One record batch as a view over its bytes: getters read them, nothing is parsed ahead and nothing is cached, so that
 * making a view costs nothing and a changed byte is seen at once.
 */

import { readInt64, writeInt64 } from '../core/codec/int64.js'
import { HoldfastError } from '../core/errors.js'
import { invariant } from '../core/invariant.js'
import { crc32c } from './crc32c.js'
import {
  at,
  batchOverheadBytes,
  type Codec,
  codecMask,
  codecNames,
  controlBit,
  currentMagic,
  deleteHorizonBit,
  logAppendTimeBit,
  logOverheadBytes,
  noProducerId,
  noSequence,
  sequenceAfter,
  transactionalBit,
} from './format.js'

export type TimestampType = 'CreateTime' | 'LogAppendTime'

/** Who has sent a batch, and as which of its batches. */
export interface ProducerStamp {
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
}

/** A view over the bytes of exactly one batch. Its fields are not verified: see `verify.ts` for bytes from outside. */
export class RecordBatch {
  readonly bytes: Buffer

  constructor(bytes: Buffer) {
    invariant(bytes.length >= batchOverheadBytes, 'a record batch has at least the 61 bytes of its header')
    invariant(
      bytes.length === bytes.readInt32BE(at.batchLength) + logOverheadBytes,
      'the bytes of a record batch are as many as its length field says',
    )
    this.bytes = bytes
  }

  get sizeInBytes(): number {
    return this.bytes.length
  }

  get baseOffset(): number {
    return readInt64(this.bytes, at.baseOffset)
  }

  get partitionLeaderEpoch(): number {
    return this.bytes.readInt32BE(at.partitionLeaderEpoch)
  }

  get magic(): number {
    return this.bytes.readInt8(at.magic)
  }

  /** The CRC that the batch carries, unsigned. */
  get crc(): number {
    return this.bytes.readUInt32BE(at.crc)
  }

  get attributes(): number {
    return this.bytes.readInt16BE(at.attributes)
  }

  /** @throws UNSUPPORTED_COMPRESSION_TYPE for the numbers 5 to 7, which stand for nothing. */
  get codec(): Codec {
    const id = this.attributes & codecMask
    if (id < codecNames.length) return codecNames[id]
    throw new HoldfastError(
      'UNSUPPORTED_COMPRESSION_TYPE',
      `The attributes of the batch name codec ${id}; known are 0 to ${codecNames.length - 1} (${codecNames.join(', ')}).`,
    )
  }

  get timestampType(): TimestampType {
    return this.attributes & logAppendTimeBit ? 'LogAppendTime' : 'CreateTime'
  }

  get isTransactional(): boolean {
    return (this.attributes & transactionalBit) !== 0
  }

  get isControl(): boolean {
    return (this.attributes & controlBit) !== 0
  }

  get hasDeleteHorizon(): boolean {
    return (this.attributes & deleteHorizonBit) !== 0
  }

  get lastOffsetDelta(): number {
    return this.bytes.readInt32BE(at.lastOffsetDelta)
  }

  get lastOffset(): number {
    return this.baseOffset + this.lastOffsetDelta
  }

  /** The offset that the batch after this one starts at. */
  get nextOffset(): number {
    return this.lastOffset + 1
  }

  /** Milliseconds; the delete horizon where {@link hasDeleteHorizon}. */
  get baseTimestamp(): number {
    return readInt64(this.bytes, at.baseTimestamp)
  }

  get maxTimestamp(): number {
    return readInt64(this.bytes, at.maxTimestamp)
  }

  get producerId(): number {
    return readInt64(this.bytes, at.producerId)
  }

  get hasProducerId(): boolean {
    return this.producerId > noProducerId
  }

  get producerEpoch(): number {
    return this.bytes.readInt16BE(at.producerEpoch)
  }

  get baseSequence(): number {
    return this.bytes.readInt32BE(at.baseSequence)
  }

  /** The sequence of the last record; sequences go on with 0 after 2^31-1. -1 where the batch has none. */
  get lastSequence(): number {
    const first = this.baseSequence
    return first === noSequence ? noSequence : sequenceAfter(first, this.lastOffsetDelta)
  }

  get recordsCount(): number {
    return this.bytes.readInt32BE(at.recordsCount)
  }

  /** The CRC of the bytes as they are now. */
  computeCrc(): number {
    return crc32c(this.bytes.subarray(at.attributes))
  }

  crcMatches(): boolean {
    return this.computeCrc() === this.crc
  }

  /** Gives the batch its place in a log, in place. Both fields lie outside the CRC, which stays right. */
  stamp(baseOffset: number, partitionLeaderEpoch: number): void {
    writeInt64(this.bytes, baseOffset, at.baseOffset)
    this.bytes.writeInt32BE(partitionLeaderEpoch, at.partitionLeaderEpoch)
  }

  /** Makes `timestampMs` the time of every record of the batch (LogAppendTime), in place, and the CRC with it. */
  stampLogAppendTime(timestampMs: number): void {
    this.bytes.writeInt16BE(this.attributes | logAppendTimeBit, at.attributes)
    this.stampMaxTimestamp(timestampMs)
  }

  /** Corrects the largest timestamp in place, and the CRC with it. */
  stampMaxTimestamp(timestampMs: number): void {
    writeInt64(this.bytes, timestampMs, at.maxTimestamp)
    this.stampCrc()
  }

  /** Makes the batch one of a producer's transaction, in place, and the CRC with it. */
  stampTransaction(of: ProducerStamp): void {
    this.bytes.writeInt16BE(this.attributes | transactionalBit, at.attributes)
    this.stampProducer(of)
  }

  /** Gives the batch its place in the sequence of a producer, in place, and the CRC with it. */
  stampProducer(of: ProducerStamp): void {
    writeInt64(this.bytes, of.producerId, at.producerId)
    this.bytes.writeInt16BE(of.producerEpoch, at.producerEpoch)
    this.bytes.writeInt32BE(of.baseSequence, at.baseSequence)
    this.stampCrc()
  }

  /** Makes the CRC fit the bytes. */
  stampCrc(): void {
    this.bytes.writeUInt32BE(this.computeCrc(), at.crc)
  }
}

/**
 * The batch that starts at `position`, as a view over `buffer`, or undefined where fewer bytes are there than it
 * claims (or too few to tell). The CRC is not checked.
 *
 * @throws CORRUPT_MESSAGE where no batch can start here: a length under 49 (zero-filled space has 0), or another magic.
 */
export function batchAt(buffer: Buffer, position: number): RecordBatch | undefined {
  const available = buffer.length - position
  if (available < logOverheadBytes) return undefined
  const sizeInBytes = buffer.readInt32BE(position + at.batchLength) + logOverheadBytes
  if (sizeInBytes < batchOverheadBytes) {
    throw new HoldfastError(
      'CORRUPT_MESSAGE',
      `The batch at byte ${position} claims a length of ${sizeInBytes - logOverheadBytes}; the least is ${
        batchOverheadBytes - logOverheadBytes
      }.`,
    )
  }
  if (available > at.magic && buffer[position + at.magic] !== currentMagic) {
    throw new HoldfastError(
      'CORRUPT_MESSAGE',
      `The batch at byte ${position} has magic ${buffer.readInt8(position + at.magic)}; expected ${currentMagic}.`,
    )
  }
  if (available < sizeInBytes) return undefined
  return new RecordBatch(buffer.subarray(position, position + sizeInBytes))
}

/** Behind the last complete batch; undefined where there is none. @throws CORRUPT_MESSAGE as {@link batchAt} does */
export function endOfBatches(buffer: Buffer): number | undefined {
  let end: number | undefined
  for (const { nextOffset } of batchesIn(buffer)) end = nextOffset
  return end
}

/**
 * All complete batches in order. Stops without a word at an incomplete last one, as Kafka's readers do, since a read
 * or a fetch may end anywhere.
 *
 * @throws CORRUPT_MESSAGE as {@link batchAt} does.
 */
export function* batchesIn(buffer: Buffer): Generator<RecordBatch> {
  let position = 0
  for (;;) {
    const batch = batchAt(buffer, position)
    if (batch === undefined) return
    yield batch
    position += batch.sizeInBytes
  }
}
