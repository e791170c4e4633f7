/**
 * Puts a batch's header right where the records are whole: offset, length, leader epoch and magic lie outside the CRC,
 * but each follows from what lies around the batch, and the CRC then says whether the guess was right.
 */

import { RecordBatch } from '../../records/batch.js'
import { at, batchOverheadBytes, currentMagic, logOverheadBytes } from '../../records/format.js'

export interface Place {
  /** The offset that is next. */
  readonly offset: number
  /** The leader epoch of that offset, undefined where nobody knows. */
  readonly epoch: number | undefined
}

/** `bytes`, up to where the next batch begins, as the batch they must have been; undefined where they are none. */
export function mendHeader(bytes: Buffer, { offset, epoch }: Place): RecordBatch | undefined {
  if (bytes.length < batchOverheadBytes) return undefined
  const mended = Buffer.from(bytes)
  mended.writeInt32BE(bytes.length - logOverheadBytes, at.batchLength)
  mended.writeInt8(currentMagic, at.magic)
  const batch = new RecordBatch(mended)
  if (!batch.crcMatches() || batch.lastOffsetDelta < 0) return undefined
  batch.stamp(offset, epoch ?? batch.partitionLeaderEpoch)
  return batch
}
