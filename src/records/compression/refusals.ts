/** How every codec refuses, and how it gets at its library. */

import { createRequire } from 'node:module'
import { HoldfastError } from '../../core/errors.js'
import type { Codec } from '../format.js'

export function refuseLarge(maxBytes: number): never {
  throw new HoldfastError(
    'RECORD_LIST_TOO_LARGE',
    `The records of the batch unpack to more than the ${maxBytes} bytes that are accepted. Send less in one batch.`,
  )
}

export function refuseStream(codec: Codec | 'zlib', what: string, cause?: unknown): never {
  throw new HoldfastError('INVALID_RECORD', `The records of the batch are not a valid ${codec} stream: ${what}.`, {
    cause,
  })
}

/**
 * Loads a codec's library when it is first used, so that importing Holdfast loads none.
 *
 * @throws UNSUPPORTED_COMPRESSION_TYPE where it cannot be loaded here.
 */
export function loadLibrary<T>(codec: Codec, name: string): T {
  try {
    return createRequire(import.meta.url)(name) as T
  } catch (cause) {
    throw new HoldfastError(
      'UNSUPPORTED_COMPRESSION_TYPE',
      `The codec ${codec} needs the package ${name}, which cannot be loaded on this machine. Use another codec.`,
      { cause },
    )
  }
}
