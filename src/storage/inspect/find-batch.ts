/** Finds where sound record batches go on behind bytes that are none. */

import { readInt64 } from '../../core/codec/int64.js'
import type { DiskFile } from '../../files/disk.js'
import { RecordBatch } from '../../records/batch.js'
import { at, batchOverheadBytes, currentMagic, logOverheadBytes } from '../../records/format.js'

const pieceBytes = 1024 * 1024

export interface Bounds {
  /** First byte that is looked at, and the end of the file. */
  readonly from: number
  readonly end: number
  readonly minOffset: number
  readonly maxOffset: number
}

/** The position of the first batch whose header makes sense and whose CRC is right, or undefined. */
export async function findNextBatch(file: DiskFile, { from, end, ...offsets }: Bounds): Promise<number | undefined> {
  const piece = Buffer.allocUnsafeSlow(pieceBytes + batchOverheadBytes)
  for (let start = from; start + batchOverheadBytes <= end; start += pieceBytes) {
    const read = await file.read(piece.subarray(0, Math.min(piece.length, end - start)), start)
    const last = Math.min(pieceBytes, read - batchOverheadBytes + 1)
    // The byte that tells a batch from most else, looked for by the engine's own search.
    for (
      let magic = piece.indexOf(currentMagic, at.magic);
      magic !== -1;
      magic = piece.indexOf(currentMagic, magic + 1)
    ) {
      const candidate = magic - at.magic
      if (candidate >= last) break
      const size = sizeIfPlausible(
        piece.subarray(candidate, candidate + batchOverheadBytes),
        end - start - candidate,
        offsets,
      )
      if (size !== undefined && (await isSound(file, start + candidate, size))) return start + candidate
    }
  }
  return undefined
}

function sizeIfPlausible(
  head: Buffer,
  left: number,
  { minOffset, maxOffset }: Pick<Bounds, 'minOffset' | 'maxOffset'>,
): number | undefined {
  const size = head.readInt32BE(at.batchLength) + logOverheadBytes
  if (size < batchOverheadBytes || size > left || head[at.attributes] !== 0) return undefined
  const baseOffset = readInt64(head, at.baseOffset)
  const delta = head.readInt32BE(at.lastOffsetDelta)
  return delta >= 0 && baseOffset >= minOffset && baseOffset + delta <= maxOffset ? size : undefined
}

async function isSound(file: DiskFile, position: number, size: number): Promise<boolean> {
  const bytes = Buffer.allocUnsafeSlow(size)
  return (await file.read(bytes, position)) === size && new RecordBatch(bytes).crcMatches()
}
