/**
 * The body of a message as its sender wrote it: RocketMQ's clients may compress it, and its store keeps what they send
 * (MessageDecoder.decode, CompressionType).
 */

import { decompressZlib } from '../../records/compression/gzip.js'
import { decompress, prepareCodec } from '../../records/compression/index.js'
import type { Codec } from '../../records/format.js'
import { sysFlag } from './format.js'
import type { MessageView } from './message.js'

/** Undefined where the body is stored as it is. */
function compressionOf(flags: number): Extract<Codec, 'lz4' | 'zstd'> | 'zlib' | undefined {
  if ((flags & sysFlag.compressed) === 0) return undefined
  switch (flags & sysFlag.compressionMask) {
    case sysFlag.compressionLz4:
      return 'lz4'
    case sysFlag.compressionZstd:
      return 'zstd'
    default:
      // 3, and the 0 of clients from before there were others.
      return 'zlib'
  }
}

/** To be awaited before the bodies of these are asked for; undefined where there is nothing to wait for. */
export function prepareBodies(messages: readonly MessageView[]): Promise<void> | undefined {
  return messages.some((message) => compressionOf(message.sysFlag) === 'zstd') ? prepareCodec('zstd') : undefined
}

/**
 * The body, unpacked where it is compressed; else a slice of the message.
 *
 * @throws RECORD_LIST_TOO_LARGE where it would be more than `maxBytes`; INVALID_RECORD where it is not what the message says;
 * UNSUPPORTED_COMPRESSION_TYPE where the codec's library cannot be loaded here
 */
export function bodyOf(view: MessageView, maxBytes: number): Buffer {
  const stored = view.storedBody
  const compression = compressionOf(view.sysFlag)
  if (compression === undefined || stored.length === 0) return stored
  return compression === 'zlib' ? decompressZlib(stored, maxBytes) : decompress(compression, stored, maxBytes)
}
