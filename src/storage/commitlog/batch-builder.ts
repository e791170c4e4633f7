/**
 * Builds record batches out of messages for those who read: byte for byte the batch that was appended, where it was a
 * canonical one (offset deltas from 0 on, the first record's timestamp as the base, numbers as short as they can be); a
 * batch of one record out of each message that RocketMQ wrote.
 */

import { writeInt64 } from '../../core/codec/int64.js'
import { crc32c } from '../../records/crc32c.js'
import {
  at,
  batchOverheadBytes,
  controlBit,
  currentMagic,
  logAppendTimeBit,
  logOverheadBytes,
  transactionalBit,
} from '../../records/format.js'
import { varintSize, varlongSize, writeVarint, writeVarlong } from '../../records/varint.js'
import { copyBytes } from './copy-bytes.js'
import type { MessageView } from './message.js'
import type { OwnProperty } from './own-property.js'
import { type Part, RecordParts } from './record-parts.js'

export interface BuildOptions {
  /** Of the batch that begins there. */
  leaderEpochAt(offset: number): number
  /** Setting `key.index.id.header`: what the property UNIQ_KEY becomes. */
  readonly idHeader: string
  /** What a compressed body may unpack to. */
  readonly maxBodyBytes: number
}

/** The length in front of a record, at most. */
const maxLengthBytes = 5

/**
 * Batches of these messages of one queue, which are in the order of their offsets. Messages of a batch may be missing: then
 * its offsets have gaps, it ends with the last that is there, and the first that is there gives the base timestamp. Bodies
 * must be prepared: see `prepareBodies`.
 *
 * @throws what `bodyOf` throws, of messages that are compressed
 */
export function buildBatches(messages: readonly MessageView[], options: BuildOptions): Buffer {
  const parts = new RecordParts(options.idHeader, options.maxBodyBytes)
  const output = new BatchOutput(roomFor(messages), options)
  for (const message of messages) {
    parts.read(message)
    output.append(message.queueOffset, parts)
  }
  return output.finish()
}

/** A record is hardly ever longer than its message: what a batch has above that it has once. */
function roomFor(messages: readonly MessageView[]): number {
  let bytes = batchOverheadBytes
  for (const message of messages) bytes += message.sizeInBytes
  return bytes
}

class BatchOutput {
  readonly #options: Pick<BuildOptions, 'leaderEpochAt'>
  #bytes: Buffer
  #position = 0
  /** Of the batch that is being built: */
  #start = 0
  #own: OwnProperty | undefined
  #baseOffset = 0
  #lastOffset = 0
  #baseTimestamp = 0
  #maxTimestamp = 0
  #count = 0

  constructor(roomBytes: number, options: Pick<BuildOptions, 'leaderEpochAt'>) {
    this.#bytes = Buffer.allocUnsafe(roomBytes)
    this.#options = options
  }

  append(offset: number, parts: RecordParts): void {
    if (!this.#continues(offset, parts.own)) {
      this.#endBatch()
      this.#beginBatch(offset, parts)
    }
    this.#writeRecord(offset - this.#baseOffset, parts)
    if (parts.timestamp > this.#maxTimestamp) this.#maxTimestamp = parts.timestamp
    this.#lastOffset = offset
    this.#count++
  }

  finish(): Buffer {
    this.#endBatch()
    return this.#bytes.subarray(0, this.#position)
  }

  /** Whether the message came in the batch that is being built. */
  #continues(offset: number, own: OwnProperty): boolean {
    const before = this.#own
    return (
      before !== undefined &&
      offset > this.#lastOffset &&
      offset - own.index === this.#baseOffset &&
      own.recordsCount === before.recordsCount &&
      own.producerId === before.producerId &&
      own.producerEpoch === before.producerEpoch &&
      own.baseSequence === before.baseSequence
    )
  }

  #beginBatch(offset: number, { own, timestamp }: RecordParts): void {
    this.#start = this.#position
    this.#own = own
    this.#baseOffset = offset - own.index
    this.#baseTimestamp = timestamp
    this.#maxTimestamp = timestamp
    this.#count = 0
    this.#makeRoom(batchOverheadBytes)
    this.#position += batchOverheadBytes
  }

  #writeRecord(offsetDelta: number, parts: RecordParts): void {
    const { key, value, headers, headersCount } = parts
    const timestampDelta = parts.timestamp - this.#baseTimestamp
    let bodyBytes = 1 + varlongSize(timestampDelta) + varintSize(offsetDelta) + sizeOf(key) + sizeOf(value)
    bodyBytes += varintSize(headersCount)
    for (let i = 0; i < headersCount; i++) bodyBytes += sizeOf(headers[i].name) + sizeOf(headers[i].value)
    this.#makeRoom(maxLengthBytes + bodyBytes)
    const bytes = this.#bytes
    let position = writeVarint(bytes, this.#position, bodyBytes)
    bytes[position++] = 0
    position = writeVarlong(bytes, position, timestampDelta)
    position = writeVarint(bytes, position, offsetDelta)
    position = writePart(bytes, position, key)
    position = writePart(bytes, position, value)
    position = writeVarint(bytes, position, headersCount)
    for (let i = 0; i < headersCount; i++) {
      position = writePart(bytes, position, headers[i].name)
      position = writePart(bytes, position, headers[i].value)
    }
    this.#position = position
  }

  #endBatch(): void {
    const own = this.#own
    if (own === undefined) return
    const batch = this.#bytes.subarray(this.#start, this.#position)
    writeInt64(batch, this.#baseOffset, at.baseOffset)
    batch.writeInt32BE(batch.length - logOverheadBytes, at.batchLength)
    batch.writeInt32BE(this.#options.leaderEpochAt(this.#baseOffset), at.partitionLeaderEpoch)
    batch[at.magic] = currentMagic
    batch.writeInt16BE(attributesOf(own), at.attributes)
    batch.writeInt32BE(this.#lastOffset - this.#baseOffset, at.lastOffsetDelta)
    writeInt64(batch, this.#baseTimestamp, at.baseTimestamp)
    writeInt64(batch, own.logAppendTime ?? this.#maxTimestamp, at.maxTimestamp)
    writeInt64(batch, own.producerId, at.producerId)
    batch.writeInt16BE(own.producerEpoch, at.producerEpoch)
    batch.writeInt32BE(own.baseSequence, at.baseSequence)
    batch.writeInt32BE(this.#count, at.recordsCount)
    batch.writeUInt32BE(crc32c(batch.subarray(at.attributes)), at.crc)
    this.#own = undefined
  }

  #makeRoom(moreBytes: number): void {
    const neededBytes = this.#position + moreBytes
    if (neededBytes <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(neededBytes, 2 * this.#bytes.length))
    larger.set(this.#bytes.subarray(0, this.#position))
    this.#bytes = larger
  }
}

function attributesOf(own: OwnProperty): number {
  return (
    (own.logAppendTime === undefined ? 0 : logAppendTimeBit) |
    (own.isTransactional ? transactionalBit : 0) |
    (own.marker === undefined ? 0 : controlBit)
  )
}

/** Of a length (-1 for null) and that many bytes. */
function sizeOf({ start, end }: Part): number {
  return start < 0 ? 1 : varintSize(end - start) + end - start
}

function writePart(bytes: Buffer, position: number, { bytes: source, start, end }: Part): number {
  if (start < 0) return writeVarint(bytes, position, -1)
  const from = writeVarint(bytes, position, end - start)
  copyBytes(bytes, from, source, start, end)
  return from + end - start
}
