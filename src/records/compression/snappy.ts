/**
 * Snappy as Kafka uses it: not Snappy's own frame format but that of snappy-java's SnappyOutputStream ("xerial"): a
 * header of 16 bytes, then chunks, each an i32 (big-endian) length and a raw Snappy block. A stream without that
 * header is one raw block, which librdkafka may send.
 *
 * Raw blocks are written by `snappyjs` and read by the code here: the library's reader trusts lengths, runs over its
 * output and can be made to loop for ever by a literal of negative length.
 *
 * Sources: https://github.com/xerial/snappy-java, https://github.com/google/snappy/blob/main/format_description.txt
 */

import { loadLibrary, refuseLarge, refuseStream } from './refusals.js'

/** Magic, version 1, compatible version 1. */
const streamHeader = Buffer.from('82534e41505059000000000100000001', 'hex')
const magicBytes = 8
/** The magic's first four bytes, where a chunk's length would be: a further stream starts. */
const magicAsLength = streamHeader.readUInt32BE(0)

/** SnappyOutputStream's default block. */
const blockBytes = 32 * 1024

/** The best that the format can do: 64 bytes out of a copy of three (and of two bytes for 11). */
const maxRatio = 64

let library: { compress(bytes: Uint8Array): Uint8Array } | undefined

export function compressSnappy(bytes: Uint8Array): Buffer {
  library ??= loadLibrary<{ compress(bytes: Uint8Array): Uint8Array }>('snappy', 'snappyjs')
  const parts: Uint8Array[] = [streamHeader]
  for (let start = 0; start < bytes.length; start += blockBytes) {
    const block = library.compress(bytes.subarray(start, start + blockBytes))
    const length = Buffer.allocUnsafe(4)
    length.writeInt32BE(block.length)
    parts.push(length, block)
  }
  return Buffer.concat(parts)
}

export function decompressSnappy(bytes: Buffer, maxBytes: number): Buffer {
  // The first pass believes only the lengths, and bounds their sum; the second fills exactly that much.
  const blocks = blocksOf(bytes)
  let totalBytes = 0
  for (const block of blocks) {
    const { length } = readPreamble(block)
    if (length > block.length * maxRatio) refuseStream('snappy', `a block of ${block.length} bytes claims ${length}`)
    totalBytes += length
    if (totalBytes > maxBytes) refuseLarge(maxBytes)
  }
  const output = Buffer.allocUnsafe(totalBytes)
  let filled = 0
  for (const block of blocks) {
    const { length, start } = readPreamble(block)
    decodeBlock(block, start, output, filled, filled + length)
    filled += length
  }
  return output
}

/** The raw blocks of a stream, as slices. */
function blocksOf(bytes: Buffer): Buffer[] {
  if (bytes.length < magicBytes || bytes.compare(streamHeader, 0, magicBytes, 0, magicBytes) !== 0) return [bytes]
  const blocks: Buffer[] = []
  let position = 0
  while (position < bytes.length) {
    if (position + 4 > bytes.length) refuseStream('snappy', `it ends inside a chunk's length at byte ${position}`)
    const length = bytes.readUInt32BE(position)
    if (length === magicAsLength) {
      position += streamHeader.length
      if (position > bytes.length) refuseStream('snappy', 'it ends inside its header')
      continue
    }
    position += 4
    if (length > bytes.length - position) {
      refuseStream('snappy', `the chunk at byte ${position} claims ${length} bytes of ${bytes.length - position}`)
    }
    blocks.push(bytes.subarray(position, position + length))
    position += length
  }
  return blocks
}

/** The length a raw block unpacks to (a plain varint of 32 bits) and where its elements start. */
function readPreamble(block: Buffer): { length: number; start: number } {
  let length = 0
  for (let index = 0; index < 5 && index < block.length; index++) {
    const byte = block[index]
    length += (byte & 0x7f) * 2 ** (7 * index)
    if (byte < 0x80) return { length, start: index + 1 }
  }
  return refuseStream('snappy', 'a block does not start with its length')
}

/** Unpacks the elements of `block` from `start` on into `output`, exactly from `from` to `to`. */
function decodeBlock(block: Buffer, start: number, output: Buffer, from: number, to: number): void {
  const end = block.length
  let read = start
  // The positions were summed up as doubles; as 32-bit integers the loop is markedly faster.
  let written = from | 0
  while (read < end) {
    const tag = block[read++]
    const kind = tag & 3
    if (kind === 0) {
      let length = (tag >>> 2) + 1
      if (length > 60) {
        // 61 to 64 mean that the length, less one, stands in the next one to four bytes, little-endian.
        const lengthBytes = length - 60
        if (read + lengthBytes > end) refuseStream('snappy', `a literal is cut off at byte ${read}`)
        length = block.readUIntLE(read, lengthBytes) + 1
        read += lengthBytes
      }
      if (length > end - read || length > to - written) refuseStream('snappy', `a literal of ${length} bytes too long`)
      copyLiteral(block, read, output, written, length)
      read += length
      written += length
    } else {
      const offsetBytes = kind === 3 ? 4 : kind
      if (read + offsetBytes > end) refuseStream('snappy', `a copy is cut off at byte ${read}`)
      let offset = block[read]
      let length = (tag >>> 2) + 1
      if (kind === 1) {
        // This form keeps three more bits of the offset in the tag, and knows lengths of 4 to 11 only.
        offset |= (tag >>> 5) << 8
        length = ((tag >>> 2) & 7) + 4
      } else {
        offset = kind === 2 ? offset | (block[read + 1] << 8) : block.readUInt32LE(read)
      }
      if (offset === 0 || offset > written - from) refuseStream('snappy', `a copy from ${offset} bytes back`)
      if (length > to - written) refuseStream('snappy', `a copy of ${length} bytes too long`)
      repeat(output, written, offset, length)
      written += length
      read += offsetBytes
    }
  }
  if (written !== to) refuseStream('snappy', `a block of ${to - from} bytes unpacks to ${written - from}`)
}

/** Copies from `offset` bytes back. May overlap what it writes: then it repeats, byte by byte. */
function repeat(output: Buffer, written: number, offset: number, length: number): void {
  for (let index = 0; index < length; index++) output[written + index] = output[written - offset + index]
}

/** From here on a native copy is worth its call. */
const nativeCopyBytes = 64

function copyLiteral(block: Buffer, read: number, output: Buffer, written: number, length: number): void {
  if (length >= nativeCopyBytes) block.copy(output, written, read, read + length)
  else for (let index = 0; index < length; index++) output[written + index] = block[read + index]
}
