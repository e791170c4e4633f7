/** What the consume queues and the key index are told of each message of the commit log, in the order of the log. */

/** A message as its queue and the index see it. */
export interface DispatchedMessage {
  readonly topic: string
  readonly queueId: number
  readonly queueOffset: number
  readonly position: number
  readonly sizeInBytes: number
  /** Java's hash of the TAGS; 0 where there are none; of a delayed message the time of its delivery in ms. */
  readonly tagsCode: number
  /** Milliseconds since 1970. */
  readonly storeTimestamp: number
  /** Java's hash of `topic#key` for the unique key and for each of the KEYS, and of `topic#T#tags`, signed, in that order. */
  readonly keyHashes: readonly number[]
}
