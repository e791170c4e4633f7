/** Finds where the zeros begin that fill a file to its end. */

import type { DiskFile } from '../../files/disk.js'

const pieceBytes = 1024 * 1024
const zeros = Buffer.alloc(pieceBytes)

/** The position behind the last byte in [from, to) that is not zero; `from` where all are. Reads from the end on. */
export async function endOfContent(file: DiskFile, from: number, to: number): Promise<number> {
  const piece = Buffer.allocUnsafeSlow(Math.min(pieceBytes, to - from))
  for (let end = to; end > from; ) {
    const start = Math.max(from, end - pieceBytes)
    const bytes = piece.subarray(0, await file.read(piece.subarray(0, end - start), start))
    if (!bytes.equals(zeros.subarray(0, bytes.length))) return start + lengthOfContent(bytes)
    end = start
  }
  return from
}

function lengthOfContent(bytes: Buffer): number {
  let length = bytes.length
  while (length > 0 && bytes[length - 1] === 0) length--
  return length
}
