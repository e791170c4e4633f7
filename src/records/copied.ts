/**
 * Batches that another log holds, looked at before this one takes them: what a producer may not send is allowed here, such as
 * markers and the gaps that compaction leaves, and the checksum says that the bytes are those that the other log was given.
 */

import { HoldfastError } from '../core/errors.js'
import { batchesIn, type RecordBatch } from './batch.js'
import { checkSize } from './verify.js'

/** @throws CORRUPT_MESSAGE, MESSAGE_TOO_LARGE */
export function copiedBatches(bytes: Buffer, maxBatchBytes: number): RecordBatch[] {
  const batches = [...batchesIn(bytes)]
  const sizeInBytes = batches.reduce((sum, batch) => sum + batch.sizeInBytes, 0)
  if (sizeInBytes !== bytes.length) {
    throw new HoldfastError('CORRUPT_MESSAGE', `Of ${bytes.length} copied bytes ${sizeInBytes} are whole batches.`)
  }
  for (const batch of batches) {
    checkSize(batch.sizeInBytes, maxBatchBytes)
    const { baseOffset, lastOffsetDelta, recordsCount } = batch
    const isPlausible = baseOffset >= 0 && recordsCount >= 0 && recordsCount <= lastOffsetDelta + 1
    if (isPlausible && batch.crcMatches()) continue
    throw new HoldfastError('CORRUPT_MESSAGE', `The copied batch at offset ${baseOffset} is damaged.`)
  }
  return batches
}
