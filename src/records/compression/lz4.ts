/**
 * LZ4 frames as Kafka uses them: version 1, independent blocks, no dictionary.
 *
 * The frame is ours and the blocks are the library's: `lz4-napi` writes frames with blocks of 256 KiB and more, where
 * Kafka writes 64 KiB, and it reads frames without a bound on what they unpack to. Frame fields are little-endian.
 *
 * Sources: https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md, Kafka's Lz4BlockInputStream.java
 */

import { loadLibrary, refuseLarge, refuseStream } from './refusals.js'
import { xxhash32 } from './xxhash32.js'

interface Lz4Library {
  /** A raw block, behind its unpacked size as u32 (little-endian). */
  compressSync(bytes: Buffer): Buffer
  /** Its reverse. The size may be more than the block unpacks to, not less. */
  uncompressSync(bytes: Buffer): Buffer
}

const magic = 0x184d2204
const blockBytes = 64 * 1024
/** Magic; FLG: version 1, independent blocks; BD: 64 KiB; the descriptor's checksum. */
const frameHeader = Buffer.from('04224d18604082', 'hex')
/** A block's size with this bit set is stored as it was. */
const storedBit = 0x80000000

const versionMask = 0xc0
const independentBit = 0x20
const blockChecksumBit = 0x10
const contentSizeBit = 0x08
const contentChecksumBit = 0x04
const reservedFlagBit = 0x02
const dictionaryBit = 0x01

/** No byte of a block can stand for more than this many (a run length goes on in bytes of 255). */
const maxRatio = 255
/** The fixed part of a sequence, which the ratio does not cover. */
const ratioSlackBytes = 64

let library: Lz4Library | undefined

function loadLz4(): Lz4Library {
  library ??= loadLibrary<Lz4Library>('lz4', 'lz4-napi')
  return library
}

export function compressLz4(bytes: Buffer): Buffer {
  const lz4 = loadLz4()
  const blocks = Math.ceil(bytes.length / blockBytes)
  // No block takes more than it holds, since such a one is stored as it was.
  const output = Buffer.allocUnsafe(frameHeader.length + blocks * 4 + bytes.length + 4)
  output.set(frameHeader)
  let position = frameHeader.length
  for (let start = 0; start < bytes.length; start += blockBytes) {
    const raw = bytes.subarray(start, start + blockBytes)
    const packed = lz4.compressSync(raw).subarray(4)
    const stored = packed.length >= raw.length
    const block = stored ? raw : packed
    output.writeUInt32LE(stored ? storedBit + block.length : block.length, position)
    output.set(block, position + 4)
    position += 4 + block.length
  }
  output.writeUInt32LE(0, position)
  return output.subarray(0, position + 4)
}

interface FrameHeader {
  /** Where the first block starts. */
  readonly end: number
  readonly maxBlockBytes: number
  readonly hasBlockChecksums: boolean
  readonly hasContentChecksum: boolean
}

export function decompressLz4(bytes: Buffer, maxBytes: number): Buffer {
  const header = readFrameHeader(bytes)
  const blocks: Buffer[] = []
  let totalBytes = 0
  let position = header.end
  for (;;) {
    const field = readUint32(bytes, position)
    position += 4
    if (field === 0) break
    const length = field % storedBit
    if (length > header.maxBlockBytes) refuseStream('lz4', `a block claims ${length} bytes of ${header.maxBlockBytes}`)
    if (length > bytes.length - position) refuseStream('lz4', `it ends inside the block at byte ${position}`)
    const block = bytes.subarray(position, position + length)
    position += length
    if (header.hasBlockChecksums) {
      checkBlock(bytes, position - length, position)
      position += 4
    }
    const unpacked =
      field >= storedBit ? block : decodeBlock(block, header.maxBlockBytes, maxBytes, maxBytes - totalBytes)
    totalBytes += unpacked.length
    if (totalBytes > maxBytes) refuseLarge(maxBytes)
    blocks.push(unpacked)
  }
  // Kafka reads past the content's checksum without looking at it; the batch has a CRC of its own.
  if (header.hasContentChecksum) position += 4
  if (position !== bytes.length) refuseStream('lz4', `its frame ends at byte ${position} of ${bytes.length}`)
  return blocks.length === 1 ? blocks[0] : Buffer.concat(blocks, totalBytes)
}

function readFrameHeader(bytes: Buffer): FrameHeader {
  if (readUint32(bytes, 0) !== magic) refuseStream('lz4', 'it does not start with the magic of a frame')
  readUint32(bytes, 3)
  const flags = bytes[4]
  const descriptor = bytes[5]
  if ((flags & versionMask) !== 0x40) refuseStream('lz4', `its frame has version ${flags >>> 6}; expected 1`)
  if (flags & dictionaryBit) refuseStream('lz4', 'its frame needs a dictionary, which Kafka does not have')
  if (!(flags & independentBit)) {
    refuseStream('lz4', 'its blocks are linked; Kafka reads independent blocks only (lz4 -BI)')
  }
  // Bits 0-3 and 7 of the descriptor are reserved; 4 to 7 mean 64 KiB, 256 KiB, 1 MiB and 4 MiB.
  const sizeClass = descriptor >>> 4
  if (flags & reservedFlagBit || descriptor & 0x8f) refuseStream('lz4', 'reserved bits of its frame are set')
  if (sizeClass < 4) refuseStream('lz4', `its frame has block size class ${sizeClass}; expected 4 to 7`)
  const checksumAt = flags & contentSizeBit ? 14 : 6
  if (checksumAt >= bytes.length) refuseStream('lz4', 'it ends inside its header')
  if (bytes[checksumAt] !== ((xxhash32(bytes, 4, checksumAt) >>> 8) & 0xff)) {
    refuseStream('lz4', 'the checksum of its header does not match')
  }
  return {
    end: checksumAt + 1,
    maxBlockBytes: 1 << (2 * sizeClass + 8),
    hasBlockChecksums: (flags & blockChecksumBit) !== 0,
    hasContentChecksum: (flags & contentChecksumBit) !== 0,
  }
}

/** The checksum of a block stands behind it and is of its packed bytes. */
function checkBlock(bytes: Buffer, start: number, end: number): void {
  if (readUint32(bytes, end) !== xxhash32(bytes, start, end)) {
    refuseStream('lz4', `the checksum of the block at byte ${start} does not match`)
  }
}

/** Unpacks one block, taking memory for no more than it can hold and than is left of the bound. */
function decodeBlock(block: Buffer, maxBlockBytes: number, maxBytes: number, leftBytes: number): Buffer {
  const most = Math.min(maxBlockBytes, block.length * maxRatio + ratioSlackBytes)
  const prefixed = Buffer.allocUnsafe(4 + block.length)
  prefixed.writeUInt32LE(Math.min(most, leftBytes), 0)
  prefixed.set(block, 4)
  const lz4 = loadLz4()
  try {
    return lz4.uncompressSync(prefixed)
  } catch (error) {
    const message = (error as Error).message
    // Too much for the block, or too much for us: only where our bound was the smaller is it the latter.
    if (leftBytes < most && message.includes('output is too small')) refuseLarge(maxBytes)
    return refuseStream('lz4', message, error)
  }
}

function readUint32(bytes: Buffer, position: number): number {
  if (position + 4 > bytes.length) refuseStream('lz4', `it ends at byte ${bytes.length}, inside its frame`)
  return bytes.readUInt32LE(position)
}
