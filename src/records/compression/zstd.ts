/**
 * Zstandard, by Node's zlib where it has it (from 22.15 on), else by `@bokuweb/zstd-wasm`, which must be loaded first.
 *
 * Both unpack one frame at a time. The frames are found here, by their block headers, which also bounds what each can
 * unpack to before memory is taken: frames written as a stream (by Java's clients and librdkafka) do not say it.
 */

import * as zlib from 'node:zlib'
import { invariant } from '../../core/invariant.js'
import { loadLibrary, refuseLarge, refuseStream } from './refusals.js'
import { type ZstdFrame, zstdFrames } from './zstd-frames.js'

interface ZlibWithZstd {
  zstdCompressSync?: (bytes: Uint8Array, options: { params: Record<number, number> }) => Buffer
  zstdDecompressSync?: (bytes: Uint8Array, options: { maxOutputLength: number; chunkSize: number }) => Buffer
}

interface ZstdWasm {
  init(): Promise<void>
  compress(bytes: Uint8Array, level: number): Uint8Array
  /** `defaultHeapSize` is the room for a frame that does not say its size. */
  decompress(bytes: Uint8Array, options: { defaultHeapSize: number }): Uint8Array
}

/** Zstandard's own default, and Kafka's. */
const defaultLevel = 3
/** ZSTD_c_compressionLevel, as zlib's parameters are numbered. */
const levelParameter = 100

/** ZSTD_error_dstSize_tooSmall, which the wasm module's errors end with, negative. */
const outputTooSmall = /code -70$/

/** The wasm module's memory ends at 2 GiB, and it does not see when that is used up: input and output must fit. */
const maxWasmBytes = 2 ** 30

const maxChunkBytes = 1 << 20
const minChunkBytes = 1 << 12

// The types of Node 20 do not know what later versions have.
const native = zlib as unknown as ZlibWithZstd
let wasm: ZstdWasm | undefined
let loading: Promise<void> | undefined

/** See `prepareCodec`. After a failure to load, the next call tries again. */
export function prepareZstd(): Promise<void> | undefined {
  if (native.zstdDecompressSync !== undefined || wasm !== undefined) return undefined
  loading ??= loadWasm().finally(() => {
    loading = undefined
  })
  return loading
}

async function loadWasm(): Promise<void> {
  const library = loadLibrary<ZstdWasm>('zstd', '@bokuweb/zstd-wasm')
  await library.init()
  wasm = library
}

function preparedWasm(): ZstdWasm {
  invariant(wasm, 'zstd is prepared (await prepareCodec) before it is used')
  return wasm
}

/** @param level -131072 to 22 */
export function compressZstd(bytes: Uint8Array, level = defaultLevel): Buffer {
  if (native.zstdCompressSync !== undefined) {
    return native.zstdCompressSync(bytes, { params: { [levelParameter]: level } })
  }
  const library = preparedWasm()
  if (bytes.length > maxWasmBytes / 2) refuseLarge(maxWasmBytes / 2)
  return asBuffer(library.compress(bytes, level))
}

export function decompressZstd(bytes: Buffer, maxBytes: number): Buffer {
  const unpack = native.zstdDecompressSync === undefined ? unpackByWasm : unpackByZlib
  const parts: Buffer[] = []
  let totalBytes = 0
  for (const frame of zstdFrames(bytes)) {
    const leftBytes = maxBytes - totalBytes
    if (frame.minBytes > leftBytes) refuseLarge(maxBytes)
    if (frame.maxBytes === 0) continue
    if (leftBytes === 0) refuseLarge(maxBytes)
    const part = unpack(frame, Math.min(frame.maxBytes, leftBytes), maxBytes)
    totalBytes += part.length
    parts.push(part)
  }
  return parts.length === 1 ? parts[0] : Buffer.concat(parts, totalBytes)
}

function unpackByZlib(frame: ZstdFrame, room: number, maxBytes: number): Buffer {
  invariant(native.zstdDecompressSync, 'zlib has zstd where it is used')
  try {
    return native.zstdDecompressSync(frame.bytes, {
      maxOutputLength: room,
      chunkSize: Math.min(maxChunkBytes, Math.max(minChunkBytes, room)),
    })
  } catch (error) {
    const isTooLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
    if (isTooLarge && room < frame.maxBytes) refuseLarge(maxBytes)
    return refuseStream('zstd', (error as Error).message, error)
  }
}

function unpackByWasm(frame: ZstdFrame, room: number, maxBytes: number): Buffer {
  const library = preparedWasm()
  if (frame.bytes.length + room > maxWasmBytes) refuseLarge(maxWasmBytes - frame.bytes.length)
  try {
    return asBuffer(library.decompress(frame.bytes, { defaultHeapSize: room }))
  } catch (error) {
    const { message } = error as Error
    if (room < frame.maxBytes && outputTooSmall.test(message)) refuseLarge(maxBytes)
    return refuseStream('zstd', message, error)
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
