/**
 * gzip (RFC 1952), by Node's zlib. Kafka writes one member at the default level; several are read as one stream. And zlib
 * (RFC 1950), which is the same in another envelope and which RocketMQ's clients use.
 */

import { gunzipSync, gzipSync, inflateSync } from 'node:zlib'
import { refuseLarge, refuseStream } from './refusals.js'

/** zlib hands out its output in pieces this large at most: fewer, larger ones are faster. */
const maxChunkBytes = 1 << 20
const minChunkBytes = 1 << 12

/** A guess at how much records shrink; it only sizes the first piece. */
const usualRatio = 4

/** @param level 1 to 9; -1 is zlib's own default, as it is Kafka's */
export function compressGzip(bytes: Uint8Array, level = -1): Buffer {
  return gzipSync(bytes, { level })
}

export function decompressGzip(bytes: Uint8Array, maxBytes: number): Buffer {
  return unpack('gzip', gunzipSync, bytes, maxBytes)
}

export function decompressZlib(bytes: Uint8Array, maxBytes: number): Buffer {
  return unpack('zlib', inflateSync, bytes, maxBytes)
}

function unpack(format: 'gzip' | 'zlib', unpackSync: typeof gunzipSync, bytes: Uint8Array, maxBytes: number): Buffer {
  // zlib wants a bound of at least 1; an empty stream is still an empty stream under a bound of 0.
  const bound = Math.max(1, maxBytes)
  const guess = Math.min(bytes.length * usualRatio, bound, maxChunkBytes)
  let unpacked: Buffer
  try {
    unpacked = unpackSync(bytes, { maxOutputLength: bound, chunkSize: Math.max(minChunkBytes, guess) })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') refuseLarge(maxBytes)
    refuseStream(format, (error as Error).message, error)
  }
  if (unpacked.length > maxBytes) refuseLarge(maxBytes)
  return unpacked
}
