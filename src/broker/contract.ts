/**
 * What a broker does, free of any wire. The Kafka handlers translate requests into these calls; the library and the
 * command line make them directly, on a broker in this process or, through the wire, on another one. Calls that fail
 * throw a HoldfastError; where one call names many partitions each answers for itself with an `error`.
 */

import type { HoldfastError } from '../core/errors.js'
import type { ConfigAlteration } from '../core/settings-altering.js'
import type { BuiltBatch } from '../records/builder.js'
import type { StoredRecord } from '../records/record.js'
import type { BackupOptions, BackupReport } from '../storage/backup/store-backup.js'
import type { KeyIndexStatus } from '../storage/key-index/key-index.js'
import type { CompactedPartition } from '../storage/log-cleaner.js'
import type { AbortedTransaction, TagFilter } from '../storage/partition-log.js'
import type { AnswerRoom } from './answer-room.js'
import type { GroupService } from './groups/contract.js'
import type { TransactionService } from './transactions/contract.js'

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

export interface ProduceRequest extends TopicPartition {
  /**
   * Exactly one record batch, from outside and unverified. Its bytes belong to the broker until the call resolves, and
   * for good where it rejects: a write whose outcome is unknown may still be under way.
   */
  readonly batch: Buffer
  /** The batch as a builder in this process made it, `batch` being its bytes: it is not verified a second time. */
  readonly built?: BuiltBatch
  /** Whose transaction the batch belongs to, where it says that it belongs to one; a broker across a wire wants to know. */
  readonly transactionalId?: string
  /** Waits for stable storage whatever the flush policy; only where {@link BrokerService.flushesOnDemand}. */
  readonly durable?: boolean
  /** `leader`: it is enough that the leader has it; in-sync replicas get it later. `all` where absent. */
  readonly acks?: 'all' | 'leader'
}

export interface ProduceResult {
  readonly baseOffset: number
  /** The time that was stamped on the batch, in ms; -1 where its records keep their own. */
  readonly logAppendTimeMs: number
  readonly logStartOffset: number
}

export interface FetchPosition extends TopicPartition {
  readonly offset: number
  readonly maxBytes: number
  /** The leader epoch that the reader knows of; -1 where it does not say. */
  readonly currentLeaderEpoch: number
}

/** `committed`: nothing behind the last stable offset, and what was aborted is told beside the records. */
export type Isolation = 'committed' | 'uncommitted'

export interface FetchRequest {
  readonly positions: readonly FetchPosition[]
  /** Bytes of records in the whole answer; the first batch is returned even where it is larger. */
  readonly maxBytes: number
  /** The answer waits until there are so many bytes … */
  readonly minBytes: number
  /** … or so many milliseconds have passed. */
  readonly maxWaitMs: number
  /** `uncommitted` where absent. */
  readonly isolation?: Isolation
  /**
   * Messages of other tags may be left out; the reader looks at each for himself, since most logs, and every broker across
   * a wire, give all.
   */
  readonly tags?: TagFilter
  /** Ends the waiting early; the answer then holds what is there. */
  readonly signal?: AbortSignal
  /** Called when there is too little, each time the fetch begins to wait; a broker across a wire cannot tell. */
  readonly onWait?: () => void
  /**
   * The records may lie in mapped files, uncopied: each partition of the answer that has a `release` waits for it to be
   * called, once, and nobody touches its records afterwards.
   */
  readonly lend?: boolean
  /** Where copies of records have to find room; there is always enough where absent. */
  readonly room?: AnswerRoom
}

export interface FetchedPartition extends TopicPartition {
  readonly error?: HoldfastError
  /** -1 in the offsets where there is an error that leaves them unknown. */
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logStartOffset: number
  /** Whole record batches; the first may begin below the offset that was asked for. */
  readonly records: readonly Buffer[]
  /** Only where the request said `committed`: the transactions with records here that were aborted. */
  readonly aborted?: readonly AbortedTransaction[]
  /** Where a reader goes on, given where messages of other tags were left out: it may lie behind all `records`. */
  readonly nextOffset?: number
  /** Only where the request said `lend`, and not always then. */
  readonly release?: () => void
}

/** A time in ms since 1970, or one of the ends: "earliest", "latest", "maxTimestamp" (the record with the greatest time). */
export type OffsetQuery = number | 'earliest' | 'latest' | 'maxTimestamp'

export interface OffsetLookup extends TopicPartition {
  readonly query: OffsetQuery
  readonly currentLeaderEpoch: number
}

export interface FoundOffset extends TopicPartition {
  readonly error?: HoldfastError
  /** -1 where no record fits the question. */
  readonly offset: number
  /** The record's time; -1 for the ends and where none fits. */
  readonly timestamp: number
  readonly leaderEpoch: number
}

export interface EpochLookup extends TopicPartition {
  readonly epoch: number
  readonly currentLeaderEpoch: number
}

export interface FoundEpoch extends TopicPartition {
  readonly error?: HoldfastError
  /** The greatest epoch that is at most the one asked for, and where it ends; -1 where there is none. */
  readonly epoch: number
  readonly endOffset: number
}

/** A search for a key or for an id. */
export interface FindRequest {
  readonly topic: string
  /** All where absent. */
  readonly partition?: number
  readonly key?: Uint8Array
  readonly id?: Uint8Array
  /** Offsets and times from `min` on and before `end`. */
  readonly minOffset?: number
  readonly endOffset?: number
  readonly minTimestamp?: number
  readonly endTimestamp?: number
  /** Of all partitions together. */
  readonly limit: number
}

export interface FoundMessage extends TopicPartition {
  readonly record: StoredRecord
}

/** Where a message lies, as a receipt or a message says it. */
export interface MessagePlace extends TopicPartition {
  readonly offset: number
}

export interface PartitionDescription {
  readonly partition: number
  readonly leaderEpoch: number
  readonly logStartOffset: number
  readonly highWatermark: number
  readonly sizeInBytes: number
  /** Why it takes no messages, where it does not. */
  readonly failure?: HoldfastError
  /** Where the topic keeps one, and the broker is in this process. */
  readonly keyIndex?: KeyIndexStatus
}

export interface TopicDescription {
  readonly name: string
  /** 16 bytes. */
  readonly id: Buffer
  /** Kept by the broker for itself; clients may read it but not write it. */
  readonly isInternal: boolean
  readonly partitions: readonly PartitionDescription[]
}

export interface TopicToCreate {
  readonly name: string
  /** -1 or absent: the broker's default. */
  readonly partitions?: number
  /** -1, 1 or absent: one node keeps one copy. */
  readonly replicationFactor?: number
  readonly config?: Readonly<Record<string, string | null>>
  /** Check everything, create nothing. */
  readonly validateOnly?: boolean
}

export interface ConfigEntry {
  readonly name: string
  readonly value: string
  /** `altered`: changed while the broker served, and kept. `broker`: a profile, a file, the environment, a flag or code says it, for all topics that do not. */
  readonly origin: 'topic' | 'altered' | 'broker' | 'default'
  /** As the protocol tells it: a word of a list and a path are both texts there. */
  readonly type: 'int' | 'double' | 'boolean' | 'list' | 'string'
  readonly help: string
  /** {@link BrokerService.alterTopic}, or {@link BrokerService.alterBroker}, refuses to change it. */
  readonly isReadOnly: boolean
  /** The setting a topic-level entry falls back to. */
  readonly synonym?: string
}

export interface TopicAlteration {
  readonly alterations: readonly ConfigAlteration[]
  /** What is not named goes back to what holds for all topics. */
  readonly replaceAll?: boolean
  /** Check everything, change nothing. */
  readonly validateOnly?: boolean
}

export interface ProducerIdentity {
  readonly producerId: number
  readonly producerEpoch: number
}

export interface InitProducerRequest {
  readonly transactionalId: string | null
  /** Its transactions are aborted after so many milliseconds, a minute where absent; without a transactional id of no meaning. */
  readonly transactionTimeoutMs?: number
  /** What the producer has already, or -1 and -1. */
  readonly producerId: number
  readonly producerEpoch: number
}

/** Whole batches of another log, in its order. */
export interface CopiedBatches extends TopicPartition {
  /** Its bytes belong to the broker until the call resolves, and for good where it rejects. */
  readonly records: Buffer
}

export interface BrokerService extends GroupService, TransactionService {
  /** The header that holds the id of a message; `message-id` where absent, as across a wire. */
  readonly idHeader?: string
  /** Whether `durable` can be asked for; absent where it cannot, as across a wire. */
  readonly flushesOnDemand?: boolean
  /** Resolves when the batch is acknowledged as the topic's flush policy says. */
  produce(request: ProduceRequest): Promise<ProduceResult>
  fetch(request: FetchRequest): Promise<readonly FetchedPartition[]>
  /**
   * Stores batches of another log as they lie there: offsets, leader epochs, producers and markers are the other's. For a
   * mirror or a replica, the only one who writes into this partition. Absent across a wire, where a broker gives out
   * offsets by itself.
   * @throws COPY_DIVERGED, COPY_IMPOSSIBLE; CORRUPT_MESSAGE, MESSAGE_TOO_LARGE
   */
  appendCopies?(copied: CopiedBatches): Promise<void>
  /** Lets a partition that holds nothing begin at `offset`. Absent as {@link appendCopies} is. @throws COPY_DIVERGED */
  beginAt?(place: TopicPartition, offset: number): Promise<void>
  /** With `committed`, "latest" is the last stable offset, and nothing is found behind it. `uncommitted` where absent. */
  findOffsets(lookups: readonly OffsetLookup[], isolation?: Isolation): Promise<readonly FoundOffset[]>
  findEpochs(lookups: readonly EpochLookup[]): Promise<readonly FoundEpoch[]>

  /**
   * The newest committed messages with a key or an id, as far as they can be read now. Absent across a wire, where nobody
   * could be asked for them.
   * @throws KEY_INDEX_OFF where the topic keeps no key index
   */
  findMessages?(request: FindRequest): Promise<readonly FoundMessage[]>

  /**
   * Where the message lies that RocketMQ's id names, which is 32 or 56 hexadecimal digits; undefined where no topic of the
   * layout `commitlog` holds it. Absent across a wire, as is {@link messageIdOf}.
   */
  placeOfMessage?(id: string): Promise<MessagePlace | undefined>
  /**
   * RocketMQ's id of the message at a place; undefined where there is none, and in topics of the layout `segments`.
   * @throws UNKNOWN_TOPIC_OR_PARTITION
   */
  messageIdOf?(place: MessagePlace): Promise<string | undefined>

  /** The named topics that exist, or all; with `create`, those that are missing are created if the settings allow it. */
  describeTopics(
    names: readonly string[] | null,
    options?: { readonly create?: boolean },
  ): Promise<readonly TopicDescription[]>
  createTopic(topic: TopicToCreate): Promise<TopicDescription>
  deleteTopic(name: string): Promise<void>
  /** Changes what a topic says for itself: durable when this resolves, and in force from then on. */
  alterTopic(name: string, alteration: TopicAlteration): Promise<void>
  /**
   * Changes settings of the broker itself while it serves, those of them that are read anew whenever they are needed:
   * durable when this resolves, and in force from then on.
   * @throws INVALID_SETTING for one that waits for a start
   */
  alterBroker(alteration: TopicAlteration): Promise<void>
  /** Grows a topic to `partitions` partitions. */
  createPartitions(name: string, partitions: number, options?: { readonly validateOnly?: boolean }): Promise<void>
  /**
   * Lets a partition begin at `offset` (-1: behind all that is visible), and gives back the space where whole segments
   * lie before it. Resolves with the offset at which the partition begins now.
   */
  deleteRecords(place: TopicPartition, offset: number): Promise<number>
  /** The configuration of a topic, or of the broker where `topic` is null. */
  describeConfig(topic: string | null): Promise<readonly ConfigEntry[]>

  /**
   * Takes a backup while everything goes on: a generation in `target`, a directory. Absent where the store is another
   * program's.
   */
  backup?(target: string, options?: BackupOptions): Promise<BackupReport>

  /**
   * Compacts a topic now. Absent where the store is another process's: Kafka's protocol has no word for it.
   * @throws UNKNOWN_TOPIC_OR_PARTITION; INVALID_REQUEST where the topic is not compacted, or is just being
   */
  compactTopic?(name: string): Promise<readonly CompactedPartition[]>

  initProducer(request: InitProducerRequest): Promise<ProducerIdentity>
  close(): Promise<void>
}
