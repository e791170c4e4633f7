/**
 * What is known of all queues at one position of the commit log: a file of ours, outside of RocketMQ's directory. A start
 * goes on from it instead of reading the whole log; where it is missing or does not fit, it reads the whole log.
 *
 * Bytes: version i16, CRC-32C of everything behind it u32, then the fields below in Kafka's plain encoding.
 *
 * FORMAT MIGRATION GUIDE. A program reads its own version and the one before; a snapshot of any other version is as good as
 * none. To change the fields: raise `version`, and give the new ones `since(version, …)`.
 */

import { array, int16, int32, int64, message, string, struct } from '../../core/codec/index.js'
import { crc32c } from '../../records/crc32c.js'
import type { BatchTrace, ProducerState } from '../producer-states.js'
import type { AbortedEntry } from './aborted-transactions.js'
import type { IndexExtent } from './message-index.js'

const version = 1
const checkedFrom = 6

const snapshotMessage = message({
  name: 'The snapshot of the queues',
  versions: [version, version],
  flexibleFrom: Number.POSITIVE_INFINITY,
  schema: struct({
    position: int64,
    storeTimestamp: int64,
    lastPosition: int64,
    index: struct({ fileNames: array(string), fileEnds: array(int64), endPosition: int64 }),
    queues: array(
      struct({
        topic: string,
        queueId: int32,
        startOffset: int64,
        endOffset: int64,
        sizeInBytes: int64,
        maxTimestamp: int64,
        producers: array(
          struct({
            producerId: int64,
            epoch: int16,
            lastWrittenMs: int64,
            coordinatorEpoch: int32,
            transactionFirstOffset: int64,
            batches: array(
              struct({
                baseSequence: int32,
                lastSequence: int32,
                lastOffset: int64,
                offsetDelta: int32,
                timestamp: int64,
              }),
            ),
          }),
        ),
        aborted: array(struct({ producerId: int64, firstOffset: int64, lastOffset: int64 })),
      }),
    ),
  }),
})

type StoredProducer = Readonly<Omit<ProducerState, 'batches'>> & { readonly batches: readonly BatchTrace[] }

export interface QueueSnapshot {
  readonly topic: string
  readonly queueId: number
  /** Of the first message that readers saw. */
  readonly startOffset: number
  /** Offset that the next message gets. */
  readonly endOffset: number
  /** Of its messages in the commit log that were not deleted. */
  readonly sizeInBytes: number
  /** The greatest timestamp of its records so far, -1 where there is none. */
  readonly maxTimestamp: number
  readonly producers: readonly StoredProducer[]
  readonly aborted: readonly AbortedEntry[]
}

/** What is known of a queue at one position of the commit log. */
export type QueueState = Omit<QueueSnapshot, 'topic' | 'queueId'>

export const emptyQueue: QueueState = {
  startOffset: 0,
  endOffset: 0,
  sizeInBytes: 0,
  maxTimestamp: -1,
  producers: [],
  aborted: [],
}

export interface StoreSnapshot {
  /** Everything below is in the consume queues and in the index, on stable storage. */
  readonly position: number
  /** Of the last message below it, ms. */
  readonly storeTimestamp: number
  /** Where that message begins; -1 where there is none. By it the commit log is known again. */
  readonly lastPosition: number
  readonly index: IndexExtent
  readonly queues: readonly QueueSnapshot[]
}

export function encodeSnapshot(snapshot: StoreSnapshot): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(checkedFrom), ...snapshotMessage.encode(snapshot, version)])
  bytes.writeInt16BE(version, 0)
  bytes.writeUInt32BE(crc32c(bytes.subarray(checkedFrom)), 2)
  return bytes
}

/**
 * For a copy of the commit log without queues and index: an opening makes these anew, and takes from here where queues end
 * of which the log holds no message any more.
 */
export function snapshotForCopy(state: Omit<StoreSnapshot, 'index'>): Buffer {
  return encodeSnapshot({ ...state, index: { fileNames: [], fileEnds: [], endPosition: -1 } })
}

/** Undefined where it is of another version, torn or damaged, or has other fields than its version says. */
export function decodeSnapshot(bytes: Buffer): StoreSnapshot | undefined {
  if (bytes.length < checkedFrom || bytes.readInt16BE(0) !== version) return undefined
  if (bytes.readUInt32BE(2) !== crc32c(bytes.subarray(checkedFrom))) return undefined
  try {
    return snapshotMessage.decode(bytes.subarray(checkedFrom), version)
  } catch {
    return undefined
  }
}
