/**
 * Builds record batches. The way in of the library's producers, so it writes straight into one growing buffer and
 * makes no object per record or field.
 */

import { writeInt64 } from '../core/codec/int64.js'
import { HoldfastError } from '../core/errors.js'
import { invariant } from '../core/invariant.js'
import { RecordBatch } from './batch.js'
import { compress, type Packing } from './compression/index.js'
import { crc32c } from './crc32c.js'
import {
  at,
  batchOverheadBytes,
  type Codec,
  codecNames,
  controlBit,
  currentMagic,
  logOverheadBytes,
  maxInt32,
  noLeaderEpoch,
  noProducerEpoch,
  noProducerId,
  noSequence,
  transactionalBit,
} from './format.js'
import type { Header, RecordInput } from './record.js'
import { varintSize, varlongSize, writeVarint, writeVarlong } from './varint.js'

export interface BatchOptions {
  /** `none` unless given, here or to `build`. The codec must be prepared: see `prepareCodec`. */
  codec?: Codec
  baseOffset?: number
  partitionLeaderEpoch?: number
  producerId?: number
  producerEpoch?: number
  baseSequence?: number
  isTransactional?: boolean
  isControl?: boolean
}

/**
 * A batch as a {@link BatchBuilder} of this process made it. That is a proof: nobody else has written its bytes, so its
 * CRC and its records are right, and a broker in the same process need not walk them again (`verifyBuiltBatch`). The
 * class is known outside as a type only and has a private field, so nothing that came over a wire can pass for one.
 */
class BuiltBatch extends RecordBatch {
  readonly #recordsBytes: number
  /** A record in it has no key. */
  readonly hasKeyless: boolean

  constructor(bytes: Buffer, recordsBytes: number, hasKeyless: boolean) {
    super(bytes)
    this.#recordsBytes = recordsBytes
    this.hasKeyless = hasKeyless
  }

  /** What its records take unpacked. */
  get recordsBytes(): number {
    return this.#recordsBytes
  }
}

export type { BuiltBatch }

/** From Node's shared pool, so that a batch of one small record costs no allocation of its own. */
const firstCapacityBytes = 512

/** Up to here a loop copies faster than `TypedArray.set`, whose call alone costs as much (measured). */
const copyByLoopBytes = 40

/** The most a varint takes, for the length in front of a record. */
const maxLengthBytes = 5

export class BatchBuilder {
  readonly #options: BatchOptions
  #buffer: Buffer
  #position = batchOverheadBytes
  #count = 0
  #baseTimestamp = 0
  #maxTimestamp = 0
  #hasKeyless = false
  #built = false

  /** @param buffer to build in, where the caller has one; it belongs to the batch until nobody uses that any more. */
  constructor(options: BatchOptions = {}, buffer: Buffer = Buffer.allocUnsafe(firstCapacityBytes)) {
    this.#options = options
    this.#buffer = buffer
  }

  /** The records so far. */
  get count(): number {
    return this.#count
  }

  /** The size of the batch so far, header included, before compression. */
  get sizeInBytes(): number {
    return this.#position
  }

  /**
   * What the batch is built in: the one that was given, or a larger one that took its place. Where it is not compressed,
   * the batch that was built lies in it.
   */
  get buffer(): Buffer {
    return this.#buffer
  }

  /**
   * Adds one record; its bytes are copied. The first record's timestamp becomes the batch's base.
   *
   * @throws INVALID_TIMESTAMP where the timestamp, or its distance to the first one, is not a safe integer.
   * @throws MESSAGE_TOO_LARGE where the batch would pass 2^31-1 bytes. The batch is unchanged after a throw.
   */
  append(record: RecordInput): void {
    invariant(!this.#built, 'a batch that was built takes no more records')
    const timestamp = record.timestamp
    const baseTimestamp = this.#count === 0 ? timestamp : this.#baseTimestamp
    const timestampDelta = timestamp - baseTimestamp
    if (!Number.isSafeInteger(timestamp) || !Number.isSafeInteger(timestampDelta)) refuseTimestamp(timestamp)
    const key = record.key ?? null
    const value = record.value ?? null
    const headers = record.headers ?? noHeaders
    const bodyBytes =
      1 +
      varlongSize(timestampDelta) +
      varintSize(this.#count) +
      bytesSize(key) +
      bytesSize(value) +
      (headers.length === 0 ? 1 : headersSize(headers))
    this.#makeRoom(maxLengthBytes + bodyBytes)

    const buffer = this.#buffer
    let position = writeVarint(buffer, this.#position, bodyBytes)
    const bodyStart = position
    // The record's attributes, of which there are none.
    buffer[position++] = 0
    position = writeVarlong(buffer, position, timestampDelta)
    position = writeVarint(buffer, position, this.#count)
    position = writeBytes(buffer, position, key)
    position = writeBytes(buffer, position, value)
    if (headers.length === 0) buffer[position++] = 0
    else position = writeHeaders(buffer, position, headers)
    // Getters and proxies as records could answer differently the second time; a wrong length must not get out.
    if (position !== bodyStart + bodyBytes) invariant(false, 'a record does not change while it is appended')

    if (key === null) this.#hasKeyless = true
    this.#baseTimestamp = baseTimestamp
    if (this.#count === 0 || timestamp > this.#maxTimestamp) this.#maxTimestamp = timestamp
    this.#position = position
    this.#count++
  }

  /**
   * The records so far, as they will be in the batch before they are packed: a view, until the next `append`.
   */
  get records(): Buffer {
    return this.#buffer.subarray(batchOverheadBytes, this.#position)
  }

  /**
   * The batch, once. Without compression it is the builder's own buffer, not a copy.
   *
   * @param packing how its records are packed, where that is not said by the options
   * @throws MESSAGE_TOO_LARGE where compressing made it longer than 2^31-1 bytes.
   */
  build(packing: Packing = { codec: this.#options.codec ?? 'none' }): BuiltBatch {
    invariant(!this.#built, 'a batch is built once')
    invariant(this.#count > 0, 'a batch that is built has at least one record')
    this.#built = true
    let { codec } = packing
    let bytes = this.#buffer.subarray(0, this.#position)
    if (codec !== 'none') {
      const records = bytes.subarray(at.records)
      const packed = compress(codec, records, packing.level)
      if (packing.ifSmaller && packed.length >= records.length) codec = 'none'
      else {
        bytes = Buffer.allocUnsafe(batchOverheadBytes + packed.length)
        bytes.set(packed, at.records)
      }
    }
    if (bytes.length > maxInt32) refuseSize(bytes.length)
    this.#writeHeader(bytes, codec)
    return new BuiltBatch(bytes, this.#position - batchOverheadBytes, this.#hasKeyless)
  }

  #writeHeader(bytes: Buffer, codec: Codec): void {
    const options = this.#options
    writeInt64(bytes, options.baseOffset ?? 0, at.baseOffset)
    bytes.writeInt32BE(bytes.length - logOverheadBytes, at.batchLength)
    bytes.writeInt32BE(options.partitionLeaderEpoch ?? noLeaderEpoch, at.partitionLeaderEpoch)
    bytes[at.magic] = currentMagic
    bytes.writeInt16BE(
      codecNames.indexOf(codec) |
        (options.isTransactional ? transactionalBit : 0) |
        (options.isControl ? controlBit : 0),
      at.attributes,
    )
    bytes.writeInt32BE(this.#count - 1, at.lastOffsetDelta)
    writeInt64(bytes, this.#baseTimestamp, at.baseTimestamp)
    writeInt64(bytes, this.#maxTimestamp, at.maxTimestamp)
    writeInt64(bytes, options.producerId ?? noProducerId, at.producerId)
    bytes.writeInt16BE(options.producerEpoch ?? noProducerEpoch, at.producerEpoch)
    bytes.writeInt32BE(options.baseSequence ?? noSequence, at.baseSequence)
    bytes.writeInt32BE(this.#count, at.recordsCount)
    bytes.writeUInt32BE(crc32c(bytes.subarray(at.attributes)), at.crc)
  }

  #makeRoom(moreBytes: number): void {
    const needed = this.#position + moreBytes
    if (needed <= this.#buffer.length) return
    if (needed > maxInt32) refuseSize(needed)
    const larger = Buffer.allocUnsafe(Math.min(maxInt32, Math.max(needed, this.#buffer.length * 2)))
    larger.set(this.#buffer.subarray(0, this.#position))
    this.#buffer = larger
  }
}

const noHeaders: readonly Header[] = []

function refuseTimestamp(timestamp: number): never {
  throw new HoldfastError(
    'INVALID_TIMESTAMP',
    `The timestamp ${timestamp} cannot be stored: it, and its distance to the first of the batch, must be whole milliseconds within ±2^53.`,
  )
}

function refuseSize(sizeInBytes: number): never {
  throw new HoldfastError(
    'MESSAGE_TOO_LARGE',
    `The batch would be ${sizeInBytes} bytes; a batch ends at ${maxInt32}. Send fewer records in one batch.`,
  )
}

/** A length (-1 for null) and that many bytes. */
function bytesSize(bytes: Uint8Array | null): number {
  return bytes === null ? 1 : varintSize(bytes.length) + bytes.length
}

function writeBytes(buffer: Buffer, position: number, bytes: Uint8Array | null): number {
  if (bytes === null) {
    buffer[position] = 1
    return position + 1
  }
  const length = bytes.length
  const start = writeVarint(buffer, position, length)
  if (length > copyByLoopBytes) buffer.set(bytes, start)
  else for (let index = 0; index < length; index++) buffer[start + index] = bytes[index]
  return start + length
}

function headersSize(headers: readonly Header[]): number {
  let size = varintSize(headers.length)
  for (const header of headers) {
    const keyBytes = utf8Length(header.key)
    size += varintSize(keyBytes) + keyBytes + bytesSize(header.value)
  }
  return size
}

function writeHeaders(buffer: Buffer, start: number, headers: readonly Header[]): number {
  let position = writeVarint(buffer, start, headers.length)
  for (const { key, value } of headers) {
    const keyBytes = utf8Length(key)
    position = writeVarint(buffer, position, keyBytes)
    if (keyBytes === key.length) {
      for (let index = 0; index < keyBytes; index++) buffer[position + index] = key.charCodeAt(index)
    } else {
      buffer.write(key, position, keyBytes, 'utf8')
    }
    position = writeBytes(buffer, position + keyBytes, value)
  }
  return position
}

/** The bytes of `text` in UTF-8; half a surrogate pair counts as U+FFFD, which Node writes for it. */
function utf8Length(text: string): number {
  const units = text.length
  for (let index = 0; index < units; index++) {
    // Header keys are short and nearly always ASCII: a loop over them beats the call into native code.
    if (text.charCodeAt(index) > 0x7f) return Buffer.byteLength(text, 'utf8')
  }
  return units
}

/** One batch of all `records`, in order. Throws as {@link BatchBuilder.append} does. */
export function buildBatch(records: readonly RecordInput[], options: BatchOptions = {}): RecordBatch {
  const builder = new BatchBuilder(options)
  for (const record of records) builder.append(record)
  return builder.build()
}
