/**
 * Finds the frames of a Zstandard stream and what each can unpack to, from the headers of its blocks alone.
 * Source: RFC 8878, section 3. All fields are little-endian.
 */

import { refuseStream } from './refusals.js'

export interface ZstdFrame {
  readonly bytes: Buffer
  /** What it unpacks to is not less than this ... */
  readonly minBytes: number
  /** ... and not more than this. Both are the same where the frame says its size. */
  readonly maxBytes: number
}

const frameMagic = 0xfd2fb528
/** The last four bits are free. */
const skippableMagic = 0x184d2a50
const maxBlockBytes = 128 * 1024

const dictionaryIdBytes = [0, 1, 2, 4]
const contentSizeBytes = [0, 2, 4, 8]

/**
 * The frames in order, skippable ones left out.
 *
 * @throws INVALID_RECORD where the stream is cut off, is something else, or contradicts itself.
 */
export function* zstdFrames(bytes: Buffer): Generator<ZstdFrame> {
  if (bytes.length === 0) refuseStream('zstd', 'it is empty')
  let position = 0
  while (position < bytes.length) {
    const magic = readUint(bytes, position, 4)
    if ((magic & 0xfffffff0) === skippableMagic) {
      position += 8 + readUint(bytes, position + 4, 4)
      if (position > bytes.length) refuseStream('zstd', 'it ends inside a skippable frame')
      continue
    }
    if (magic !== frameMagic) refuseStream('zstd', `no frame starts at byte ${position}`)
    const frame = readFrame(bytes, position)
    yield frame
    position += frame.bytes.length
  }
}

function readFrame(bytes: Buffer, start: number): ZstdFrame {
  const flags = readUint(bytes, start + 4, 1)
  const isSingleSegment = (flags & 0x20) !== 0
  const hasChecksum = (flags & 0x04) !== 0
  let position = start + 5
  const windowBytes = isSingleSegment ? maxBlockBytes : windowSize(readUint(bytes, position++, 1))
  position += dictionaryIdBytes[flags & 3]
  const sizeFieldBytes = contentSizeBytes[flags >>> 6] || (isSingleSegment ? 1 : 0)
  const contentBytes = sizeFieldBytes === 0 ? undefined : readContentSize(bytes, position, sizeFieldBytes)
  position += sizeFieldBytes

  const mostPerBlock = Math.min(windowBytes, maxBlockBytes)
  let min = 0
  let max = 0
  for (let isLast = false; !isLast; ) {
    const header = readUint(bytes, position, 3)
    position += 3
    isLast = (header & 1) === 1
    const kind = (header >>> 1) & 3
    const size = header >>> 3
    if (kind === 3) refuseStream('zstd', `the block at byte ${position} is of a reserved kind`)
    // Stored bytes and runs say what they unpack to; only a compressed block does not.
    if (kind !== 2) min += size
    max += kind === 2 ? mostPerBlock : size
    position += kind === 1 ? 1 : size
    if (position > bytes.length) refuseStream('zstd', 'it ends inside a block')
  }
  if (hasChecksum) position += 4
  if (position > bytes.length) refuseStream('zstd', 'it ends inside a checksum')
  if (contentBytes !== undefined && (contentBytes < min || contentBytes > max)) {
    refuseStream('zstd', `a frame claims ${contentBytes} bytes; its blocks hold ${min} to ${max}`)
  }
  const frame = bytes.subarray(start, position)
  return { bytes: frame, minBytes: contentBytes ?? min, maxBytes: contentBytes ?? max }
}

/** Five bits of exponent, three of mantissa. */
function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >>> 3))
  return base + (base / 8) * (descriptor & 7)
}

function readContentSize(bytes: Buffer, position: number, fieldBytes: number): number {
  if (fieldBytes === 8) return readUint(bytes, position, 4) + readUint(bytes, position + 4, 4) * 2 ** 32
  // Two bytes start where one byte ends.
  return readUint(bytes, position, fieldBytes) + (fieldBytes === 2 ? 256 : 0)
}

function readUint(bytes: Buffer, position: number, length: number): number {
  if (position + length > bytes.length) refuseStream('zstd', `it ends at byte ${bytes.length}, inside a header`)
  return bytes.readUIntLE(position, length)
}
