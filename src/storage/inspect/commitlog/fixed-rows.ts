/** Reads rows of one size out of a file, a piece of the file at a time. */

import type { Disk } from '../../../files/disk.js'
import { withFile } from '../open-file.js'

export interface FixedRow {
  /** Valid until the next row is asked for, from `at` on. */
  readonly bytes: Buffer
  readonly at: number
  /** Of the row in the file. */
  readonly position: number
}

const rowsAtOnce = 8192

/** The whole rows of [from, to), as far as the file has them. */
export async function* rowsIn(
  disk: Disk,
  path: string,
  from: number,
  to: number,
  rowBytes: number,
): AsyncGenerator<FixedRow> {
  const piece = Buffer.allocUnsafeSlow(rowsAtOnce * rowBytes)
  for (let position = from; position + rowBytes <= to; ) {
    const start = position
    const wanted = piece.subarray(0, Math.min(piece.length, to - start))
    const read = await withFile(disk, path, (file) => file.read(wanted, start))
    for (let at = 0; at + rowBytes <= read; at += rowBytes, position += rowBytes) yield { bytes: wanted, at, position }
    if (position === start) return
  }
}
