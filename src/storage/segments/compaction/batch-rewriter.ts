/**
 * Writes a batch anew without the records that go. Base offset, last offset, producer fields, leader epoch, codec and
 * kind of timestamp stay; the count, the largest timestamp and the checksum follow the records. A delete horizon takes
 * the place of the base timestamp, so that the records' distances to it change and their times stay.
 *
 * Source: MemoryRecords.buildRetainedRecordsInto and DefaultRecordBatch.writeEmptyHeader in Kafka.
 */

import { writeInt64 } from '../../../core/codec/int64.js'
import type { RecordBatch } from '../../../records/batch.js'
import { compress } from '../../../records/compression/index.js'
import { crc32c } from '../../../records/crc32c.js'
import { at, batchOverheadBytes, codecMask, deleteHorizonBit, logOverheadBytes } from '../../../records/format.js'
import { varlongSize, writeVarint, writeVarlong } from '../../../records/varint.js'
import type { KeptRecords } from './kept-records.js'

/** The most that a record grows by: its timestamp and its length are written anew. */
const growthBytes = 15
const noTimestamp = -1

export class BatchRewriter {
  #scratch: Buffer = Buffer.allocUnsafeSlow(64 * 1024)

  /** The batch with no record left: a sign of the offsets and the sequence that it covered. */
  emptied(batch: RecordBatch): Buffer {
    const bytes = this.#room(batchOverheadBytes).subarray(0, batchOverheadBytes)
    batch.bytes.copy(bytes, 0, 0, batchOverheadBytes)
    const attributes = batch.attributes & ~(codecMask | deleteHorizonBit)
    return sealed(bytes, attributes, noTimestamp, batch.maxTimestamp, 0)
  }

  /**
   * @param records what the positions in `kept` mean
   * @param newHorizonMs from when on its tombstones, or its marker, may go; where the batch has none yet
   */
  written(batch: RecordBatch, records: Buffer, kept: KeptRecords, newHorizonMs: number | undefined): Buffer {
    const { baseTimestamp: oldBase, attributes, maxTimestamp: oldMax } = batch
    const appendTime = batch.timestampType === 'LogAppendTime' ? oldMax : undefined
    const { timestampDeltas, count } = kept
    const first = appendTime ?? oldBase + timestampDeltas[0]
    const baseTimestamp = newHorizonMs ?? (batch.hasDeleteHorizon ? oldBase : first)
    const end = this.#copyRecords(records, kept, (delta) => (appendTime ?? oldBase + delta) - baseTimestamp)
    let maxTimestamp = appendTime ?? noTimestamp
    if (appendTime === undefined) {
      for (let i = 0; i < count; i++) maxTimestamp = Math.max(maxTimestamp, oldBase + timestampDeltas[i])
    }
    let bytes = this.#scratch.subarray(0, end)
    if (batch.codec !== 'none') {
      const packed = compress(batch.codec, bytes.subarray(at.records))
      bytes = Buffer.allocUnsafe(batchOverheadBytes + packed.length)
      bytes.set(packed, at.records)
    }
    batch.bytes.copy(bytes, 0, 0, batchOverheadBytes)
    const horizon = newHorizonMs === undefined ? 0 : deleteHorizonBit
    return sealed(bytes, attributes | horizon, baseTimestamp, maxTimestamp, count)
  }

  /** Into the scratch buffer, behind the room for a header; returns where they end. */
  #copyRecords(records: Buffer, kept: KeptRecords, newDeltaOf: (delta: number) => number): number {
    const { count, starts, rests, ends, timestampDeltas } = kept
    const scratch = this.#room(batchOverheadBytes + records.length + count * growthBytes)
    let position = batchOverheadBytes
    for (let i = 0; i < count; ) {
      const delta = timestampDeltas[i]
      const newDelta = newDeltaOf(delta)
      if (newDelta === delta) {
        // Neighbours that stay as they are go together.
        const from = starts[i]
        let to = ends[i++]
        while (i < count && starts[i] === to && newDeltaOf(timestampDeltas[i]) === timestampDeltas[i]) to = ends[i++]
        position += records.copy(scratch, position, from, to)
        continue
      }
      const restBytes = ends[i] - rests[i]
      // The byte of attributes, which Kafka gives no meaning, is the first of the body.
      position = writeVarint(scratch, position, 1 + varlongSize(newDelta) + restBytes)
      scratch[position++] = 0
      position = writeVarlong(scratch, position, newDelta)
      position += records.copy(scratch, position, rests[i], ends[i])
      i++
    }
    return position
  }

  #room(bytes: number): Buffer {
    if (this.#scratch.length < bytes) this.#scratch = Buffer.allocUnsafeSlow(Math.max(bytes, this.#scratch.length * 2))
    return this.#scratch
  }
}

/** Sets what differs from the header of the batch as it was. */
function sealed(
  bytes: Buffer,
  attributes: number,
  baseTimestamp: number,
  maxTimestamp: number,
  recordsCount: number,
): Buffer {
  bytes.writeInt32BE(bytes.length - logOverheadBytes, at.batchLength)
  bytes.writeInt16BE(attributes, at.attributes)
  writeInt64(bytes, baseTimestamp, at.baseTimestamp)
  writeInt64(bytes, maxTimestamp, at.maxTimestamp)
  bytes.writeInt32BE(recordsCount, at.recordsCount)
  bytes.writeUInt32BE(crc32c(bytes.subarray(at.attributes)), at.crc)
  return bytes
}
