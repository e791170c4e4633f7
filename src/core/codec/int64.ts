/** 64-bit signed integers as JavaScript numbers: exact to 2^53, the nearest double beyond, clamped at the ends of the range. */

const twoTo32 = 2 ** 32
const twoTo63 = 2 ** 63

/** The big-endian i64 at `offset`, as the nearest double. The caller has checked that eight bytes are there. */
export function readInt64(buffer: Uint8Array, offset: number): number {
  const high = (buffer[offset] << 24) | (buffer[offset + 1] << 16) | (buffer[offset + 2] << 8) | buffer[offset + 3]
  const low = (buffer[offset + 4] << 24) | (buffer[offset + 5] << 16) | (buffer[offset + 6] << 8) | buffer[offset + 7]
  return high * twoTo32 + (low >>> 0)
}

/** Writes a whole number as a big-endian i64 at `offset`; what lies past an end of the range becomes that end. */
export function writeInt64(buffer: Uint8Array, value: number, offset: number): void {
  let high: number
  let low: number
  if (value >= twoTo63) {
    high = 0x7fffffff
    low = 0xffffffff
  } else if (value < -twoTo63) {
    high = -0x80000000
    low = 0
  } else {
    high = Math.floor(value / twoTo32)
    low = value - high * twoTo32
  }
  buffer[offset] = high >>> 24
  buffer[offset + 1] = high >>> 16
  buffer[offset + 2] = high >>> 8
  buffer[offset + 3] = high
  buffer[offset + 4] = low >>> 24
  buffer[offset + 5] = low >>> 16
  buffer[offset + 6] = low >>> 8
  buffer[offset + 7] = low
}
