/**
 * Kafka's record batch v2 (magic 2) as numbers: where each header field lies and what the attribute bits mean.
 *
 * Source: Kafka's DefaultRecordBatch.java. All integers are big-endian two's complement. The same bytes are the batch
 * in memory, on the disk and on the wire. Only [21 .. end) lies under the CRC, so that a broker can give a batch its
 * offset and leader epoch in place.
 */

/** The whole header: the records, or their compressed form, start here. */
export const batchOverheadBytes = 61

/** Base offset and length, which the length field does not count: total size = batchLength + 12. */
export const logOverheadBytes = 12

/** Where each field of the batch header starts. */
export const at = {
  /** i64, given by the broker; outside the CRC. */
  baseOffset: 0,
  /** i32, the bytes after this field. */
  batchLength: 8,
  /** i32, given by the broker, -1 for none; outside the CRC. */
  partitionLeaderEpoch: 12,
  /** i8, always 2 here; outside the CRC. The older message sets (0 and 1) carry their magic at the same place. */
  magic: 16,
  /** u32, CRC-32C of everything after it. */
  crc: 17,
  /** i16, see the attribute bits below. */
  attributes: 21,
  /** i32, lastOffset = baseOffset + this. Stays when compaction removes the last records. */
  lastOffsetDelta: 23,
  /** i64, ms; the delete horizon where that bit is set. */
  baseTimestamp: 27,
  /** i64, ms. */
  maxTimestamp: 35,
  /** i64, -1 for none. */
  producerId: 43,
  /** i16, -1 for none. */
  producerEpoch: 51,
  /** i32, -1 for none, and in control batches. */
  baseSequence: 53,
  /** i32. */
  recordsCount: 57,
  records: 61,
} as const

export const currentMagic = 2

/** Bits 0-2 of the attributes: an index into {@link codecNames}. */
export const codecMask = 0x07
/** Bit 3: 0 CreateTime, 1 LogAppendTime. */
export const logAppendTimeBit = 0x08
/** Bit 4. */
export const transactionalBit = 0x10
/** Bit 5: a marker of the broker's, never a client's. */
export const controlBit = 0x20
/** Bit 6: baseTimestamp holds the delete horizon; set by compaction only. */
export const deleteHorizonBit = 0x40
/** Bits 7-15, which must be zero. */
export const reservedBits = 0xff80

export type Codec = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

/** The codecs by their number in the attributes. 5 to 7 are not given out. */
export const codecNames: readonly Codec[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

/** What "none" is in the producer fields and the leader epoch. */
export const noProducerId = -1
export const noProducerEpoch = -1
export const noSequence = -1
export const noLeaderEpoch = -1

/** Both i32 fields and sequences end here; a sequence goes on with 0. */
export const maxInt32 = 0x7fffffff

/** The sequence that is so many records behind another one. */
export function sequenceAfter(sequence: number, records: number): number {
  return (sequence + records) % (maxInt32 + 1)
}

/** The record with the shortest body: seven one-byte fields (its length, and six of the body). */
export const minRecordBytes = 7
