/**
 * Every error this program can answer with, in one closed table: a stable code, the number the Kafka protocol
 * gives it, whether trying again can help, and whether the log it hit is closed by it.
 *
 * Codes are Kafka's names where Kafka has the thing. `kafka` is the error number on the wire
 * (https://kafka.apache.org/protocol#protocol_error_codes); -1 is UNKNOWN_SERVER_ERROR.
 */

import { errorCures } from './error-cures.js'

interface ErrorRow {
  readonly kafka: number
  /** The same request may succeed later without the caller changing it. */
  readonly retriable: boolean
  /** The log that raised it accepts no more appends until it went through recovery. */
  readonly fatal?: boolean
  readonly text: string
}

export const errorTable = {
  // The data directory and the disk.
  DATA_DIR_LOCKED: { kafka: -1, retriable: true, text: 'The data directory is in use by another process.' },
  DATA_DIR_READ_ONLY: { kafka: -1, retriable: false, text: 'The data directory cannot be written.' },
  DATA_DIR_NEWER: { kafka: -1, retriable: false, text: 'The data directory was written by a newer format version.' },
  DATA_DIR_DAMAGED: { kafka: -1, retriable: false, text: 'A file of the data directory cannot be understood.' },
  BACKUP_DAMAGED: {
    kafka: -1,
    retriable: false,
    text: 'A backup does not hold what it says, or was not written whole.',
  },
  COPY_DIVERGED: {
    kafka: -1,
    retriable: false,
    text: 'The copy holds something else than what it is to be a copy of.',
  },
  COPY_IMPOSSIBLE: {
    kafka: -1,
    retriable: false,
    text: 'What is to be copied cannot have the same offsets in the target.',
  },
  EXPORT_REFUSED: {
    kafka: -1,
    retriable: false,
    text: 'Kafka cannot take these logs over as they, and its own directory, are.',
  },
  LOG_DAMAGED: { kafka: 56, retriable: false, fatal: true, text: 'A log is damaged in its middle.' },
  LOG_FAILED: {
    kafka: 56,
    retriable: true,
    fatal: true,
    text: 'A write or sync of this log failed; it is closed until it has been recovered.',
  },
  DISK_FULL: { kafka: 56, retriable: true, fatal: true, text: 'The disk is full.' },
  DISK_WATERMARK: {
    kafka: 56,
    retriable: true,
    text: 'The disk is fuller than disk.watermark.refuse.ratio allows; no messages are taken.',
  },
  DISK_FAILED: { kafka: 56, retriable: true, fatal: true, text: 'The disk refused an operation.' },
  FLUSH_DISK_TIMEOUT: {
    kafka: 7,
    retriable: true,
    text: 'The flush outlasted flush.commitlog.timeout; whether the message is stored is not known.',
  },
  KEY_INDEX_OFF: { kafka: -1, retriable: false, text: 'The topic keeps no key index to find messages with.' },
  UNSUPPORTED_OVER_WIRE: { kafka: -1, retriable: false, text: 'The Kafka protocol has no request for this.' },
  MMAP_UNAVAILABLE: { kafka: -1, retriable: false, text: 'Files cannot be mapped into memory on this platform.' },
  CLOSED: { kafka: -1, retriable: false, text: 'It was closed before this call finished.' },
  ADDRESS_IN_USE: { kafka: -1, retriable: true, text: 'The address to listen on is taken.' },
  CONNECTION_FAILED: { kafka: 13, retriable: true, text: 'The broker could not be reached, or the connection broke.' },
  DELIVERY_TIMEOUT: {
    kafka: -1,
    retriable: true,
    text: 'The message was not acknowledged in the time that it was given; whether it is stored is not known.',
  },
  REPLICATION_UNAVAILABLE: {
    kafka: -1,
    retriable: true,
    text: 'What decides who leads cannot be reached, or its answer is not known.',
  },
  INVALID_SETTING: { kafka: 40, retriable: false, text: 'A setting is unknown or out of range.' },
  INVALID_ARGUMENT: { kafka: 42, retriable: false, text: 'An argument of this call is not acceptable.' },

  // Kafka's own, by number.
  UNKNOWN_SERVER_ERROR: { kafka: -1, retriable: false, text: 'The request failed for a reason that was not foreseen.' },
  OFFSET_OUT_OF_RANGE: { kafka: 1, retriable: false, text: 'The offset is not in the range this log holds.' },
  CORRUPT_MESSAGE: { kafka: 2, retriable: false, text: 'The record batch fails its CRC or has a wrong length.' },
  UNKNOWN_TOPIC_OR_PARTITION: { kafka: 3, retriable: true, text: 'There is no such topic or partition.' },
  LEADER_NOT_AVAILABLE: { kafka: 5, retriable: true, text: 'The partition has no leader at the moment.' },
  NOT_LEADER_OR_FOLLOWER: { kafka: 6, retriable: true, text: 'That broker does not lead the partition.' },
  MESSAGE_TOO_LARGE: { kafka: 10, retriable: false, text: 'The record batch is larger than max.message.bytes.' },
  OFFSET_METADATA_TOO_LARGE: {
    kafka: 12,
    retriable: false,
    text: 'The metadata beside a committed offset is too long.',
  },
  COORDINATOR_LOAD_IN_PROGRESS: { kafka: 14, retriable: true, text: 'The group coordinator is still loading.' },
  COORDINATOR_NOT_AVAILABLE: { kafka: 15, retriable: true, text: 'The group coordinator is not available.' },
  NOT_COORDINATOR: { kafka: 16, retriable: true, text: 'This broker does not coordinate that group.' },
  INVALID_TOPIC_EXCEPTION: { kafka: 17, retriable: false, text: 'The topic name is not allowed.' },
  RECORD_LIST_TOO_LARGE: {
    kafka: 18,
    retriable: false,
    text: 'The records of the batch are larger than a segment, or unpack to too much.',
  },
  NOT_ENOUGH_REPLICAS: {
    kafka: 19,
    retriable: true,
    text: 'Fewer replicas are in sync than min.insync.replicas asks for; the message is not stored.',
  },
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: {
    kafka: 20,
    retriable: true,
    text: 'The message was stored in fewer replicas than min.insync.replicas asks for.',
  },
  INVALID_REQUIRED_ACKS: { kafka: 21, retriable: false, text: 'acks must be -1, 0 or 1.' },
  ILLEGAL_GENERATION: { kafka: 22, retriable: false, text: 'The generation is not the current one of the group.' },
  INCONSISTENT_GROUP_PROTOCOL: {
    kafka: 23,
    retriable: false,
    text: 'The member supports no assignment protocol that the group uses.',
  },
  INVALID_GROUP_ID: { kafka: 24, retriable: false, text: 'The group id is not allowed.' },
  UNKNOWN_MEMBER_ID: { kafka: 25, retriable: false, text: 'The group has no such member.' },
  INVALID_SESSION_TIMEOUT: {
    kafka: 26,
    retriable: false,
    text: 'The session timeout is outside the range the broker allows.',
  },
  REBALANCE_IN_PROGRESS: { kafka: 27, retriable: false, text: 'The group is rebalancing; join again.' },
  INVALID_COMMIT_OFFSET_SIZE: {
    kafka: 28,
    retriable: false,
    text: 'The committed offset and its metadata are too large to store.',
  },
  TOPIC_AUTHORIZATION_FAILED: { kafka: 29, retriable: false, text: 'This user may not do that with the topic.' },
  GROUP_AUTHORIZATION_FAILED: { kafka: 30, retriable: false, text: 'This user may not do that with the group.' },
  CLUSTER_AUTHORIZATION_FAILED: { kafka: 31, retriable: false, text: 'This user may not do that with the cluster.' },
  INVALID_TIMESTAMP: {
    kafka: 32,
    retriable: false,
    text: 'The timestamp of a record is outside the range that can be stored.',
  },
  UNSUPPORTED_SASL_MECHANISM: { kafka: 33, retriable: false, text: 'The broker does not know that SASL mechanism.' },
  UNSUPPORTED_VERSION: { kafka: 35, retriable: false, text: 'This version of the request is not supported.' },
  TOPIC_ALREADY_EXISTS: { kafka: 36, retriable: false, text: 'There is already a topic of that name.' },
  INVALID_PARTITIONS: { kafka: 37, retriable: false, text: 'The number of partitions is not acceptable.' },
  INVALID_REPLICATION_FACTOR: { kafka: 38, retriable: false, text: 'The replication factor is not acceptable.' },
  INVALID_REPLICA_ASSIGNMENT: { kafka: 39, retriable: false, text: 'The replica assignment is not acceptable.' },
  INVALID_CONFIG: {
    kafka: 40,
    retriable: false,
    text: 'A configuration entry is unknown, or not enforced here, or out of range.',
  },
  NOT_CONTROLLER: { kafka: 41, retriable: true, text: 'That broker is not the controller of the cluster.' },
  INVALID_REQUEST: { kafka: 42, retriable: false, text: 'The request is malformed or contradicts itself.' },
  UNSUPPORTED_FOR_MESSAGE_FORMAT: { kafka: 43, retriable: false, text: 'Only record batches of magic 2 are accepted.' },
  POLICY_VIOLATION: { kafka: 44, retriable: false, text: 'The request is not allowed by a policy of this broker.' },
  OUT_OF_ORDER_SEQUENCE_NUMBER: {
    kafka: 45,
    retriable: false,
    text: "The batch does not continue its producer's sequence.",
  },
  DUPLICATE_SEQUENCE_NUMBER: { kafka: 46, retriable: false, text: 'The batch was already written.' },
  INVALID_PRODUCER_EPOCH: { kafka: 47, retriable: false, text: 'The producer epoch is older than the current one.' },
  INVALID_TXN_STATE: { kafka: 48, retriable: false, text: 'The producer has no transaction open for this.' },
  INVALID_PRODUCER_ID_MAPPING: {
    kafka: 49,
    retriable: false,
    text: 'The transactional id has another producer id, or is not known.',
  },
  INVALID_TRANSACTION_TIMEOUT: {
    kafka: 50,
    retriable: false,
    text: 'The transaction timeout is 0 or less, or beyond transaction.max.timeout.ms.',
  },
  CONCURRENT_TRANSACTIONS: {
    kafka: 51,
    retriable: true,
    text: 'The last transaction of this transactional id is still being ended.',
  },
  TRANSACTION_COORDINATOR_FENCED: {
    kafka: 52,
    retriable: false,
    text: 'The epoch of the transaction coordinator is older than the current one.',
  },
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: {
    kafka: 53,
    retriable: false,
    text: 'This user may not use the transactional id.',
  },
  OPERATION_NOT_ATTEMPTED: {
    kafka: 55,
    retriable: false,
    text: 'Another part of the request was refused, so this one was not tried.',
  },
  KAFKA_STORAGE_ERROR: { kafka: 56, retriable: true, text: 'The disk failed under the log.' },
  SASL_AUTHENTICATION_FAILED: { kafka: 58, retriable: false, text: 'The broker refused the user or the password.' },
  UNKNOWN_PRODUCER_ID: { kafka: 59, retriable: false, text: 'The producer id is not known here.' },
  FETCH_SESSION_ID_NOT_FOUND: { kafka: 70, retriable: true, text: 'The fetch session is not known.' },
  INVALID_FETCH_SESSION_EPOCH: {
    kafka: 71,
    retriable: true,
    text: 'The request is not the next one of its fetch session.',
  },
  NON_EMPTY_GROUP: { kafka: 68, retriable: false, text: 'The group still has members.' },
  GROUP_ID_NOT_FOUND: { kafka: 69, retriable: false, text: 'There is no such group.' },
  GROUP_SUBSCRIBED_TO_TOPIC: { kafka: 86, retriable: false, text: 'Members of the group read the topic.' },
  FENCED_LEADER_EPOCH: {
    kafka: 74,
    retriable: true,
    text: 'The leader epoch in the request is older than the current one.',
  },
  UNKNOWN_LEADER_EPOCH: {
    kafka: 75,
    retriable: true,
    text: 'The leader epoch in the request is newer than the current one.',
  },
  UNSUPPORTED_COMPRESSION_TYPE: { kafka: 76, retriable: false, text: 'The compression codec is not supported.' },
  OFFSET_NOT_AVAILABLE: {
    kafka: 78,
    retriable: true,
    text: 'The leader was elected just now, and does not know yet how far the log is replicated.',
  },
  MEMBER_ID_REQUIRED: { kafka: 79, retriable: true, text: 'Join again with the member id that was given.' },
  GROUP_MAX_SIZE_REACHED: { kafka: 81, retriable: false, text: 'The group has as many members as it may have.' },
  FENCED_INSTANCE_ID: { kafka: 82, retriable: false, text: 'Another member has joined with this group instance id.' },
  UNSTABLE_OFFSET_COMMIT: {
    kafka: 88,
    retriable: true,
    text: 'A transaction that is still open has an offset for this partition.',
  },
  PRODUCER_FENCED: {
    kafka: 90,
    retriable: false,
    text: 'A newer instance with the same transactional id is at work, or the transaction timed out.',
  },
  TRANSACTIONAL_ID_NOT_FOUND: { kafka: 105, retriable: false, text: 'There is no such transactional id.' },
  TRANSACTION_ABORTABLE: {
    kafka: 120,
    retriable: false,
    text: 'The transaction cannot go on like this; abort it and begin another.',
  },
  INVALID_RECORD: { kafka: 87, retriable: false, text: 'A record batch does not hold what its header says.' },
  INCONSISTENT_CLUSTER_ID: {
    kafka: 104,
    retriable: false,
    text: 'The two nodes belong to different clusters.',
  },
  UNKNOWN_TOPIC_ID: { kafka: 100, retriable: true, text: 'There is no topic of that id.' },
  DUPLICATE_RESOURCE: { kafka: 92, retriable: false, text: 'The request names the same thing twice.' },
} as const satisfies Record<string, ErrorRow>

export type ErrorCode = keyof typeof errorTable

/** The one error class of this program. Its `code` is stable, its message is for people. */
export class HoldfastError extends Error {
  override readonly name = 'HoldfastError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message?: string, options: { cause?: unknown } = {}) {
    super(message ?? errorTable[code].text, options)
    this.code = code
  }

  /** Trying the same call again may succeed. */
  get retriable(): boolean {
    return errorTable[this.code].retriable
  }

  /** What usually helps, in a sentence or two, as docs/errors.md says it; the message says what exactly was wrong. */
  get cure(): string {
    return errorCures[this.code].cure
  }

  /** The error number on the Kafka wire. */
  get kafkaCode(): number {
    return errorTable[this.code].kafka
  }
}

/** The Kafka error number of anything thrown: the table's for our own errors, UNKNOWN_SERVER_ERROR for the rest. */
export function kafkaCodeOf(error: unknown): number {
  return error instanceof HoldfastError ? error.kafkaCode : errorTable.UNKNOWN_SERVER_ERROR.kafka
}

/** What was thrown, in words. */
export function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}

/** Anything thrown as one of our errors: itself, or the cause of an UNKNOWN_SERVER_ERROR. */
export function asHoldfastError(thrown: unknown): HoldfastError {
  return thrown instanceof HoldfastError
    ? thrown
    : new HoldfastError('UNKNOWN_SERVER_ERROR', undefined, { cause: thrown })
}

const codeByKafkaNumber = new Map<number, ErrorCode>()
for (const [code, row] of Object.entries(errorTable)) {
  if (row.kafka > 0 && !codeByKafkaNumber.has(row.kafka)) codeByKafkaNumber.set(row.kafka, code as ErrorCode)
}
// Several of our codes share a Kafka number; read from the wire it means Kafka's own name for it.
for (const code of ['INVALID_CONFIG', 'INVALID_REQUEST', 'KAFKA_STORAGE_ERROR'] as const) {
  codeByKafkaNumber.set(errorTable[code].kafka, code)
}

/** The error that a number on the wire stands for, or undefined for 0 (no error). */
export function errorFromKafkaCode(kafka: number, message?: string): HoldfastError | undefined {
  if (kafka === 0) return undefined
  const code = codeByKafkaNumber.get(kafka) ?? 'UNKNOWN_SERVER_ERROR'
  const detail = message ?? (code === 'UNKNOWN_SERVER_ERROR' ? `The broker answered with error ${kafka}.` : undefined)
  return new HoldfastError(code, detail)
}
