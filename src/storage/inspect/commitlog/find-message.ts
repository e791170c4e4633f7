/** Finds where sound messages go on behind bytes that are none. */

import { readInt64 } from '../../../core/codec/int64.js'
import type { DiskFile } from '../../../files/disk.js'
import { at, magic, messageOverheadBytes } from '../../commitlog/format.js'
import { readMessage } from '../../commitlog/message.js'

const pieceBytes = 1024 * 1024

/** The first three bytes of both magics. */
const magicStart = Buffer.from([magic.messageV1 >> 24, magic.messageV1 >> 16, magic.messageV1 >> 8])

/**
 * Where in the file the first sound message from `from` on begins, or undefined. Each message says where it lies, so that
 * one which was written there is told from bytes that look like one.
 *
 * @param base position in the commit log of the file's first byte
 */
export async function findNextMessage(
  file: DiskFile,
  base: number,
  from: number,
  end: number,
): Promise<number | undefined> {
  const piece = Buffer.allocUnsafeSlow(pieceBytes + messageOverheadBytes)
  for (let start = from; start + messageOverheadBytes <= end; start += pieceBytes) {
    const read = await file.read(piece.subarray(0, Math.min(piece.length, end - start)), start)
    const bytes = piece.subarray(0, read)
    for (let found = bytes.indexOf(magicStart, at.magic); found >= 0; found = bytes.indexOf(magicStart, found + 1)) {
      const candidate = found - at.magic
      if (candidate >= pieceBytes || candidate + messageOverheadBytes > read) break
      const size = bytes.readInt32BE(candidate)
      const saysIt = readInt64(bytes, candidate + at.position) === base + start + candidate
      if (!saysIt || size < messageOverheadBytes || size > end - start - candidate) continue
      if (await isSound(file, base, start + candidate, size)) return start + candidate
    }
  }
  return undefined
}

async function isSound(file: DiskFile, base: number, position: number, size: number): Promise<boolean> {
  const bytes = Buffer.allocUnsafeSlow(size)
  return (await file.read(bytes, position)) === size && readMessage(bytes, 0, size, base + position).kind === 'message'
}
