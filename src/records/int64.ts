/**
 * 64-bit integers as JavaScript numbers: exact to 2^53, which no offset, timestamp or id of ours passes. No BigInt,
 * since it allocates and these run on every batch.
 */

const twoTo32 = 2 ** 32
const twoTo63 = 2 ** 63

/** The i64 (big-endian) at `offset`: exact within ±2^53, the nearest double beyond. */
export function readInt64(buffer: Buffer, offset: number): number {
  // Both halves and their product are exact, so the one rounding is that of the addition.
  return buffer.readInt32BE(offset) * twoTo32 + buffer.readUInt32BE(offset + 4)
}

/**
 * Writes `value`, a whole number, as i64 (big-endian) at `offset`. Beyond the i64 range it writes the nearest end of
 * it: 2^63 is a double but not an i64, and is what {@link readInt64} gives for 2^63-1, so that reading and writing
 * back changes nothing there.
 */
export function writeInt64(buffer: Buffer, value: number, offset: number): void {
  if (value >= twoTo63) {
    buffer.writeUInt32BE(0x7fffffff, offset)
    buffer.writeUInt32BE(0xffffffff, offset + 4)
    return
  }
  const clamped = Math.max(value, -twoTo63)
  const high = Math.floor(clamped / twoTo32)
  buffer.writeInt32BE(high, offset)
  buffer.writeUInt32BE(clamped - high * twoTo32, offset + 4)
}
