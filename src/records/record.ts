/** One record, as it goes into a batch and as it comes out. Only the edges of the program deal in these. */

export interface Header {
  /** Never null; may be empty, may occur twice. */
  key: string
  value: Buffer | null
}

export interface RecordInput {
  /** Absent and null are the same: no key. */
  key?: Uint8Array | null
  /** Absent and null are the same: no value, which compaction reads as "delete this key". */
  value?: Uint8Array | null
  headers?: readonly Header[]
  /** Milliseconds since 1970. */
  timestamp: number
}

export interface StoredRecord {
  offset: number
  /** Milliseconds since 1970: the record's own, or the batch's where the log gives the time (LogAppendTime). */
  timestamp: number
  key: Buffer | null
  value: Buffer | null
  headers: Header[]
}
