/**
 * The contract of what finds the messages of one partition by key or id, whatever it looks them up in. It lies under the
 * layouts, so that each can have its own way. No code, only promises: what is found was read from the log, is committed,
 * and has that key or id.
 */

import type { StoredRecord } from '../records/record.js'

/** A search for a key, which is that of the record or one of those in its header KEYS, or for an id. */
export interface Search {
  readonly kind: 'key' | 'id'
  /** The key, or the id. */
  readonly bytes: Buffer
  /** Offsets from here … */
  readonly minOffset: number
  /** … and before here. */
  readonly endOffset: number
  /** Times from here … */
  readonly minTimestamp: number
  /** … and before here. */
  readonly endTimestamp: number
  readonly limit: number
}

export interface MessageFinder {
  /**
   * The newest records that fit, the newest first, as far as readers see them now. They are the caller's own.
   * @throws CORRUPT_MESSAGE and what reading the log throws; CLOSED
   */
  find(search: Search): Promise<StoredRecord[]>
}
