/**
 * The records area of a batch, packed and unpacked. Unpacking takes bytes from anywhere: it is bounded before memory is
 * taken, and refuses with a HoldfastError what it cannot read.
 */

import { type Codec, maxInt32 } from '../format.js'
import { compressGzip, decompressGzip } from './gzip.js'
import { compressLz4, decompressLz4 } from './lz4.js'
import { refuseLarge } from './refusals.js'
import { compressSnappy, decompressSnappy } from './snappy.js'
import { compressZstd, decompressZstd, prepareZstd } from './zstd.js'

/** How records are packed. */
export interface Packing {
  readonly codec: Codec
  /** For gzip (-1 to 9) and zstd (-131072 to 22); their own default where absent. The other codecs know no levels. */
  readonly level?: number
  /** What does not become smaller stays as it is. */
  readonly ifSmaller?: boolean
}

/**
 * Packs `bytes` as Kafka's clients do. `none` gives the same bytes, not a copy.
 *
 * @throws UNSUPPORTED_COMPRESSION_TYPE where the codec's library has no build for this machine.
 * @throws InvariantError where the codec is not prepared: see {@link prepareCodec}.
 */
export function compress(codec: Codec, bytes: Uint8Array, level?: number): Buffer {
  switch (codec) {
    case 'none':
      return asBuffer(bytes)
    case 'gzip':
      return compressGzip(bytes, level)
    case 'snappy':
      return compressSnappy(bytes)
    case 'lz4':
      return compressLz4(asBuffer(bytes))
    case 'zstd':
      return compressZstd(bytes, level)
  }
}

/**
 * Unpacks `bytes` to at most `maxBytes`.
 *
 * @throws RECORD_LIST_TOO_LARGE where it would be more, before the memory for it is taken.
 * @throws INVALID_RECORD where the bytes are not a whole stream of that codec.
 * @throws UNSUPPORTED_COMPRESSION_TYPE and InvariantError as {@link compress} does.
 */
export function decompress(codec: Codec, bytes: Uint8Array, maxBytes: number): Buffer {
  // No batch of Kafka's holds more than an i32 counts, and Node's buffers not much more.
  const bound = Math.min(maxBytes, maxInt32)
  switch (codec) {
    case 'none':
      if (bytes.length > bound) refuseLarge(bound)
      return asBuffer(bytes)
    case 'gzip':
      return decompressGzip(bytes, bound)
    case 'snappy':
      return decompressSnappy(asBuffer(bytes), bound)
    case 'lz4':
      return decompressLz4(asBuffer(bytes), bound)
    case 'zstd':
      return decompressZstd(asBuffer(bytes), bound)
  }
}

/**
 * Makes a codec usable. Undefined where it is ready at once; a promise where something must be loaded first (zstd on
 * Node before 22.15, once per process). Await it before the first batch of that codec.
 */
export function prepareCodec(codec: Codec): Promise<void> | undefined {
  return codec === 'zstd' ? prepareZstd() : undefined
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
