/**
 * Makes the messages of the commit log out of a record batch: one message for each record, back to back. It walks the
 * records where they lie and makes no object for any; a value is copied once. What a message cannot know before it has its
 * place in the log is put in by {@link seal}.
 */

import { crc32 } from 'node:zlib'
import { writeInt64 } from '../../core/codec/int64.js'
import { invariant } from '../../core/invariant.js'
import type { RecordBatch } from '../../records/batch.js'
import { endMarkerOf } from '../../records/end-marker.js'
import { RecordCursor } from '../../records/record-cursor.js'
import { copyBytes } from './copy-bytes.js'
import { at, atWithV4Hosts } from './format.js'
import { writeCrcProperty } from './message-crc.js'
import { type BatchFacts, batchFieldsText } from './own-property.js'
import type { PreparedQueue } from './prepared-queue.js'
import { PropertyWriter } from './property-writer.js'

/** What the consume queue, the index and the commit log need to know of a batch that was encoded. */
export interface EncodedBatch {
  /** The messages. Their positions and store times are not in them yet: see {@link seal}. */
  readonly bytes: Buffer
  readonly queue: PreparedQueue
  /** Queue offset of the first; the others follow. */
  readonly baseOffset: number
  /** Bytes of each message. */
  readonly sizes: readonly number[]
  readonly tagsCodes: readonly number[]
  readonly keyHashes: readonly (readonly number[])[]
  /** Greatest timestamp of the queue, these messages included; ms. */
  readonly maxTimestamp: number
}

/** Batches are encoded one behind the other into pieces of this size, so that a small one costs no allocation. */
const slabBytes = 256 * 1024

const crcMask = 0x7fffffff

export class BatchEncoder {
  #slab: Buffer = Buffer.allocUnsafeSlow(slabBytes)
  /** Where the next batch begins in it. */
  #start = 0
  /** Where the next message of this batch begins. */
  #position = 0

  /**
   * @param batch uncompressed, verified, with its base offset stamped
   * @param maxTimestampBefore greatest timestamp that the queue had; ms, -1 where it had none
   * @throws INVALID_RECORD where key and headers of a record are more than properties can hold
   */
  encodeBatch(batch: RecordBatch, queue: PreparedQueue, maxTimestampBefore: number): EncodedBatch {
    invariant(batch.codec === 'none', 'a batch is unpacked before it is encoded into messages')
    const { baseOffset, recordsCount } = batch
    const facts = factsOf(batch)
    const properties = new PropertyWriter(queue, batchFieldsText(facts))
    const record = new RecordCursor(batch)
    // At their length from the start: a list that grows from nothing takes room for seventeen.
    const sizes = new Array<number>(recordsCount)
    const tagsCodes = new Array<number>(recordsCount)
    const keyHashes = new Array<readonly number[]>(recordsCount)
    let maxTimestamp = maxTimestampBefore
    this.#position = this.#start
    for (let index = 0; record.next(); index++) {
      const timestamp = facts.logAppendTime ?? record.timestamp
      // Nobody looks for a marker by its time.
      if (facts.marker === undefined && timestamp > maxTimestamp) maxTimestamp = timestamp
      // What a marker's record says is said by its message's property, and its body is empty.
      const bodyLength = facts.marker === undefined ? record.valueEnd - record.valueStart : 0
      this.#makeRoom(queue, properties, record, bodyLength)
      const start = this.#position
      const propertiesStart = this.#writeBody(queue, record, baseOffset + index, bodyLength)
      properties.start(this.#slab, propertiesStart, index)
      if (facts.marker === undefined) {
        properties.writeHeaders(record)
        properties.writeKey(record)
      }
      this.#position = properties.finish(maxTimestamp > timestamp ? maxTimestamp : undefined, record.valueStart < 0)
      this.#writeLengths(start, propertiesStart)
      sizes[index] = this.#position - start
      tagsCodes[index] = properties.tagsCode
      keyHashes[index] = properties.keyHashes
    }
    const bytes = this.#slab.subarray(this.#start, this.#position)
    this.#start = this.#position
    return { bytes, queue, baseOffset, sizes, tagsCodes, keyHashes, maxTimestamp }
  }

  /** Writes everything in front of the properties; returns where they begin. */
  #writeBody(queue: PreparedQueue, record: RecordCursor, queueOffset: number, bodyLength: number): number {
    const target = this.#slab
    const start = this.#position
    const bodyStart = start + queue.head.length
    const topicStart = bodyStart + bodyLength
    target.set(queue.head, start)
    writeInt64(target, queueOffset, start + at.queueOffset)
    writeInt64(target, record.timestamp, start + at.bornTimestamp)
    writeInt32(target, bodyLength, bodyStart - 4)
    if (bodyLength > 0) {
      const body = record.bytes.subarray(record.valueStart, record.valueEnd)
      target.set(body, bodyStart)
      writeInt32(target, crc32(body) & crcMask, start + at.bodyCrc)
    }
    copyBytes(target, topicStart, queue.topicField, 0, queue.topicField.length)
    return topicStart + queue.topicField.length + 2
  }

  #writeLengths(start: number, propertiesStart: number): void {
    const end = this.#position
    writeInt32(this.#slab, end - start, start + at.totalSize)
    this.#slab[propertiesStart - 2] = (end - propertiesStart) >> 8
    this.#slab[propertiesStart - 1] = end - propertiesStart
  }

  /**
   * Makes sure of room for the record's message. Where the rest of the slab is too small another takes its place, and what
   * was encoded of this batch moves there.
   */
  #makeRoom(queue: PreparedQueue, properties: PropertyWriter, record: RecordCursor, bodyLength: number): void {
    const headBytes = queue.head.length + queue.topicField.length + 2
    const moreBytes = headBytes + bodyLength + properties.roomFor(record.sizeInBytes - bodyLength)
    if (this.#position + moreBytes <= this.#slab.length) return
    const usedBytes = this.#position - this.#start
    const neededBytes = usedBytes === 0 ? moreBytes : 2 * (usedBytes + moreBytes)
    const larger = Buffer.allocUnsafeSlow(Math.max(slabBytes, neededBytes))
    larger.set(this.#slab.subarray(this.#start, this.#position))
    this.#slab = larger
    this.#start = 0
    this.#position = usedBytes
  }
}

function writeInt32(bytes: Buffer, value: number, position: number): void {
  bytes[position] = value >> 24
  bytes[position + 1] = value >> 16
  bytes[position + 2] = value >> 8
  bytes[position + 3] = value
}

function factsOf(batch: RecordBatch): BatchFacts {
  const marker = batch.isControl ? endMarkerOf(batch) : undefined
  invariant(!batch.isControl || marker !== undefined, 'a control batch is the marker that ends a transaction')
  return {
    producerId: batch.producerId,
    producerEpoch: batch.producerEpoch,
    baseSequence: batch.baseSequence,
    isTransactional: batch.isTransactional,
    marker,
    logAppendTime: batch.timestampType === 'LogAppendTime' ? batch.maxTimestamp : undefined,
    recordsCount: batch.recordsCount,
  }
}

/**
 * Puts the messages to their place: `position` is where in the commit log the first begins, and the others follow. To be
 * called again where the place changes.
 *
 * @param storeTimestamp ms since 1970, by the broker's clock
 */
export function seal(encoded: EncodedBatch, position: number, storeTimestamp: number): void {
  const { bytes, queue, sizes } = encoded
  const storeTimestampAt = atWithV4Hosts.storeTimestamp + queue.bornHostMore
  let start = 0
  for (const size of sizes) {
    writeInt64(bytes, position + start, start + at.position)
    writeInt64(bytes, storeTimestamp, start + storeTimestampAt)
    writeCrcProperty(bytes, start, start + size)
    start += size
  }
}
