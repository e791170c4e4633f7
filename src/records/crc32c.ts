/**
 * CRC-32C (Castagnoli): reflected polynomial 0x82F63B78, initial value and final XOR 0xFFFFFFFF,
 * check("123456789") = 0xE3069283. The checksum of every record batch.
 *
 * Long inputs go to `@node-rs/crc32`, which uses the processor's instruction; short ones, and machines the native
 * module has no build for, to slicing-by-8 tables (Kounavis and Berry, "A Systematic Approach to Building High
 * Performance Software-Based CRC Generators", 2005).
 */

import { createRequire } from 'node:module'

type Crc32c = (bytes: Uint8Array, seed: number) => number

/** Below this the call into native code costs more than the tables (measured: 107 ns a call). */
const nativeFromBytes = 192

const reflectedPolynomial = 0x82f63b78

/** Eight tables of 256 in one array: table k gives the effect of a byte that k more bytes follow. */
const tables = buildTables()

function buildTables(): Int32Array {
  const built = new Int32Array(8 * 256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ reflectedPolynomial : crc >>> 1
    built[byte] = crc
  }
  for (let index = 256; index < built.length; index++) {
    const before = built[index - 256]
    built[index] = (before >>> 8) ^ built[before & 0xff]
  }
  return built
}

/** {@link crc32c} without native code. Exported so that the tests can hold the two together. */
export function crc32cPure(bytes: Uint8Array, seed = 0): number {
  let crc = ~seed
  let index = 0
  const length = bytes.length
  for (const last = length - 8; index <= last; index += 8) {
    const low = crc ^ (bytes[index] | (bytes[index + 1] << 8) | (bytes[index + 2] << 16) | (bytes[index + 3] << 24))
    crc =
      tables[1792 + (low & 0xff)] ^
      tables[1536 + ((low >>> 8) & 0xff)] ^
      tables[1280 + ((low >>> 16) & 0xff)] ^
      tables[1024 + (low >>> 24)] ^
      tables[768 + bytes[index + 4]] ^
      tables[512 + bytes[index + 5]] ^
      tables[256 + bytes[index + 6]] ^
      tables[bytes[index + 7]]
  }
  for (; index < length; index++) crc = (crc >>> 8) ^ tables[(crc ^ bytes[index]) & 0xff]
  return ~crc >>> 0
}

let longInputs: Crc32c | undefined

/** Loads at the first long input, so that importing this file loads no native code. */
function loadNative(): Crc32c {
  try {
    const native = createRequire(import.meta.url)('@node-rs/crc32') as { crc32c: Crc32c }
    return native.crc32c
  } catch {
    // No build for this machine: slower, and the same result.
    return crc32cPure
  }
}

/** The CRC-32C of `bytes`, unsigned. `seed` is the CRC of the bytes before them, so that parts can be chained. */
export function crc32c(bytes: Uint8Array, seed = 0): number {
  if (bytes.length < nativeFromBytes) return crc32cPure(bytes, seed)
  longInputs ??= loadNative()
  return longInputs(bytes, seed)
}
