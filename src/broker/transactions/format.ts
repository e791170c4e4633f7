/**
 * The records of `__transaction_state`, byte for byte as Kafka writes them. The key is a 16-bit version and the
 * transactional id; the value a 16-bit version and the state. Written is value 0, which every Kafka reads; read are 0 and
 * 1, which is flexible and has three more fields in its tags. A null value deletes.
 *
 * Source: TransactionLogKey.json and TransactionLogValue.json in Kafka's
 * transaction-coordinator/src/main/resources/common/message.
 */

import {
  array,
  int8,
  int16,
  int32,
  int64,
  type Message,
  message,
  nullable,
  string,
  struct,
  tagged,
  withDefault,
} from '../../core/codec/index.js'
import { HoldfastError } from '../../core/errors.js'
import { type TransactionStatus, transactionStatuses } from './contract.js'
import { type PartitionSet, partitionSetOf } from './partition-set.js'

const keyVersion = 0
const valueVersion = 0
const versionBytes = 2

const keyMessage = message({
  name: 'The key of a record of __transaction_state',
  versions: [0, keyVersion],
  flexibleFrom: Number.POSITIVE_INFINITY,
  schema: struct({ transactionalId: string }),
})

const valueMessage = message({
  name: 'The value of a record of __transaction_state',
  versions: [0, 1],
  flexibleFrom: 1,
  schema: struct({
    producerId: int64,
    previousProducerId: tagged(0, 1, withDefault(-1, int64)),
    nextProducerId: tagged(1, 1, withDefault(-1, int64)),
    producerEpoch: int16,
    timeoutMs: int32,
    status: int8,
    partitions: nullable(array(struct({ topic: string, partitionIds: array(int32) }))),
    updatedMs: int64,
    startMs: int64,
    clientTransactionVersion: tagged(2, 1, withDefault(0, int16)),
  }),
})

/** What is durable of a transactional id. */
export interface StoredTransaction {
  readonly producerId: number
  readonly producerEpoch: number
  /** The id to go on with once the transaction is ended; -1 for the same. Only Kafka's newest clients have it so. */
  readonly nextProducerId: number
  readonly timeoutMs: number
  readonly status: TransactionStatus
  /** Of the transaction that is open or being ended; else empty. */
  readonly partitions: PartitionSet
  /** When the open or last transaction began; -1 where there was none since the producer's start. */
  readonly startMs: number
  readonly updatedMs: number
}

/** @throws INVALID_ARGUMENT where the id is too long to store */
export function encodeKey(transactionalId: string): Buffer {
  return encode(keyMessage, { transactionalId }, keyVersion)
}

/** The transactional id, or undefined for a key that another version wrote. @throws INVALID_RECORD */
export function decodeKey(bytes: Buffer): string | undefined {
  if (versionOf(bytes) !== keyVersion) return undefined
  return understood(() => keyMessage.decode(bytes, keyVersion, { offset: versionBytes }).transactionalId)
}

export function encodeValue(stored: StoredTransaction): Buffer {
  const { status, partitions, ...rest } = stored
  const topics = [...partitions.topics].map(([topic, ids]) => ({ topic, partitionIds: [...ids] }))
  const value = {
    ...rest,
    status: transactionStatuses.indexOf(status),
    // Kafka insists on null where there was no transaction yet.
    partitions: status === 'Empty' ? null : topics,
  }
  return encode(valueMessage, value, valueVersion)
}

/** @throws INVALID_RECORD for an unknown version or status, or bytes that make no sense */
export function decodeValue(bytes: Buffer): StoredTransaction {
  return understood(() => {
    const { status, partitions, ...rest } = valueMessage.decode(bytes, versionOf(bytes), { offset: versionBytes })
    const name = transactionStatuses[status]
    if (name === undefined) throw new HoldfastError('INVALID_RECORD', `There is no status ${status} of a transaction.`)
    const places = (partitions ?? []).flatMap(({ topic, partitionIds }) =>
      partitionIds.map((partition) => ({ topic, partition })),
    )
    const { producerId, producerEpoch, nextProducerId, timeoutMs, startMs, updatedMs } = rest
    const identity = { producerId, producerEpoch, nextProducerId }
    return { ...identity, timeoutMs, status: name, partitions: partitionSetOf(places), startMs, updatedMs }
  })
}

function encode<M extends Message>(of: M, value: Parameters<M['encode']>[0], version: number): Buffer {
  const prefix = Buffer.alloc(versionBytes)
  prefix.writeInt16BE(version)
  return Buffer.concat([prefix, ...of.encode(value, version)])
}

function versionOf(bytes: Buffer): number {
  return bytes.length < versionBytes ? -1 : bytes.readInt16BE(0)
}

function understood<T>(decode: () => T): T {
  try {
    return decode()
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error
    throw new HoldfastError('INVALID_RECORD', error.message, { cause: error })
  }
}
